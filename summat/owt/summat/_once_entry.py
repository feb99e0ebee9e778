"""One value that is made once: by one thread or task while others wait, and closed in the end."""

from __future__ import annotations

import atexit
import inspect
import logging
import threading
import weakref
from types import ModuleType

from owt import _adaptor_threads
from owt._locks import Hold
from owt._loop import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from owt._adaptor_threads import AdaptorThread

# Seconds that closing a value in another thread or event loop may take.
_CLOSE_TIMEOUT = 5.0


class _Making(Hold):
    """The hold of whoever makes a value; tasks of an event loop can wait for its end, too."""

    def __init__(self) -> None:
        super().__init__()
        # The task that makes the value, what it raised, and how many tasks wait for it.
        self.task: Task[None] | None = None
        self.failed: BaseException | None = None
        self._waiting_tasks = 0
        self._futures: list[tuple[AbstractEventLoop, Future[None]]] = []

    def end(self) -> None:
        super().end()
        for loop, future in self._futures:
            loop.call_soon_threadsafe(resolve, future)

    async def wait_in_loop(self) -> None:
        """Wait for the end; when the last waiting task is cancelled, making is cancelled."""
        import asyncio

        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._futures.append((loop, future))
        self._waiting_tasks += 1
        try:
            # It may have ended before the future was added.
            if not self.has_ended:
                await future
        finally:
            self._waiting_tasks -= 1
            if self.task is not None and not self._waiting_tasks:
                self.task.get_loop().call_soon_threadsafe(self.task.cancel)


class Entry:
    """One value that is made once."""

    # Who makes the value at the moment.
    _current: _Making | None = None

    def __init__(self, name: str) -> None:
        self._name = name
        self._made: tuple[Any] | None = None
        self._loop: AbstractEventLoop | None = None
        self._mutex = threading.Lock()
        with registry_lock:
            _alive.add(self)

    def get(self, make: Callable[[], Any]) -> Any:
        """Return the value, made by this thread unless another one has made it or does."""
        if _is_async(make):
            return self._get_in_loop(make)
        if self._made is not None:
            return self._made[0]
        mine = _Making()
        try:
            while (current := self._try_acquire(mine)) is not mine:
                self._check_recursion(current)
                current.wait()
            return self._make(make)
        finally:
            # Released without a call in between: interrupts are raised at calls.
            if self._current is mine:
                self._current = None
                mine.end()

    async def _get_in_loop(self, make: Callable[[], Awaitable[Any]]) -> Any:
        import asyncio

        while self._made is None:
            mine = _Making()
            current = self._try_acquire(mine)
            if current is mine:
                mine.task = asyncio.create_task(self._make_in_loop(make, mine))
            elif current.task is not None and current.task is asyncio.current_task():
                raise self._recursion_error()
            await current.wait_in_loop()
            if current is mine and mine.failed is not None:
                raise mine.failed
        return self._made[0]

    async def _make_in_loop(self, make: Callable[[], Awaitable[Any]], mine: _Making) -> None:
        import asyncio

        try:
            self._loop = asyncio.get_running_loop()
            self._made = (await make(),)
        except BaseException as err:
            mine.failed = err
        finally:
            self._current = None
            mine.end()

    def _try_acquire(self, mine: _Making) -> _Making:
        """Begin to make the value unless somebody else does; return who does."""
        with self._mutex:
            if self._current is None:
                self._current = mine
                mine.begin()
            return self._current

    def _make(self, make: Callable[[], Any]) -> Any:
        if self._made is None:
            value = make()
            if inspect.iscoroutine(value):
                value.close()
                raise TypeError(
                    f"what makes {self._name!r} returns a coroutine: give once() the async function"
                )
            thread = _adaptor_threads.current()
            if thread is not None:
                _threads[id(self)] = thread
                thread.owned.add(self)
            self._made = (value,)
        return self._made[0]

    def forget(self) -> None:
        """Make the value anew when it is next needed: the thread that it belongs to is stuck."""
        self._made = None
        _threads.pop(id(self), None)

    def _check_recursion(self, current: _Making) -> None:
        if current.thread == threading.get_ident():
            raise self._recursion_error()

    def _recursion_error(self) -> RuntimeError:
        return RuntimeError(f"making {self._name!r} asks for {self._name!r} itself")

    def close(self) -> None:
        """Close the value; an exception goes to the log."""
        made, self._made = self._made, None
        if made is None:
            return
        thread = _threads.pop(id(self), None)
        try:
            if thread is None:
                _close(made[0], self._loop)
            else:
                thread.call(lambda: _close(made[0], None), _CLOSE_TIMEOUT)
        except Exception:
            logging.getLogger("owt.once").exception("closing %r failed", self._name)

    def __del__(self) -> None:
        if self._made is not None:
            # In a new thread: garbage may be collected anywhere, with any lock held.
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
    """Run a coroutine in the event loop in which its value was made, from another thread."""
    import asyncio

    if loop is None or not loop.is_running():
        asyncio.run(closing)
    else:
        asyncio.run_coroutine_threadsafe(closing, loop).result(_CLOSE_TIMEOUT)


@atexit.register
def close_all() -> None:
    """Close all values, at the end of the worker."""
    with registry_lock:
        entries = list(_alive)
    for entry in entries:
        entry.close()


registry_lock = threading.RLock()
_alive: weakref.WeakSet[Entry] = weakref.WeakSet()
# The adaptor thread on which each entry's value was made, by the entry's id. Referring to it from
# here keeps it out of the garbage that the entry becomes, so that it can still close the value.
_threads: dict[int, AdaptorThread] = {}
