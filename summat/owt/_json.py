"""Encodes what a handler returns as JSON: always valid, or an error that says what prevents it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from json import JSONEncoder, dumps
from math import isfinite

from owt import _arrays
from owt._class_lookup import class_attribute, has_methods, lookup
from owt._errors import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _NotJsonError(TypeError):
    """A value that has no form in JSON."""


def encode(value: Any) -> bytes:
    """Return compact JSON in UTF-8.

    NaN and infinities, which JSON does not have, become null, as in JavaScript.
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        text = _encode_slowly(value)
    return text.encode("utf-8", "backslashreplace")


def _encode_slowly(value: Any) -> str:
    """Encode what the fast way rejects: NaN, or keys that are not strings."""
    try:
        return _ENCODER.encode(_to_plain(value))
    except _NotJsonError as err:
        raise CallError("reply-invalid", str(err)) from None
    except RecursionError:
        raise CallError(
            "reply-invalid",
            "The reply contains itself, or is nested too deep for JSON. "
            "Return a value without the loop.",
        ) from None


def simplify(value: Any) -> Any:
    """Return a value that is one step closer to JSON than `value`, which `json` does not know."""
    kind = type(value)
    convert = lookup(_BY_NAME, kind)
    if convert is not None:
        return convert(value)
    for name, fields in _BY_FIELDS:
        if class_attribute(kind, name) is not None:
            return fields(value)
    for method, ask in _BY_METHOD:
        if has_methods(kind, method):
            return ask(value)
    return _simplify_collection(value, kind)


def _simplify_collection(value: Any, kind: type) -> Any:
    if issubclass(kind, Mapping):
        return dict(value)
    if issubclass(kind, (set, frozenset)):
        return _sorted_if_possible(value)
    if issubclass(kind, Collection) and not issubclass(kind, (bytes, bytearray, memoryview)):
        return list(value)
    raise _NotJsonError(
        f"The reply holds a value of type {kind.__module__}.{kind.__qualname__}, for which JSON "
        "has no form. Convert it to text, a number, a list or a dict."
    )


def is_dataclass(kind: type) -> bool:
    """Tell whether a class is a dataclass."""
    return class_attribute(kind, "__dataclass_fields__") is not None


def _to_plain(value: Any) -> Any:
    """Copy a value, converting everything that JSON does not have."""
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {_to_key(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return _to_plain(simplify(value))


def _to_key(key: Any) -> str:
    plain = _to_plain(key)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, list | dict):
        raise _NotJsonError(
            f"The reply holds a dict with a key of type {type(key).__name__}. "
            "Keys in JSON are text: convert them."
        )
    return dumps(plain)


def _sorted_if_possible(values: set[Any] | frozenset[Any]) -> list[Any]:
    """Sort a set, if its elements have an order, so that equal sets give equal JSON."""
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
    """Return a pydantic model in its JSON mode; if that fails, its fields."""
    if not has_methods(type(value), "model_dump"):
        return value.dict()
    try:
        return value.model_dump(mode="json")
    except ValueError:
        return value.model_dump()


def _struct(value: Any) -> Any:
    """Return a msgspec struct under its encoded names; times stay as they are."""
    import datetime
    import sys

    times = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
    return sys.modules["msgspec"].to_builtins(value, builtin_types=times, enc_hook=simplify)


# By `package.Class`; the nearest base counts. This goes before collections: scalars may iterate.
_BY_NAME: dict[str, Callable[[Any], Any]] = {
    **_arrays.CONVERTERS,
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
# By method: this covers torch and similar libraries without importing them.
_BY_METHOD: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("tolist", lambda value: value.tolist()),
    ("iterrows", lambda value: value.to_dict("records")),
    ("isoformat", lambda value: value.isoformat()),
    ("__fspath__", lambda value: value.__fspath__()),
)
_ENCODER = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=simplify)
