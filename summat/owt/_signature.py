"""Which parameters a handler has, as far as calling it is concerned."""

from __future__ import annotations

import re
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ANY_POSITIONAL = 0x04
_ANY_KEYWORD = 0x08
# `Request` of any module, alone or with None, as annotations are written and shown.
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
        # Those that are annotated with a class called Request.
        self.annotated: frozenset[str] = frozenset()
        self.any_positional = False
        self.any_keyword = False

    def by_name(self) -> frozenset[str]:
        """Return the parameters that can be given by name."""
        return frozenset(self.positional[self.position_only :] + self.keyword_only)

    def takes_anything(self) -> bool:
        """Return whether it is `(*args, **kwargs)`, as many decorators write."""
        is_open = self.any_positional and self.any_keyword
        return is_open and not (self.positional or self.keyword_only)


def signature(handler: Callable[..., Any]) -> Signature | None:
    """Return the signature of a handler; None for a builtin that tells none."""
    # A plain function is read directly, ten times as fast; one with attributes may be a wrapper.
    if type(handler) is FunctionType and not handler.__dict__:
        return _of_function(handler)
    return _inspected(handler)


def _of_function(function: FunctionType) -> Signature:
    code, read = function.__code__, Signature()
    end = code.co_argcount + code.co_kwonlyargcount
    read.positional = code.co_varnames[: code.co_argcount]
    read.position_only = code.co_posonlyargcount
    read.keyword_only = code.co_varnames[code.co_argcount : end]
    without_default = code.co_argcount - len(function.__defaults__ or ())
    keyword_defaults = function.__kwdefaults__ or {}
    read.required = frozenset(read.positional[:without_default]) | (
        frozenset(read.keyword_only) - keyword_defaults.keys()
    )
    read.annotated = _annotated_of(function)
    read.any_positional = bool(code.co_flags & _ANY_POSITIONAL)
    read.any_keyword = bool(code.co_flags & _ANY_KEYWORD)
    return read


def _annotated_of(function: FunctionType) -> frozenset[str]:
    try:
        annotations = function.__annotations__
    except Exception:
        # From Python 3.14 on they are evaluated now, and that is the adaptor's own code.
        return frozenset()
    return frozenset(name for name, value in annotations.items() if _is_request(value))


def _is_request(annotation: object) -> bool:
    if isinstance(annotation, type):
        return annotation.__name__ == "Request"
    try:
        text = annotation if isinstance(annotation, str) else repr(annotation)
    except Exception:
        return False
    return _REQUEST.fullmatch(text.strip("'\" ")) is not None


def _inspected(handler: Callable[..., Any]) -> Signature | None:
    import inspect

    try:
        parameters = inspect.signature(handler).parameters.values()
    except Exception:
        # A builtin that tells none, or an object whose attributes are not what they seem.
        return None
    kinds, read = inspect.Parameter, Signature()
    by_position = (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    read.positional = tuple(each.name for each in parameters if each.kind in by_position)
    read.position_only = sum(each.kind is kinds.POSITIONAL_ONLY for each in parameters)
    read.keyword_only = tuple(each.name for each in parameters if each.kind is kinds.KEYWORD_ONLY)
    named = (*read.positional, *read.keyword_only)
    read.required = frozenset(
        each.name for each in parameters if each.default is kinds.empty and each.name in named
    )
    read.annotated = frozenset(each.name for each in parameters if _is_request(each.annotation))
    read.any_positional = any(each.kind is kinds.VAR_POSITIONAL for each in parameters)
    read.any_keyword = any(each.kind is kinds.VAR_KEYWORD for each in parameters)
    return read


def shown(name: str, handler: Callable[..., Any]) -> str:
    """Return `name(parameters)` for a message."""
    import inspect

    try:
        return name + str(inspect.signature(handler))
    except Exception:
        # The text of a default is the adaptor's own code, and may raise.
        return f"{name}(…)"
