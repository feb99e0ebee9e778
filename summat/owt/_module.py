"""The module of an adaptor: its name, its loader, and the names that it has from the start."""

from __future__ import annotations

import builtins
import linecache
import sys
from functools import cache
from importlib.machinery import ModuleSpec
from types import ModuleType

from owt import _server
from owt._filename import adaptor_filename
from owt._source import Parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PACKAGE = "owt.adaptors"
# The name in an adaptor's module for what `owt.summat.once` made for it.
ONCE_VALUES = "__once__"
_DIGEST_LENGTH = 16
_PREFIX = "a_"


class OnceValues(dict[str, "Any"]):
    """What `owt.summat.once` made for an adaptor, by name; this keeps it alive."""


def once_values(module: ModuleType) -> OnceValues | None:
    """Return what `once` made for an adaptor; None if nothing."""
    found = vars(module).get(ONCE_VALUES)
    return found if isinstance(found, OnceValues) else None


def move_once_values(old: ModuleType, new: ModuleType) -> None:
    """Keep alive what `once` made for an adaptor that was reloaded."""
    values = once_values(old)
    if values:
        target: OnceValues = vars(new).setdefault(ONCE_VALUES, OnceValues())
        for name, entry in values.items():
            target.setdefault(name, entry)


def module_name(digest: str) -> str:
    """Return the full name of an adaptor's module."""
    return f"{PACKAGE}.{_PREFIX}{digest[:_DIGEST_LENGTH]}"


def digest_prefix(name: str) -> str | None:
    """Return the part of the digest in a module's name; None if it is not an adaptor's."""
    prefix = name.removeprefix(f"{PACKAGE}.{_PREFIX}")
    return prefix if prefix != name and prefix.isalnum() else None


class SourceLoader:
    """Gives `inspect` and `pkgutil` the source of a module, which is in memory."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, _name: str) -> str:
        """Return the source."""
        return self.source

    def is_package(self, _name: str) -> bool:
        """Return False: adaptors contain no modules."""
        return False

    def create_module(self, _spec: ModuleSpec) -> None:
        """Return None: the import system creates the module."""


def new_module(digest: str, source: str, filename: str | None = None) -> ModuleType:
    """Return a module for an adaptor, with its prelude; its code has not run yet."""
    name, filename = module_name(digest), filename or adaptor_filename(digest)
    module = ModuleType(name)
    loader = SourceLoader(source)
    vars(module).update(
        prelude(),
        __builtins__=vars(builtins),
        __file__=filename,
        __loader__=loader,
        __package__=PACKAGE,
        # A loader by its methods; type checkers want a subclass.
        __spec__=ModuleSpec(name, loader, origin=filename),  # type: ignore[arg-type]
    )
    add_source_lines(filename, source)
    return module


def prelude() -> dict[str, Any]:
    """Return the names that adaptors have without importing them."""
    return {
        **_constant_prelude(),
        "_SERVER": _server.running(),
        "args": _server.copy_of_args(),
    }


@cache
def _constant_prelude() -> dict[str, Any]:
    import base64
    import json
    import logging
    import os

    import owt

    return {
        "owt": owt,
        "pipe": owt.pipe,
        "Server": owt.Server,
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
    """Run code in its module, and return its value if it is an expression."""
    return eval(parsed.code, vars(module))


def add_source_lines(filename: str, source: str) -> None:
    """Let tracebacks and `inspect.getsource` find the lines of a file that does not exist."""
    # Without a modification time, `linecache.checkcache` keeps the entry.
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)


def remove_source_lines(filename: str) -> None:
    """Undo `add_source_lines`."""
    linecache.cache.pop(filename, None)
