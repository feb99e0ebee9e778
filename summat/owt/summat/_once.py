"""`once`: what is expensive to make, made once in a worker and kept warm for all calls to come."""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
import sys
import threading
import weakref
from types import ModuleType
from typing import TypeVar, overload

from owt import _same_thread
from owt._loop import resolve
from owt._module import KEPT, PACKAGE, Kept
from owt._turn import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any, ParamSpec

    from owt._same_thread import Line

    P = ParamSpec("P")

T = TypeVar("T")

# Seconds that closing what was made in an event loop may take at the end of a worker.
_CLOSING = 5.0


@overload
def once(name: str, make: Callable[[], Coroutine[Any, Any, T]]) -> Coroutine[Any, Any, T]: ...
@overload
def once(name: str, make: Callable[[], T]) -> T: ...
@overload
def once(name: Callable[P, T]) -> Callable[P, T]: ...
def once(name: Any, make: Any = None) -> Any:
    """Make something once in a worker, and give the same thing to every call from then on.

    As a decorator, for each set of (hashable) arguments once:

        @once
        def model(size="small"):
            return load(size)

        def run(request, text):
            return model().predict(text)

    By name, which all adaptors of the worker share, so that a new version of an adaptor finds what
    the last one has made:

        model = once("my-model", lambda: load("small"))

    One caller makes it, the others wait meanwhile; making goes on as long as one of them wants it,
    also if that one who began was cancelled. If making fails or is interrupted, that caller gets
    the error, and the next one tries again. Where the function is async, so is the result:
    `await model()`, `await once("my-model", load)`.

    What was made is closed, by its `aclose()`, `close()` or `__exit__()`, when the worker ends, and
    soon after the last adaptor that has asked for it was dropped and its calls have ended.
    """
    if isinstance(name, str):
        if not callable(make):
            raise TypeError(
                f"once({name!r}, make) takes a function that makes it, not {make!r:.80}"
            )
        return _by_name(name, make)
    if not callable(name) or make is not None:
        raise TypeError("once is a decorator, or called as once(name, make)")
    return _decorated(name)


def _decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    entries: dict[Any, Entry] = {}
    name = getattr(function, "__qualname__", repr(function))
    _kept_by(_asker())

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        key = (args, tuple(sorted(kwargs.items())))
        entry = entries.get(key) or entries.setdefault(key, Entry(name))
        return entry.get(functools.partial(function, *args, **kwargs))

    return made


def _by_name(name: str, make: Callable[[], Any]) -> Any:
    kept = _kept_by(_asker())
    entry = kept.get(name)
    if entry is None:
        with _registering:
            entry = _named.get(name) or Entry(name)
            _named[name] = kept[name] = entry
    return entry.get(make)


def _asker() -> dict[str, Any]:
    """Return the names of the adaptor that is running, nearest first; of no adaptor, our own."""
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(f"{PACKAGE}."):
            return frame.f_globals
        frame = frame.f_back  # type: ignore[assignment]
    return globals()


def _kept_by(namespace: dict[str, Any]) -> Kept:
    """Return what an adaptor keeps alive by name.

    It lies among the adaptor's own names, so it goes when they go: when the adaptor was dropped,
    and no call of it runs any more.
    """
    kept: Kept = namespace.setdefault(KEPT, Kept())
    return kept


class _Turn(Turn):
    """Held by whoever makes a value: the others wait until it is over, also in the event loop."""

    def __init__(self) -> None:
        super().__init__()
        # The making in an event loop, what it raised, and how many callers there wait for it.
        self.task: Task[None] | None = None
        self.failed: BaseException | None = None
        self._wanted = 0
        self._futures: list[tuple[AbstractEventLoop, Future[None]]] = []

    def end(self) -> None:
        super().end()
        for loop, future in self._futures:
            loop.call_soon_threadsafe(resolve, future)

    async def wait_in_loop(self) -> None:
        """Wait until it is over; the last one who stops waiting before stops the making."""
        import asyncio

        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._futures.append((loop, future))
        self._wanted += 1
        try:
            # It may have ended before it could know of this one.
            if not self.over.is_set():
                await future
        finally:
            self._wanted -= 1
            if self.task is not None and not self._wanted:
                self.task.get_loop().call_soon_threadsafe(self.task.cancel)


class Entry:
    """One thing that is made once."""

    # Whose turn it is to make the value.
    _holder: _Turn | None = None

    def __init__(self, name: str) -> None:
        self._name = name
        self._made: tuple[Any] | None = None
        self._loop: AbstractEventLoop | None = None
        self._taking = threading.Lock()
        with _registering:
            _alive.add(self)

    def get(self, make: Callable[[], Any]) -> Any:
        """Return the value, made by this thread if nobody else has or does."""
        if _is_async(make):
            return self._get_in_loop(make)
        if self._made is not None:
            return self._made[0]
        mine = _Turn()
        try:
            while (holder := self._take(mine)) is not mine:
                self._check_not_own(holder)
                holder.wait()
            return self._make(make)
        finally:
            # Without a call before the turn is given back: an interrupt comes at calls.
            if self._holder is mine:
                self._holder = None
                mine.end()

    async def _get_in_loop(self, make: Callable[[], Awaitable[Any]]) -> Any:
        import asyncio

        while self._made is None:
            mine = _Turn()
            holder = self._take(mine)
            if holder is mine:
                mine.task = asyncio.create_task(self._make_in_loop(make, mine))
            elif holder.task is not None and holder.task is asyncio.current_task():
                raise self._asks_for_itself()
            await holder.wait_in_loop()
            if holder is mine and mine.failed is not None:
                raise mine.failed
        return self._made[0]

    async def _make_in_loop(self, make: Callable[[], Awaitable[Any]], mine: _Turn) -> None:
        import asyncio

        try:
            self._loop = asyncio.get_running_loop()
            self._made = (await make(),)
        except BaseException as err:
            mine.failed = err
        finally:
            self._holder = None
            mine.end()

    def _take(self, mine: _Turn) -> _Turn:
        """Take the turn if it is nobody's; return who has it."""
        with self._taking:
            if self._holder is None:
                self._holder = mine
                mine.begin()
            return self._holder

    def _make(self, make: Callable[[], Any]) -> Any:
        if self._made is None:
            value = make()
            if inspect.iscoroutine(value):
                value.close()
                raise TypeError(
                    f"what makes {self._name!r} returns a coroutine: give once() the async function"
                )
            line = _same_thread.here()
            if line is not None:
                _lines[id(self)] = line
                line.belongings.add(self)
            self._made = (value,)
        return self._made[0]

    def forget(self) -> None:
        """Let the next one who asks for it make it: the thread that it belongs to is stuck."""
        self._made = None
        _lines.pop(id(self), None)

    def _check_not_own(self, holder: _Turn) -> None:
        if holder.thread == threading.get_ident():
            raise self._asks_for_itself()

    def _asks_for_itself(self) -> RuntimeError:
        return RuntimeError(f"making {self._name!r} asks for {self._name!r} itself")

    def close(self) -> None:
        """Close what was made; what that raises goes to the log."""
        made, self._made = self._made, None
        if made is None:
            return
        line = _lines.pop(id(self), None)
        try:
            if line is None:
                _close(made[0], self._loop)
            else:
                line.call(lambda: _close(made[0], None), _CLOSING)
        except Exception:
            logging.getLogger("owt.once").exception("closing %r failed", self._name)

    def __del__(self) -> None:
        if self._made is not None:
            # On a thread of its own: what is collected may be so anywhere, with any lock held.
            threading.Thread(target=Entry.close, args=(self,), name="owt-close").start()


def _is_async(make: Callable[[], Any]) -> bool:
    return inspect.iscoroutinefunction(make) or inspect.iscoroutinefunction(
        getattr(make, "__call__", None)  # noqa: B004
    )


def _close(value: Any, loop: AbstractEventLoop | None) -> None:
    if isinstance(value, type | ModuleType):
        return
    if hasattr(value, "aclose"):
        _run(value.aclose(), loop)
    elif hasattr(value, "close"):
        value.close()
    elif hasattr(value, "__exit__"):
        value.__exit__(None, None, None)


def _run(closing: Coroutine[Any, Any, None], loop: AbstractEventLoop | None) -> None:
    """Run a coroutine in the loop in which its value was made, from another thread."""
    import asyncio

    if loop is None or not loop.is_running():
        asyncio.run(closing)
    else:
        asyncio.run_coroutine_threadsafe(closing, loop).result(_CLOSING)


@atexit.register
def close_all() -> None:
    """Close everything that was made, at the end of the worker."""
    with _registering:
        entries = list(_alive)
    for entry in entries:
        entry.close()


_registering = threading.RLock()
_named: weakref.WeakValueDictionary[str, Entry] = weakref.WeakValueDictionary()
_alive: weakref.WeakSet[Entry] = weakref.WeakSet()
# The line on whose thread each entry was made, by the entry's id: held from here, a line is no part
# of the garbage that the entry may become, and is there to close it.
_lines: dict[int, Line] = {}
