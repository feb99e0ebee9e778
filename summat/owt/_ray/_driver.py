"""Keeps the members of a pool: makes their actors, watches them, and ends them."""

from __future__ import annotations

import os
import re
import time
import uuid

from owt._ray._head import Head
from owt._ray._messages import Ready
from owt._ray._watch import Pool, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Any

    from owt._ray._cluster import Cluster
    from owt._ray._messages import Event, Settings

_TICK = 0.1
# Seconds that the members have for their end, and Ray to say that they have ended.
_MAX_STOP = 4.0
_MAX_KILL = 1.5


class Driver:
    """Drives one pool."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        write: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._write = write
        self._holder = f"process {os.getpid()} on {os.uname().nodename}, {uuid.uuid4().hex[:8]}"
        pool = Pool(settings, cluster, write, clock, self._holder)
        self._members = [Watch(pool, index) for index in range(settings.members)]
        self._head = Head(cluster, clock)
        self._was_ready = False

    def run(self, stop: threading.Event) -> None:
        """Drive the pool until it is to stop; raise if it cannot go on."""
        while not stop.is_set():
            self.step()
            if not any(member.question is not None for member in self._members):
                stop.wait(_TICK)

    def step(self) -> None:
        """Ask the members that are to be asked, and take the answers that are there."""
        self._head.check()
        for member in self._members:
            member.ask()
        asked = {member.question: member for member in self._members if member.question is not None}
        for question in self._cluster.answered(list(asked), _TICK):
            asked[question].hear()
        for member in self._members:
            member.check()
        if not self._was_ready and all(member.is_up for member in self._members):
            self._was_ready = True
            self._write(Ready())
            self._end_surplus()

    def end(self) -> None:
        """End the members, unless they are kept."""
        actors = [member.actor for member in self._members if member.is_ours]
        if self._settings.keep:
            released = [self._cluster.release(actor, self._holder) for actor in actors]
            self._cluster.answered(released, _MAX_STOP)
            return
        self._cluster.answered([self._cluster.stop(actor) for actor in actors], _MAX_STOP)
        for actor in actors:
            self._cluster.kill(actor)
        self._await_death(actors)

    def _end_surplus(self) -> None:
        """End the actors that a larger pool of this name has kept.

        Not before all others are known to be of this pool, and not of another server's.
        """
        own = re.compile(rf"owt-{re.escape(self._settings.pool)}-([0-9]+)")
        for name in self._cluster.names():
            found = own.fullmatch(name)
            if found and int(found[1]) >= self._settings.members:
                self._cluster.kill(self._cluster.find(name))

    def _await_death(self, actors: list[Any]) -> None:
        """Wait until Ray has heard of it: who leaves a cluster at once may not be heard."""
        beats = [self._cluster.beat(actor, self._holder, keep=False) for actor in actors]
        self._cluster.answered(beats, _MAX_KILL)
