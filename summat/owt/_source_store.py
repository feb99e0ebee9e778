"""The sources of loaded adaptors as files, for child processes that unpickle their functions.

Writing a file takes longer than loading a small adaptor. So nothing is written before somebody
imports `pickle`: without it, no child process can need a file.
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


class SourceStore:
    """The folder where child processes look for sources; without a folder, this does nothing."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        # Sources by module name, as long as nobody needs the files; then None.
        self._unwritten: dict[str, str] | None = None
        if directory is not None and "pickle" not in sys.modules:
            self._unwritten = {}
            sys.meta_path.insert(0, _PickleWatcher(self))

    def put(self, name: str, source: str) -> None:
        """Add the source of a module."""
        with self._lock:
            if self._unwritten is None:
                self._write(name, source)
            else:
                self._unwritten[name] = source

    def remove(self, name: str) -> None:
        """Remove the source of a module."""
        with self._lock:
            if self._unwritten is None:
                self._unlink(name)
            else:
                self._unwritten.pop(name, None)

    def write_all(self) -> None:
        """Write all sources, and from now on each at once."""
        with self._lock:
            unwritten, self._unwritten = self._unwritten or {}, None
            for name, source in unwritten.items():
                self._write(name, source)

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held when this process was forked."""
        self._lock = threading.Lock()

    def _write(self, name: str, source: str) -> None:
        if self._directory is None:
            return
        try:
            _write_new(adaptors.source_path(self._directory, name), source.encode())
        except FileExistsError:
            # Names are made of digests: the existing file has the same source.
            pass
        except OSError:
            # Only child processes need the file, and they report that it is missing.
            self._unlink(name)

    def _unlink(self, name: str) -> None:
        if self._directory is None:
            return
        with suppress(OSError):
            unlink(adaptors.source_path(self._directory, name))


class _PickleWatcher:
    """A module finder that finds nothing, but notices the first import of `pickle`."""

    def __init__(self, store: SourceStore) -> None:
        self._store = store

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        if name == "pickle":
            with suppress(ValueError):
                sys.meta_path.remove(self)
            self._store.write_all()


def _write_new(path: str, data: bytes) -> None:
    """Write a new private file, with a third of the system calls of the builtin `open`."""
    descriptor = open_descriptor(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try:
        if write(descriptor, data) != len(data):
            raise OSError("the disk is full")
    finally:
        close(descriptor)
