"""The module that an adaptor becomes: its name, its loader, and the names it has unasked."""

from __future__ import annotations

import builtins
import linecache
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from owt import _server
from owt._source import Parsed
from owt._source_file import file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PACKAGE = "owt.adaptors"
# Among an adaptor's names, what `owt.summat.once` keeps alive for it.
KEPT = "__once__"
_NAME_DIGITS = 16
_SHORT_NAME = "a_"


class Kept(dict[str, "Any"]):
    """What `owt.summat.once` keeps alive for an adaptor, by name."""


def kept_by(module: ModuleType) -> Kept | None:
    """Return what is kept alive for an adaptor; None if nothing ever was."""
    found = vars(module).get(KEPT)
    return found if isinstance(found, Kept) else None


def hand_over(old: ModuleType, new: ModuleType) -> None:
    """Keep alive for an adaptor that was loaded anew what was kept for it before."""
    kept = kept_by(old)
    if kept:
        ours: Kept = vars(new).setdefault(KEPT, Kept())
        for name, entry in kept.items():
            ours.setdefault(name, entry)


def module_name(digest: str) -> str:
    """Return the full name of an adaptor's module."""
    return f"{PACKAGE}.{_SHORT_NAME}{digest[:_NAME_DIGITS]}"


def digest_start(name: str) -> str | None:
    """Return the first digits of the digest in a module's name; None if it is not an adaptor's."""
    start = name.removeprefix(f"{PACKAGE}.{_SHORT_NAME}")
    return start if start != name and start.isalnum() else None


class SourceLoader:
    """Tells `inspect` and `pkgutil` where a module's source is: in memory."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, _name: str) -> str:
        """Return the source."""
        return self.source

    def is_package(self, _name: str) -> bool:
        """Say that an adaptor holds no modules."""
        return False

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave the making of the module to the import system."""


def new_module(digest: str, source: str, file: str | None = None) -> ModuleType:
    """Return a module for an adaptor, with its prelude, before its code has run."""
    name, file = module_name(digest), file or file_name(digest)
    module = ModuleType(name)
    loader = SourceLoader(source)
    # The protocol of importlib, which is a class only to type checkers.
    spec = ModuleSpec(name, loader, origin=file)  # type: ignore[arg-type]
    vars(module).update(prelude(), __builtins__=vars(builtins))
    vars(module).update(__file__=file, __loader__=loader, __package__=PACKAGE, __spec__=spec)
    show_lines(file, source)
    return module


def prelude() -> dict[str, Any]:
    """Return the names that an adaptor has without importing them."""
    import base64
    import json
    import logging
    import os

    import owt

    return {
        "owt": owt,
        "pipe": owt.pipe,
        "Server": owt.Server,
        "_SERVER": _server.running(),
        "args": _server.copy_of_args(),
        "main": owt.main,
        "Response": owt.Response,
        "abort": owt.abort,
        "os": os,
        "sys": sys,
        "json": json,
        "base64": base64,
        "logging": logging,
    }


def run(module: ModuleType, parsed: Parsed) -> object:
    """Run the code in its module, and return its value if it is an expression."""
    return eval(parsed.code, vars(module))


def show_lines(file: str, source: str) -> None:
    """Let tracebacks and `inspect.getsource` show the lines of a file that is nowhere."""
    # No time of change: `linecache.checkcache` then leaves the entry alone.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)


def hide_lines(file: str) -> None:
    """Undo `show_lines`."""
    linecache.cache.pop(file, None)
