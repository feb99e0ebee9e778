"""What all calls came to: counts by kind, the first that are offences, and those that were lost."""

from collections import Counter
from dataclasses import dataclass, field

from soak.call import Seen
from soak.manner import Manner
from soak.order import Order
from soak.verdict import Verdict

# So many offences are written out; the rest is counted.
SHOWN = 20


@dataclass(frozen=True)
class Lost:
    """A call that was lost with a worker: from when to when it was under way."""

    kind: str
    began: float
    ended: float


@dataclass
class Tally:
    """The counts of a run."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    offences: list[str] = field(default_factory=list)
    offence_count: int = 0
    lost: list[Lost] = field(default_factory=list)
    unserved: list[Lost] = field(default_factory=list)

    def add(self, order: Order, manner: Manner, seen: Seen, verdict: Verdict) -> None:
        """Count a call."""
        self.outcomes[order.kind, verdict.outcome] += 1
        if verdict.is_lost:
            self.lost.append(Lost(order.kind, seen.began, seen.ended))
        if verdict.is_unserved:
            self.unserved.append(Lost(order.kind, seen.began, seen.ended))
        if verdict.offence is not None:
            self.accuse(_written_out(order, manner, seen, verdict.offence))

    def accuse(self, offence: str) -> None:
        """Note what must not happen."""
        self.offence_count += 1
        if len(self.offences) < SHOWN:
            self.offences.append(offence)

    def total(self, outcome: str | None = None) -> int:
        """Return how many calls there were, or how many of them came to this."""
        pairs = self.outcomes.items()
        return sum(count for (_, found), count in pairs if outcome in (None, found))


def _written_out(order: Order, manner: Manner, seen: Seen, offence: str) -> str:
    status = "no status" if seen.head is None else f"{seen.head.status} {seen.head.code or ''}"
    headers = {} if seen.head is None else seen.head.headers
    return (
        f"{order.kind}: {offence}\n"
        f"  answer {status.strip()} after {seen.ended - seen.began:.3f} s, at {seen.began:.3f}, "
        f"request {headers.get('owt-request-id', 'unknown')}\n"
        f"  the client: {manner}\n"
        f"  owt's words: {seen.words[:500].decode(errors='replace')!r}"
    )
