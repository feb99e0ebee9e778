"""The state between two steps: the last value and the arguments; and how functions get them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._signature import Signature

LAST = "__last__"


class NoValue:
    """The type of a missing last value."""

    __slots__ = ()


# Before the first value, and after `clear()`.
NO_VALUE = NoValue()
CLEARED = NoValue()


class State:
    """The request, the remaining arguments, the last value, and what the pipe was called with."""

    __slots__ = ("initial", "kwargs", "last", "request")

    def __init__(
        self, request: Any, kwargs: dict[str, Any], last: Any, initial: tuple[Any, dict[str, Any]]
    ) -> None:
        self.request = request
        self.kwargs = kwargs
        self.last = last
        # The last value and the arguments with which the pipe was called.
        self.initial = initial

    @classmethod
    def first(cls, request: Any, kwargs: dict[str, Any], last: Any) -> State:
        """Return the state before the first step."""
        return cls(request, kwargs, last, (last, kwargs))

    def with_last(self, last: Any) -> State:
        """Return the state with another last value and the same arguments."""
        return State(self.request, self.kwargs, last, self.initial)

    def with_only(self, last: Any) -> State:
        """Return the state with another last value and no arguments, as after a function."""
        return State(self.request, {}, last, self.initial)

    def restart(self, last: Any) -> State:
        """Return the state with another last value and all arguments of the pipe's call."""
        return State(self.request, self.initial[1], last, self.initial)

    def with_defaults(self, defaults: dict[str, Any]) -> State:
        """Return the state with these arguments, unless the call gave others."""
        of_call = self.initial[1]
        found = {name: of_call.get(name, default) for name, default in defaults.items()}
        return State(self.request, {**found, **self.kwargs}, self.last, self.initial)

    def nested(self, last: Any) -> State:
        """Return the initial state of a pipe that is a step of this one."""
        return State.first(self.request, self.kwargs, last)

    def require_last(self) -> Any:
        """Return the last value, or raise a TypeError."""
        if type(self.last) is NoValue:
            raise TypeError(
                "the pipe has no value here yet: begin it with a source, such as json()"
            )
        return self.last

    def require_request(self) -> Any:
        """Return the request, or raise a TypeError."""
        if self.request is None:
            raise TypeError("this step needs a request, and the pipe was called without one")
        return self.request

    def value(self) -> Any:
        """Return the last value as the result of the pipe; None if there is none."""
        return None if type(self.last) is NoValue else self.last

    def call(self, fn: Callable[..., Any]) -> Any:
        """Call a function with the last value and the arguments.

        The rules are those in `Pipe.f`. Positional-only parameters get no arguments by name. What
        `functools.partial` has bound by position is not a parameter any more; what it has bound by
        name is one with a default. A callable object has the parameters of its `__call__`, and a
        class those of its constructor.
        """
        if not self.kwargs and self.last is not CLEARED:
            return fn() if self.last is NO_VALUE else fn(self.last)
        from owt._signature import signature

        params = signature(fn)
        if not self.kwargs:
            return fn(None) if _needs_one(params) else fn()
        named = _accepted(params, self.kwargs)
        if type(self.last) is NoValue:
            return fn(**named)
        if params is None or (LAST not in params.by_name() and _leaves_first(params, named)):
            return fn(self.last, **named)
        if LAST in params.by_name() or params.any_keyword:
            return fn(**named, **{LAST: self.last})
        return fn(**named)


def _accepted(params: Signature | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    if params is None:
        return {}
    if params.any_keyword:
        return kwargs
    return {name: value for name, value in kwargs.items() if name in params.by_name()}


def _needs_one(params: Signature | None) -> bool:
    if params is None or len(params.positional) != 1:
        return False
    return params.positional[0] in params.required


def _leaves_first(params: Signature, named: dict[str, Any]) -> bool:
    """Tell whether the first parameter is free for a value by position."""
    if not params.positional:
        return params.any_positional
    return params.position_only > 0 or params.positional[0] not in named
