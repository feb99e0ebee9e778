"""A lock that knows who waits for it, and whose waiting threads can be interrupted.

While others wait for what a thread makes, that thread is not interrupted: see `blocks_others`.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds between two moments at which a waiting thread can be interrupted.
_POLL_INTERVAL = 0.05

# The holds of each thread.
_holds: dict[int, list[Hold]] = {}


def blocks_others(thread: int) -> bool:
    """Tell whether other threads wait for a lock that a thread holds."""
    return any(hold.has_waiters() for hold in tuple(_holds.get(thread, ())))


class Hold:
    """One thread's hold of a lock, from `begin` to `end`."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.has_ended = False
        # Locked until then.
        self._end = threading.Lock()
        self._end.acquire()
        self._waiting: set[int] = set()

    def begin(self) -> None:
        """Register the hold for this thread."""
        # One that has ended is still here if an interrupt hit its `end`.
        others = [hold for hold in _holds.get(self.thread, ()) if not hold.has_ended]
        _holds[self.thread] = [*others, self]

    def end(self) -> None:
        """Wake those who wait."""
        self.has_ended = True
        self._end.release()
        others = [hold for hold in _holds.get(self.thread, ()) if hold is not self]
        if others:
            _holds[self.thread] = others
        else:
            _holds.pop(self.thread, None)

    def wait(self) -> None:
        """Wait for the end, but not for long: an interrupt is raised between two waits."""
        this_thread = threading.get_ident()
        try:
            self._waiting.add(this_thread)
            if self._end.acquire(timeout=_POLL_INTERVAL):
                self._end.release()
        finally:
            self._waiting.discard(this_thread)

    def has_waiters(self) -> bool:
        """Tell whether a thread waits for the end."""
        return bool(self._waiting) and not self.has_ended


class InterruptibleLock:
    """A mutex; `hold` is its context manager."""

    def __init__(self) -> None:
        # How many threads hold or want it; guarded by the owner of this object.
        self.users = 0
        self._current: Hold | None = None
        self._mutex = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, and hold it during the block."""
        mine = Hold()
        try:
            while (current := self._try_acquire(mine)) is not mine:
                current.wait()
            yield
        finally:
            # Released without a call in between: interrupts are raised at calls.
            if self._current is mine:
                self._current = None
                mine.end()

    def _try_acquire(self, mine: Hold) -> Hold:
        with self._mutex:
            if self._current is None:
                self._current = mine
                mine.begin()
            return self._current
