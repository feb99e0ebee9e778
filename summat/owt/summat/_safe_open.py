"""Opens files in a folder that no path can leave: for paths that a client sends."""

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
# Opening a FIFO would otherwise wait for a writer.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# All reported in the same way, so that clients do not learn which files exist outside.
_NOT_FOUND = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)
# Characters of a client's path that a message shows.
_MAX_SHOWN = 200


def safe_open(root: AnyPath, path: AnyPath) -> BinaryIO:
    """Open the file at `path` in the folder `root`, for reading bytes.

    A leading `/` means `root`, as in a URL. `..` and symbolic links are followed if they lead to
    something in `root`; links that are changed meanwhile are rejected. The file's `name` is `root`
    and `path` joined, so that its extension still gives the media type.

    Errors: 404 by `abort` for what does not exist, is outside, is not a regular file, or is not a
    valid path (NUL); 403 for what may not be read; an `OSError` if `root` is not a folder.
    """
    requested = os.fspath(path)
    with _folder(root) as top:
        try:
            found = _open_real(top, _names(os.path.realpath(root), requested))
        except PermissionError:
            abort(403, f"The file {_shown(requested)} may not be read by this server.")
        except OSError as err:
            if err.errno not in _NOT_FOUND:
                raise
            _not_found(requested)
        except ValueError:
            _not_found(requested)
    return _as_file(found, os.path.join(root, requested.lstrip("/")), requested)


@contextmanager
def _folder(path: AnyPath) -> Iterator[int]:
    descriptor = os.open(path, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(top: str, requested: str) -> list[str]:
    """Return the path from `top` to a file, with all links resolved, as a list of names."""
    real = os.path.realpath(os.path.join(top, requested.lstrip("/")))
    if os.path.commonpath((top, real)) != top or real == top:
        raise ValueError("the path leads outside, or to the folder itself")
    return os.path.relpath(real, top).split(os.sep)


def _open_real(top: int, names: list[str]) -> int:
    """Open a path name by name; a link that was put there meanwhile is an error."""
    *folders, last = names
    here = os.dup(top)
    try:
        for name in folders:
            above, here = here, os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
            os.close(above)
        return os.open(last, _FILE | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _as_file(descriptor: int, name: str, requested: str) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        _not_found(requested)
    return open(name, "rb", opener=lambda _name, _flags: descriptor)


def _not_found(requested: str) -> NoReturn:
    abort(404, f"There is no file {_shown(requested)} here.")


def _shown(requested: str) -> str:
    """Return a client's path for a message: in ASCII, on one line, and shortened."""
    return ascii(requested if len(requested) <= _MAX_SHOWN else requested[:_MAX_SHOWN] + "...")
