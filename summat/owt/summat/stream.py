"""Structured streams: server-sent events, and lines of JSON.

    def run(request, prompt):
        return stream.response(answer(prompt))

    def answer(prompt):
        for token in model.generate(prompt):
            yield stream.event(token=token)
        yield stream.done()

Events are those of the WHATWG HTML standard, section 9.2 (server-sent events); lines of JSON are
those of ndjson (application/x-ndjson). If a generator fails, the response breaks off: `fetch`
rejects, and `EventSource` reconnects. The reason is in the log, and in a comment of the stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable

from owt import _json
from owt._body import text_bytes
from owt._heartbeat import Heartbeat
from owt._response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Any

    Source = Iterable[Any] | AsyncIterable[Any]

__all__ = ["done", "event", "ndjson", "response"]

_HEARTBEAT_SECONDS = 15.0
# A comment, which readers of events ignore.
_COMMENT = b":\n\n"
_EVENTS = "text/event-stream"
_LINES = "application/x-ndjson"


def event(
    data: object = None,
    *,
    event: str | None = None,
    id: str | int | None = None,
    retry: int | None = None,
    **fields: object,
) -> bytes:
    r"""Return one server-sent event.

    `data` is text, or any JSON-serializable value; instead of it, `fields` become a JSON object.
    `event` is its type (`message` by default), `id` what the browser sends as `Last-Event-ID` when
    it reconnects, and `retry` the milliseconds after which it does.

    >>> event("two\nlines", event="note", id=7)
    b'event: note\nid: 7\ndata: two\ndata: lines\n\n'
    >>> event(token="hey", index=0)
    b'data: {"token":"hey","index":0}\n\n'

    Errors: `ValueError` for a type or id with a line break or NUL, and for a negative `retry`;
    `TypeError` for both data and fields.
    """
    if fields and data is not None:
        raise TypeError("event() takes data or fields, not both: put the fields into the data")
    if retry is not None and retry < 0:
        raise ValueError(f"retry is {retry}; it must be a number of milliseconds from 0 up")
    head = [("event", event), ("id", id), ("retry", retry)]
    lines = [f"{name}: {_one_line(name, str(value))}" for name, value in head if value is not None]
    lines += [f"data: {line}" for line in _data_lines(fields or data)]
    return text_bytes("\n".join(lines) + "\n\n")


def done(data: object = "") -> bytes:
    r"""Return the event of type `done`, which tells a page that the stream is complete.

    A page then closes its `EventSource`. Otherwise it reconnects at the end of the response, which
    repeats the whole call.

    >>> done()
    b'event: done\ndata: \n\n'
    """
    return event(data, event="done")


def response(
    events: Source,
    heartbeat: float | None = _HEARTBEAT_SECONDS,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    r"""Return a response of media type `text/event-stream`, sent as the source yields.

    Bytes, such as `event` returns, are sent as they are; any other value is the data of an event.
    After `heartbeat` seconds without one, a comment is sent, so that proxies and browsers keep the
    connection open; None sends no comments. Sync and async generators both work.

    >>> list(response([event("a", id=1), "b", {"c": 3}], heartbeat=None).body)
    [b'id: 1\ndata: a\n\n', b'data: b\n\n', b'data: {"c":3}\n\n']
    """
    if heartbeat is not None and not heartbeat > 0:
        raise ValueError(f"heartbeat is {heartbeat}; it must be seconds above 0, or None for none")
    # Proxies must not cache or transform events. The second header keeps nginx from buffering.
    all_headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **(headers or {})}
    comments = None if heartbeat is None else Heartbeat(heartbeat, _COMMENT)
    return Response(_encode_each(events, _as_event, comments), status, all_headers, _EVENTS)


def ndjson(values: Source, *, status: int = 200) -> Response:
    r"""Return a response of media type `application/x-ndjson`: a line of JSON for each value.

    >>> list(ndjson(({"n": n} for n in range(2))).body)
    [b'{"n":0}\n', b'{"n":1}\n']
    """
    return Response(_encode_each(values, _as_line, None), status, None, _LINES)


def _one_line(name: str, text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError(f"the {name} of an event must not hold a line break or NUL: {text!r:.80}")
    return text


def _data_lines(data: object) -> list[str]:
    if data is None:
        return []
    text = data if isinstance(data, str) else _json.encode(data).decode()
    # Only these end a line of an event; str.splitlines() has more.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _as_event(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else event(value)


def _as_line(value: Any) -> bytes:
    return _json.encode(value) + b"\n"


def _encode_each(
    source: Source, encode: Callable[[Any], bytes], heartbeat: Heartbeat | None
) -> _Encoded | _AsyncEncoded:
    if isinstance(source, AsyncIterable):
        return _AsyncEncoded(source.__aiter__(), encode, heartbeat)
    if isinstance(source, str | bytes) or not isinstance(source, Iterable):
        raise TypeError(f"a stream takes a generator or an iterable, not {type(source).__name__}")
    return _Encoded(iter(source), encode, heartbeat)


class _Encoded:
    """An iterator over the encoded values of another one."""

    def __init__(
        self, source: Iterator[Any], encode: Callable[[Any], bytes], heartbeat: Heartbeat | None
    ) -> None:
        self._source: Any = source
        self._encode = encode
        # Whoever sends the stream looks for this attribute: see owt._heartbeat.
        self.heartbeat = heartbeat

    def __iter__(self) -> _Encoded:
        return self

    def __next__(self) -> bytes:
        return self._encode(next(self._source))

    def close(self) -> None:
        """Close the source, on the thread that has iterated over it."""
        if hasattr(self._source, "close"):
            self._source.close()


class _AsyncEncoded:
    """An async iterator over the encoded values of another one."""

    def __init__(
        self,
        source: AsyncIterator[Any],
        encode: Callable[[Any], bytes],
        heartbeat: Heartbeat | None,
    ) -> None:
        self._source: Any = source
        self._encode = encode
        # Whoever sends the stream looks for this attribute: see owt._heartbeat.
        self.heartbeat = heartbeat

    def __aiter__(self) -> _AsyncEncoded:
        return self

    async def __anext__(self) -> bytes:
        return self._encode(await self._source.__anext__())

    async def aclose(self) -> None:
        """Close the source, in the event loop that has iterated over it."""
        if hasattr(self._source, "aclose"):
            await self._source.aclose()
