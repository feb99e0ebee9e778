"""Responses of other frameworks: Flask, Starlette, FastAPI, Django and aiohttp.

Any class may define `__owt_reply__`, which returns what is sent instead of the value.
"""

from __future__ import annotations

from owt._class_lookup import has_methods, lookup
from owt._errors import CallError
from owt._response import Response, phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    Convert = Callable[[Any], Any]


def converter_for(kind: type) -> Convert | None:
    """Return what converts the responses of a class; None if its values are not responses."""
    return lookup(_CONVERTERS, kind) or (_custom if has_methods(kind, "__owt_reply__") else None)


def background_of(value: Any) -> Callable[[], Any] | None:
    """Return a response's task to run after it is sent; it may return an awaitable."""
    found = lookup(_BACKGROUND, type(value))
    return None if found is None else found(value)


def response_of_exception(err: BaseException) -> Response | None:
    """Return the response that a framework has for its exception; None for other exceptions."""
    convert = lookup(_RAISED, type(err))
    return None if convert is None else convert(err)


class _Chunks:
    """The chunks of a response; closing them closes the response."""

    def __init__(self, chunks: Iterator[Any], response: Any) -> None:
        self._chunks = chunks
        self.close = response.close

    def __iter__(self) -> _Chunks:
        return self

    def __next__(self) -> Any:
        return next(self._chunks)


def _custom(value: Any) -> Any:
    return type(value).__owt_reply__(value)


def _werkzeug(value: Any) -> Response:
    body = _Chunks(value.iter_encoded(), value) if _is_streamed(value) else value.get_data()
    return Response(body, value.status_code, value.headers)


def _is_streamed(value: Any) -> bool:
    return bool(value.is_streamed or value.direct_passthrough)


def _werkzeug_error(err: Any) -> Response | None:
    if err.response is None and err.code is None:
        return None
    response = err.get_response()
    if err.response is not None or response.status_code < 400:
        return Response(response.get_data(), response.status_code, response.headers)
    # Its body is an HTML page around the description.
    headers = [(name, value) for name, value in response.headers if name.lower() != "content-type"]
    return Response(err.description or err.name, response.status_code, headers)


def _starlette_error(err: Any) -> Response:
    # In FastAPI, the detail may be any JSON value.
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
        raise _unsupported(value)
    return Response(body, value.status, [*value.headers.items(), *_cookies(value)])


def _cookies(value: Any) -> list[tuple[str, str]]:
    """Return the Set-Cookie headers of a response that keeps cookies apart."""
    return [("Set-Cookie", cookie.OutputString()) for cookie in value.cookies.values()]


def _unsupported(value: Any) -> CallError:
    return CallError(
        "reply-invalid",
        f"The handler returned an aiohttp {type(value).__name__}, which only aiohttp's own server "
        "can send. Return a generator for a stream, or a pathlib.Path for a file.",
    )


def _reject(value: Any) -> Response:
    raise _unsupported(value)


_CONVERTERS: dict[str, Convert] = {
    "werkzeug.Response": _werkzeug,
    "werkzeug.HTTPException": _werkzeug_error,
    "starlette.Response": _starlette,
    "starlette.StreamingResponse": _starlette_stream,
    "starlette._StreamingResponse": _starlette_stream,
    "starlette.FileResponse": _starlette_file,
    "django.HttpResponseBase": _django,
    "aiohttp.Response": _aiohttp,
    "aiohttp.StreamResponse": _reject,
}
# Streamed responses are closed with their chunks.
_BACKGROUND: dict[str, Convert] = {
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
