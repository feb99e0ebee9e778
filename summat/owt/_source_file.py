"""The file that an adaptor's code is in: as Python knows it, and as people see it."""

from __future__ import annotations

_PREFIX = "<adaptor "
_SHOWN_DIGITS = 12


def file_name(digest: str, name: str | None = None) -> str:
    """Return what is an adaptor's file to Python: no other adaptor's, whatever that is called."""
    named = f" {name}" if name else ""
    return f"{_PREFIX}{digest[:_SHOWN_DIGITS]}{named}>"


def is_adaptor(file: str) -> bool:
    """Tell whether a file is an adaptor's."""
    return file.startswith(_PREFIX)


def shown_file(file: str) -> str:
    """Return what people see of a file in a traceback: an adaptor's own name, if it has one."""
    if not is_adaptor(file):
        return file
    return file[len(_PREFIX) : -1].partition(" ")[2] or file
