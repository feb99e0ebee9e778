"""What a wrapper was made around, where it does not say so as `functools.wraps` does."""

from __future__ import annotations

from types import FunctionType, MethodType

from owt._signature import Signature, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CellType
    from typing import Any

_MOST_WRAPPERS = 16


def signature_within(wrapper: Callable[..., Any], name: str) -> Signature | None:
    """Return the signature of what a wrapper that takes anything was made around.

    None if that cannot be told. A function holds it in its closure, another object in its
    attributes; of several callables there, it is the one that was defined as `name`.
    """
    for _ in range(_MOST_WRAPPERS):
        inner = _within(wrapper, name)
        read = None if inner is None else signature(inner)
        if inner is None or read is None or not read.takes_anything():
            return read
        wrapper = inner
    return None


def dispatches(handler: Callable[..., Any]) -> bool:
    """Return whether a handler is made by `functools.singledispatch`."""
    return callable(getattr(handler, "register", None)) and hasattr(handler, "__wrapped__")


def _within(wrapper: Callable[..., Any], name: str) -> Callable[..., Any] | None:
    if isinstance(wrapper, MethodType):
        inner = _within(wrapper.__func__, name)
        return MethodType(inner, wrapper.__self__) if isinstance(inner, FunctionType) else inner
    callables = [each for each in _held(wrapper) if _is_python(each)]
    named = [each for each in callables if getattr(each, "__name__", None) == name]
    found: list[Callable[..., Any]] = named if len(named) == 1 else callables
    return found[0] if len(found) == 1 else None


def _held(wrapper: Callable[..., Any]) -> list[Any]:
    if isinstance(wrapper, FunctionType):
        return [_content(cell) for cell in wrapper.__closure__ or ()]
    held = getattr(wrapper, "__dict__", None)
    return list(held.values()) if isinstance(held, dict) else []


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        # It is empty as yet.
        return None


def _is_python(value: object) -> bool:
    """Return whether a value is a callable that was written in Python, and no class."""
    call = getattr(type(value), "__call__", None)  # noqa: B004
    return isinstance(value, FunctionType | MethodType) or isinstance(call, FunctionType)
