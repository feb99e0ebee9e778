"""`Response` and `abort`: how a handler chooses the status and headers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, NoReturn

    AnyHeaders = Mapping[str, Any] | Iterable[tuple[str, Any]]

STATUSES = range(200, 600)


class Response:
    """A response: a body of any kind that a handler may return, with status and headers."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        body: Any = b"",
        status: int = 200,
        headers: AnyHeaders | None = None,
        content_type: str | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self.headers = headers
        self.content_type = content_type

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


class Abort(Exception):
    """Ends the call with a status and a text; raised by `abort`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


def abort(status: int, text: str = "") -> NoReturn:
    """End the call from anywhere, with a status and a text; by default its reason phrase."""
    if status not in STATUSES:
        raise ValueError(f"abort() takes a status from 200 to 599, and got {status!r}")
    raise Abort(status, text or phrase(status))


def phrase(status: int) -> str:
    """Return the reason phrase of a status."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
