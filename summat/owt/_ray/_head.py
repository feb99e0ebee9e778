"""Notices that the head of the cluster is gone: Ray would end this process without a word."""

from __future__ import annotations

from owt._ray._failure import PoolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from owt._ray._cluster import Cluster

_INTERVAL = 5.0
# Seconds in which it may come back; Ray itself waits for sixty.
_MAX_GONE = 45.0


class Head:
    """Looks at the head from time to time."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._seen = self._next = clock()

    def check(self) -> None:
        """Raise if the head has been gone for long."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _INTERVAL
        if self._cluster.is_reachable():
            self._seen = now
        elif now - self._seen >= _MAX_GONE:
            raise PoolError(
                f"The head of the Ray cluster at {self._cluster.head} has been gone for "
                f"{now - self._seen:.0f} s: see whether it runs, with ray status"
            )
