# Run: ./examples/open.sh speech
"""Serves the page of an example as one document, read anew from disk at each reload."""

import re
from pathlib import Path

INCLUDE = re.compile(r'\{% include "(.+?)" %\}')


def run(request, page):
    return assemble(Path(page))


def assemble(page):
    """Return a page with the files in it that it names, such as its style and its adaptor."""
    return INCLUDE.sub(lambda found: (page.parent / found[1]).read_text(), page.read_text())
