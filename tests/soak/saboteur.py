"""Kills, freezes and starves workers while calls run in them."""

import asyncio
import os
import signal
from collections import Counter
from random import Random

from soak.host import Host

SIGNALS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT]

# Seconds until it is looked again whether there is a worker.
PAUSE = 0.01

# How often a worker is frozen for a while instead, as by a debugger or a machine that swaps.
FREEZES = 0.05


class Saboteur:
    """Does harm to random workers, exactly so many times, at random moments."""

    def __init__(self, host: Host, rnd: Random, times: int, seconds: float) -> None:
        self._host = host
        self._rnd = rnd
        self._moments = sorted(rnd.uniform(0, seconds) for _ in range(times))
        self.done: Counter[str] = Counter()

    async def work(self) -> None:
        """Do all the harm."""
        clock = asyncio.get_running_loop().time
        start = clock()
        async with asyncio.TaskGroup() as thawing:
            for moment in self._moments:
                await asyncio.sleep(start + moment - clock())
                while (frozen := self._harm()) is None:
                    await asyncio.sleep(PAUSE)
                if frozen:
                    thawing.create_task(self._thaw(frozen))

    def _harm(self) -> int | None:
        """Return the worker that is frozen now, 0 if one is killed, or None if there was none."""
        workers = self._host.workers()
        if not workers:
            return None
        worker, freezes = self._rnd.choice(workers), self._rnd.random() < FREEZES
        number = signal.SIGSTOP if freezes else self._rnd.choice(SIGNALS)
        if not _send(worker, number):
            return None
        self.done["frozen" if freezes else number.name] += 1
        return worker if freezes else 0

    async def _thaw(self, worker: int) -> None:
        await asyncio.sleep(self._rnd.uniform(0.1, 2.0))
        _send(worker, signal.SIGCONT)


def _send(worker: int, number: signal.Signals) -> bool:
    try:
        os.kill(worker, number)
    except ProcessLookupError:
        return False
    return True
