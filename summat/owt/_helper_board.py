"""What was to be loaded anew by `reload`: what the workers of a server tell each other of it."""

from __future__ import annotations

import os
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDER = "helpers"
_NUMBER = ".number"
_SIZE = 8
_SHARED = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class Board:
    """A number that changes with each `reload`, and a file for each module that it concerned.

    The number is in memory that the workers share, because calls look at it often. Without a
    folder, a worker talks to itself.
    """

    def __init__(self, directory: str | None) -> None:
        self._folder = os.path.join(directory, _FOLDER) if directory else None
        self._number = memoryview(bytearray(_SIZE)).cast("Q")
        self._renewed: dict[str, int] = {}

    def open(self) -> None:
        """Share the number with the other workers, if that is possible."""
        if self._folder is None:
            return
        with suppress(OSError, ValueError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            descriptor = os.open(self._path(_NUMBER), _SHARED, 0o600)
            try:
                os.ftruncate(descriptor, _SIZE)
                self._number = _mapped(descriptor)
            finally:
                os.close(descriptor)

    def read(self) -> int:
        """Return the number."""
        return self._number[0]

    def renew(self, modules: Iterable[str]) -> None:
        """Have modules loaded anew in all workers, although they have not changed."""
        now = time.time_ns()
        for name in modules:
            self._renewed[name] = now
            if self._folder is not None:
                with suppress(OSError):
                    os.close(os.open(self._path(name), os.O_WRONLY | os.O_CREAT, 0o600))
                    os.utime(self._path(name), ns=(now, now))
        self._number[0] = now

    def renewed(self, module: str) -> int:
        """Return when a module was last to be loaded anew; 0: never."""
        if self._folder is not None:
            with suppress(OSError):
                return os.stat(self._path(module)).st_mtime_ns
        return self._renewed.get(module, 0)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder or "", name)


def _mapped(descriptor: int) -> memoryview:
    import mmap

    return memoryview(mmap.mmap(descriptor, _SIZE)).cast("Q")
