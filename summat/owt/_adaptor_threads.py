"""The threads of adaptors whose calls all run on one thread, one after the other.

Such a thread loads the adaptor, runs its calls and iterates its generators. It lives as long as the
adaptor, and as what `once` has made on it. The main thread is one for all adaptors that ask for it.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager, suppress
from queue import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn, Protocol

    from owt._bindings import Call

    class ThreadBound(Protocol):
        """A value that was made on an adaptor's thread, and belongs to it."""

        def forget(self) -> None:
            """Make the value anew when it is next needed."""


# Seconds that a cancelled call may wait in C before the adaptor gets another thread.
_STUCK_AFTER = 2.0


class AdaptorThread:
    """The thread of one adaptor, with its queue of jobs."""

    def __init__(self) -> None:
        self.waiting: dict[int, Job] = {}
        self.running: Job | None = None
        self.ident = 0
        self.is_loading = False
        self.owned: weakref.WeakSet[ThreadBound] = weakref.WeakSet()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._start()

    def _start(self) -> None:
        # The thread refers to this object only while a job runs: without other references,
        # `__del__` ends it.
        threading.Thread(target=_work, args=(self._queue,), name="owt-same", daemon=True).start()

    def __del__(self) -> None:
        self.stop()

    def stop(self) -> None:
        """End the thread after the job that it runs."""
        queue = getattr(self, "_queue", None)
        if queue is not None:
            queue.put(None)

    def submit(self, job: Job) -> None:
        """Run a job after those that wait already."""
        job.thread = self
        self.waiting[id(job)] = job
        self._queue.put(job)

    def call(self, function: Callable[[], object], timeout: float) -> None:
        """Call a function on the thread, and wait for it; what it raises is raised here."""
        if threading.get_ident() == self.ident:
            function()
            return
        raised: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                function()
            except BaseException as err:
                raised.append(err)
            finally:
                done.set()

        self.submit(Job(None, work))
        done.wait(timeout)
        if raised:
            raise raised[0]


class MainThread(AdaptorThread):
    """The main thread of the interpreter: all adaptors that need it share it."""

    def _start(self) -> None:
        """Do nothing: the thread is there, and calls `run`."""

    def stop(self) -> None:
        """Do nothing: the thread ends with the process."""

    def run(self) -> NoReturn:
        """Run jobs for ever, and between them the handlers of signals."""
        while True:
            # What a handler of a signal raises, such as KeyboardInterrupt, has no call to end.
            with suppress(BaseException):
                _work(self._queue)


class Job:
    """Something to run on an adaptor's thread, mostly a call."""

    __slots__ = ("call", "thread", "work")

    def __init__(self, call: Call | None, work: Callable[[], object]) -> None:
        self.call = call
        self.work = work
        self.thread: AdaptorThread | None = None

    def run(self) -> None:
        """Run it, unless it was dropped or given to another thread meanwhile."""
        thread = self.thread
        if thread is None or thread.waiting.pop(id(self), None) is None:
            return
        thread.ident = threading.get_ident()
        _local.thread, thread.running = thread, self
        try:
            self.work()
        except BaseException:
            # An interrupt that came after the call was answered.
            return
        finally:
            thread.running, _local.thread = None, None


def _work(queue: SimpleQueue[Job | None]) -> None:
    while (job := queue.get()) is not None:
        job.run()
        # Waiting must not keep what the job refers to alive: its end may end this thread.
        del job


def _later(function: Callable[..., None], *args: object) -> None:
    timer = threading.Timer(_STUCK_AFTER, function, args)
    timer.daemon = True
    timer.start()


class _Local(threading.local):
    thread: AdaptorThread | None = None


_local = _Local()


def current() -> AdaptorThread | None:
    """Return the adaptor thread that this code runs on."""
    return _local.thread


@contextmanager
def loading() -> Iterator[None]:
    """Mark an adaptor's thread as loading, so that no interrupt hits it if other calls wait."""
    thread = _local.thread
    if thread is None:
        yield
        return
    thread.is_loading = True
    try:
        yield
    finally:
        thread.is_loading = False


class AdaptorThreads:
    """The adaptor threads of a worker, by the digests of their adaptors."""

    def __init__(self, forget: Callable[[str], object]) -> None:
        self._forget = forget
        self.main = MainThread()
        self._threads: weakref.WeakValueDictionary[str, AdaptorThread] = (
            weakref.WeakValueDictionary()
        )
        self._lock = threading.Lock()

    def submit(self, digest: str, job: Job, *, on_main: bool = False) -> None:
        """Run a call on the thread of its adaptor."""
        with self._lock:
            thread = self.main if on_main else self._threads.get(digest)
            if thread is None:
                self._threads[digest] = thread = AdaptorThread()
            thread.submit(job)

    def drop_cancelled(self) -> None:
        """End the calls that were cancelled while they wait for a thread."""
        for thread in self._all():
            for key, job in list(thread.waiting.items()):
                call = job.call
                if call is None or not call.disconnected:
                    continue
                # Removed only once: by the adaptor's thread, or here.
                if thread.waiting.pop(key, None) is not None:
                    call.done()

    def _all(self) -> list[AdaptorThread]:
        return [self.main, *self._threads.values()]

    def after_fork(self) -> None:
        """Forget the threads in a forked child, where they do not exist."""
        self.__init__(self._forget)  # type: ignore[misc]

    def is_loading_for_others(self, ident: int) -> bool:
        """Tell whether a thread loads an adaptor while other calls wait for it."""
        return any(
            thread.ident == ident and thread.is_loading and thread.waiting for thread in self._all()
        )

    def replace_if_stuck(self, ident: int) -> None:
        """Replace the thread of a cancelled call, which waits in C, if it does not return soon."""
        for digest, thread in list(self._threads.items()):
            job = thread.running
            if thread.ident == ident and job is not None:
                _later(self._replace, digest, weakref.ref(thread), job)
        job = self.main.running
        if self.main.ident == ident and job is not None:
            _later(self._replace_worker, job)

    def _replace_worker(self, job: Job) -> None:
        """Have another worker take over: this one has no other main thread."""
        if self.main.running is job and job.call is not None:
            job.call.replace_worker()

    def _replace(self, digest: str, weak: weakref.ref[AdaptorThread], job: Job) -> None:
        """Leave a stuck thread alone, and run its waiting jobs on a new one."""
        thread = weak()
        with self._lock:
            if thread is None or thread.running is not job:
                return
            if self._threads.get(digest) is not thread:
                return
            del self._threads[digest]
            waiting = [thread.waiting.pop(key, None) for key in list(thread.waiting)]
            thread.stop()
            # What the adaptor has made belongs to that thread: reload it.
            self._forget(digest)
            for value in list(thread.owned):
                value.forget()
        for left in waiting:
            if left is not None:
                # A new job: the old one is still in the queue of the stuck thread.
                self.submit(digest, Job(left.call, left.work))
