"""Files of a folder, served as a web server does: ranges, conditions, media types, index pages.

    def run(request):
        return files.serve(request, "public")

The rules are those of RFC 9110: conditional requests (section 13) and ranges (section 14).
"""

from __future__ import annotations

import os
import re
from email.utils import formatdate, parsedate_to_datetime

from owt._body import media_type
from owt._response import Abort, Response, abort
from owt.summat._beneath import open_beneath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from owt._request import Request

__all__ = ["serve"]

_METHODS = ("GET", "HEAD", "POST")
_CHUNK = 64 * 1024
# Up to which size a file is read at once; the answer then has a Content-Length.
_SMALL = 1 << 20
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")


def serve(
    request: Request,
    root: str | os.PathLike[str],
    path: str | None = None,
    *,
    index: str | None = "index.html",
    cache_control: str = "no-cache",
) -> Response:
    """Return the file at `path` in the folder `root` as an answer.

    `path` is the request's own path if not given; it cannot leave the folder, by `..` or by links.
    For a folder, the file `index` in it is served (None: never); folders are not listed.
    `cache_control` is what browsers may do: by default they keep the file and ask each time.

    Answers: 200; 206 for one range (of several, the whole file); 304 where `If-None-Match` or
    `If-Modified-Since` say that the client has it; 308 for a folder without its `/`; by `abort` 404
    for what is not there or is outside, and 403 for what may not be read; 405 for methods but GET,
    HEAD and POST, 416 for a range beyond the end. A POST is how a call sends its code: it gets the
    file, but conditions and ranges are those of GET and HEAD.
    """
    if request.method not in _METHODS:
        return Response("Files are only read here.\n", 405, {"Allow": ", ".join(_METHODS)})
    asked = request.path if path is None else path
    if path is None and index and _is_unslashed(root, asked, index):
        return Response(b"", 308, {"Location": _with_slash(request)})
    if asked.endswith("/") or not asked:
        if index is None:
            abort(404, "There is no list of files here.")
        asked += index
    return _answer(request, open_beneath(root, asked), cache_control)


def _is_unslashed(root: str | os.PathLike[str], asked: str, index: str) -> bool:
    """Tell whether a folder is asked for by its name: links in its page would lead elsewhere."""
    if asked.endswith("/"):
        return False
    try:
        open_beneath(root, f"{asked}/{index}").close()
    except Abort:
        return False
    return True


def _with_slash(request: Request) -> str:
    """Return where a folder really is: only its last name, so that it stays on this server."""
    last = request.base_url.rpartition("/")[2]
    query = request.query_string.decode("latin-1")
    return f"./{last}/?{query}" if query else f"./{last}/"


def _answer(request: Request, file: BinaryIO, cache_control: str) -> Response:
    status = os.fstat(file.fileno())
    size = status.st_size
    # Nanoseconds and inode: a file that is replaced within a second has another tag.
    tag = f'"{status.st_mtime_ns:x}-{status.st_ino:x}-{size:x}"'
    modified = int(status.st_mtime)
    headers = {
        "ETag": tag,
        "Last-Modified": formatdate(modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": cache_control,
    }
    if _is_known(request, tag, modified):
        file.close()
        return Response(b"", 304, headers)
    start, end = 0, size
    span = _range(request, size) if _is_range_valid(request, tag, headers) else None
    if span == ():
        file.close()
        text = f"The file has {size} bytes, and the range begins behind them.\n"
        return Response(text, 416, {**headers, "Content-Range": f"bytes */{size}"})
    if span:
        start, end = span
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    kind = media_type(str(file.name))
    return Response(_part(file, start, end - start), 206 if span else 200, headers, kind)


def _is_known(request: Request, tag: str, modified: int) -> bool:
    """Tell whether the client has the file as it is (RFC 9110, section 13.2.2)."""
    if request.method == "POST":
        return False
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        return tags.strip() == "*" or tag in re.findall(r'"[^"]*"', tags)
    since = _seconds(request.headers.get("If-Modified-Since"))
    return since is not None and modified <= since


def _is_range_valid(request: Request, tag: str, headers: dict[str, str]) -> bool:
    """Tell whether the file is still what `If-Range` asks for the rest of."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip() in (tag, headers["Last-Modified"])


def _range(request: Request, size: int) -> tuple[int, int] | tuple[()] | None:
    """Return the range that is asked for; () if there is nothing in it, None for the whole file.

    A range that is malformed is ignored, and so are several at once: both as section 14.2 allows.
    """
    if request.method != "GET":
        return None
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    first, last = match.groups() if match else ("", "")
    if not (first or last):
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return None
    return (start, end) if start < end else ()


def _seconds(date: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(date or "").timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


def _part(file: BinaryIO, start: int, length: int) -> bytes | Iterator[bytes]:
    file.seek(start)
    if length <= _SMALL:
        with file:
            return file.read(length)
    return _chunks(file, length)


def _chunks(file: BinaryIO, rest: int) -> Iterator[bytes]:
    with file:
        while rest and (chunk := file.read(min(rest, _CHUNK))):
            rest -= len(chunk)
            yield chunk
