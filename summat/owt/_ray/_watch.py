"""One member, as its driver sees it: what its actor says becomes events."""

from __future__ import annotations

from dataclasses import dataclass

from owt._ray._cluster import ActorDeadError, ActorError
from owt._ray._failure import PoolError
from owt._ray._member import LEASE, Report
from owt._ray._messages import Lost, MemberUp, Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._ray._cluster import Cluster
    from owt._ray._messages import Event, Settings

# Seconds: between two beats, until a silent member counts as lost, until a found actor that is
# silent is replaced, and until it is said why a member is not up.
_INTERVAL = 1.0
_MAX_SILENCE = 5.0
_MAX_FOUND = 10.0
_PATIENCE = 5.0
# Another driver that is gone lets its actors go by then.
_MAX_HELD = LEASE + 5.0
_MAX_BACKOFF = 30.0
# So many actors die at the start before the pool counts as failed.
_MAX_DEATHS = 5


@dataclass(frozen=True)
class Pool:
    """What all members of a pool have in common."""

    settings: Settings
    cluster: Cluster
    write: Callable[[Event], None]
    clock: Callable[[], float]
    # Who drives: a text that no other driver has, and that people can read.
    holder: str


class Watch:
    """Keeps one actor, asks it how it is, and writes what changes."""

    def __init__(self, pool: Pool, index: int) -> None:
        self._pool = pool
        self._index = index
        self._name = f"owt-{pool.settings.pool}-{index}"
        # Where it answers, as it was said last.
        self._up: MemberUp | None = None
        self._has_been_up = False
        self._down_since = pool.clock()
        self._has_waited = False
        self._problem = ""
        self._held_since: float | None = None
        self._deaths = 0
        self._next = 0.0
        self._asked_at = 0.0
        self.actor: Any = None
        # Found, and not heard yet: such an actor may be dead.
        self._is_found = False
        self._is_held = False
        # What is asked, and has no answer yet.
        self.question: Any = None

    @property
    def is_up(self) -> bool:
        """Whether it answers."""
        return self._up is not None

    @property
    def is_ours(self) -> bool:
        """Whether there is an actor, and no other driver may have it."""
        return self.actor is not None and not self._is_found and not self._is_held

    def ask(self) -> None:
        """Find or make the actor, and ask it how it is, if it is time for that."""
        now = self._pool.clock()
        if self.question is not None or now < self._next:
            return
        cluster, settings = self._pool.cluster, self._pool.settings
        if self.actor is None:
            self.actor = cluster.find(self._name)
            self._is_found = self.actor is not None
            if self.actor is None:
                self.actor = cluster.create(self._name, settings.placement)
        self.question = cluster.beat(self.actor, self._pool.holder, keep=settings.keep)
        self._asked_at, self._next = now, now + _INTERVAL

    def hear(self) -> None:
        """Take the answer to what was asked."""
        question, self.question = self.question, None
        try:
            report = self._report(self._pool.cluster.answer(question))
        except ActorDeadError as err:
            self._deaths += 1
            self._lose(str(err))
            self._replace()
        except ActorError as err:
            self._lose(str(err))
        except PoolError as err:
            if not self._has_been_up:
                raise
            self._lose(str(err))
            self._deaths += 1
            self._replace()
        else:
            self._is_found = False
            self._take(report)
        if self._deaths >= _MAX_DEATHS and not self._has_been_up:
            raise PoolError(f"Member {self._index} does not start: {self._problem}")

    def check(self) -> None:
        """See what takes too long."""
        now = self._pool.clock()
        silence = now - self._asked_at if self.question is not None else 0.0
        if self._up and silence > _MAX_SILENCE:
            self._lose(f"its actor has not answered for {_MAX_SILENCE:.0f} s")
        if self._is_found and silence > _MAX_FOUND:
            self._replace()
        if not self._up and not self._has_waited and now - self._down_since > _PATIENCE:
            self._has_waited = True
            self._pool.write(Waiting(self._index, self._why_waiting(silence)))

    def _why_waiting(self, silence: float) -> str:
        if silence > _INTERVAL:
            return self._pool.cluster.shortage(self._pool.settings.placement)
        return self._problem or "owt serve does not answer yet"

    @staticmethod
    def _report(values: Any) -> Report:
        try:
            return Report(**values)
        except TypeError:
            raise ActorDeadError("its actor is one of another version of owt") from None

    def _take(self, report: Report) -> None:
        settings = self._pool.settings
        self._is_held = report.holder != self._pool.holder
        if self._is_held:
            self._wait_for(report.holder)
            return
        self._held_since = None
        if report.placement != settings.placement.fingerprint:
            self._lose("its actor was made with other settings")
            self._replace()
        elif report.settings != settings.serve.fingerprint:
            self._lose("its actor was started again")
            self._pool.cluster.serve(self.actor, settings.serve)
        elif report.url is None:
            self._take_problem(report)
        else:
            self._take_up(report, report.url)

    def _wait_for(self, holder: str) -> None:
        now = self._pool.clock()
        self._held_since = self._held_since or now
        self._problem = f"another owt has it ({holder})"
        if now - self._held_since > _MAX_HELD:
            raise PoolError(
                f"Another owt ({holder}) has a pool {self._pool.settings.pool} in this Ray "
                "cluster: end it, or give this pool another name"
            )

    def _take_problem(self, report: Report) -> None:
        if report.is_final and not self._has_been_up:
            raise PoolError(f"Member {self._index} does not start: {report.problem}")
        self._lose(report.problem or "owt serve does not answer")

    def _take_up(self, report: Report, url: str) -> None:
        up = MemberUp(self._index, url, report.node, report.gpus, report.pid)
        self._deaths = 0
        if up == self._up:
            return
        self._lose("owt serve was started again")
        self._up, self._has_been_up = up, True
        self._has_waited, self._problem = False, ""
        self._pool.write(up)

    def _lose(self, reason: str) -> None:
        if self._up:
            self._up = None
            self._down_since = self._pool.clock()
            self._pool.write(Lost(self._index, reason))
        self._problem = reason

    def _replace(self) -> None:
        """Make another actor, after a while: the name of the old one is not free at once."""
        self._pool.cluster.kill(self.actor)
        self.actor, self.question, self._is_found = None, None, False
        wait = min(2.0 ** max(self._deaths - 1, 0), _MAX_BACKOFF)
        self._next = self._pool.clock() + wait
