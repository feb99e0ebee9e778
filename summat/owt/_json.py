"""JSON of whatever a handler returns: always valid, or a fault that says what is in the way."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from owt._faults import Fault
from owt._kinds import attribute, has

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _NotJson(TypeError):
    """A value for which JSON has no form."""


def encode(value: Any) -> bytes:
    """Return compact JSON in UTF-8.

    NaN and infinities become null, as in JavaScript, because JSON has no words for them.
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        text = _encode_plain(value)
    return text.encode("utf-8", "backslashreplace")


def _encode_plain(value: Any) -> str:
    """Encode what the fast way refuses: NaN somewhere, or keys that are no strings."""
    try:
        return _ENCODER.encode(_plain(value))
    except _NotJson as err:
        raise Fault("reply-invalid", str(err)) from None
    except RecursionError:
        raise Fault(
            "reply-invalid",
            "The reply contains itself, or is nested too deep for JSON. "
            "Return a value without the loop.",
        ) from None


def simpler(value: Any) -> Any:
    """Return a value that is one step nearer to JSON than `value`, which `json` does not know."""
    kind = type(value)
    if is_record(kind):
        return _dataclass_fields(value)
    for method, convert in _BY_METHOD:
        if has(kind, method):
            return convert(value)
    if issubclass(kind, Mapping):
        return dict(value)
    if issubclass(kind, (set, frozenset)):
        return _in_order(value)
    if issubclass(kind, Collection) and not issubclass(kind, (bytes, bytearray, memoryview)):
        return list(value)
    return _scalar(value)


def is_record(kind: type) -> bool:
    """Tell whether the values of a class are records of named fields."""
    return attribute(kind, "__dataclass_fields__") is not None


def _scalar(value: Any) -> Any:
    kinds = [kind.__name__ for kind in type(value).__mro__ if kind.__module__ in _TEXT_MODULES]
    if "timedelta" in kinds:
        return value.total_seconds()
    if "Enum" in kinds:
        return value.value
    if kinds:
        return str(value)
    kind = type(value)
    raise _NotJson(
        f"The reply holds a value of type {kind.__module__}.{kind.__qualname__}, for which JSON "
        "has no form. Convert it to text, a number, a list or a dict."
    )


def _plain(value: Any) -> Any:
    """Copy a value with nothing in it but what JSON has."""
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _plain(simpler(value))


def _key(key: Any) -> str:
    plain = _plain(key)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, list | dict):
        raise _NotJson(
            f"The reply holds a dict with a key of type {type(key).__name__}. "
            "Keys in JSON are text: convert them."
        )
    return json.dumps(plain)


def _in_order(values: set[Any] | frozenset[Any]) -> list[Any]:
    """Sort a set where its elements have an order, so that equal sets give equal text."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def _dataclass_fields(value: Any) -> dict[str, Any]:
    from dataclasses import fields

    return {field.name: getattr(value, field.name) for field in fields(value)}


def _records(frame: Any) -> Any:
    return frame.to_dict("records")


def _date(value: Any) -> Any:
    # pandas' NaT is a datetime that is not equal to itself.
    return value.isoformat() if value == value else None


# Whoever has the method is asked by it; numpy, pandas and torch need not be imported for that.
_BY_METHOD: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("tolist", lambda value: value.tolist()),
    ("iterrows", _records),
    ("isoformat", _date),
    ("__fspath__", lambda value: value.__fspath__()),
)
_TEXT_MODULES = frozenset(("datetime", "decimal", "enum", "fractions", "ipaddress", "uuid"))
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=simpler
)
