"""Turns at what one thread makes and others wait for: it goes on while anybody wants it."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds after which a thread that waits looks whether it was interrupted.
_LOOK = 0.05

# The turns that each thread has.
_held: dict[int, list[Turn]] = {}


def is_wanted(thread: int) -> bool:
    """Tell whether others wait for what a thread makes, so that it must not be interrupted."""
    return any(turn.is_waited_for() for turn in tuple(_held.get(thread, ())))


def is_importing(thread: int) -> bool:
    """Tell whether a thread is in the middle of an import."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False


def is_starting_another(thread: int) -> bool:
    """Tell whether a thread starts another one, which has the same number until it runs.

    An exception for that number ends the new one before it can say that it runs, and `start` waits
    for that without end.
    """
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False


class Turn:
    """Held by whoever makes something: the others wait until it is over."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.over = threading.Event()
        self._waiting: set[int] = set()

    def begin(self) -> None:
        """Say that this thread has the turn."""
        # Those that are over are there still if an interrupt hit their end.
        others = [turn for turn in _held.get(self.thread, ()) if not turn.over.is_set()]
        _held[self.thread] = [*others, self]

    def end(self) -> None:
        """Let the others have their turns."""
        self.over.set()
        others = [turn for turn in _held.get(self.thread, ()) if turn is not self]
        if others:
            _held[self.thread] = others
        else:
            _held.pop(self.thread, None)

    def wait(self) -> None:
        """Wait for a while: what interrupts a thread is raised between two waits."""
        here = threading.get_ident()
        try:
            self._waiting.add(here)
            self.over.wait(_LOOK)
        finally:
            self._waiting.discard(here)

    def is_waited_for(self) -> bool:
        """Tell whether a thread waits for this turn to end."""
        return bool(self._waiting) and not self.over.is_set()


class Queue:
    """Lets one thread at a time have its turn."""

    def __init__(self) -> None:
        # How many threads have or want a turn; under a lock of whoever keeps this.
        self.takers = 0
        self._holder: Turn | None = None
        self._taking = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and hold it meanwhile."""
        mine = Turn()
        try:
            while (holder := self._take(mine)) is not mine:
                holder.wait()
            yield
        finally:
            # Without a call before the turn is given back: an interrupt comes at calls.
            if self._holder is mine:
                self._holder = None
                mine.end()

    def _take(self, mine: Turn) -> Turn:
        with self._taking:
            if self._holder is None:
                self._holder = mine
                mine.begin()
            return self._holder
