"""The one event loop of a worker, in a thread of its own, which async handlers share."""

from __future__ import annotations

from os import _exit
from threading import Event, Lock, Thread
from time import monotonic

from owt import _log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Callable, Coroutine
    from typing import Any

_SOON = 1.0


class Loop:
    """Runs coroutines by the id of the call that each belongs to; starts with the first one."""

    def __init__(self) -> None:
        self._starting = Lock()
        self._loop: AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._tasks: dict[str, Task[None]] = {}
        # Those that were cancelled, or whose client has gone, and have not ended.
        self._leaving: dict[str, Task[None]] = {}
        # The loop itself keeps no task alive.
        self._detached: set[Task[None]] = set()

    def submit(
        self,
        call_id: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        done: Callable[[], None],
    ) -> None:
        """Run what `work` makes, from any thread; it keeps the context variables of that thread.

        `done` is called at its end, also if it was cancelled before it began.
        """
        loop = self._loop or self._start()
        loop.call_soon_threadsafe(self._begin, loop, call_id, work, done)

    def detach(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what belongs to no call any more, from any thread: nothing cancels it."""
        loop = self._loop or self._start()
        loop.call_soon_threadsafe(self._keep, loop, work)

    def cancel(self, call_id: str) -> None:
        """Cancel the work of a call, from any thread; nothing happens if it is done."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, call_id)

    def settle(self, call_id: str) -> None:
        """Let nothing cancel a call any more, which is cleaning up; from its own task."""
        self._leave(call_id)

    def blocked_by(self, call_id: str) -> Thread | None:
        """Return the loop's thread if a call keeps it from running others; from any thread."""
        import asyncio

        task = self._tasks.get(call_id) or self._leaving.get(call_id)
        if task is None or self._loop is None or asyncio.current_task(self._loop) is not task:
            return None
        return self._thread

    def after_fork(self) -> None:
        """Forget the loop in a forked child, where its thread does not exist."""
        self.__init__()  # type: ignore[misc]

    def _start(self) -> AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                # Made in the loop's own thread: this one may be interrupted at any point.
                made: list[AbstractEventLoop | BaseException] = []
                is_made = Event()
                run = Thread(target=_run, args=(made, is_made), name="owt-async", daemon=True)
                run.start()
                is_made.wait()
                if isinstance(made[0], BaseException):
                    raise RuntimeError("owt's event loop could not start") from made[0]
                self._thread = run
                self._loop = made[0]
            return self._loop

    def _begin(
        self,
        loop: AbstractEventLoop,
        call_id: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        done: Callable[[], None],
    ) -> None:
        self._tasks[call_id] = task = loop.create_task(work())

        def end(ended: Task[None]) -> None:
            # A client may have used the id again, for a call that has begun meanwhile.
            for tasks in (self._tasks, self._leaving):
                if tasks.get(call_id) is ended:
                    del tasks[call_id]
            done()

        task.add_done_callback(end)

    def _keep(self, loop: AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(work)
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)

    def _cancel(self, call_id: str) -> None:
        # Once only: what the call does at its end is not cancelled again.
        task = self._leave(call_id)
        if task is not None:
            task.cancel()

    def _leave(self, call_id: str) -> Task[None] | None:
        task = self._tasks.pop(call_id, None)
        if task is not None:
            self._leaving[call_id] = task
        return task


def resolve(future: Future[None]) -> None:
    """Let whoever waits for a future go on, unless they do already; in its own loop."""
    if not future.done():
        future.set_result(None)


def _run(made: list[AbstractEventLoop | BaseException], is_made: Event) -> None:
    try:
        import asyncio

        loop = asyncio.new_event_loop()
    except BaseException as err:
        # No descriptor is left, for example: whoever waits for the loop is told.
        made.append(err)
        is_made.set()
        return
    made.append(loop)
    is_made.set()
    _run_for_ever(loop)


def _run_for_ever(loop: AbstractEventLoop) -> None:
    failed = 0.0
    while not loop.is_closed():
        try:
            loop.run_forever()
        except Exception as err:
            # It cannot wait for its files any more, for example, and would fail without end.
            if monotonic() - failed < _SOON:
                kind = type(err).__name__
                _log.write("FATAL", f"the event loop fails again and again ({kind}): it ends")
                _exit(1)
            failed = monotonic()
        except BaseException:
            # A task that an adaptor started has called sys.exit(): that ends the task, not the
            # loop, on which others still run.
            continue
