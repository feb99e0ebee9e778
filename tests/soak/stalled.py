"""A kind of call whose client asks for much, and then reads nothing of it."""

from dataclasses import replace
from random import Random

from soak import adaptors
from soak.content import numbered
from soak.kinds import name
from soak.manner import Manner
from soak.order import Order, order, stream

# More than all buffers on the way hold.
PARTS, SIZE = 1_000, 64_000


def reader(rnd: Random) -> Order:
    """Return a call that the server has to give up, since nobody takes its answer."""
    n = name(rnd)
    code = rnd.choice([adaptors.GENERATOR, adaptors.ASYNC_GENERATOR])
    kwargs = {"n": n, "parts": PARTS, "size": SIZE}
    expected = stream(lambda: numbered(n, PARTS, SIZE))
    call = order("stalled reader", code, expected, kwargs)
    return replace(call, manner=Manner(stalls=True))
