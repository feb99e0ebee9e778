"""What a step sees, the last value and the arguments, and how a function gets them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._signature import Signature

LAST = "__last__"


class Nothing:
    """A last value that is not there."""

    __slots__ = ()


# Before there is one, and after `clear()`.
NOTHING = Nothing()
CLEARED = Nothing()


class State:
    """The request, the arguments that are left, the last value, and what the pipe began with."""

    __slots__ = ("begun", "kwargs", "last", "request")

    def __init__(
        self, request: Any, kwargs: dict[str, Any], last: Any, begun: tuple[Any, dict[str, Any]]
    ) -> None:
        self.request = request
        self.kwargs = kwargs
        self.last = last
        # The last value and the arguments with which the pipe was called.
        self.begun = begun

    @classmethod
    def first(cls, request: Any, kwargs: dict[str, Any], last: Any) -> State:
        """Return the state before the first step."""
        return cls(request, kwargs, last, (last, kwargs))

    def with_last(self, last: Any) -> State:
        """Return the state after a step that gave `last`, and left the arguments."""
        return State(self.request, self.kwargs, last, self.begun)

    def alone(self, last: Any) -> State:
        """Return the state after a function gave `last`: from then on, the arguments are gone."""
        return State(self.request, {}, last, self.begun)

    def again(self, last: Any) -> State:
        """Return the state with `last` and all arguments with which the pipe was called."""
        return State(self.request, self.begun[1], last, self.begun)

    def with_defaults(self, defaults: dict[str, Any]) -> State:
        """Return the state with these arguments; what came with the call counts more."""
        came = self.begun[1]
        found = {name: came.get(name, default) for name, default in defaults.items()}
        return State(self.request, {**found, **self.kwargs}, self.last, self.begun)

    def within(self, last: Any) -> State:
        """Return the state with which a pipe that is itself a step begins."""
        return State.first(self.request, self.kwargs, last)

    def given(self) -> Any:
        """Return the last value, which has to be there."""
        if type(self.last) is Nothing:
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
        return None if type(self.last) is Nothing else self.last

    def call(self, fn: Callable[..., Any]) -> Any:
        """Call a function with what there is.

        1. Without arguments, it gets the last value by position; nothing if there is none. After
           `clear()`, a function of one parameter gets None.
        2. Otherwise it gets by name those arguments that it has parameters for, or all of them if
           it takes `**kwargs`.
        3. The last value then goes to its parameter `__last__`. If it has none, to its first
           parameter, if that is still to be filled. If it is not, into `**kwargs`, as `__last__`.

        A parameter can be given by name unless it is positional only. A builtin that does not tell
        its parameters gets the last value alone. What `functools.partial` has bound by position is
        no parameter any more; what it has bound by name is one with a default. A callable object
        has the parameters of its `__call__`, and a class those of its construction.
        """
        if not self.kwargs and self.last is not CLEARED:
            return fn() if self.last is NOTHING else fn(self.last)
        from owt._signature import signature

        read = signature(fn)
        if not self.kwargs:
            return fn(None) if _needs_one(read) else fn()
        named = _accepted(read, self.kwargs)
        if type(self.last) is Nothing:
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


def _needs_one(read: Signature | None) -> bool:
    return read is not None and len(read.positional) == 1 and read.positional[0] in read.required


def _leaves_first(read: Signature, named: dict[str, Any]) -> bool:
    """Say whether the first parameter is left for a value given by position."""
    if not read.positional:
        return read.any_positional
    return read.position_only > 0 or read.positional[0] not in named
