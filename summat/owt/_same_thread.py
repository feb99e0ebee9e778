"""`same_thread`: an adaptor whose calls all run on one thread, one after the other.

An adaptor whose code names it at module level has its own thread, which loads it, runs its calls
and iterates its generators. So what belongs to one thread, such as a connection of sqlite3, may be
made at module level or by `once`. The thread lives as long as the adaptor, and as what `once` has
made on it.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from queue import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol, TypeVar

    from owt._bindings import Call
    from owt._source import Parsed

    F = TypeVar("F", bound=Callable[..., Any])

    class ThreadBound(Protocol):
        """A value that was made on an adaptor's thread, and belongs to it."""

        def forget(self) -> None:
            """Make the value anew when it is next needed."""


_NAME = "same_thread"
# CO_COROUTINE and CO_ASYNC_GENERATOR of `inspect`, which is slow to import.
_ASYNC = 0x80 | 0x200
# Seconds that a cancelled call may wait in C before the adaptor gets another thread.
_STUCK_AFTER = 2.0


def same_thread(handler: F) -> F:
    """Run all calls of the adaptor on one thread, one after the other, and its module too.

        db = sqlite3.connect("owls.db")

        @owt.same_thread
        def run(request, name):
            return db.execute("SELECT says FROM owls WHERE name = ?", [name]).fetchone()

    A stream keeps the thread until it ends. If a call is cancelled while it waits in C, and stays
    there, it is left alone with the thread: the adaptor is reloaded on another one.
    """
    code = getattr(handler, "__code__", None)
    if code is not None and code.co_flags & _ASYNC:
        raise TypeError(
            "owt.same_thread is for handlers that are not async: those all run on the thread of "
            "the event loop. Leave it out, and make what belongs to that thread in an async once()."
        )
    return handler


def is_requested_by(source: str) -> bool:
    """Tell whether the source of an adaptor that is not loaded yet asks for one thread."""
    if _NAME not in source:
        return False
    from owt._source import parse

    try:
        return is_named_in(parse(source, "<adaptor>"))
    except Exception:
        # Loading it reports the error.
        return False


def is_named_in(parsed: Parsed) -> bool:
    """Tell whether an adaptor's code names `same_thread` at module level."""
    return _NAME in parsed.code.co_names


class AdaptorThread:
    """The thread of one adaptor, with its queue of jobs."""

    def __init__(self) -> None:
        self.waiting: dict[int, Job] = {}
        self.running: Job | None = None
        self.ident = 0
        self.is_loading = False
        self.owned: weakref.WeakSet[ThreadBound] = weakref.WeakSet()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
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
        self._threads: weakref.WeakValueDictionary[str, AdaptorThread] = (
            weakref.WeakValueDictionary()
        )
        self._lock = threading.Lock()

    def submit(self, digest: str, job: Job) -> None:
        """Run a call on the thread of its adaptor."""
        with self._lock:
            thread = self._threads.get(digest)
            if thread is None:
                self._threads[digest] = thread = AdaptorThread()
            thread.submit(job)

    def drop_cancelled(self) -> None:
        """End the calls that were cancelled while they wait for a thread."""
        for thread in list(self._threads.values()):
            for key, job in list(thread.waiting.items()):
                call = job.call
                if call is None or not call.disconnected:
                    continue
                # Removed only once: by the adaptor's thread, or here.
                if thread.waiting.pop(key, None) is not None:
                    call.done()

    def after_fork(self) -> None:
        """Forget the threads in a forked child, where they do not exist."""
        self.__init__(self._forget)  # type: ignore[misc]

    def is_loading_for_others(self, ident: int) -> bool:
        """Tell whether a thread loads an adaptor while other calls wait for it."""
        return any(
            thread.ident == ident and thread.is_loading and thread.waiting
            for thread in list(self._threads.values())
        )

    def replace_if_stuck(self, ident: int) -> None:
        """Replace the thread of a cancelled call, which waits in C, if it does not return soon."""
        for digest, thread in list(self._threads.items()):
            job = thread.running
            if thread.ident == ident and job is not None:
                arguments = (digest, weakref.ref(thread), job)
                timer = threading.Timer(_STUCK_AFTER, self._replace, arguments)
                timer.daemon = True
                timer.start()

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
