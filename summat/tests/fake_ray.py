"""A Ray cluster that answers from memory, and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from owt._ray._cluster import ActorError
from owt._ray._member import Report
from owt._ray._messages import Event, Placement, ServeSettings, Settings

SERVE = ServeSettings("/opt/owt", ["--workers", "2"], "secret", "CERT", "KEY")
SETTINGS = Settings("gpu", "local", 2, False, Placement(num_gpus=1), SERVE)


class Clock:
    """Seconds, as a test sets them."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeActor:
    """An actor: what it says of itself, or how asking it fails."""

    report: Report
    error: Exception | None = None
    # It neither answers nor fails.
    is_silent: bool = False
    # Who has it, whoever asks.
    other: str = ""


@dataclass
class FakeCluster:
    """What the driver takes for `Cluster`."""

    head: str = "head:6379"
    actors: dict[str, FakeActor] = field(default_factory=dict)
    is_there: bool = True
    # Said by the next actors that are made.
    problem: str = ""
    is_final: bool = False
    kept: list[bool] = field(default_factory=list)
    served: int = 0
    killed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        return list(self.actors)

    def find(self, name: str) -> FakeActor | None:
        return self.actors.get(name)

    def create(self, name: str, placement: Placement) -> FakeActor:
        number = len(self.actors) + len(self.killed)
        report = Report(
            holder="",
            placement=placement.fingerprint,
            settings="",
            node="n",
            gpus=str(number),
            url=None,
            pid=number,
            problem=self.problem,
            is_final=self.is_final,
        )
        return self.actors.setdefault(name, FakeActor(report))

    def beat(self, actor: FakeActor, holder: str, *, keep: bool) -> Any:
        self.kept.append(keep)
        actor.report = replace(actor.report, holder=actor.other or holder)
        return _Question(actor)

    def serve(self, actor: FakeActor, settings: ServeSettings) -> None:
        self.served += 1
        url = None if self.problem else f"https://10.0.0.1:{actor.report.pid}"
        actor.report = replace(actor.report, settings=settings.fingerprint, url=url)

    def release(self, actor: FakeActor, _holder: str) -> Any:
        self.ended.append("release")
        return _Question(actor)

    def stop(self, actor: FakeActor) -> Any:
        self.ended.append("stop")
        return _Question(actor)

    def kill(self, actor: FakeActor) -> None:
        for name in [name for name, found in self.actors.items() if found is actor]:
            self.killed.append(name)
            del self.actors[name]

    def answered(self, questions: list[Any], _seconds: float) -> list[Any]:
        return [question for question in questions if not question.actor.is_silent]

    def answer(self, question: Any) -> Any:
        if question.actor.error:
            raise question.actor.error
        return vars(question.actor.report)

    def is_reachable(self) -> bool:
        return self.is_there

    def shortage(self, placement: Placement) -> str:
        return f"no node has {placement.num_gpus} GPU free"


class _Question:
    def __init__(self, actor: FakeActor) -> None:
        self.actor = actor


def gone() -> ActorError:
    return ActorError("its actor has ended or cannot be reached")


def said(events: list[Event]) -> list[str]:
    """Take what was written, each as its name, its member and its reason."""
    found = []
    for event in events:
        parts = [event.event, *(str(getattr(event, at, "")) for at in ("index", "reason"))]
        found.append(" ".join(part for part in parts if part))
    events.clear()
    return found
