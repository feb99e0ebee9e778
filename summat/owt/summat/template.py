"""Renders templates with Jinja2, which has to be installed.

    PAGE = "<h1>{{ title }}</h1><ul>{% for word in words %}<li>{{ word }}</li>{% endfor %}</ul>"

    def run(request, title):
        return template.render(PAGE, title=title, words=title.split())

Values are escaped, and undefined ones are errors.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from owt.summat._errors import need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["render"]

# Templates whose compiled form is cached.
_CACHE_SIZE = 128


def render(source: str | os.PathLike[str], /, **values: object) -> str:
    """Return a template filled with `values`, each escaped for HTML unless marked `|safe`.

    `source` is the template itself, or the path of its file (a `pathlib.Path`), which may extend
    and include others from its folder, and is read again when it changes.

    >>> render("<p>{{ text }}</p>", text="1 < 2")
    '<p>1 &lt; 2</p>'

    Errors: those of Jinja2, such as `TemplateSyntaxError` with its line, and `UndefinedError` for
    a value that is not given; `Missing` without Jinja2.
    """
    if isinstance(source, str):
        template = _compiled(source)
    else:
        path = Path(source)
        template = _environment(str(path.parent)).get_template(path.name)
    text: str = template.render(values)
    return text


@functools.lru_cache(_CACHE_SIZE)
def _compiled(source: str) -> Any:
    return _environment(None).from_string(source)


@functools.lru_cache(_CACHE_SIZE)
def _environment(folder: str | None) -> Any:
    jinja2 = need("jinja2", "jinja2", __name__)
    loader = None if folder is None else jinja2.FileSystemLoader(folder)
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
