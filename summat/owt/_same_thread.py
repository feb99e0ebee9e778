"""`same_thread`: an adaptor whose calls run on one thread, one after the other.

An adaptor whose code names it at module level gets a line: a thread that loads it, runs its calls
and iterates its generators. So what belongs to one thread, such as a connection of sqlite3, may be
made at module level or by `once`. The line lives as long as the adaptor and what `once` has made
on it.
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

    from owt._border import Call
    from owt._source import Parsed

    F = TypeVar("F", bound=Callable[..., Any])

    class Belonging(Protocol):
        """What was made on a line's thread."""

        def forget(self) -> None:
            """Make it anew when it is next asked for."""


_NAME = "same_thread"
# CO_COROUTINE and CO_ASYNC_GENERATOR of `inspect`, which takes long to import.
_ASYNC = 0x80 | 0x200
# Seconds that a call which was cancelled, and waits in C, may keep the thread to itself.
_PATIENCE = 2.0


def same_thread(handler: F) -> F:
    """Run all calls of the adaptor on one thread, one after the other, as well as its module.

        db = sqlite3.connect("owls.db")

        @owt.same_thread
        def run(request, name):
            return db.execute("SELECT says FROM owls WHERE name = ?", [name]).fetchone()

    A stream has the thread until its end. A call that is cancelled while it waits in C, and stays
    there, is left alone with the thread: the adaptor is loaded anew on another one.
    """
    code = getattr(handler, "__code__", None)
    if code is not None and code.co_flags & _ASYNC:
        raise TypeError(
            "owt.same_thread is for handlers that are not async: those all run on the thread of "
            "the event loop. Leave it out, and make what belongs to that thread in an async once()."
        )
    return handler


def is_asked_for(source: str) -> bool:
    """Tell whether an adaptor that is not loaded yet wants one thread."""
    if _NAME not in source:
        return False
    from owt._source import parse

    try:
        return is_named_in(parse(source, "<adaptor>"))
    except Exception:
        # Whoever loads it says what is wrong.
        return False


def is_named_in(parsed: Parsed) -> bool:
    """Tell whether an adaptor's code names `same_thread` at module level."""
    return _NAME in parsed.code.co_names


class Line:
    """The thread of one adaptor, and the calls that wait for it."""

    def __init__(self) -> None:
        self.waiting: dict[int, Job] = {}
        self.running: Job | None = None
        self.thread = 0
        self.is_loading = False
        self.belongings: weakref.WeakSet[Belonging] = weakref.WeakSet()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # It knows the line only while there is something to do: a line that nobody needs ends.
        threading.Thread(target=_work, args=(self._jobs,), name="owt-same", daemon=True).start()

    def __del__(self) -> None:
        self.end()

    def end(self) -> None:
        """Let the thread end after what it does now."""
        jobs = getattr(self, "_jobs", None)
        if jobs is not None:
            jobs.put(None)

    def put(self, job: Job) -> None:
        """Have a job done after those that wait already."""
        job.line = self
        self.waiting[id(job)] = job
        self._jobs.put(job)

    def call(self, function: Callable[[], object], patience: float) -> None:
        """Call a function on the line's thread, and wait for that; what it raises is raised."""
        if threading.get_ident() == self.thread:
            function()
            return
        raised: list[BaseException] = []
        over = threading.Event()

        def work() -> None:
            try:
                function()
            except BaseException as err:
                raised.append(err)
            finally:
                over.set()

        self.put(Job(None, work))
        over.wait(patience)
        if raised:
            raise raised[0]


class Job:
    """Something to do on a line's thread, mostly a call."""

    __slots__ = ("call", "line", "work")

    def __init__(self, call: Call | None, work: Callable[[], object]) -> None:
        self.call = call
        self.work = work
        self.line: Line | None = None

    def run(self) -> None:
        """Do it, unless it was dropped or moved to another line meanwhile."""
        line = self.line
        if line is None or line.waiting.pop(id(self), None) is None:
            return
        line.thread = threading.get_ident()
        _here.line, line.running = line, self
        try:
            self.work()
        except BaseException:
            # An interrupt that came when the call had been answered.
            return
        finally:
            line.running, _here.line = None, None


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.run()
        # What it holds alive may be what ends this thread.
        del job


class _Here(threading.local):
    line: Line | None = None


_here = _Here()


def here() -> Line | None:
    """Return the line whose thread this is."""
    return _here.line


@contextmanager
def loading() -> Iterator[None]:
    """Let nothing interrupt this thread, if it is a line's and others wait, while it loads."""
    line = _here.line
    if line is None:
        yield
        return
    line.is_loading = True
    try:
        yield
    finally:
        line.is_loading = False


class Lines:
    """The lines of a worker, by the digest of their adaptors."""

    def __init__(self, forget: Callable[[str], object]) -> None:
        self._forget = forget
        self._lines: weakref.WeakValueDictionary[str, Line] = weakref.WeakValueDictionary()
        self._changing = threading.Lock()

    def put(self, digest: str, job: Job) -> None:
        """Have a call run on the thread of its adaptor."""
        with self._changing:
            line = self._lines.get(digest)
            if line is None:
                self._lines[digest] = line = Line()
            line.put(job)

    def drop_cancelled(self) -> None:
        """End the calls that wait for a thread and were cancelled."""
        for line in list(self._lines.values()):
            for key, job in list(line.waiting.items()):
                call = job.call
                if call is None or not call.disconnected:
                    continue
                # Taken out by one only: by the line's thread, or here.
                if line.waiting.pop(key, None) is not None:
                    call.done()

    def after_fork(self) -> None:
        """Forget the lines in a forked child, where their threads do not exist."""
        self.__init__(self._forget)  # type: ignore[misc]

    def is_wanted(self, thread: int) -> bool:
        """Tell whether others wait for what a thread loads, so that it must not be interrupted."""
        return any(
            line.thread == thread and line.is_loading and line.waiting
            for line in list(self._lines.values())
        )

    def replace_if_stuck(self, thread: int) -> None:
        """Give the thread of a cancelled call, which waits in C, some time to end it."""
        for digest, line in list(self._lines.items()):
            job = line.running
            if line.thread == thread and job is not None:
                timer = threading.Timer(_PATIENCE, self._replace, (digest, weakref.ref(line), job))
                timer.daemon = True
                timer.start()

    def _replace(self, digest: str, weak: weakref.ref[Line], job: Job) -> None:
        """Leave a thread that is stuck alone, and have all that it was to do done by another."""
        line = weak()
        with self._changing:
            if line is None or line.running is not job or self._lines.get(digest) is not line:
                return
            del self._lines[digest]
            left = [line.waiting.pop(key, None) for key in list(line.waiting)]
            line.end()
            # What the adaptor has made belongs to that thread: it is loaded anew.
            self._forget(digest)
            for belonging in list(line.belongings):
                belonging.forget()
        for each in left:
            if each is not None:
                # A job of its own: the old one is still in the queue of the old thread.
                self.put(digest, Job(each.call, each.work))
