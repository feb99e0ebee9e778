"""The sources of loaded adaptors as files, for child processes that unpickle their functions.

To write a file takes longer than to load a small adaptor. So nothing is written before somebody
imports `pickle`: without it, nothing gets to a child process that would look for a file.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from os import O_CREAT, O_EXCL, O_WRONLY, close, unlink, write
from os import open as open_descriptor

from owt import adaptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Shelf:
    """The folder in which child processes look; with no folder, there is nothing to do."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._putting = threading.Lock()
        # Sources by their modules' names, as long as nobody needs the files; None once they do.
        self._held: dict[str, str] | None = None
        if directory is not None and "pickle" not in sys.modules:
            self._held = {}
            sys.meta_path.insert(0, _Watch(self))

    def put(self, name: str, source: str) -> None:
        """Put the source of a module there."""
        with self._putting:
            if self._held is None:
                self._write(name, source)
            else:
                self._held[name] = source

    def remove(self, name: str) -> None:
        """Remove it again."""
        with self._putting:
            if self._held is None:
                self._unlink(name)
            else:
                self._held.pop(name, None)

    def write_all(self) -> None:
        """Write what is held, and from now on everything."""
        with self._putting:
            held, self._held = self._held or {}, None
            for name, source in held.items():
                self._write(name, source)

    def after_fork(self) -> None:
        """Free the lock that another thread held when this process was forked off."""
        self._putting = threading.Lock()

    def _write(self, name: str, source: str) -> None:
        if self._directory is None:
            return
        try:
            _write_new(adaptors.source_path(self._directory, name), source.encode())
        except FileExistsError:
            # A name stands for a digest: what is there already is the same text.
            pass
        except OSError:
            # Only spawned children need the file: they say what is missing, and calls go on.
            self._unlink(name)

    def _unlink(self, name: str) -> None:
        if self._directory is None:
            return
        with suppress(OSError):
            unlink(adaptors.source_path(self._directory, name))


class _Watch:
    """A finder of modules that finds none, but sees the first import of `pickle`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        if name == "pickle":
            with suppress(ValueError):
                sys.meta_path.remove(self)
            self._shelf.write_all()


def _write_new(path: str, data: bytes) -> None:
    """Write a private file, with a third of the calls that `open` would make."""
    descriptor = open_descriptor(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try:
        if write(descriptor, data) != len(data):
            raise OSError("the disk is full")
    finally:
        close(descriptor)
