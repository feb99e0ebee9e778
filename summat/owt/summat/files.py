"""Files of a folder, served as a web server does: ranges, conditions, media types, index pages.

    def run(request):
        return files.serve(request, "public")

The rules are those of RFC 9110: conditional requests (section 13) and ranges (section 14).
"""

from __future__ import annotations

from owt._file import answer
from owt._response import Abort, Response, abort
from owt.summat._beneath import open_beneath

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from owt._http import Header
    from owt._request import Request

__all__ = ["serve"]

_METHODS = ("GET", "HEAD", "POST")


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
    `If-Modified-Since` say that the client has it; 412 where `If-Match` or `If-Unmodified-Since`
    ask for another one; 308 for a folder without its `/`; by `abort` 404 for what is not there or
    is outside, and 403 for what may not be read; 405 for methods but GET, HEAD and POST, 416 for a
    range beyond the end. A POST is how a call sends its code: it gets the file, but conditions and
    ranges are those of GET and HEAD.
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
    file = open_beneath(root, asked)
    found = answer(request.method, _header_of(request), file, [("Cache-Control", cache_control)])
    return Response(found.body, found.status, dict(found.headers or ()), found.content_type)


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


def _header_of(request: Request) -> Header:
    headers = request.headers
    return lambda name: ", ".join(headers.getlist(name)) if name in headers else None
