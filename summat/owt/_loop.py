"""The event loop of a worker, on its own thread, which all async handlers share."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from contextvars import copy_context
from os import _exit
from threading import Event, Lock, Thread
from time import monotonic

from owt import _log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Callable, Coroutine
    from contextvars import Context
    from typing import Any

    from owt._bindings import Call

    # Takes a function to call in its last step.
    Work = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]
    Submitted = tuple[Call, str, Work, Callable[[], None], Context]

# Seconds within which a second failure of the loop ends the process.
_FAILURE_WINDOW = 1.0


class Loop:
    """Runs coroutines, each for a call; starts with the first one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loop: AbstractEventLoop | None = None
        self._thread: Thread | None = None
        # What has been submitted and not begun. To wake the loop takes longer than to begin a call,
        # so calls that arrive together wake it once.
        self._submitted: deque[Submitted] = deque()
        self._is_woken = False
        self._tasks: dict[str, Task[None]] = {}
        # Tasks that nothing cancels any more, but that have not ended.
        self._shielded: dict[str, Task[None]] = {}
        # Held, because the loop itself keeps no task alive.
        self._detached: set[Task[None]] = set()

    def submit(self, call: Call, work: Work, done: Callable[[], None]) -> None:
        """Run the coroutine that `work` makes, in the context of the calling thread.

        `done` is called when it ends, even if it is cancelled before it begins. From any thread.
        """
        loop = self._loop or self._start()
        submitted = (call, call.id, work, done, copy_context())
        try:
            self._submitted.append(submitted)
            if not self._is_woken:
                self._is_woken = True
                loop.call_soon_threadsafe(self._begin_submitted, loop)
        except BaseException:
            # This thread may be interrupted at any point; other calls may rely on it by now.
            self._is_woken = False
            with suppress(ValueError):
                self._submitted.remove(submitted)
            if self._submitted:
                loop.call_soon_threadsafe(self._begin_submitted, loop)
            raise

    def detach(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that belongs to no call, so that nothing cancels it; from any thread."""
        loop = self._loop or self._start()
        loop.call_soon_threadsafe(self._start_detached, loop, work)

    def cancel(self, call_id: str) -> None:
        """Cancel the task of a call, if it has not ended; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, call_id)

    def shield(self, call_id: str) -> None:
        """Protect the task of a call from cancellation, so that it can clean up; from that task."""
        self._move_to_shielded(call_id)

    def blocked_by(self, call_id: str) -> Thread | None:
        """Return the loop's thread if a call blocks the loop; from any thread."""
        import asyncio

        task = self._tasks.get(call_id) or self._shielded.get(call_id)
        if task is None or self._loop is None or asyncio.current_task(self._loop) is not task:
            return None
        return self._thread

    def after_fork(self) -> None:
        """Forget the loop in a forked child, where its thread does not exist."""
        self.__init__()  # type: ignore[misc]

    def _start(self) -> AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                # Made on the loop's own thread, because this one may be interrupted at any point.
                result: list[AbstractEventLoop | BaseException] = []
                is_ready = Event()
                run = Thread(target=_run, args=(result, is_ready), name="owt-async", daemon=True)
                run.start()
                is_ready.wait()
                if isinstance(result[0], BaseException):
                    # In words too: without descriptors, Python may not be able to show a traceback.
                    why = f"{type(result[0]).__name__}: {result[0]}"
                    raise RuntimeError(f"owt's event loop could not start: {why}") from result[0]
                self._thread = run
                self._loop = result[0]
            return self._loop

    def _begin_submitted(self, loop: AbstractEventLoop) -> None:
        # Before the queue is emptied: whoever adds to it from now on wakes the loop again.
        self._is_woken = False
        call: Call | None = None
        while self._submitted:
            call, call_id, work, done, context = self._submitted.popleft()
            try:
                context.run(self._begin, loop, call_id, work, done)
            except BaseException:
                # The loop reports it. The other calls begin all the same.
                loop.call_soon(self._begin_submitted, loop)
                raise
        if call is not None:
            # What the tasks send in their first step goes out together behind it.
            call.hold()
            loop.call_soon(call.flush)

    def _begin(
        self,
        loop: AbstractEventLoop,
        call_id: str,
        work: Work,
        done: Callable[[], None],
    ) -> None:
        task: Task[None] | None = None
        has_ended = False

        def end(ended: Task[None]) -> None:
            nonlocal has_ended
            # A client may have reused the id for a call that has begun meanwhile.
            for tasks in (self._tasks, self._shielded):
                if tasks.get(call_id) is ended:
                    del tasks[call_id]
            if not has_ended:
                has_ended = True
                done()

        def end_in_task() -> None:
            # A callback would cost the loop another turn. A task that is cancelled before it
            # begins does not come here, and neither does one that has begun before `create_task`
            # returns, as an adaptor may have it.
            if task is not None:
                end(task)
                task.remove_done_callback(end)

        self._tasks[call_id] = task = loop.create_task(work(end_in_task))
        task.add_done_callback(end)

    def _start_detached(self, loop: AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(work)
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)

    def _cancel(self, call_id: str) -> None:
        # Only once: its cleanup is not cancelled.
        task = self._move_to_shielded(call_id)
        if task is not None:
            task.cancel()

    def _move_to_shielded(self, call_id: str) -> Task[None] | None:
        task = self._tasks.pop(call_id, None)
        if task is not None:
            self._shielded[call_id] = task
        return task


def resolve(future: Future[None]) -> None:
    """Resolve a future, unless it is done; in its own loop."""
    if not future.done():
        future.set_result(None)


def _run(result: list[AbstractEventLoop | BaseException], is_ready: Event) -> None:
    try:
        import asyncio

        loop = asyncio.new_event_loop()
    except BaseException as err:
        # For example, no descriptor is left. The thread that waits raises it.
        result.append(err)
        is_ready.set()
        return
    result.append(loop)
    is_ready.set()
    _run_for_ever(loop)


def _run_for_ever(loop: AbstractEventLoop) -> None:
    failed = 0.0
    while not loop.is_closed():
        try:
            loop.run_forever()
        except Exception as err:
            # For example, its selector is broken, and every run would fail.
            if monotonic() - failed < _FAILURE_WINDOW:
                kind = type(err).__name__
                _log.write("FATAL", f"the event loop fails again and again ({kind}): it ends")
                _exit(1)
            failed = monotonic()
        except BaseException:
            # A task of an adaptor has called sys.exit(). That ends the task, but not the loop.
            continue
