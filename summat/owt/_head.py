"""The status line and headers of a reply, checked before they go out."""

from __future__ import annotations

from operator import index

from owt._faults import Fault
from owt._kinds import has
from owt._response import STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Pairs = list[tuple[str, str]]

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# What belongs to the connection, which is the server's; and the length, which it counts itself.
_THE_SERVERS = frozenset(
    (
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_RESERVED = "owt-"


def is_status(value: Any) -> bool:
    """Tell whether a value is meant as a status: a number, or text like `201 Created`."""
    if type(value) is int:
        return True
    if isinstance(value, str):
        return value[:1].isdecimal()
    return isinstance(value, float) or has(type(value), "__index__")


def status_of(value: Any) -> int:
    """Return a status as a number, or the fault that says what is wrong with it."""
    number = value if type(value) is int else _number_of(value)
    if number in STATUSES:
        return number
    raise Fault(
        "reply-invalid",
        f"The reply's status is {value!r:.80}; it must be a number from 200 to 599.",
    )


def _number_of(value: Any) -> int:
    """Return the whole number that a value is, as numpy's are; -1 if it is none."""
    if isinstance(value, str):
        number = value.partition(" ")[0]
        return int(number) if len(number) == 3 and number.isascii() and number.isdigit() else -1
    try:
        return -1 if isinstance(value, bool) else index(value)
    except TypeError:
        return -1


def headers_of(value: Any) -> tuple[str | None, Pairs]:
    """Return the content type and the other headers, or the fault that says what is wrong."""
    content_type: str | None = None
    pairs: Pairs = []
    for name, text in _pairs(value):
        lower = name.lower()
        if lower == "content-type":
            content_type = text
        elif lower not in _THE_SERVERS and not lower.startswith(_RESERVED):
            pairs.append((name, text))
    return content_type, pairs


def value_of(name: str, value: Any) -> str:
    """Return a header's value as text that can be sent."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        kind = type(value).__name__
        raise Fault("reply-invalid", f"The header {name!r} is of type {kind}; it must be text.")
    if not all(_may_be_sent(character) for character in text):
        raise Fault(
            "reply-invalid",
            f"The header {name!r} holds a character that no header can carry: "
            "a line break, a control character, or one beyond Latin-1. "
            "Leave it out, or percent-encode it.",
        )
    return text


def _pairs(value: Any) -> Pairs:
    if value is None:
        return []
    items = value.items() if hasattr(value, "items") else value
    try:
        found = [(name, text) for name, text in items]
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise Fault(
            "reply-invalid",
            f"The reply's headers are of type {kind}; they must be a dict or a list of pairs.",
        ) from None
    return [
        (_name_of(name), value_of(name, one))
        for name, text in found
        for one in (text if isinstance(text, list | tuple) else (text,))
    ]


def _name_of(name: Any) -> str:
    if isinstance(name, str) and name and _TOKEN.issuperset(name):
        return name
    raise Fault(
        "reply-invalid",
        f"{name!r:.80} is not the name of a header: names are letters, digits and hyphens.",
    )


def _may_be_sent(character: str) -> bool:
    return " " <= character <= "~" or "\x80" <= character <= "\xff" or character == "\t"
