"""What a step sees, the last value and the arguments, and how a function gets them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._signature import Signature

LAST = "__last__"


class Nothing:
    """The last value before there is one."""

    __slots__ = ()


NOTHING = Nothing()


class State:
    """The request, the keyword arguments, the last value, and what the pipe began with."""

    __slots__ = ("input", "kwargs", "last", "request")

    def __init__(self, request: Any, kwargs: dict[str, Any], last: Any, began_with: Any) -> None:
        self.request = request
        self.kwargs = kwargs
        self.last = last
        self.input = began_with

    def with_last(self, last: Any) -> State:
        """Return the state after a step that gave `last`."""
        return State(self.request, self.kwargs, last, self.input)

    def with_defaults(self, defaults: dict[str, Any]) -> State:
        """Return the state with arguments for those that did not come."""
        return State(self.request, {**defaults, **self.kwargs}, self.last, self.input)

    def within(self, last: Any) -> State:
        """Return the state with which a pipe that is itself a step begins."""
        return State(self.request, self.kwargs, last, last)

    def given(self) -> Any:
        """Return the last value, which has to be there."""
        if self.last is NOTHING:
            raise TypeError(
                "the pipe has no value here yet: begin it with a source, such as json()"
            )
        return self.last

    def asked(self) -> Any:
        """Return the request, which has to be there."""
        if self.request is None:
            raise TypeError("this step needs a request, and the pipe was called without one")
        return self.request

    def value(self) -> Any:
        """Return the last value as a pipe's result: None if no step gave one."""
        return None if self.last is NOTHING else self.last

    def call(self, fn: Callable[..., Any]) -> Any:
        """Call a function with what there is.

        1. Without arguments, it gets the last value by position; nothing if there is none.
        2. Otherwise it gets by name those arguments that it has parameters for, or all of them if
           it takes `**kwargs`.
        3. The last value then goes to its parameter `__last__`. If it has none, to its first
           parameter, if that is still to be filled. If it is not, into `**kwargs`, as `__last__`.

        A parameter can be given by name unless it is positional only. A builtin that does not tell
        its parameters gets the last value alone. What `functools.partial` has bound by position is
        no parameter any more; what it has bound by name is one with a default. A callable object
        has the parameters of its `__call__`, and a class those of its construction.
        """
        if not self.kwargs:
            return fn() if self.last is NOTHING else fn(self.last)
        from owt._signature import signature

        read = signature(fn)
        named = _accepted(read, self.kwargs)
        if self.last is NOTHING:
            return fn(**named)
        if read is None or (LAST not in read.by_name() and _leaves_first(read, named)):
            return fn(self.last, **named)
        if LAST in read.by_name() or read.any_keyword:
            return fn(**named, **{LAST: self.last})
        return fn(**named)


def _accepted(read: Signature | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    if read is None:
        return {}
    if read.any_keyword:
        return kwargs
    return {name: value for name, value in kwargs.items() if name in read.by_name()}


def _leaves_first(read: Signature, named: dict[str, Any]) -> bool:
    """Say whether the first parameter is left for a value given by position."""
    if not read.positional:
        return read.any_positional
    return read.position_only > 0 or read.positional[0] not in named
