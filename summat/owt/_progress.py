"""Progress: what `request.progress` and loops report of the call in whose context they run."""

from __future__ import annotations

from weakref import WeakKeyDictionary, ref

from owt import _context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from typing import Any, SupportsFloat, TypeVar, overload

    from owt._bindings import Call

    T = TypeVar("T")

# The outermost loop of each call, which is the one that reports.
_outermost: WeakKeyDictionary[Call, ref[Loop]] = WeakKeyDictionary()
_is_forked_child = False


def after_fork() -> None:
    """Report nothing in a forked child, whose threads may have held the worker's locks."""
    global _is_forked_child
    _is_forked_child = True


def report(
    call: Call,
    done: SupportsFloat,
    total: SupportsFloat | None = None,
    text: object = None,
) -> None:
    """Report for a call."""
    if not _is_forked_child:
        call.progress(
            float(done),
            None if total is None else float(total),
            None if text is None else str(text),
        )


class Loop:
    """A loop of the call in this context: it reports, unless a loop around it does."""

    __slots__ = ("__weakref__", "_call")

    def __init__(self) -> None:
        self._call = _context.call_ref()
        call = self._open_call()
        if call is None:
            return
        outer = _outermost.get(call)
        if outer is not None and outer() is not None:
            self._call = None
        else:
            _outermost[call] = ref(self)

    def report(self, done: SupportsFloat, total: SupportsFloat | None, text: object) -> None:
        """Report how far the loop has come."""
        call = self._open_call()
        if call is not None:
            report(call, done, total, text)

    def end(self) -> None:
        """Let another loop report."""
        call = self._open_call()
        self._call = None
        if call is not None:
            _outermost.pop(call, None)

    def _open_call(self) -> Call | None:
        return None if self._call is None else self._call()


if TYPE_CHECKING:

    @overload
    def progress(
        items: AsyncIterable[T], total: float | None = None, text: str | None = None
    ) -> AsyncIterator[T]: ...
    @overload
    def progress(
        items: Iterable[T], total: float | None = None, text: str | None = None
    ) -> Iterator[T]: ...


def progress(items: Any, total: float | None = None, text: str | None = None) -> Any:
    """Give the items of an iterable, sync or async, and report how many the call has done.

    `total` is how many there are, by default what `len` says; `text` says what is being done. Of
    loops within loops, the outermost reports. Outside of a call, this gives the items alone.
    """
    if total is None:
        total = _length(items)
    if hasattr(items, "__aiter__"):
        return _each_async(items, total, text)
    return _each(items, total, text)


def _length(items: Any) -> int | None:
    try:
        return len(items)
    except TypeError:
        return None


def _each(items: Iterable[T], total: float | None, text: str | None) -> Iterator[T]:
    loop = Loop()
    done = 0
    try:
        loop.report(done, total, text)
        for item in items:
            yield item
            done += 1
            loop.report(done, total, text)
    finally:
        loop.end()


async def _each_async(
    items: AsyncIterable[T], total: float | None, text: str | None
) -> AsyncIterator[T]:
    loop = Loop()
    done = 0
    try:
        loop.report(done, total, text)
        async for item in items:
            yield item
            done += 1
            loop.report(done, total, text)
    finally:
        loop.end()
