"""A client that makes one call after the other, each at random."""

import asyncio
from dataclasses import dataclass, field
from random import Random

from soak.call import Seen, call
from soak.deadly import DEADLY
from soak.kinds import Maker
from soak.manner import Manner, manner
from soak.mix import HARMLESS
from soak.order import Order
from soak.tally import Tally
from soak.verdict import judge
from soak.wire import Connection


@dataclass
class Weather:
    """What the clients of a phase have to expect."""

    workers_die: bool = False
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class Client:
    """One of many clients."""

    def __init__(self, port: int, rnd: Random, tally: Tally, weather: Weather) -> None:
        self._port = port
        self._rnd = rnd
        self._tally = tally
        self._weather = weather
        self._connection: Connection | None = None
        kinds: dict[Maker, float] = {**HARMLESS, **(DEADLY if weather.workers_die else {})}
        self._makers, self._weights = list(kinds), list(kinds.values())

    async def live(self) -> None:
        """Make calls until the weather changes."""
        while not self._weather.is_over.is_set():
            [make] = self._rnd.choices(self._makers, self._weights)
            order, mood = make(self._rnd), manner(self._rnd)
            jobs = [self._call(order, order.manner or mood)]
            if order.beside is not None:
                jobs.append(self._call_aside(order.beside))
            await asyncio.gather(*jobs)
        self._hang_up()

    async def _call(self, order: Order, manner: Manner) -> None:
        if manner.is_new:
            self._hang_up()
        if self._connection is None:
            self._connection = await Connection.to(self._port)
        seen = await self._judged(self._connection, order, manner)
        if not is_reusable(seen):
            self._hang_up(resets=manner.resets)

    async def _call_aside(self, order: Order) -> None:
        connection, manner = await Connection.to(self._port), order.manner or Manner()
        await self._judged(connection, order, manner)
        connection.close(resets=manner.resets)

    async def _judged(self, connection: Connection, order: Order, manner: Manner) -> Seen:
        seen = await call(connection, order, manner)
        verdict = judge(order, manner, seen, workers_die=self._weather.workers_die)
        self._tally.add(order, manner, seen, verdict)
        return seen

    def _hang_up(self, *, resets: bool = False) -> None:
        if self._connection is not None:
            self._connection.close(resets=resets)
            self._connection = None


def is_reusable(seen: Seen) -> bool:
    """Return whether another call can go over the connection of this one."""
    return (
        seen.is_ended and seen.head is not None and seen.head.headers.get("connection") != "close"
    )
