"""Runs the steps of a pipe: to a value, a coroutine, or a stream of values."""

from __future__ import annotations

from contextlib import aclosing

from owt._response import Abort
from owt.summat._pipe._awaiting import AutoClosed, chain, close, is_async, is_awaitable, items_of
from owt.summat._pipe._state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from owt.summat._pipe._builder import Pipe

_MAX_SHOWN = 60


class Step:
    """One step: what it does with a state, and its name and arguments for messages."""

    __slots__ = ("_args", "_fns", "name", "work")

    def __init__(
        self,
        name: str,
        work: Callable[[State], Any] | None,
        args: tuple[Any, ...] = (),
        fns: tuple[Any, ...] = (),
    ) -> None:
        self.name = name
        # Returns the next state, or an awaitable of it. None: the step streams the last value.
        self.work = work
        self._args = args
        self._fns = fns

    @property
    def is_async(self) -> bool:
        """Whether the step will be awaited, as far as its functions show."""
        return any(is_async(fn) or _is_async_pipe(fn) for fn in self._fns)

    def __str__(self) -> str:
        texts = [*map(_function_name, self._fns), *map(_short_repr, self._args)]
        return f"{self.name}({', '.join(texts)})"


class StepSequence:
    """An immutable sequence of steps, which threads may share."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[Step, ...] = ()) -> None:
        self._steps = steps

    def _add_step(
        self,
        name: str,
        work: Callable[[State], Any] | None,
        *fns: Any,
        args: tuple[Any, ...] = (),
    ) -> Pipe[Any, Any, Any]:
        for fn in fns:
            if not callable(fn):
                kind = type(fn).__name__
                raise TypeError(f"{name}() takes a function or another pipe, and got a {kind}")
        pipe: Any = type(self)((*self._steps, Step(name, work, args, fns)))
        return pipe  # type: ignore[no-any-return]

    def _value(self, name: str, value: Callable[[State], Any], *args: Any) -> Pipe[Any, Any, Any]:
        """Add a step that sets the last value and keeps the arguments."""
        return self._add_step(name, lambda state: chain(value(state), state.with_last), args=args)

    def _result(
        self, name: str, value: Callable[[State], Any], *fns: Any, args: tuple[Any, ...] = ()
    ) -> Pipe[Any, Any, Any]:
        """Add a step whose functions set the last value; the arguments are then gone."""
        return self._add_step(
            name, lambda state: chain(value(state), state.with_only), *fns, args=args
        )


def apply(fn: Any, state: State) -> Any:
    """Call a step's function, or run its pipe, with a state."""
    if isinstance(fn, StepSequence):
        return chain(run(fn._steps, state.nested(state.last)), lambda ended: ended.last)
    return state.call(fn)


def apply_to(fn: Any, state: State, value: Any) -> Any:
    """Call a function with a value alone; a pipe still gets the arguments."""
    return apply(fn, state.with_last(value)) if isinstance(fn, StepSequence) else fn(value)


def run(steps: tuple[Step, ...], state: State, start: int = 0) -> Any:
    """Return the state after the steps from `start` on; a coroutine of it if one is awaited."""
    for index in range(start, len(steps)):
        step = steps[index]
        try:
            if step.work is None:
                return state.with_last(_stream(steps, index, state))
            result = step.work(state)
        except Exception as err:
            _add_step_note(err, index, step)
            raise
        if is_awaitable(result):
            return _continue_async(steps, index, state, AutoClosed(result))
        state = result
    return state


def _continue_async(steps: tuple[Step, ...], index: int, state: State, result: AutoClosed) -> Any:
    later = _run_async(steps, index, result)
    if any(step.work is None for step in steps[index + 1 :]):
        return state.with_last(_stream_async(AutoClosed(later)))
    return later


async def _run_async(steps: tuple[Step, ...], index: int, result: AutoClosed) -> Any:
    try:
        state = await result
    except Exception as err:
        _add_step_note(err, index, steps[index])
        raise
    rest = run(steps, state, index + 1)
    return (await rest) if is_awaitable(rest) else rest


async def _stream_async(ended: AutoClosed) -> AsyncGenerator[Any, None]:
    state = await ended
    async with aclosing(items_of(state.last)) as items:
        async for item in items:
            yield item


def _stream(steps: tuple[Step, ...], index: int, state: State) -> Any:
    """Return a generator that runs the following steps for each item of the last value."""
    source, rest = state.require_last(), steps[index + 1 :]
    if hasattr(type(source), "__aiter__") or any(step.is_async for step in rest):
        return _aitems(steps, index, state, source)
    # A value without items is an error now, before the response has begun.
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
                _add_step_note(err, index, steps[index])
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
                _add_step_note(err, index, steps[index])
                raise
            yield item


def _streams_again(steps: tuple[Step, ...], index: int) -> bool:
    return any(step.work is None for step in steps[index + 1 :])


def _add_step_note(err: Exception, index: int, step: Step) -> None:
    """Add a note with the step to an exception, which stays the same otherwise.

    Nested pipes each add their step: `step 2, to(…): step 1, f(<lambda>): KeyError: 'a'`.
    """
    from owt._describe import type_and_text

    if isinstance(err, Abort):
        return
    place = f"step {index + 1}, {step}: "
    notes = list(getattr(err, "__notes__", ()))
    inner = notes.pop() if notes and isinstance(notes[-1], _StepNote) else type_and_text(err)
    if place in inner:
        # The same object may be raised again; its note must not grow.
        return
    try:
        err.__notes__ = [*notes, _StepNote(place + inner)]
    except Exception:
        # An exception without settable attributes goes on without a note.
        return


class _StepNote(str):
    """A note with the steps in which an exception was raised."""

    __slots__ = ()


_END = object()
_UNEXPECTED_AWAITABLE = (
    "a step gave something to await within a stream that is not async: write its function with "
    "async def, or stream an async generator"
)


def _is_async_pipe(fn: Any) -> bool:
    return isinstance(fn, StepSequence) and any(step.is_async for step in fn._steps)


def _function_name(fn: Any) -> str:
    if isinstance(fn, StepSequence):
        return _truncate(repr(fn))
    name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return name.rpartition("<locals>.")[2] or name


def _short_repr(value: Any) -> str:
    from reprlib import repr as short_repr

    return _truncate(short_repr(value))


def _truncate(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
