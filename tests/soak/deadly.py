"""Kinds of calls that end the worker that runs them, each in a way of its own."""

from random import Random

from soak import adaptors
from soak.host import MOST_MEMORY
from soak.kinds import Maker, deadline
from soak.order import Order, order, text

STACK = ", or recursion has used up the stack"


def by_exit(_rnd: Random) -> Order:
    """Return a call that ends its process."""
    words = _died("ended itself with exit code 3")
    return order("os._exit", adaptors.LEAVING, text(words, 502, code="worker-died"))


def by_fault(_rnd: Random) -> Order:
    """Return a call that reads memory that is not there."""
    words = _died(f"was ended by SIGSEGV, usually because of a fault in a native library{STACK}")
    return order("segfault", adaptors.CRASHING, text(words, 502, code="worker-died"))


def by_abort(_rnd: Random) -> Order:
    """Return a call that aborts, as native libraries do that find themselves broken."""
    words = _died(f"was ended by SIGABRT, usually because a native library gave up{STACK}")
    return order("abort in C", adaptors.ABANDONING, text(words, 502, code="worker-died"))


def by_memory(_rnd: Random) -> Order:
    """Return a call that takes more memory than a worker may have."""
    words = _died(
        f"was ended because it had more than the {MOST_MEMORY} MB of memory that a worker may have "
        "(--worker-kill-rss)"
    )
    return order("out of memory", adaptors.GREEDY, text(words, 502, code="worker-died"))


def by_holding_the_lock(_rnd: Random) -> Order:
    """Return a call that never lets go of the interpreter's lock."""
    return order("stuck in C", adaptors.STUCK, deadline(0.1), timeout=0.1)


def by_sleeping(_rnd: Random) -> Order:
    """Return a call that waits where no exception reaches it."""
    return order("asleep in C", adaptors.ASLEEP, deadline(0.1), timeout=0.1)


def _died(how: str) -> str:
    return (
        f"The worker that ran this call {how}. "
        "A new one takes its place, so the call can be tried again.\n"
    )


# How often each is called, in proportion to the others and to the harmless ones.
DEADLY: dict[Maker, float] = {
    by_exit: 0.1,
    by_fault: 0.1,
    by_abort: 0.1,
    by_memory: 0.1,
    by_holding_the_lock: 0.1,
    by_sleeping: 0.1,
}
