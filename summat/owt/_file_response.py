"""A file as a response: its length, its validators, and the range that is requested."""

from __future__ import annotations

import os
from stat import S_ISREG

from owt._response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from owt._http import HeaderGetter
    from owt._reply_head import Pairs

_CHUNK = 64 * 1024


class FilePart:
    """A part of an open file, which is closed after it is sent."""

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


def has_known_length(file: BinaryIO) -> bool:
    """Tell whether the size of a file is known; that of pipes and of files in /proc is not."""
    status = os.fstat(file.fileno())
    return S_ISREG(status.st_mode) and status.st_size > 0


def whole_file(file: BinaryIO) -> FilePart:
    """Return all of an open file."""
    return FilePart(file, 0, os.fstat(file.fileno()).st_size)


def file_response(
    method: str, header: HeaderGetter, file: BinaryIO, given: Pairs, content_type: str | None = None
) -> Response:
    """Return a response with an open file, according to the request's conditions and range.

    Only GET and HEAD have these: a POST is how a call sends its code. `given` are headers of the
    response; an ETag or a Last-Modified in them replaces the file's own.
    """
    from owt._http import precondition_status, requested_range

    etag, modified, headers = _validators(file, given)
    size = os.fstat(file.fileno()).st_size
    failed = precondition_status(header, etag, modified) if method in ("GET", "HEAD") else None
    if failed is not None:
        file.close()
        text = "" if failed == 304 else "The file is another one than the request is about.\n"
        return Response(text, failed, headers)
    span = requested_range(header, etag, modified, size) if method == "GET" else None
    if span is None:
        return Response(FilePart(file, 0, size), 200, headers, content_type)
    start, end = span
    if start < end:
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{size}"))
        return Response(FilePart(file, start, end - start), 206, headers, content_type)
    file.close()
    text = f"The file has {size} bytes, and the range begins behind them.\n"
    return Response(text, 416, [*headers, ("Content-Range", f"bytes */{size}")])


def _validators(file: BinaryIO, given: Pairs) -> tuple[str, int, Pairs]:
    """Return the ETag of a file, the second of its last change, and the response's headers."""
    from owt._http import format_date, parse_date

    status = os.fstat(file.fileno())
    # Nanoseconds and inode: a file that is replaced within a second has another ETag.
    etag = f'"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"'
    headers = [
        ("ETag", etag),
        ("Last-Modified", format_date(status.st_mtime)),
        ("Accept-Ranges", "bytes"),
    ]
    chosen = {name.lower(): value for name, value in given}
    headers = [(name, value) for name, value in headers if name.lower() not in chosen]
    modified = parse_date(chosen.get("last-modified"))
    if modified is None:
        modified = int(status.st_mtime)
    return chosen.get("etag", etag), modified, [*headers, *given]
