"""How long an actor goes on without its driver."""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Lease:
    """Who drives an actor, and until when it waits for the next word of that driver."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seconds = seconds
        self._until = clock() + seconds
        self._holder = ""
        self._keep = False

    def renew(self, holder: str, *, keep: bool) -> str:
        """Let a driver have it for some seconds, unless another one has; return who has it.

        With `keep`, the actor goes on when the driver is gone.
        """
        with self._lock:
            if self._holder in ("", holder) or self._clock() >= self._until:
                self._holder, self._keep = holder, keep
                self._until = self._clock() + self._seconds
            return self._holder

    def release(self, holder: str) -> None:
        """Let the next driver have it at once."""
        with self._lock:
            if self._holder == holder:
                self._holder = ""

    def is_over(self) -> bool:
        """Tell whether the actor is to end."""
        with self._lock:
            return not self._keep and self._clock() >= self._until
