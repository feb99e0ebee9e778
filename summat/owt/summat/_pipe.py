"""`pipe()`: a handler built from steps, each of which works on what the one before it left."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Step = Callable[["State"], "State"]

_LAST = "__last__"


class _Nothing:
    """The last value before there is one."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


class State:
    """What a step sees: the request, the keyword arguments, and the last value."""

    __slots__ = ("kwargs", "last", "request")

    def __init__(self, request: Any, kwargs: dict[str, Any], last: Any = NOTHING) -> None:
        self.request = request
        self.kwargs = kwargs
        self.last = last

    def with_last(self, last: Any) -> State:
        """Return the state after a step that gave `last`."""
        return State(self.request, self.kwargs, last)

    def call(self, fn: Callable[..., Any]) -> Any:
        """Call a step's function with what there is.

        A last value alone is given by position. Otherwise the function gets those arguments that it
        has parameters for by name, `__last__` too; if that leaves it a parameter to fill, and it
        did not ask for `__last__`, the last value fills the first such.
        """
        if not self.kwargs:
            return fn() if self.last is NOTHING else fn(self.last)
        named = _accepted(fn, self._named())
        if self.last is NOTHING or _LAST in named or not _leaves_one(fn, named):
            return fn(**named)
        return fn(self.last, **named)

    def _named(self) -> dict[str, Any]:
        return self.kwargs if self.last is NOTHING else {**self.kwargs, _LAST: self.last}


class Pipe:
    """A handler made of steps. It never changes: each method returns a new pipe."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[Step, ...] = ()) -> None:
        self._steps = steps

    def __call__(self, request: Any = None, /, **kwargs: Any) -> Any:
        """Run the steps on a request and return the last value; None if no step gave one."""
        state = State(request, kwargs, kwargs.pop(_LAST, NOTHING))
        for step in self._steps:
            state = step(state)
        return None if state.last is NOTHING else state.last

    def __repr__(self) -> str:
        return f"<Pipe of {len(self._steps)} steps>"

    def path(self) -> Pipe:
        """Take the request's path as the last value."""
        return self._source(lambda state: state.request.path)

    def query(self) -> Pipe:
        """Take the fields of the request's query, as a dict."""
        return self._source(lambda state: state.request.args.to_dict())

    def json(self) -> Pipe:
        """Take the request's body, read as JSON."""
        return self._source(lambda state: state.request.get_json(force=True))

    def kwarg(self, name: str) -> Pipe:
        """Take the argument `name`."""

        def value(state: State) -> Any:
            if name not in state.kwargs:
                raise TypeError(f"the pipe needs the argument {name!r}, which was not given")
            return state.kwargs[name]

        return self._source(value)

    def kwargs(self, **defaults: Any) -> Pipe:
        """Give arguments that did not come a default."""
        return self._then(
            lambda state: State(state.request, {**defaults, **state.kwargs}, state.last)
        )

    def const(self, x: Any) -> Pipe:
        """Take `x` as the last value."""
        return self._source(lambda _state: x)

    def f(self, fn: Callable[..., Any]) -> Pipe:
        """Take what `fn` returns for the last value and the arguments."""
        return self._source(lambda state: state.call(fn))

    def exec(self, fn: Callable[..., Any]) -> Pipe:
        """Call `fn` for its effect, and keep the last value."""

        def step(state: State) -> State:
            state.call(fn)
            return state

        return self._then(step)

    def cast(self, fn: Callable[[Any], Any]) -> Pipe:
        """Convert the last value with `fn`, which gets nothing else."""
        return self._source(lambda state: fn(_given(state)))

    def identity(self) -> Pipe:
        """Do nothing."""
        return self._then(lambda state: state)

    def map(self, fn: Callable[[Any], Any]) -> Pipe:
        """Convert each element of the last value, into a list."""
        return self._source(lambda state: [fn(each) for each in _given(state)])

    def ix(self, i: int) -> Pipe:
        """Take the element at index `i`."""
        return self._source(lambda state: _given(state)[i])

    def get(self, key: Any) -> Pipe:
        """Take the value under `key`."""
        return self._source(lambda state: _given(state)[key])

    def last(self) -> Pipe:
        """Take the last element."""
        return self._source(lambda state: _last_of(_given(state)))

    def done(self) -> Pipe:
        """End the pipe, for who likes to see it ended: a pipe is a handler as it stands."""
        return self

    def _source(self, value: Callable[[State], Any]) -> Pipe:
        return self._then(lambda state: state.with_last(value(state)))

    def _then(self, step: Step) -> Pipe:
        return Pipe((*self._steps, step))


def pipe() -> Pipe:
    """Return a pipe without steps, to be continued by its methods."""
    return Pipe()


def _given(state: State) -> Any:
    if state.last is NOTHING:
        raise TypeError("the pipe has no value here yet: begin it with a source, such as json()")
    return state.last


def _last_of(values: Iterable[Any]) -> Any:
    *_, last = values
    return last


def _accepted(fn: Callable[..., Any], named: dict[str, Any]) -> dict[str, Any]:
    from owt._signature import signature

    read = signature(fn)
    if read is None:
        return {}
    if read.any_keyword:
        return dict(named)
    return {name: value for name, value in named.items() if name in read.by_name()}


def _leaves_one(fn: Callable[..., Any], named: dict[str, Any]) -> bool:
    """Say whether the first parameter of `fn` is left for a value given by position."""
    from owt._signature import signature

    read = signature(fn)
    if read is None or not read.positional:
        return read is None or read.any_positional
    return read.positional[0] not in named
