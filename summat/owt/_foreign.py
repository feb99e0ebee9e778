"""Responses of other frameworks, told by their classes: Flask, Starlette, FastAPI, Django, aiohttp.

A class of anybody's may have `__owt_reply__`, which returns what to answer with instead.
"""

from __future__ import annotations

from owt._faults import Fault
from owt._kinds import find, has
from owt._response import Response, phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    Read = Callable[[Any], Any]


def reader_of(kind: type) -> Read | None:
    """Return what reads the responses of a class; None if it is no class of responses."""
    return find(_READERS, kind) or (_own if has(kind, "__owt_reply__") else None)


def after_of(value: Any) -> Callable[[], Any] | None:
    """Return what a response wants to be done once it has been sent; it may be awaitable."""
    find_after = find(_AFTER, type(value))
    return None if find_after is None else find_after(value)


def raised(err: BaseException) -> Response | None:
    """Return the response that an exception stands for in its framework; None if for none."""
    read = find(_RAISED, type(err))
    return None if read is None else read(err)


class _Chunks:
    """The chunks of a response, which is closed with them."""

    def __init__(self, chunks: Iterator[Any], response: Any) -> None:
        self._chunks = chunks
        self.close = response.close

    def __iter__(self) -> _Chunks:
        return self

    def __next__(self) -> Any:
        return next(self._chunks)


def _own(value: Any) -> Any:
    return type(value).__owt_reply__(value)


def _werkzeug(value: Any) -> Response:
    body = _Chunks(value.iter_encoded(), value) if _is_streamed(value) else value.get_data()
    return Response(body, value.status_code, value.headers)


def _is_streamed(value: Any) -> bool:
    return bool(value.is_streamed or value.direct_passthrough)


def _werkzeug_error(err: Any) -> Response | None:
    if err.response is None and err.code is None:
        return None
    made = err.get_response()
    if err.response is not None or made.status_code < 400:
        return Response(made.get_data(), made.status_code, made.headers)
    # Its body is a page around the words.
    headers = [(name, value) for name, value in made.headers if name.lower() != "content-type"]
    return Response(err.description or err.name, made.status_code, headers)


def _starlette_error(err: Any) -> Response:
    # FastAPI's may be anything that JSON has.
    body = err.detail if isinstance(err.detail, str) else {"detail": err.detail}
    return Response(body, err.status_code, err.headers)


def _django_error(status: int) -> Callable[[Any], Response]:
    return lambda err: Response(str(err) or phrase(status), status)


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
    chunks = _closing(value) if value.is_async else _Chunks(iter(value.streaming_content), value)
    return Response(chunks, value.status_code, headers)


async def _closing(value: Any) -> AsyncIterator[Any]:
    try:
        async for chunk in value.streaming_content:
            yield chunk
    finally:
        value.close()


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
    "werkzeug.HTTPException": _werkzeug_error,
    "starlette.Response": _starlette,
    "starlette.StreamingResponse": _starlette_stream,
    "starlette._StreamingResponse": _starlette_stream,
    "starlette.FileResponse": _starlette_file,
    "django.HttpResponseBase": _django,
    "aiohttp.Response": _aiohttp,
    "aiohttp.StreamResponse": _refuse,
}
# What is streamed closes itself with its chunks.
_AFTER: dict[str, Read] = {
    "werkzeug.Response": lambda value: None if _is_streamed(value) else value.close,
    "starlette.Response": lambda value: value.background,
    "django.HttpResponseBase": lambda value: None if value.streaming else value.close,
}
_RAISED: dict[str, Callable[[Any], Response | None]] = {
    "werkzeug.HTTPException": _werkzeug_error,
    "starlette.HTTPException": _starlette_error,
    "aiohttp.HTTPException": _aiohttp,
    "django.Http404": _django_error(404),
    "django.PermissionDenied": _django_error(403),
    "django.BadRequest": _django_error(400),
}
