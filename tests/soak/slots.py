"""No place for a call is lost: after the load, each worker still takes as many as it may."""

import asyncio
from collections import Counter
from random import Random

from harness.envelope import digest

from soak.adaptors import WAITING
from soak.call import call
from soak.host import QUEUE, THREADS, WORKERS
from soak.manner import Manner
from soak.order import Order, order, text
from soak.verdict import RIGHT, judge
from soak.wire import Connection

# Long enough that all are there at once.
SECONDS = 1.0

# How often a place that is lost is found to be so: a place that leaked never comes back.
LOOKS = 3

# Of one adaptor: it may not have all places to itself.
CALLS = 2


async def missing(port: int, rnd: Random) -> list[str]:
    """Return which workers take fewer calls than they may."""
    found = [await _missing_for_long(port, worker, rnd) for worker in range(WORKERS)]
    return [
        f"worker {worker} has no right answer to {sum(outcomes.values())} of {THREADS + QUEUE} "
        f"calls while it runs no other: {dict(outcomes)}"
        for worker, outcomes in enumerate(found)
        if outcomes
    ]


async def _missing_for_long(port: int, worker: int, rnd: Random) -> Counter[str]:
    """Look again where something is missing: what was left in the storm may still cost a worker."""
    outcomes: Counter[str] = Counter()
    for _ in range(LOOKS):
        outcomes = await _missing_in(port, worker, rnd)
        if not outcomes:
            break
    return outcomes


def code_in(worker: int, rnd: Random) -> str:
    """Return code of which a worker is the home, as it is of all code with certain digests."""
    while home(code := f"{WAITING}# {rnd.random()}\n") != worker:
        pass
    return code


def home(code: str) -> int:
    """Return the worker in which this code is loaded."""
    return int.from_bytes(bytes.fromhex(digest(code))[:8], "little") % WORKERS


async def _missing_in(port: int, worker: int, rnd: Random) -> Counter[str]:
    codes = [code_in(worker, rnd) for _ in range((THREADS + QUEUE) // CALLS)]
    orders = [
        order("slot", code, text(f"{n}"), {"n": n, "seconds": SECONDS})
        for n, code in enumerate(codes * CALLS)
    ]
    outcomes = await asyncio.gather(*(_outcome(port, order) for order in orders))
    return Counter(outcome for outcome in outcomes if outcome != RIGHT)


async def _outcome(port: int, order: Order) -> str:
    connection = await Connection.to(port)
    seen = await call(connection, order, Manner())
    connection.close()
    return judge(order, Manner(), seen, workers_die=False).outcome
