"""The file name of an adaptor's code: as Python knows it, and as people see it."""

from __future__ import annotations

_PREFIX = "<adaptor "
_DIGEST_LENGTH = 12


def adaptor_filename(digest: str, name: str | None = None) -> str:
    """Return the name that Python has for an adaptor's code; its digest makes it unique."""
    named = f" {name}" if name else ""
    return f"{_PREFIX}{digest[:_DIGEST_LENGTH]}{named}>"


def is_adaptor(filename: str) -> bool:
    """Tell whether a file name is an adaptor's."""
    return filename.startswith(_PREFIX)


def display_name(filename: str) -> str:
    """Return what a traceback shows of a file name: an adaptor's own name, if it has one."""
    if not is_adaptor(filename):
        return filename
    return filename[len(_PREFIX) : -1].partition(" ")[2] or filename
