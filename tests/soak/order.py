"""A call as it is sent, and what may come of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harness.envelope import Fields, envelope
from harness.wire import request_bytes

from soak import content
from soak.content import Content
from soak.manner import Manner

HOST = ("Host", "localhost")


@dataclass(frozen=True)
class Expected:
    """What a call comes to if nobody hurts it."""

    content: Callable[[], Content]
    status: int = 200
    # The Owt-Error of the answer, for a call that fails by itself.
    code: str | None = None
    # The Owt-Error of another answer that is right as well, because two things race.
    or_code: str | None = None
    # The answer begins, and breaks off.
    breaks_off: bool = False
    # Its head goes out before its body is there, so that whatever kills the worker cuts it.
    is_long: bool = False


@dataclass(frozen=True)
class Order:
    """A call."""

    kind: str
    head: bytes
    body: bytes
    expected: Expected
    # How its client behaves, where that is what matters.
    manner: Manner | None = None
    # Its answer begins when half of its body has come, and its client waits for that.
    is_early: bool = False
    # Another call at the same time, which must not matter to this one.
    beside: "Order | None" = None


def order(
    kind: str,
    code: str,
    expected: Expected,
    kwargs: dict[str, Any] | None = None,
    **fields: Any,
) -> Order:
    """Return a POST of a JSON envelope."""
    return of_fields(kind, envelope(code, kwargs, **fields), expected)


def of_fields(kind: str, fields: Fields, expected: Expected) -> Order:
    """Return a POST of any fields as JSON."""
    body = json.dumps(fields).encode()
    return _post(kind, "/", [("Content-Type", "application/json")], body, expected)


def with_body(
    kind: str,
    code: str,
    expected: Expected,
    body: bytes,
    content_type: str = "application/octet-stream",
) -> Order:
    """Return a POST of a body that is the handler's: the envelope is in the query."""
    target = f"/?{urlencode(envelope(code))}"
    return _post(kind, target, [("Content-Type", content_type)], body, expected)


def with_chunks(
    kind: str,
    code: str,
    expected: Expected,
    pieces: Sequence[bytes],
    kwargs: dict[str, Any] | None = None,
) -> Order:
    """Return a POST of a body in chunks, whose length nobody knows beforehand."""
    target = f"/?{urlencode(envelope(code, kwargs))}"
    headers = [
        HOST,
        ("Content-Type", "application/octet-stream"),
        ("Transfer-Encoding", "chunked"),
    ]
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""]]
    return Order(kind, request_bytes("POST", target, headers), b"".join(chunks), expected)


def by_get(kind: str, code: str, expected: Expected, kwargs: dict[str, Any]) -> Order:
    """Return a GET with all of it in the URL."""
    target = f"/?{urlencode(envelope(code, kwargs))}"
    return Order(kind, request_bytes("GET", target, [HOST]), b"", expected)


def text(text: str, status: int = 200, **more: Any) -> Expected:
    """Expect a short text."""
    return Expected(lambda: content.Sequence([text.encode()]), status, **more)


def stream(parts: Callable[[], Any], **more: Any) -> Expected:
    """Expect parts that come as they are made."""
    return Expected(lambda: content.Sequence(parts()), is_long=True, **more)


def _post(
    kind: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, expected: Expected
) -> Order:
    length = ("Content-Length", str(len(body)))
    return Order(kind, request_bytes("POST", target, [HOST, *headers, length]), body, expected)
