"""What the server and the driver say to each other: JSON, one object a line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from owt._ray._failure import PoolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Changes with what the driver and its actors say to each other: actors of another one are replaced.
_PROTOCOL = 1


@dataclass(frozen=True)
class Placement:
    """What Ray needs to know of an actor, to find it a place."""

    num_gpus: float = 0
    num_cpus: float | None = 1
    resources: dict[str, float] = field(default_factory=dict)
    runtime_env: dict[str, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """What is the same for actors that need not be replaced."""
        return _fingerprint({"protocol": _PROTOCOL, **asdict(self)})


@dataclass(frozen=True)
class ServeSettings:
    """How a member's `owt serve` is started; secret, so it is sent to an actor and kept nowhere."""

    owt: str
    arguments: list[str]
    token: str
    cert: str
    key: str

    @property
    def fingerprint(self) -> str:
        """What is the same for members that need not be started again."""
        return _fingerprint(asdict(self))


@dataclass(frozen=True)
class Settings:
    """The line that the driver reads: which pool, where, and how many of which members."""

    pool: str
    address: str
    members: int
    keep: bool
    placement: Placement
    serve: ServeSettings

    @classmethod
    def parse(cls, line: str) -> Settings:
        """Read the line; what it lacks is a mistake of the server that has written it."""
        try:
            values = json.loads(line)
            return cls(
                pool=values["pool"],
                address=values["address"],
                members=values["members"],
                keep=values.get("keep", False),
                placement=Placement(
                    num_gpus=values.get("num_gpus", 0),
                    num_cpus=values.get("num_cpus"),
                    resources=values.get("resources") or {},
                    runtime_env=values.get("runtime_env"),
                ),
                serve=ServeSettings(
                    owt=values["owt"],
                    arguments=values.get("arguments", []),
                    token=values["token"],
                    cert=values["cert"],
                    key=values["key"],
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            # No more of it: there are secrets in it.
            problem = f"lacks {err}" if isinstance(err, KeyError) else "is no object of JSON"
            raise PoolError(
                f"The line of settings for the Ray driver {problem}: start it with owt serve"
            ) from None


@dataclass(frozen=True)
class Event:
    """A line that the driver writes."""

    event: ClassVar[str]

    def line(self) -> str:
        """Return the line, with its end."""
        return json.dumps({"event": self.event, **asdict(self)}) + "\n"


@dataclass(frozen=True)
class MemberUp(Event):
    """A member answers at this address."""

    event = "member"
    index: int
    url: str
    node: str
    gpus: str | None
    pid: int


@dataclass(frozen=True)
class Lost(Event):
    """A member that was up is gone."""

    event = "lost"
    index: int
    reason: str


@dataclass(frozen=True)
class Waiting(Event):
    """A member is not up yet; said once, until it is."""

    event = "waiting"
    index: int
    reason: str


@dataclass(frozen=True)
class Ready(Event):
    """All members are up, for the first time."""

    event = "ready"


@dataclass(frozen=True)
class Failed(Event):
    """The pool cannot go on, and the driver ends."""

    event = "failed"
    reason: str


def _fingerprint(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
