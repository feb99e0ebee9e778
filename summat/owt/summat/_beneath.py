"""Opening files beneath a folder, which no path can leave: for names that a client sends."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager

from owt._response import abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, NoReturn

    AnyPath = str | os.PathLike[str]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Opening a FIFO would otherwise wait for somebody to write into it.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# Said alike, so that nobody learns which files there are outside.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)
# Characters of a client's path that a message repeats.
_LONGEST = 200


def open_beneath(root: AnyPath, path: AnyPath) -> BinaryIO:
    """Open the file at `path` beneath the folder `root`, for reading bytes.

    A leading `/` stands for `root`, as in a URL. `..` and symbolic links are followed as long as
    what they lead to lies beneath `root`, whoever changes links meanwhile. The file's `name` is
    that of `root` and `path` together, so that its ending still tells its media type.

    Errors: 404 by `abort` for what is not there, is outside, is not a regular file, or is not a
    possible path (NUL); 403 for what may not be read; an `OSError` if `root` is not a folder.
    """
    asked = os.fspath(path)
    with _folder(root) as top:
        try:
            found = _open_real(top, _names(os.path.realpath(root), asked))
        except PermissionError:
            abort(403, f"The file {_shown(asked)} may not be read by this server.")
        except OSError as err:
            if err.errno not in _NOT_THERE:
                raise
            _refuse(asked)
        except ValueError:
            _refuse(asked)
    return _as_file(found, os.path.join(root, asked.lstrip("/")), asked)


@contextmanager
def _folder(path: AnyPath) -> Iterator[int]:
    descriptor = os.open(path, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(top: str, asked: str) -> list[str]:
    """Return the names that lead from `top` to a path whose links have been resolved."""
    real = os.path.realpath(os.path.join(top, asked.lstrip("/")))
    if os.path.commonpath((top, real)) != top or real == top:
        raise ValueError("the path leads outside, or to the folder itself")
    return os.path.relpath(real, top).split(os.sep)


def _open_real(top: int, names: list[str]) -> int:
    """Open a path name by name, from folder to folder: a link put there meanwhile is refused."""
    *folders, last = names
    here = os.dup(top)
    try:
        for name in folders:
            above, here = here, os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
            os.close(above)
        return os.open(last, _FILE | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _as_file(descriptor: int, name: str, asked: str) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        _refuse(asked)
    return open(name, "rb", opener=lambda _name, _flags: descriptor)


def _refuse(asked: str) -> NoReturn:
    abort(404, f"There is no file {_shown(asked)} here.")


def _shown(asked: str) -> str:
    """Return a client's path for a message: on one line, in ASCII, and not too much of it."""
    return ascii(asked if len(asked) <= _LONGEST else asked[:_LONGEST] + "...")
