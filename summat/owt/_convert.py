"""Converts what a request has, text or JSON, by the annotations of a handler's parameters.

Each annotation becomes a converter once. A converter takes one value, and raises `Mismatch` where
it does not fit; its `expected` ends a sentence such as "'n' takes a whole number".
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import re
import types
import typing
from math import isfinite

from owt._form import File

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_INT = re.compile(r"[+-]?\d+", re.ASCII)
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")
_NONE = ("null", "none", "")
_ARRAYS = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
# A type may contain itself.
_MAX_DEPTH = 16


class Mismatch(Exception):
    """A value does not fit; `path` leads from the parameter to the part of it that does not."""

    def __init__(self, expected: str, value: Any, path: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.value = value
        self.path = path


class Text(str):
    """A text of a path, a query or a form: unlike a JSON string, it says nothing of its type."""

    __slots__ = ()


class Converter:
    """Converts values of one annotation; this one takes any."""

    expected = "any value"
    # Whether a parameter takes all values of a name, or just one.
    is_list = False
    # Whether it takes a file of a form.
    is_file = False

    def __call__(self, value: Any) -> Any:
        """Return the converted value, or raise `Mismatch`."""
        return str(value) if type(value) is Text else value

    def is_exact(self, value: Any) -> bool:
        """Return whether a JSON value is of the type already, so that a union takes it as it is."""
        return False

    def takes_single(self, value: Any) -> bool:
        """Return whether a value is a parameter's, and not the only item of the list that it is."""
        return not self.is_list or type(value) is list

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of its values."""
        return {}

    def mismatch(self, value: Any) -> Mismatch:
        """Return the error that a value does not fit."""
        return Mismatch(self.expected, value)


class _Str(Converter):
    expected = "a text"

    def __call__(self, value: Any) -> str:
        if isinstance(value, str):
            return str(value)
        raise self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return isinstance(value, str)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class _Int(Converter):
    expected = "a whole number"

    def __call__(self, value: Any) -> int:
        if type(value) is int:
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and _INT.fullmatch(value.strip()):
            try:
                return int(value)
            except ValueError:
                # More digits than Python reads (sys.get_int_max_str_digits).
                pass
        raise self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return type(value) is int

    def schema(self) -> dict[str, Any]:
        return {"type": "integer"}


class _Float(Converter):
    expected = "a number"

    def __call__(self, value: Any) -> float:
        number = None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = _float(value)
        elif isinstance(value, str) and "_" not in value:
            number = _float(value.strip())
        # JSON has no NaN and no infinities, and hardly any handler thinks of them.
        if number is None or not isfinite(number):
            raise self.mismatch(value)
        return number

    def is_exact(self, value: Any) -> bool:
        return type(value) is float and isfinite(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


class _Bool(Converter):
    expected = "true or false"

    def __call__(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower() if isinstance(value, (str, int)) else None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class _Bytes(Converter):
    expected = "a file or a text"
    is_file = True

    def __call__(self, value: Any) -> bytes:
        if hasattr(value, "readall") or hasattr(value, "read"):
            data: bytes = value.read()
            return data
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
        raise self.mismatch(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "contentMediaType": "application/octet-stream"}


class _File(Converter):
    expected = "a file of a form"
    is_file = True

    def __call__(self, value: Any) -> Any:
        if hasattr(value, "read"):
            return value
        raise self.mismatch(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "contentMediaType": "application/octet-stream"}


class _None(Converter):
    expected = "null"

    def __call__(self, value: Any) -> None:
        if value is None or (type(value) is Text and value.lower() in _NONE):
            return
        raise self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return value is None

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}


class _Literal(Converter):
    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values
        self.expected = _one_of([_shown(value) for value in values])

    def __call__(self, value: Any) -> Any:
        for each in self._values:
            if type(value) is type(each) and value == each:
                return each
        if isinstance(value, str):
            for each in self._values:
                if value == (each if isinstance(each, str) else _json(each)):
                    return each
        raise self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return any(type(value) is type(each) and value == each for each in self._values)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self._values)}


class _Enum(Converter):
    def __init__(self, kind: type[enum.Enum]) -> None:
        self._kind = kind
        self._members = list(kind)
        self.expected = _one_of([_shown(member.value) for member in self._members])

    def __call__(self, value: Any) -> Any:
        for member in self._members:
            if type(value) is type(member.value) and value == member.value:
                return member
        if isinstance(value, str):
            for member in self._members:
                if value in (str(member.value), member.name):
                    return member
        raise self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return any(
            type(value) is type(each.value) and value == each.value for each in self._members
        )

    def schema(self) -> dict[str, Any]:
        return {"enum": [member.value for member in self._members]}


class _Array(Converter):
    is_list = True

    def __init__(self, kind: Callable[[list[Any]], Any], item: Converter) -> None:
        self._kind = kind
        self._item = item
        self.is_file = item.is_file
        self.expected = f"a list, of which each is {item.expected}"

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            value = _decoded(value, "[", self)
        if not isinstance(value, list):
            raise self.mismatch(value)
        return self._kind([_within(f"[{at}]", self._item, each) for at, each in enumerate(value)])

    def is_exact(self, value: Any) -> bool:
        return isinstance(value, list)

    def schema(self) -> dict[str, Any]:
        unique = {"uniqueItems": True} if self._kind in (set, frozenset) else {}
        return {"type": "array", "items": self._item.schema(), **unique}


class _Tuple(Converter):
    is_list = True

    def __init__(self, items: list[Converter]) -> None:
        self._items = items
        self.expected = f"a list of {len(items)} values"

    def __call__(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            value = _decoded(value, "[", self)
        if not isinstance(value, list) or len(value) != len(self._items):
            raise self.mismatch(value)
        pairs = enumerate(zip(self._items, value, strict=True))
        return tuple(_within(f"[{at}]", item, each) for at, (item, each) in pairs)

    def schema(self) -> dict[str, Any]:
        count = len(self._items)
        items = [item.schema() for item in self._items]
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}


class _Dict(Converter):
    expected = "an object"

    def __init__(self, item: Converter) -> None:
        self._item = item

    def __call__(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            value = _decoded(value, "{", self)
        if not isinstance(value, dict):
            raise self.mismatch(value)
        return {name: _within(f".{name}", self._item, each) for name, each in value.items()}

    def is_exact(self, value: Any) -> bool:
        return isinstance(value, dict)

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._item.schema()}


class _Dataclass(Converter):
    expected = "an object"

    def __init__(self, kind: type, fields: dict[str, tuple[Converter, bool]]) -> None:
        self._kind = kind
        # Their converters, and whether they have to be there.
        self._fields = fields

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            value = _decoded(value, "{", self)
        if not isinstance(value, dict):
            raise self.mismatch(value)
        for name in value:
            if name not in self._fields:
                raise Mismatch(f"an object with no other fields than {self._names()}", value)
        given = {}
        for name, (convert, is_required) in self._fields.items():
            if name in value:
                given[name] = _within(f".{name}", convert, value[name])
            elif is_required:
                raise Mismatch(f"an object with the field {name!r}", value)
        return self._kind(**given)

    def _names(self) -> str:
        return ", ".join(map(repr, self._fields)) or "none"

    def is_exact(self, value: Any) -> bool:
        return isinstance(value, dict)

    def schema(self) -> dict[str, Any]:
        required = [name for name, (_, is_required) in self._fields.items() if is_required]
        properties = {name: convert.schema() for name, (convert, _) in self._fields.items()}
        found: dict[str, Any] = {"type": "object", "title": self._kind.__name__}
        found |= {"properties": properties, "additionalProperties": False}
        return found | ({"required": required} if required else {})


class _Pydantic(Converter):
    """A model of pydantic, which converts by itself; known by what it has, and never imported."""

    expected = "an object"

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            value = _decoded(value, "{", self)
        try:
            return self._kind.model_validate(value)
        except ValueError as err:
            errors = getattr(err, "errors", None)
            found = errors()[0] if errors is not None else {"msg": str(err), "loc": ()}
            path = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in found["loc"])
            raise Mismatch(
                f"what {self._kind.__name__} takes: {found['msg']}", value, path
            ) from None

    def is_exact(self, value: Any) -> bool:
        return isinstance(value, dict)

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = self._kind.model_json_schema()
        return found


class _Union(Converter):
    def __init__(self, members: list[Converter]) -> None:
        self._members = members
        self.is_list = any(member.is_list for member in members)
        self.is_file = any(member.is_file for member in members)
        self.expected = " or ".join(dict.fromkeys(member.expected for member in members))

    def __call__(self, value: Any) -> Any:
        exact = [each for each in self._members if type(value) is not Text and each.is_exact(value)]
        # Texts are text last, and null first: `int | str` reads numbers.
        others = sorted(
            (member for member in self._members if member not in exact),
            key=lambda member: isinstance(member, _Str),
        )
        closest = None
        for member in exact + others:
            try:
                return member(value)
            except Mismatch as err:
                if closest is None and member in exact:
                    closest = err
        # Of one object that would do but for a part of it, the part is said.
        raise closest if closest is not None and len(exact) == 1 else self.mismatch(value)

    def is_exact(self, value: Any) -> bool:
        return any(member.is_exact(value) for member in self._members)

    def takes_single(self, value: Any) -> bool:
        if super().takes_single(value):
            return True
        singles = (member for member in self._members if not member.is_list)
        return any(_fits(member, value) for member in singles)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [member.schema() for member in self._members]}


def _fits(convert: Converter, value: Any) -> bool:
    try:
        convert(value)
    except Mismatch:
        return False
    return True


ANY = Converter()

_SIMPLE: dict[object, Converter] = {
    str: _Str(),
    int: _Int(),
    float: _Float(),
    bool: _Bool(),
    bytes: _Bytes(),
    type(None): _None(),
    None: _None(),
    typing.Any: ANY,
    object: ANY,
}


def converter(annotation: Any, depth: int = 0) -> Converter:
    """Return the converter of an annotation; if that is not known, one that takes any value."""
    try:
        if (simple := _SIMPLE.get(annotation)) is not None:
            return simple
    except TypeError:
        # It cannot be hashed, such as `Literal[[]]`.
        return ANY
    if depth >= _MAX_DEPTH:
        return ANY
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None:
        return _generic(origin, args, depth + 1)
    return _of_class(annotation, depth + 1) if isinstance(annotation, type) else ANY


def _generic(origin: Any, args: tuple[Any, ...], depth: int) -> Converter:
    if origin is typing.Annotated:
        return converter(args[0], depth)
    if origin is typing.Literal:
        return _Literal(args)
    if origin in (typing.Union, types.UnionType):
        return _Union([converter(arg, depth) for arg in args])
    if origin is tuple and args and args[-1] is not Ellipsis:
        return _Tuple([converter(arg, depth) for arg in args])
    if origin in _ARRAYS:
        return _Array(_maker(origin), converter(args[0], depth) if args else ANY)
    if origin in (dict, collections.abc.Mapping):
        return _Dict(converter(args[1], depth) if len(args) > 1 else ANY)
    return ANY


def _maker(kind: Any) -> Callable[[list[Any]], Any]:
    return kind if kind in (tuple, set, frozenset) else list


def _of_class(kind: type, depth: int) -> Converter:
    if kind in _ARRAYS:
        return _Array(_maker(kind), ANY)
    if kind is dict:
        return _Dict(ANY)
    if issubclass(kind, enum.Enum):
        return _Enum(kind)
    if hasattr(kind, "model_validate") and hasattr(kind, "model_json_schema"):
        return _Pydantic(kind)
    if dataclasses.is_dataclass(kind):
        return _Dataclass(kind, _dataclass_fields(kind, depth))
    if kind is File or kind.__name__ == "UploadFile":
        return _File()
    return ANY


def _dataclass_fields(kind: type, depth: int) -> dict[str, tuple[Converter, bool]]:
    hints = hints_of(kind)
    missing = dataclasses.MISSING
    return {
        field.name: (
            converter(hints.get(field.name, typing.Any), depth),
            field.default is missing and field.default_factory is missing,
        )
        for field in dataclasses.fields(kind)
        if field.init
    }


def hints_of(owner: Any) -> Mapping[str, Any]:
    """Return the annotations of a function or class, without those that cannot be evaluated."""
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except Exception:
        # One name that is not there, as under `if TYPE_CHECKING`, is no reason to lose the others.
        pass
    found: dict[str, Any] = {}
    for name, text in getattr(owner, "__annotations__", {}).items():
        try:
            alone = types.SimpleNamespace(__annotations__={name: text})
            scope = getattr(owner, "__globals__", {})
            found |= typing.get_type_hints(alone, globalns=scope, include_extras=True)
        except Exception:
            continue
    return found


def _within(path: str, convert: Converter, value: Any) -> Any:
    try:
        return convert(value)
    except Mismatch as err:
        raise Mismatch(err.expected, err.value, path + err.path) from None


def _decoded(text: str, start: str, convert: Converter) -> Any:
    """Return the JSON in a text, which begins in a certain way."""
    import json

    if text.lstrip().startswith(start):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    raise convert.mismatch(text)


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _json(value) if value is not None else "null"


def _one_of(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
