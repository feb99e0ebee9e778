"""The reply for what a handler returned or raised: status, headers and body."""

from __future__ import annotations

from owt._body import BINARY, BODY_TYPES, Body, body_of, is_path, text_type
from owt._errors import CallError
from owt._file_response import file_response, has_known_length
from owt._frameworks import background_of, converter_for, response_of_exception
from owt._multidict import Headers
from owt._reply_head import headers_of, is_status, status_of, value_of
from owt._response import Abort, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._bindings import Call
    from owt._bindings import Headers as HeaderPairs

# RFC 9110: these have no body.
_BODILESS = (204, 205, 304)
_UNSET = object()


class Reply:
    """A checked reply, ready to be sent."""

    __slots__ = ("background", "body", "content_type", "headers", "status")

    def __init__(
        self, body: Body, status: int, content_type: str | None, headers: HeaderPairs
    ) -> None:
        self.body = body
        self.status = status
        # What the handler chose; None: that of the body.
        self.content_type = content_type
        self.headers = headers
        # A task to run after the reply; it may return an awaitable.
        self.background: Callable[[], Any] | None = None

    @property
    def is_bodiless(self) -> bool:
        """Whether the status forbids a body."""
        return self.status in _BODILESS

    @property
    def known_type(self) -> str | None:
        """The media type; None if there is none, or if the first chunk decides."""
        return self.content_type or (None if self.is_bodiless else self.body.content_type)

    def send_whole(self, call: Call) -> None:
        """Send a whole body."""
        whole = b"" if self.is_bodiless else self.body.data
        call.reply(self.status, self.known_type, self.headers, whole)

    def start(self, call: Call, first: Any) -> None:
        """Begin a streamed reply; its first chunk decides the media type if nothing else does."""
        content_type = self.known_type
        if content_type is None:
            content_type = text_type(first) if isinstance(first, str) else BINARY
        call.start(self.status, content_type, self.headers, self.body.length)


def reply_of(value: Any, call: Call | None = None) -> Reply:
    """Return the reply for a handler's value.

    With a call, files are sent according to its conditions and its range.
    """
    if type(value) is tuple:
        return _from_tuple(value, call)
    make = BODY_TYPES.get(type(value))
    if make is not None:
        return Reply(make(value), 200, None, ())
    if isinstance(value, Response):
        return _from_response(value, call)
    convert = converter_for(type(value))
    if convert is not None:
        reply = reply_of(convert(value), call)
        reply.background = background_of(value) or reply.background
        return reply
    return _from_response(Response(value), call)


def reply_of_raised(err: BaseException) -> Reply | None:
    """Return the reply for `abort`, or for an HTTP exception of a framework; None for others."""
    if isinstance(err, Abort):
        return Reply(body_of(err.text), status_of(err.status), None, ())
    response = response_of_exception(err)
    return None if response is None else _from_response(response, None)


def _from_response(response: Response, call: Call | None) -> Reply:
    status = status_of(response.status)
    content_type, pairs = headers_of(response.headers)
    if response.content_type is not None:
        content_type = value_of("Content-Type", response.content_type)
    body = response.body
    if call is not None and status == 200 and is_path(body):
        body = body.open("rb")
        if has_known_length(body):
            header = Headers(call.headers).get
            response = file_response(call.method, header, body, pairs, content_type)
            return _from_response(response, None)
    return Reply(body_of(body), status, content_type, pairs)


def _from_tuple(value: tuple[Any, ...], call: Call | None) -> Reply:
    """Read (body, status), (body, headers) or (body, status, headers)."""
    match value:
        case (body, second) if is_status(second):
            return _with_changes(body, second, None, call)
        case (body, headers):
            return _with_changes(body, _UNSET, headers, call)
        case (body, status, headers):
            return _with_changes(body, status, headers, call)
    raise _wrong_tuple(len(value))


def _with_changes(body: Any, status: Any, headers: Any, call: Call | None) -> Reply:
    """Return the reply for `body`, which may be a response, with another status and headers."""
    if is_path(body):
        return _from_response(Response(body, 200 if status is _UNSET else status, headers), call)
    reply = reply_of(list(body) if type(body) is tuple else body, call)
    if status is not _UNSET:
        reply.status = status_of(status)
    content_type, pairs = headers_of(headers)
    reply.content_type = content_type or reply.content_type
    reply.headers = (*reply.headers, *pairs)
    return reply


def _wrong_tuple(length: int) -> CallError:
    return CallError(
        "reply-invalid",
        f"The handler returned a tuple of {length}; it must be (body, status), (body, headers) or "
        "(body, status, headers). Return a list for a JSON array.",
    )
