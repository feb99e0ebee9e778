"""A kind of call that waits for its code to be loaded, while another loses its patience with it."""

from dataclasses import replace
from random import Random

from soak.adaptors import slow_to_load
from soak.kinds import name
from soak.manner import Leaves, Manner
from soak.order import Order, order, text


def patient(rnd: Random) -> Order:
    """Return a call that has to be answered, whatever becomes of the one beside it."""
    n, seconds = name(rnd), rnd.uniform(0.1, 0.4)
    code = slow_to_load(n, seconds)
    call = order("patient", code, text(f"{n}"), {"n": n})
    return replace(call, manner=Manner(), beside=_impatient(rnd, code, seconds))


def _impatient(rnd: Random, code: str, seconds: float) -> Order:
    n, patience = name(rnd), rnd.uniform(0.1, 1.2) * seconds
    if rnd.random() < 0.5:
        expected = text(f"{n}", or_code="deadline")
        call = order("impatient", code, expected, {"n": n}, timeout=round(patience, 3))
        return replace(call, manner=Manner())
    leaves = Manner(leaves=Leaves.LATER, pause=patience, resets=rnd.random() < 0.5)
    return replace(order("impatient", code, text(f"{n}"), {"n": n}), manner=leaves)
