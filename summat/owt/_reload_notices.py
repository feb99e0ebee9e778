"""Tells all workers of a server which helper modules a `reload` concerns."""

from __future__ import annotations

import os
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDER = "helpers"
_VERSION_FILE = ".version"
_VERSION_SIZE = 8
_OPEN_SHARED = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class ReloadNotices:
    """A version that changes with each `reload`, and one file for each module to be reloaded.

    Calls read the version often, so it is in memory that the workers share. Without a folder, it is
    this worker's alone.
    """

    def __init__(self, directory: str | None) -> None:
        self._folder = os.path.join(directory, _FOLDER) if directory else None
        self._version = memoryview(bytearray(_VERSION_SIZE)).cast("Q")
        self._times: dict[str, int] = {}

    def share(self) -> None:
        """Share the version with the other workers, if that is possible."""
        if self._folder is None:
            return
        with suppress(OSError, ValueError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            descriptor = os.open(self._path(_VERSION_FILE), _OPEN_SHARED, 0o600)
            try:
                os.ftruncate(descriptor, _VERSION_SIZE)
                self._version = _mapped(descriptor)
            finally:
                os.close(descriptor)

    def version(self) -> int:
        """Return the version."""
        return self._version[0]

    def publish(self, modules: Iterable[str]) -> None:
        """Have all workers reload modules although their files have not changed."""
        now = time.time_ns()
        for name in modules:
            self._times[name] = now
            if self._folder is not None:
                with suppress(OSError):
                    os.close(os.open(self._path(name), os.O_WRONLY | os.O_CREAT, 0o600))
                    os.utime(self._path(name), ns=(now, now))
        self._version[0] = now

    def published_at(self, module: str) -> int:
        """Return when a reload of a module was last published; 0: never."""
        if self._folder is not None:
            with suppress(OSError):
                return os.stat(self._path(module)).st_mtime_ns
        return self._times.get(module, 0)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder or "", name)


def _mapped(descriptor: int) -> memoryview:
    import mmap

    return memoryview(mmap.mmap(descriptor, _VERSION_SIZE)).cast("Q")
