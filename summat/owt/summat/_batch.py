"""`batch`: combines concurrent calls, for models that process many inputs at once."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
import time
from collections import deque
from concurrent import futures
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar, overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any, Protocol

    class Decorator(Protocol):
        """Turns a function of a list into a function of one item."""

        @overload
        def __call__(
            self, function: Callable[[list[T]], Awaitable[Iterable[R | BaseException]]], /
        ) -> AsyncBatched[T, R]: ...
        @overload
        def __call__(
            self, function: Callable[[list[T]], Iterable[R | BaseException]], /
        ) -> Batched[T, R]: ...


T = TypeVar("T")
R = TypeVar("R")

# Seconds between two moments at which a waiting thread can be interrupted.
_POLL_INTERVAL = 0.05


class BatchMismatch(RuntimeError):
    """A batch function returned more or fewer results than there were items."""


class Stats(NamedTuple):
    """Counts of a batched function."""

    items: int
    batches: int
    largest: int


def batch(max: int = 8, wait: float = 0.01) -> Decorator:
    """Combine concurrent calls into one call of a function with a list of their items.

        @batch(max=16, wait=0.02)
        def predict(texts):
            return model.predict(texts)

        def run(request, text):
            return predict(text)

    A batch starts when `max` items wait, or `wait` seconds after the first one came. The function
    gets a list of items, and returns one result for each, in the same order; a result that is an
    exception is raised for its caller alone. An exception of the function is raised for all callers
    of the batch, and so is `BatchMismatch` for a wrong number of results. A cancelled caller's item
    is left out, if its batch has not started.

    A plain function runs on its own thread, one batch at a time; async handlers call it as
    `await predict.later(text)`. An `async def` runs in the event loop, and is called with `await`.
    `predict.stats()` returns the number of items, of batches, and the size of the largest one.
    """
    if max < 1 or wait < 0:
        raise ValueError(f"batch(max={max}, wait={wait}): max is 1 or more, wait is not negative")

    def decorate(function: Any) -> Any:
        kind = AsyncBatched if inspect.iscoroutinefunction(function) else Batched
        return functools.update_wrapper(kind(function, max, wait), function)

    return decorate


class _Queue(Generic[T, R]):
    """A queue of items, each with the future of its result."""

    def __init__(self, size: int) -> None:
        self._max = size
        self._items: deque[tuple[T, Future[R]]] = deque()
        self._done = Stats(0, 0, 0)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T) -> Future[R]:
        future: Future[R] = Future()
        self._items.append((item, future))
        return future

    def take(self) -> list[tuple[T, Future[R]]]:
        """Take the next batch, without items whose callers were cancelled."""
        batch: list[tuple[T, Future[R]]] = []
        while self._items and len(batch) < self._max:
            item, future = self._items.popleft()
            if future.set_running_or_notify_cancel():
                batch.append((item, future))
        if batch:
            items, batches, largest = self._done
            self._done = Stats(items + len(batch), batches + 1, max(largest, len(batch)))
        return batch

    def stats(self) -> Stats:
        return self._done


class Batched(Generic[T, R]):
    """A function whose concurrent calls are combined; see `batch`."""

    def __init__(
        self, function: Callable[[list[T]], Iterable[R | BaseException]], size: int, wait: float
    ) -> None:
        self._function = function
        self._max = size
        self._wait = wait
        self._queue: _Queue[T, R] = _Queue(size)
        self._changed = threading.Condition()
        self._is_running = False

    def __call__(self, item: T) -> R:
        """Return the result for one item, from a thread; waits for its batch."""
        _check_thread()
        future = self._submit(item)
        try:
            # In short waits, because an interrupt is raised between them.
            while not future.done():
                futures.wait([future], _POLL_INTERVAL)
        except BaseException:
            future.cancel()
            raise
        return future.result()

    async def later(self, item: T) -> R:
        """Return the result for one item, in an event loop."""
        return await asyncio.wrap_future(self._submit(item))

    def stats(self) -> Stats:
        """Return the number of items and batches, and the size of the largest batch."""
        return self._queue.stats()

    def _submit(self, item: T) -> Future[R]:
        with self._changed:
            future = self._queue.add(item)
            self._changed.notify()
            if not self._is_running:
                self._start()
        return future

    def _start(self) -> None:
        # What it prints is logged for the first call.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._run,), name="owt-batch", daemon=True).start()
        self._is_running = True

    def _run(self) -> None:
        while self._wait_for_batch():
            with self._changed:
                batch = self._queue.take()
            if batch:
                _resolve(batch, lambda items: self._function(items))

    def _wait_for_batch(self) -> bool:
        """Wait until a batch is full or its time is up; False if no items wait."""
        with self._changed:
            if not self._queue:
                self._is_running = False
                return False
            deadline = time.monotonic() + self._wait
            while len(self._queue) < self._max and (rest := deadline - time.monotonic()) > 0:
                self._changed.wait(rest)
            return True


class AsyncBatched(Generic[T, R]):
    """An async function whose concurrent calls are combined; see `batch`."""

    def __init__(
        self,
        function: Callable[[list[T]], Awaitable[Iterable[R | BaseException]]],
        size: int,
        wait: float,
    ) -> None:
        self._function = function
        self._max = size
        self._wait = wait
        self._queue: _Queue[T, R] = _Queue(size)
        self._full: Any = None
        self._task: Any = None

    async def __call__(self, item: T) -> R:
        """Return the result for one item; waits for its batch."""
        future = self._queue.add(item)
        if self._task is None:
            self._full = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._run())
        if len(self._queue) >= self._max:
            self._full.set()
        return await asyncio.wrap_future(future)

    def stats(self) -> Stats:
        """Return the number of items and batches, and the size of the largest batch."""
        return self._queue.stats()

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._wait_for_batch()
                batch = self._queue.take()
                if batch:
                    await self._call(batch)
        finally:
            self._task = None

    async def _wait_for_batch(self) -> None:
        self._full.clear()
        if len(self._queue) < self._max:
            try:
                await asyncio.wait_for(self._full.wait(), self._wait)
            except asyncio.TimeoutError:
                return

    async def _call(self, batch: list[tuple[T, Future[R]]]) -> None:
        try:
            results = await self._function([item for item, _future in batch])
        except BaseException as err:
            _fail(batch, err)
        else:
            _resolve(batch, lambda _items: results)


def _resolve(
    batch: list[tuple[T, Future[R]]],
    function: Callable[[list[T]], Iterable[R | BaseException]],
) -> None:
    """Set the result or the error of each item."""
    try:
        results = list(function([item for item, _future in batch]))
        _check(len(results), len(batch))
    except BaseException as err:
        _fail(batch, err)
        return
    for (_item, future), result in zip(batch, results, strict=True):
        if isinstance(result, BaseException):
            future.set_exception(_raisable(result))
        else:
            future.set_result(result)


def _check_thread() -> None:
    """Raise an error in an event loop, which waiting would block."""
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("an async handler waits for a batch with: await function.later(item)")


def _check(results: int, items: int) -> None:
    if results != items:
        raise BatchMismatch(
            f"the batch function returned {results} results for {items} items: it must return one "
            "for each, in the same order"
        )


def _fail(batch: list[tuple[T, Future[R]]], err: BaseException) -> None:
    for _item, future in batch:
        future.set_exception(_raisable(err))


def _raisable(err: BaseException) -> BaseException:
    """Return an error that a coroutine can raise, as coroutines themselves make it (PEP 479)."""
    if not isinstance(err, StopIteration):
        return err
    raisable = RuntimeError("the batch function raised StopIteration")
    raisable.__cause__ = err
    return raisable
