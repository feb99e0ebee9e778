"""Whether an answer may be as it is: the rules of the soak."""

import re
from dataclasses import dataclass

from soak.call import Seen
from soak.manner import Manner
from soak.order import Expected, Order

RIGHT = "right"
CUT = "cut"
LEFT = "left"

# What any call may come to when workers die, and its words.
LOST = "worker-died"
# And where workers are killed, or miss their folder, again and again while they start.
UNAVAILABLE = "worker-unavailable"

WORDS = {
    LOST: re.compile(
        r"The worker that ran this call .+\. "
        r"A new one takes its place, so the call can be tried again\.\n"
    ),
    UNAVAILABLE: re.compile(
        r"No worker process can be started: (?:\S+ ended while it was starting "
        r"\(signal: \d+ \(SIG\w+\)(?: \(core dumped\))?\)(?: and has printed nothing|: .+)"
        r"|\S+ cannot load owt's own package: .*'.*owt.*'"
        r"|workers end as soon as they are ready \(signal \d+\))\. "
        r"The server goes on trying, so try again in a moment, and look at its log\.\n"
    ),
    "queue-full": re.compile(r"Too many calls are waiting\. Try again in a moment\.\n"),
    "deadline": re.compile(r"The call ran longer than the [\d.]+ s that it may\. .+\n"),
}


@dataclass(frozen=True)
class Verdict:
    """What a call came to: a column of the table, and what is wrong with it, if anything is."""

    outcome: str
    offence: str | None = None
    # The call was lost with a worker; somebody has to have killed that.
    is_lost: bool = False
    # The call had no worker; somebody has to have killed some that were starting.
    is_unserved: bool = False


def judge(order: Order, manner: Manner, seen: Seen, *, workers_die: bool) -> Verdict:
    """Judge what was seen of an answer."""
    if not seen.is_right and (seen.head is None or seen.head.code is None):
        return Verdict("wrong", "the body is not what it has to be")
    if seen.garbled:
        return Verdict("wrong", f"the answer is no HTTP: {seen.garbled}")
    if seen.is_unanswered:
        return Verdict("unanswered", "no answer, or no end of it, in time")
    if manner.leaves is not None and not seen.is_ended:
        return Verdict(LEFT)
    if manner.stalls and (seen.head is None or seen.head.code is None):
        return _judge_stalled(seen)
    if seen.head is None:
        return Verdict("unanswered", "the connection was closed without an answer")
    if seen.head.code is not None:
        return _judge_error(order.expected, seen, seen.head.code, workers_die)
    return _judge_answer(order.expected, seen, seen.head.status, workers_die)


def _judge_stalled(seen: Seen) -> Verdict:
    if seen.is_ended:
        return Verdict("wrong", "a client that did not read on has got the whole answer")
    return Verdict(RIGHT)


def _judge_error(expected: Expected, seen: Seen, code: str, workers_die: bool) -> Verdict:
    if not seen.is_ended:
        return Verdict(code, "an error's words are cut")
    if code == expected.code and seen.is_right and seen.has_all:
        return Verdict(RIGHT)
    if code == LOST and not workers_die:
        return Verdict(code, "a call was lost while nobody killed a worker")
    if code == UNAVAILABLE and not workers_die:
        return Verdict(code, "no worker could be started, and nobody killed any")
    if code not in (LOST, UNAVAILABLE, "queue-full", expected.or_code):
        return Verdict(code, "this error has no cause")
    if not WORDS[code].fullmatch(seen.words.decode(errors="replace")):
        return Verdict(code, "an error's words are not what they have to be")
    return Verdict(code, is_lost=code == LOST, is_unserved=code == UNAVAILABLE)


def _judge_answer(expected: Expected, seen: Seen, status: int, workers_die: bool) -> Verdict:
    if expected.code is not None:
        return Verdict("wrong", f"an answer instead of {expected.code}")
    if status != expected.status:
        return Verdict("wrong", f"status {status} instead of {expected.status}")
    if seen.is_ended and expected.breaks_off:
        return Verdict("wrong", "an answer that breaks off has an end like a whole one")
    if seen.is_ended:
        return Verdict(RIGHT) if seen.has_all else Verdict("wrong", "the body ends too early")
    if expected.breaks_off and (seen.has_all or workers_die):
        return Verdict(RIGHT)
    if not (workers_die and expected.is_long):
        return Verdict(CUT, "the answer was cut without a cause")
    return Verdict(CUT, is_lost=True)
