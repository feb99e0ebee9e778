"""Finds the function inside of a wrapper that was made without `functools.wraps`."""

from __future__ import annotations

from types import FunctionType, MethodType

from owt._signature import Signature, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CellType
    from typing import Any

_MAX_WRAPPERS = 16


def wrapped_signature(wrapper: Callable[..., Any], name: str) -> Signature | None:
    """Return the signature of the function inside of a wrapper with `(*args, **kwargs)`.

    None if there is no clear one. It is in the closure of a function, or among the attributes of
    another object; of several callables there, it is the one that was defined as `name`.
    """
    for _ in range(_MAX_WRAPPERS):
        inner = _wrapped(wrapper, name)
        found = None if inner is None else signature(inner)
        if inner is None or found is None or not found.takes_anything():
            return found
        wrapper = inner
    return None


def is_singledispatch(handler: Callable[..., Any]) -> bool:
    """Return whether a handler is made by `functools.singledispatch`."""
    return callable(getattr(handler, "register", None)) and hasattr(handler, "__wrapped__")


def _wrapped(wrapper: Callable[..., Any], name: str) -> Callable[..., Any] | None:
    if isinstance(wrapper, MethodType):
        inner = _wrapped(wrapper.__func__, name)
        return MethodType(inner, wrapper.__self__) if isinstance(inner, FunctionType) else inner
    callables = [each for each in _contents(wrapper) if _is_python(each)]
    named = [each for each in callables if getattr(each, "__name__", None) == name]
    found: list[Callable[..., Any]] = named if len(named) == 1 else callables
    return found[0] if len(found) == 1 else None


def _contents(wrapper: Callable[..., Any]) -> list[Any]:
    if isinstance(wrapper, FunctionType):
        return [_cell_value(cell) for cell in wrapper.__closure__ or ()]
    attributes = getattr(wrapper, "__dict__", None)
    return list(attributes.values()) if isinstance(attributes, dict) else []


def _cell_value(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        # The cell is still empty.
        return None


def _is_python(value: object) -> bool:
    """Return whether a value is a callable written in Python, but not a class."""
    call = getattr(type(value), "__call__", None)  # noqa: B004
    return isinstance(value, FunctionType | MethodType) or isinstance(call, FunctionType)
