"""The server that a client calls: its address, who calls, and which sources it was sent."""

from __future__ import annotations

import base64
import secrets
import threading
from typing import Any
from urllib.parse import unquote

from owt import _owtify
from owt.client._error import OwtError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID = "Owt-Request-Id"

CONNECT_TIMEOUT = 10.0
"""Seconds after which connecting is given up."""


class Server:
    """What clients know of a server, whichever way they reach it."""

    def __init__(
        self,
        base: str,
        auth: tuple[str, str] | None,
        token: str | None,
        headers: Mapping[str, str] | None,
    ) -> None:
        origin, self.base = _owtify._split(base)
        scheme, _, authority = origin.partition("://")
        login, _, self.authority = authority.rpartition("@")
        self.scheme = scheme
        self.origin = f"{scheme}://{self.authority}"
        if login and auth is None:
            user, _, password = login.partition(":")
            auth = unquote(user), unquote(password)
        self.headers = {**(headers or {}), **_authorization(auth, token)}
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def knows(self, digest: str) -> bool:
        """Whether it was sent this source, and has not forgotten it since."""
        with self._lock:
            return digest in self._known

    def note(self, digest: str, *, is_known: bool) -> None:
        """Remember whether it has this source."""
        with self._lock:
            if is_known:
                self._known.add(digest)
            else:
                self._known.discard(digest)

    def unreachable(self, cause: object) -> OwtError:
        """Return the error that nobody answers."""
        text = f"no owt answers at {self.origin} ({cause}); start it with owt serve"
        return OwtError("unreachable", text)


def _authorization(auth: tuple[str, str] | None, token: str | None) -> dict[str, str]:
    if token is not None:
        return {"Authorization": f"Bearer {token}"}
    if auth is None:
        return {}
    pair = base64.b64encode(":".join(auth).encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def make_id() -> str:
    """Return an id that nobody guesses: who knows it may cancel the call."""
    return secrets.token_hex(16)


def error_of(status: int, headers: Any, body: bytes) -> OwtError | None:
    """Return the error that an answer is; none if it is the adaptor's."""
    code = headers.get("owt-error")
    if code is None:
        return None
    retry_after = headers.get("retry-after", "")
    return OwtError(
        code,
        body.decode("utf-8", "replace").rstrip("\n"),
        status=status,
        retry_after=float(retry_after) if retry_after.isdecimal() else None,
    )


def timed_out(limit: float | None) -> OwtError:
    """Return the error that nothing has come for too long."""
    return OwtError("timed-out", f"nothing came from the server for {limit} s")


def not_owt(status: int) -> OwtError:
    """Return the error that something else has answered: another server, or a proxy."""
    return OwtError("not-owt", f"the answer {status} does not come from owt", status=status)


def answer_status(status: int) -> OwtError:
    """Return the error that an adaptor's status is no success."""
    return OwtError("answer-status", f"the adaptor answered {status}", status=status)


def check_events(status: int, headers: Any) -> None:
    """Raise unless an answer is a stream of server-sent events."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "text/event-stream":
        text = f"the adaptor answered with {media_type or 'no type'}, not with text/event-stream"
        raise OwtError("not-events", text, status=status)
