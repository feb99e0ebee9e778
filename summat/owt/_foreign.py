"""Responses of other frameworks, told by their classes: Flask, Starlette, FastAPI, Django, aiohttp.

A class of anybody's may have `__owt_reply__`, which returns what to answer with instead.
"""

from __future__ import annotations

from owt._faults import Fault
from owt._kinds import find, has
from owt._response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Read = Callable[[Any], Any]


def reader_of(kind: type) -> Read | None:
    """Return what reads the responses of a class; None if it is no class of responses."""
    return find(_READERS, kind) or (_own if has(kind, "__owt_reply__") else None)


def _own(value: Any) -> Any:
    return type(value).__owt_reply__(value)


def _werkzeug(value: Any) -> Response:
    is_streamed = value.is_streamed or value.direct_passthrough
    body = _streamed(value) if is_streamed else value.get_data()
    return Response(body, value.status_code, value.headers)


def _streamed(value: Any) -> Iterator[bytes]:
    """Yield the chunks of a Flask response, and close it as Flask would."""
    try:
        yield from value.iter_encoded()
    finally:
        value.close()


def _starlette(value: Any) -> Response:
    return Response(value.body, value.status_code, value.headers)


def _starlette_stream(value: Any) -> Response:
    return Response(value.body_iterator, value.status_code, value.headers)


def _starlette_file(value: Any) -> Response:
    from pathlib import Path

    return Response(Path(value.path), value.status_code, value.headers)


def _django(value: Any) -> Response:
    headers = [*value.items(), *_cookies(value)]
    if not value.streaming:
        return Response(value.content, value.status_code, headers)
    chunks = value.streaming_content
    return Response(chunks, value.status_code, headers)


def _aiohttp(value: Any) -> Response:
    body = b"" if value.body is None else value.body
    if not isinstance(body, bytes | bytearray):
        raise _unreadable(value)
    return Response(body, value.status, [*value.headers.items(), *_cookies(value)])


def _cookies(value: Any) -> list[tuple[str, str]]:
    """Return the cookies of a response that keeps them beside its headers."""
    return [("Set-Cookie", cookie.OutputString()) for cookie in value.cookies.values()]


def _unreadable(value: Any) -> Fault:
    return Fault(
        "reply-invalid",
        f"The handler returned an aiohttp {type(value).__name__}, which only aiohttp's own server "
        "can send. Return a generator for a stream, or a pathlib.Path for a file.",
    )


def _refuse(value: Any) -> Response:
    raise _unreadable(value)


_READERS: dict[str, Read] = {
    "werkzeug.Response": _werkzeug,
    "starlette.Response": _starlette,
    "starlette.StreamingResponse": _starlette_stream,
    "starlette._StreamingResponse": _starlette_stream,
    "starlette.FileResponse": _starlette_file,
    "django.HttpResponseBase": _django,
    "aiohttp.Response": _aiohttp,
    "aiohttp.StreamResponse": _refuse,
}
