"""Checks the status and the headers of a reply before they are sent."""

from __future__ import annotations

from operator import index

from owt._class_lookup import has_methods
from owt._errors import CallError
from owt._response import STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Pairs = list[tuple[str, str]]

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# Headers of the connection, and the length of the body: the server sets them.
_SET_BY_SERVER = frozenset(
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
_RESERVED_PREFIX = "owt-"


def is_status(value: Any) -> bool:
    """Tell whether a value is a status, not headers: a number, or text like `201 Created`."""
    if type(value) is int:
        return True
    if isinstance(value, str):
        return value[:1].isdecimal()
    return isinstance(value, float) or has_methods(type(value), "__index__")


def status_of(value: Any) -> int:
    """Return a status as a number."""
    number = value if type(value) is int else _number_of(value)
    if number in STATUSES:
        return number
    raise CallError(
        "reply-invalid",
        f"The reply's status is {value!r:.80}; it must be a number from 200 to 599.",
    )


def _number_of(value: Any) -> int:
    """Return the integer for a status, also for one of numpy; -1 if there is none."""
    if isinstance(value, str):
        number = value.partition(" ")[0]
        return int(number) if len(number) == 3 and number.isascii() and number.isdigit() else -1
    try:
        return -1 if isinstance(value, bool) else index(value)
    except TypeError:
        return -1


def headers_of(value: Any) -> tuple[str | None, Pairs]:
    """Return the content type, and the other headers as pairs."""
    content_type: str | None = None
    pairs: Pairs = []
    for name, text in _pairs(value):
        lower = name.lower()
        if lower == "content-type":
            content_type = text
        elif lower not in _SET_BY_SERVER and not lower.startswith(_RESERVED_PREFIX):
            pairs.append((name, text))
    return content_type, pairs


def value_of(name: str, value: Any) -> str:
    """Return a header's value as text, if it can be sent."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        kind = type(value).__name__
        raise CallError("reply-invalid", f"The header {name!r} is of type {kind}; it must be text.")
    if not all(_is_sendable(character) for character in text):
        raise CallError(
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
        raise CallError(
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
    raise CallError(
        "reply-invalid",
        f"{name!r:.80} is not the name of a header: names are letters, digits and hyphens.",
    )


def _is_sendable(character: str) -> bool:
    return " " <= character <= "~" or "\x80" <= character <= "\xff" or character == "\t"
