"""Continues with a value that may be awaitable, so that each step is written only once."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from owt.summat._pipe._state import NoValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from typing import Any

_IS_COROUTINE_FUNCTION = 0x80


class AutoClosed:
    """An awaitable that is closed if it is never awaited; Python would warn instead."""

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
    """Tell whether a value can be awaited: by its class, because mocks have any attribute."""
    return hasattr(type(value), "__await__")


def is_async(fn: Any) -> bool:
    """Tell whether a callable was defined with `async def`, without importing `inspect`."""
    while isinstance(fn, partial):
        fn = fn.func
    code = getattr(fn, "__code__", None) or getattr(type(fn).__call__, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _IS_COROUTINE_FUNCTION)


def chain(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return `function(value)`; if `value` is awaitable, a coroutine of it."""
    if is_awaitable(value):
        return _chain_async(AutoClosed(value), function)
    return function(value)


async def _chain_async(awaitable: AutoClosed, function: Callable[[Any], Any]) -> Any:
    value = function(await awaitable)
    return (await value) if is_awaitable(value) else value


def for_each(do: Callable[[Any], Any], values: Any) -> Any:
    """Call `do` with each element in turn, and close a generator in the end.

    Returns a coroutine if a result is awaitable, or if the elements are asynchronous.
    """
    if hasattr(type(values), "__aiter__"):
        return _for_each_async(do, values)
    left = iter(values)
    for each in left:
        pending = do(each)
        if is_awaitable(pending):
            return _rest_async(do, AutoClosed(pending), left)
    return None


async def _for_each_async(do: Callable[[Any], Any], values: Any) -> None:
    async with aclosing(items_of(values)) as items:
        async for each in items:
            pending = do(each)
            if is_awaitable(pending):
                await pending


async def _rest_async(do: Callable[[Any], Any], first: AutoClosed, left: Iterator[Any]) -> None:
    await first
    await _for_each_async(do, left)


async def items_of(values: Any) -> AsyncGenerator[Any, None]:
    """Yield the elements of a sync or async iterable, and close it in the end."""
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
    """Close a value that has `close`, such as a generator or a file."""
    if type(values) is not NoValue and hasattr(values, "close"):
        values.close()
