"""Serves files of a folder as a web server does: ranges, conditions, media types, index pages.

    def run(request):
        return files.serve(request, "public")

The rules are those of RFC 9110: conditional requests (section 13) and ranges (section 14).
"""

from __future__ import annotations

from owt._file_response import file_response
from owt._response import Abort, Response, abort
from owt.summat._safe_open import safe_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

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
    """Return a response with the file at `path` in the folder `root`.

    `path` defaults to the request's path; it cannot leave the folder through `..` or links. For a
    folder, its file `index` is served (None: never); folders are not listed. With the default
    `cache_control`, browsers keep the file and revalidate it each time.

    Status: 200; 206 for a single range (for several, the whole file); 304 if `If-None-Match` or
    `If-Modified-Since` show that the client has it; 412 if `If-Match` or `If-Unmodified-Since` ask
    for another version; 308 for a folder without its `/`; by `abort`, 404 for what does not exist
    or is outside, and 403 for what may not be read; 405 for methods other than GET, HEAD and POST;
    416 for a range beyond the end. A POST, with which calls send their code, gets the file;
    conditions and ranges are for GET and HEAD.
    """
    if request.method not in _METHODS:
        return Response("Files are only read here.\n", 405, {"Allow": ", ".join(_METHODS)})
    target = request.path if path is None else path
    if path is None and index and _is_unslashed(root, target, index):
        return Response(b"", 308, {"Location": _with_slash(request)})
    if target.endswith("/") or not target:
        if index is None:
            abort(404, "There is no list of files here.")
        target += index
    file = safe_open(root, target)
    headers = [("Cache-Control", cache_control)]
    found = file_response(request.method, request.headers.get, file, headers)
    return Response(found.body, found.status, dict(found.headers or ()), found.content_type)


def _is_unslashed(root: str | os.PathLike[str], target: str, index: str) -> bool:
    """Tell whether a path is a folder without its `/`: relative links in its page would break."""
    if target.endswith("/"):
        return False
    try:
        safe_open(root, f"{target}/{index}").close()
    except Abort:
        return False
    return True


def _with_slash(request: Request) -> str:
    """Return the URL of a folder with its `/`; relative, so that it stays on this server."""
    last = request.base_url.rpartition("/")[2]
    query = request.query_string.decode("latin-1")
    return f"./{last}/?{query}" if query else f"./{last}/"
