"""Running the steps of a pipe: to a value, to a coroutine, or to a stream of values."""

from __future__ import annotations

from contextlib import aclosing

from owt._response import Abort
from owt.summat._pipe._later import Held, after, close, is_async, is_awaitable, items_of
from owt.summat._pipe._state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from owt.summat._pipe._builder import Pipe

_LONGEST_SHOWN = 60


class Step:
    """One step: its name and arguments, for people, and what it does with a state."""

    __slots__ = ("_fns", "_shown", "name", "work")

    def __init__(
        self,
        name: str,
        work: Callable[[State], Any] | None,
        shown: tuple[Any, ...] = (),
        fns: tuple[Any, ...] = (),
    ) -> None:
        self.name = name
        # A state, or an awaitable of one. None: the step streams the last value.
        self.work = work
        self._shown = shown
        self._fns = fns

    @property
    def is_async(self) -> bool:
        """Whether the step has a coroutine to await, as far as can be told before."""
        return any(is_async(fn) or _has_async(fn) for fn in self._fns)

    def __str__(self) -> str:
        return f"{self.name}({', '.join([*map(_named, self._fns), *map(_shown, self._shown)])})"


class Composed:
    """What is made of steps. It never changes, so threads may share it."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[Step, ...] = ()) -> None:
        self._steps = steps

    def _then(
        self,
        name: str,
        work: Callable[[State], Any] | None,
        *fns: Any,
        shown: tuple[Any, ...] = (),
    ) -> Pipe[Any, Any, Any]:
        for fn in fns:
            if not callable(fn):
                kind = type(fn).__name__
                raise TypeError(f"{name}() takes a function or another pipe, and got a {kind}")
        made: Any = type(self)((*self._steps, Step(name, work, shown, fns)))
        return made  # type: ignore[no-any-return]

    def _value(self, name: str, value: Callable[[State], Any], *shown: Any) -> Pipe[Any, Any, Any]:
        """Add a step that makes the last value, and leaves the arguments."""
        return self._then(name, lambda state: after(value(state), state.with_last), shown=shown)

    def _result(
        self, name: str, value: Callable[[State], Any], *fns: Any, shown: tuple[Any, ...] = ()
    ) -> Pipe[Any, Any, Any]:
        """Add a step whose functions make the last value, which is then all that is left."""
        return self._then(name, lambda state: after(value(state), state.alone), *fns, shown=shown)


def apply(fn: Any, state: State) -> Any:
    """Call a step's function, or run a pipe that stands for one, with the state's last value."""
    if isinstance(fn, Composed):
        return after(run(fn._steps, state.within(state.last)), lambda ended: ended.last)
    return state.call(fn)


def apply_to(fn: Any, state: State, value: Any) -> Any:
    """Call a function with one value and nothing else; a pipe has the arguments all the same."""
    return apply(fn, state.with_last(value)) if isinstance(fn, Composed) else fn(value)


def run(steps: tuple[Step, ...], state: State, start: int = 0) -> Any:
    """Return the state after the steps from `start` on; a coroutine of it if one has to wait."""
    for index in range(start, len(steps)):
        step = steps[index]
        try:
            if step.work is None:
                return state.with_last(_streamed(steps, index, state))
            result = step.work(state)
        except Exception as err:
            _name_step(err, index, step)
            raise
        if is_awaitable(result):
            return _waited(steps, index, state, Held(result))
        state = result
    return state


def _waited(steps: tuple[Step, ...], index: int, state: State, result: Held) -> Any:
    later = _run_later(steps, index, result)
    if any(step.work is None for step in steps[index + 1 :]):
        return state.with_last(_stream_later(Held(later)))
    return later


async def _run_later(steps: tuple[Step, ...], index: int, result: Held) -> Any:
    try:
        state = await result
    except Exception as err:
        _name_step(err, index, steps[index])
        raise
    rest = run(steps, state, index + 1)
    return (await rest) if is_awaitable(rest) else rest


async def _stream_later(ended: Held) -> AsyncGenerator[Any, None]:
    state = await ended
    async with aclosing(items_of(state.last)) as items:
        async for item in items:
            yield item


def _streamed(steps: tuple[Step, ...], index: int, state: State) -> Any:
    """Return a generator that takes each item of the last value through the steps that follow."""
    source, rest = state.given(), steps[index + 1 :]
    if hasattr(type(source), "__aiter__") or any(step.is_async for step in rest):
        return _aitems(steps, index, state, source)
    # What has no items is told now, while the answer has not begun.
    return _items(steps, index, state, source, iter(source))


def _items(
    steps: tuple[Step, ...], index: int, state: State, source: Any, items: Any
) -> Generator[Any, None, None]:
    nests = _streams_again(steps, index)
    try:
        while True:
            try:
                item = next(items, _END)
            except Exception as err:
                _name_step(err, index, steps[index])
                raise
            if item is _END:
                return
            result = run(steps, state.with_last(item), index + 1)
            if is_awaitable(result) or (nests and not hasattr(result.last, "__next__")):
                close(result)
                raise TypeError(_UNEXPECTED_AWAITABLE)
            if nests:
                yield from result.last
            else:
                yield result.value()
    finally:
        close(source)


async def _aitems(
    steps: tuple[Step, ...], index: int, state: State, source: Any
) -> AsyncGenerator[Any, None]:
    nests = _streams_again(steps, index)
    async with aclosing(_named_items(steps, index, source)) as items:
        async for item in items:
            result = run(steps, state.with_last(item), index + 1)
            if is_awaitable(result):
                result = await result
            if not nests:
                yield result.value()
                continue
            async with aclosing(items_of(result.last)) as inner:
                async for each in inner:
                    yield each


async def _named_items(
    steps: tuple[Step, ...], index: int, source: Any
) -> AsyncGenerator[Any, None]:
    async with aclosing(items_of(source)) as items:
        while True:
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
            except Exception as err:
                _name_step(err, index, steps[index])
                raise
            yield item


def _streams_again(steps: tuple[Step, ...], index: int) -> bool:
    return any(step.work is None for step in steps[index + 1 :])


def _name_step(err: Exception, index: int, step: Step) -> None:
    """Add the step to what an exception says of itself; the exception stays what it is.

    Of pipes within pipes, each adds its own: `step 2, to(…): step 1, f(<lambda>): KeyError: 'a'`.
    """
    from owt._describe import one_line

    if isinstance(err, Abort):
        return
    place = f"step {index + 1}, {step}: "
    notes = list(getattr(err, "__notes__", ()))
    inner = notes.pop() if notes and isinstance(notes[-1], _Place) else one_line(err)
    if place in inner:
        # One object that is raised again and again must not grow.
        return
    try:
        err.__notes__ = [*notes, _Place(place + inner)]
    except Exception:
        # One that lets nothing be set on it; what it says itself still arrives.
        return


class _Place(str):
    """A note that says in which step it was."""

    __slots__ = ()


_END = object()
_UNEXPECTED_AWAITABLE = (
    "a step gave something to await within a stream that is not async: write its function with "
    "async def, or stream an async generator"
)


def _has_async(fn: Any) -> bool:
    return isinstance(fn, Composed) and any(step.is_async for step in fn._steps)


def _named(fn: Any) -> str:
    if isinstance(fn, Composed):
        return _shortened(repr(fn))
    name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return name.rpartition("<locals>.")[2] or name


def _shown(value: Any) -> str:
    from reprlib import repr as short_repr

    return _shortened(short_repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
