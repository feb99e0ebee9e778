"""The parameters of a handler, as far as calling it is concerned."""

from __future__ import annotations

import re
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ANY_POSITIONAL = 0x04
_ANY_KEYWORD = 0x08
# Annotations for `Request` of any module, also with None, as source or as `repr` shows them.
_REQUEST = re.compile(r"(?:[\w.]+\.)?(?:Optional\[)?(?:[\w.]+\.)?Request\]?(?:\s*\|\s*None)?")


class Signature:
    """The parameters of a callable."""

    __slots__ = (
        "annotated",
        "any_keyword",
        "any_positional",
        "keyword_only",
        "position_only",
        "positional",
        "required",
    )

    def __init__(self) -> None:
        # In order; the first `position_only` of them cannot be given by name.
        self.positional: tuple[str, ...] = ()
        self.position_only = 0
        self.keyword_only: tuple[str, ...] = ()
        self.required: frozenset[str] = frozenset()
        # Those that are annotated with a class named Request.
        self.annotated: frozenset[str] = frozenset()
        self.any_positional = False
        self.any_keyword = False

    def by_name(self) -> frozenset[str]:
        """Return the parameters that can be given by name."""
        return frozenset(self.positional[self.position_only :] + self.keyword_only)

    def takes_anything(self) -> bool:
        """Return whether it is `(*args, **kwargs)`, as in many decorators."""
        is_open = self.any_positional and self.any_keyword
        return is_open and not (self.positional or self.keyword_only)


def signature(handler: Callable[..., Any]) -> Signature | None:
    """Return the signature of a handler; None for a builtin without one."""
    # Reading a plain function is ten times as fast; one with attributes may be a wrapper.
    if type(handler) is FunctionType and not handler.__dict__:
        return _from_function(handler)
    return _from_inspect(handler)


def _from_function(function: FunctionType) -> Signature:
    code, found = function.__code__, Signature()
    end = code.co_argcount + code.co_kwonlyargcount
    found.positional = code.co_varnames[: code.co_argcount]
    found.position_only = code.co_posonlyargcount
    found.keyword_only = code.co_varnames[code.co_argcount : end]
    without_default = code.co_argcount - len(function.__defaults__ or ())
    keyword_defaults = function.__kwdefaults__ or {}
    found.required = frozenset(found.positional[:without_default]) | (
        frozenset(found.keyword_only) - keyword_defaults.keys()
    )
    found.annotated = _annotated_of(function)
    found.any_positional = bool(code.co_flags & _ANY_POSITIONAL)
    found.any_keyword = bool(code.co_flags & _ANY_KEYWORD)
    return found


def _annotated_of(function: FunctionType) -> frozenset[str]:
    try:
        annotations = function.__annotations__
    except Exception:
        # From Python 3.14 on, this evaluates code of the adaptor.
        return frozenset()
    return frozenset(name for name, value in annotations.items() if is_request(value))


def is_request(annotation: object) -> bool:
    if isinstance(annotation, type):
        return annotation.__name__ == "Request"
    try:
        text = annotation if isinstance(annotation, str) else repr(annotation)
    except Exception:
        return False
    return _REQUEST.fullmatch(text.strip("'\" ")) is not None


def _from_inspect(handler: Callable[..., Any]) -> Signature | None:
    import inspect

    try:
        parameters = inspect.signature(handler).parameters.values()
    except Exception:
        # A builtin without a signature, or an object with unusual attributes.
        return None
    kinds, found = inspect.Parameter, Signature()
    by_position = (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    found.positional = tuple(each.name for each in parameters if each.kind in by_position)
    found.position_only = sum(each.kind is kinds.POSITIONAL_ONLY for each in parameters)
    found.keyword_only = tuple(each.name for each in parameters if each.kind is kinds.KEYWORD_ONLY)
    named = (*found.positional, *found.keyword_only)
    found.required = frozenset(
        each.name for each in parameters if each.default is kinds.empty and each.name in named
    )
    found.annotated = frozenset(each.name for each in parameters if is_request(each.annotation))
    found.any_positional = any(each.kind is kinds.VAR_POSITIONAL for each in parameters)
    found.any_keyword = any(each.kind is kinds.VAR_KEYWORD for each in parameters)
    return found


def display(name: str, handler: Callable[..., Any]) -> str:
    """Return `name(parameters)` for a message."""
    import inspect

    try:
        return name + str(inspect.signature(handler))
    except Exception:
        # The `repr` of a default is code of the adaptor, and may raise.
        return f"{name}(…)"
