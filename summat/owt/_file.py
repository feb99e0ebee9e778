"""A file as an answer: its length, what tells its version, and the part of it that is asked for."""

from __future__ import annotations

import os
from stat import S_ISREG

from owt._response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from owt._head import Pairs
    from owt._http import Header

_CHUNK = 64 * 1024


class FilePart:
    """What is to be sent of an open file, which is closed after that."""

    __slots__ = ("_file", "_start", "length")

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self.length = length

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self._file.name)

    def __iter__(self) -> Iterator[bytes]:
        with self._file as file:
            file.seek(self._start)
            rest = self.length
            while rest:
                chunk = file.read(min(rest, _CHUNK))
                if not chunk:
                    raise EOFError(f"the file became {rest} bytes shorter while it was sent")
                rest -= len(chunk)
                yield chunk

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def has_length(file: BinaryIO) -> bool:
    """Tell whether it is known how much there is: of pipes it is not, nor of those in /proc."""
    status = os.fstat(file.fileno())
    return S_ISREG(status.st_mode) and status.st_size > 0


def whole(file: BinaryIO) -> FilePart:
    """Return all of an open file."""
    return FilePart(file, 0, os.fstat(file.fileno()).st_size)


def answer(
    method: str, header: Header, file: BinaryIO, given: Pairs, content_type: str | None = None
) -> Response:
    """Answer with an open file as the request's conditions and its range have it.

    They are those of GET and HEAD: a POST is how a call sends its code. `given` are headers of the
    answer; a tag or a date in them is the file's.
    """
    from owt._http import range_of, refusal

    tag, modified, headers = _version(file, given)
    size = os.fstat(file.fileno()).st_size
    refused = refusal(header, tag, modified) if method in ("GET", "HEAD") else None
    if refused is not None:
        file.close()
        text = "" if refused == 304 else "The file is another one than the request is about.\n"
        return Response(text, refused, headers)
    span = range_of(header, tag, modified, size) if method == "GET" else None
    if span is None:
        return Response(FilePart(file, 0, size), 200, headers, content_type)
    start, end = span
    if start < end:
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{size}"))
        return Response(FilePart(file, start, end - start), 206, headers, content_type)
    file.close()
    text = f"The file has {size} bytes, and the range begins behind them.\n"
    return Response(text, 416, [*headers, ("Content-Range", f"bytes */{size}")])


def _version(file: BinaryIO, given: Pairs) -> tuple[str, int, Pairs]:
    """Return the tag of a file, the second of its last change, and the answer's headers."""
    from email.utils import formatdate

    from owt._http import seconds_of

    status = os.fstat(file.fileno())
    # Nanoseconds and inode: a file that is replaced within a second has another tag.
    tag = f'"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"'
    headers = [
        ("ETag", tag),
        ("Last-Modified", formatdate(int(status.st_mtime), usegmt=True)),
        ("Accept-Ranges", "bytes"),
    ]
    chosen = {name.lower(): value for name, value in given}
    headers = [(name, value) for name, value in headers if name.lower() not in chosen]
    modified = seconds_of(chosen.get("last-modified"))
    if modified is None:
        modified = int(status.st_mtime)
    return chosen.get("etag", tag), modified, [*headers, *given]
