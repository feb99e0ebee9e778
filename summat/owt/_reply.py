"""What a handler returned, as an answer: the status, the headers and the body it stands for."""

from __future__ import annotations

from owt._body import BINARY, PLAIN, Body, body_of, is_path, text_bytes, text_type
from owt._file import answer, has_length
from owt._foreign import after_of, raised, reader_of
from owt._head import headers_of, is_status, status_of, value_of
from owt._response import Abort, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._border import Call, Headers
    from owt._http import Header

# RFC 9110: 204, 205 and 304 end with their head.
_BODILESS = (204, 205, 304)
_UNSET = object()


class Reply:
    """An answer that is ready to be sent."""

    __slots__ = ("after", "body", "content_type", "headers", "status")

    def __init__(self, body: Body, status: int, content_type: str | None, headers: Headers) -> None:
        self.body = body
        self.status = status
        # As the handler chose it; None leaves it to the body.
        self.content_type = content_type
        self.headers = headers
        # To be done once the answer has ended; it may return something to await.
        self.after: Callable[[], Any] | None = None

    @property
    def is_bodiless(self) -> bool:
        """Whether the status allows no body, whatever the handler gave."""
        return self.status in _BODILESS

    @property
    def known_type(self) -> str | None:
        """The media type; None if the first chunk is to tell, or if there is none."""
        return self.content_type or (None if self.is_bodiless else self.body.content_type)

    def send_whole(self, call: Call) -> None:
        """Answer with a body that is all there."""
        whole = b"" if self.is_bodiless else self.body.whole
        call.reply(self.status, self.known_type, self.headers, whole)

    def start(self, call: Call, first: Any) -> None:
        """Begin a streamed answer, whose first chunk tells its media type if nothing else does."""
        content_type = self.known_type
        if content_type is None:
            content_type = text_type(first) if isinstance(first, str) else BINARY
        call.start(self.status, content_type, self.headers, self.body.length)


def send_text(call: Call, text: str) -> None:
    """Answer with text, which is what most handlers return."""
    call.reply(200, text_type(text), (), text_bytes(text))


def reply_of(value: Any, call: Call | None = None) -> Reply:
    """Return the reply that a handler's value stands for, or the fault that says why none.

    With a call, files are answered as its conditions and its range have it.
    """
    if type(value) is tuple:
        return _of_tuple(value, call)
    make = PLAIN.get(type(value))
    if make is not None:
        return Reply(make(value), 200, None, ())
    if isinstance(value, Response):
        return _made(value, call)
    read = reader_of(type(value))
    if read is not None:
        reply = reply_of(read(value), call)
        reply.after = after_of(value) or reply.after
        return reply
    return _made(Response(value), call)


def reply_of_raised(err: BaseException) -> Reply | None:
    """Return the reply of `abort`, and of what frameworks raise in its place; None of all else."""
    if isinstance(err, Abort):
        return Reply(body_of(err.text), status_of(err.status), None, ())
    response = raised(err)
    return None if response is None else _made(response, None)


def _made(made: Response, call: Call | None) -> Reply:
    status = status_of(made.status)
    content_type, pairs = headers_of(made.headers)
    if made.content_type is not None:
        content_type = value_of("Content-Type", made.content_type)
    body = made.body
    if call is not None and status == 200 and is_path(body):
        body = body.open("rb")
        if has_length(body):
            made = answer(call.method, _header_of(call), body, pairs, content_type)
            return _made(made, None)
    return Reply(body_of(body), status, content_type, pairs)


def _header_of(call: Call) -> Header:
    headers = call.headers

    def header(name: str) -> str | None:
        values = [value for found, value in headers if found == name]
        return ", ".join(values) if values else None

    return header


def _of_tuple(value: tuple[Any, ...], call: Call | None) -> Reply:
    """Read (body, status), (body, headers) or (body, status, headers)."""
    match value:
        case (body, second) if is_status(second):
            return _changed(body, second, None, call)
        case (body, headers):
            return _changed(body, _UNSET, headers, call)
        case (body, status, headers):
            return _changed(body, status, headers, call)
    raise _wrong_tuple(len(value))


def _changed(body: Any, status: Any, headers: Any, call: Call | None) -> Reply:
    """Return the reply of `body`, which may be a response itself, with status and headers set."""
    if is_path(body):
        return _made(Response(body, 200 if status is _UNSET else status, headers), call)
    reply = reply_of(list(body) if type(body) is tuple else body, call)
    if status is not _UNSET:
        reply.status = status_of(status)
    content_type, pairs = headers_of(headers)
    reply.content_type = content_type or reply.content_type
    reply.headers = (*reply.headers, *pairs)
    return reply


def _wrong_tuple(length: int) -> Exception:
    from owt._faults import Fault

    return Fault(
        "reply-invalid",
        f"The handler returned a tuple of {length}; it must be (body, status), (body, headers) or "
        "(body, status, headers). Return a list for a JSON array.",
    )
