"""Kills, freezes and starves workers while calls run in them."""

import asyncio
import os
import signal
from collections import Counter
from random import Random

from soak.host import Host

SIGNALS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT]

# How often a worker is frozen for a while instead, as by a debugger or a machine that swaps.
FREEZES = 0.05


class Saboteur:
    """Does harm to random workers, so many times a second."""

    def __init__(self, host: Host, rnd: Random, rate: float) -> None:
        self._host = host
        self._rnd = rnd
        self._rate = rate
        self.done: Counter[str] = Counter()

    async def work(self, over: asyncio.Event) -> None:
        """Do harm until it is over."""
        while not over.is_set():
            await asyncio.sleep(self._rnd.expovariate(self._rate))
            workers = self._host.workers()
            if not workers:
                continue
            worker = self._rnd.choice(workers)
            if self._rnd.random() < FREEZES:
                await self._freeze(worker)
            else:
                self._kill(worker)

    def _kill(self, worker: int) -> None:
        number = self._rnd.choice(SIGNALS)
        if _send(worker, number):
            self.done[number.name] += 1

    async def _freeze(self, worker: int) -> None:
        if not _send(worker, signal.SIGSTOP):
            return
        self.done["frozen"] += 1
        await asyncio.sleep(self._rnd.uniform(0.1, 2.0))
        _send(worker, signal.SIGCONT)


def _send(worker: int, number: signal.Signals) -> bool:
    try:
        os.kill(worker, number)
    except ProcessLookupError:
        return False
    return True
