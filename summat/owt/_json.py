"""JSON of whatever a handler returns: always valid, or a fault that says what is in the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from json import JSONEncoder, dumps
from math import isfinite

from owt import _arrays
from owt._faults import Fault
from owt._kinds import attribute, find, has

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
    convert = find(_BY_NAME, kind)
    if convert is not None:
        return convert(value)
    for name, fields in _BY_FIELDS:
        if attribute(kind, name) is not None:
            return fields(value)
    for method, ask in _BY_METHOD:
        if has(kind, method):
            return ask(value)
    return _simpler_collection(value, kind)


def _simpler_collection(value: Any, kind: type) -> Any:
    if issubclass(kind, Mapping):
        return dict(value)
    if issubclass(kind, (set, frozenset)):
        return _in_order(value)
    if issubclass(kind, Collection) and not issubclass(kind, (bytes, bytearray, memoryview)):
        return list(value)
    raise _NotJson(
        f"The reply holds a value of type {kind.__module__}.{kind.__qualname__}, for which JSON "
        "has no form. Convert it to text, a number, a list or a dict."
    )


def is_record(kind: type) -> bool:
    """Tell whether the values of a class are records of named fields."""
    return attribute(kind, "__dataclass_fields__") is not None


def _plain(value: Any) -> Any:
    """Copy a value with nothing in it but what JSON has."""
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
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
    return dumps(plain)


def _in_order(values: set[Any] | frozenset[Any]) -> list[Any]:
    """Sort a set where its elements have an order, so that equal sets give equal text."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def _dataclass_fields(value: Any) -> dict[str, Any]:
    from dataclasses import fields

    return {field.name: getattr(value, field.name) for field in fields(value)}


def _attrs_fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in type(value).__attrs_attrs__}


def _model(value: Any) -> Any:
    """Return a pydantic model as its own JSON has it; if that cannot hold it, its fields."""
    if not has(type(value), "model_dump"):
        return value.dict()
    try:
        return value.model_dump(mode="json")
    except ValueError:
        return value.model_dump()


def _struct(value: Any) -> Any:
    """Return a msgspec struct under the names that it has for others; times stay as they are."""
    import datetime
    import sys

    times = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
    return sys.modules["msgspec"].to_builtins(value, builtin_types=times, enc_hook=simpler)


# By `package.Class`; the nearest base counts. Scalars may iterate, and give themselves.
_BY_NAME: dict[str, Callable[[Any], Any]] = {
    **_arrays.PLAIN,
    "enum.Enum": lambda value: value.value,
    "datetime.date": lambda value: value.isoformat(),
    "datetime.time": lambda value: value.isoformat(),
    "datetime.timedelta": lambda value: value.total_seconds(),
    "datetime.tzinfo": str,
    "decimal.Decimal": str,
    "fractions.Fraction": str,
    "ipaddress._IPAddressBase": str,
    "uuid.UUID": str,
    "collections.UserString": str,
    "pydantic.BaseModel": _model,
    "msgspec.Struct": _struct,
}
_BY_FIELDS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("__dataclass_fields__", _dataclass_fields),
    ("__attrs_attrs__", _attrs_fields),
)
# Whoever has the method is asked by it; torch and its like need not be imported for that.
_BY_METHOD: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("tolist", lambda value: value.tolist()),
    ("iterrows", lambda value: value.to_dict("records")),
    ("isoformat", lambda value: value.isoformat()),
    ("__fspath__", lambda value: value.__fspath__()),
)
_ENCODER = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=simpler)
