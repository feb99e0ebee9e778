"""A private copy of the builtins for owt's own modules, which no adaptor can damage.

A function looks up builtins in the `__builtins__` of its module. The modules of owt get a copy
(`_importer.py`): `builtins.isinstance = None` in an adaptor breaks the adaptors of its process, but
not the code of owt that reports their errors.
"""

from __future__ import annotations

import builtins

COPY = dict(vars(builtins))


def damaged() -> str | None:
    """Return the name of a builtin of the process that is no longer callable, if any."""
    now = vars(builtins)
    for name, original in COPY.items():
        if callable(original) and not callable(now.get(name)):
            return name
    return None
