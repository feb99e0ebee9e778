"""How a client behaves during a call: most wait for the answer, some leave, some are slow."""

import enum
from dataclasses import dataclass
from random import Random

# Seconds; a client that reads nothing for much longer is given up.
MOST_PAUSE = 1.0


class Leaves(enum.Enum):
    """At which point a client goes away without a word."""

    BEFORE_BODY = "before the body is sent"
    IN_BODY = "in the middle of the body"
    BEFORE_HEAD = "after the request"
    LATER = "some time after the request"
    AFTER_HEAD = "after the answer's head"
    IN_ANSWER = "in the middle of the answer"


@dataclass(frozen=True)
class Manner:
    """What a client does besides asking."""

    leaves: Leaves | None = None
    # Seconds: before it leaves later, or in which it reads nothing of the answer.
    pause: float = 0.0
    # It reads nothing of the answer's body, until the server has given it up.
    stalls: bool = False
    # It sends the body in pieces, with pauses.
    trickles: bool = False
    # It leaves with a reset of the connection, as a process does that is killed.
    resets: bool = False
    # It takes a new connection for the call.
    is_new: bool = False


def manner(rnd: Random) -> Manner:
    """Return how a client behaves in its next call."""
    is_new, trickles = rnd.random() < 0.2, rnd.random() < 0.03
    leaves = rnd.choice(list(Leaves)) if rnd.random() < 0.12 else None
    pause = rnd.uniform(0.2, MOST_PAUSE) if leaves is None and rnd.random() < 0.02 else 0.0
    if leaves is Leaves.LATER:
        pause = rnd.uniform(0.001, 0.1)
    return Manner(leaves, pause, trickles=trickles, resets=rnd.random() < 0.5, is_new=is_new)
