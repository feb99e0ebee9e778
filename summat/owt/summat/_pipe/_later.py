"""Going on with a value that may be awaitable: one way of writing a step for both kinds."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from owt.summat._pipe._state import Nothing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from typing import Any

_IS_COROUTINE_FUNCTION = 0x80


class Held:
    """An awaitable that is closed if nobody comes to await it, where Python would complain."""

    __slots__ = ("_awaitable",)

    def __init__(self, awaitable: Any) -> None:
        self._awaitable: Any = awaitable

    def __await__(self) -> Any:
        awaitable, self._awaitable = self._awaitable, None
        return awaitable.__await__()

    def __del__(self) -> None:
        close = getattr(self._awaitable, "close", None)
        if close is not None:
            close()


def is_awaitable(value: Any) -> bool:
    """Say whether a value can be awaited; its class is not enough to be asked, as a mock's is."""
    return hasattr(type(value), "__await__")


def is_async(fn: Any) -> bool:
    """Say whether a callable was written with `async def`, without the cost of `inspect`."""
    while isinstance(fn, partial):
        fn = fn.func
    code = getattr(fn, "__code__", None) or getattr(type(fn).__call__, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _IS_COROUTINE_FUNCTION)


def after(value: Any, go_on: Callable[[Any], Any]) -> Any:
    """Return `go_on(value)`; a coroutine of it if `value` is awaitable."""
    return _later(Held(value), go_on) if is_awaitable(value) else go_on(value)


async def _later(held: Held, go_on: Callable[[Any], Any]) -> Any:
    value = go_on(await held)
    return (await value) if is_awaitable(value) else value


def for_each(do: Callable[[Any], Any], values: Any) -> Any:
    """Do something with one element after the other, and close a generator in the end.

    A coroutine if an element needs one, or if the elements come asynchronously.
    """
    if hasattr(type(values), "__aiter__"):
        return _for_each_later(do, values)
    left = iter(values)
    for each in left:
        pending = do(each)
        if is_awaitable(pending):
            return _rest_later(do, Held(pending), left)
    return None


async def _for_each_later(do: Callable[[Any], Any], values: Any) -> None:
    async with aclosing(items_of(values)) as items:
        async for each in items:
            pending = do(each)
            if is_awaitable(pending):
                await pending


async def _rest_later(do: Callable[[Any], Any], first: Held, left: Iterator[Any]) -> None:
    await first
    await _for_each_later(do, left)


async def items_of(values: Any) -> AsyncGenerator[Any, None]:
    """Yield the elements of an iterable of either kind, and close it in the end."""
    try:
        if hasattr(type(values), "__aiter__"):
            async for each in values:
                yield each
        else:
            for each in values:
                yield each
    finally:
        await _aclose(values)


async def _aclose(values: Any) -> None:
    if hasattr(values, "aclose"):
        await values.aclose()
    else:
        close(values)


def close(values: Any) -> None:
    """Close what can be closed, such as a generator or a file."""
    if type(values) is not Nothing and hasattr(values, "close"):
        values.close()
