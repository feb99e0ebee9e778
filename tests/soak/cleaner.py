"""Removes the folders of a running server, as a cleaner of old files does."""

import asyncio
import time
from collections import Counter
from random import Random

from soak.host import Host

# Seconds from one time to the next.
SOONEST, LATEST = 2.0, 12.0


class Cleaner:
    """Removes all private folders now and then."""

    def __init__(self, host: Host, rnd: Random) -> None:
        self._host = host
        self._rnd = rnd
        # By kind of folder.
        self.removed: Counter[str] = Counter()
        # In seconds since the epoch.
        self.moments: list[float] = []

    async def work(self, over: asyncio.Event) -> None:
        """Remove them until it is over."""
        while not over.is_set():
            await asyncio.sleep(self._rnd.uniform(SOONEST, LATEST) / 2)
            self.moments.append(time.time())
            self.removed.update(self._host.remove_private_folders())
            await asyncio.sleep(self._rnd.uniform(SOONEST, LATEST) / 2)
