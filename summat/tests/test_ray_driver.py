"""The driver of a pool on Ray: what actors say and fail to say becomes events."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, cast

import pytest

from owt._ray._cluster import ActorDeadError
from owt._ray._driver import Driver
from owt._ray._failure import PoolError
from owt._ray._messages import Event, MemberUp, Placement, Settings
from tests.fake_ray import SERVE, SETTINGS, Clock, FakeCluster, gone, said


class Run:
    """A driver in a cluster from memory."""

    def __init__(self, settings: Settings = SETTINGS, cluster: FakeCluster | None = None) -> None:
        self.clock = Clock()
        self.cluster = cluster or FakeCluster()
        self.events: list[Event] = []
        self.driver = Driver(
            settings, cast(Any, self.cluster), self.events.append, clock=self.clock
        )

    def step(self, seconds: float = 1.0) -> list[str]:
        self.clock.now += seconds
        self.driver.step()
        return said(self.events)

    def ready(self) -> Run:
        self.step()
        assert self.step() == ["member 0", "member 1", "ready"]
        return self


def test_members_are_made_and_told_what_to_serve_and_up() -> None:
    run = Run()
    assert run.step() == []
    assert (list(run.cluster.actors), run.cluster.served) == (["owt-gpu-0", "owt-gpu-1"], 2)
    run.clock.now += 1
    run.driver.step()
    assert run.events[0] == MemberUp(0, "https://10.0.0.1:0", "n", "0", 0)
    assert said(run.events) == ["member 0", "member 1", "ready"]
    assert run.step() == []
    assert not any(run.cluster.kept)


def test_nobody_is_asked_twice_in_a_second() -> None:
    run = Run().ready()
    asked = len(run.cluster.kept)
    run.step(0.4)
    run.step(0.4)
    assert len(run.cluster.kept) == asked


def test_an_actor_that_was_started_again_is_lost_and_comes_back() -> None:
    run = Run().ready()
    actor = run.cluster.actors["owt-gpu-1"]
    actor.error = gone()
    assert run.step() == ["lost 1 its actor has ended or cannot be reached"]
    assert run.step() == []
    actor.error, actor.report = None, replace(actor.report, settings="", url=None)
    assert run.step() == []
    assert run.step() == ["member 1"]


def test_an_actor_that_was_started_again_between_two_beats_is_lost() -> None:
    run = Run().ready()
    actor = run.cluster.actors["owt-gpu-0"]
    actor.report = replace(actor.report, settings="", url=None)
    assert run.step() == ["lost 0 its actor was started again"]
    assert run.step() == ["member 0"]


def test_a_server_that_was_started_again_has_another_address() -> None:
    run = Run().ready()
    actor = run.cluster.actors["owt-gpu-0"]
    actor.report = replace(actor.report, url="https://10.0.0.1:99")
    assert run.step() == ["lost 0 owt serve was started again", "member 0"]
    actor.report = replace(actor.report, url=None, problem="owt serve has ended with signal 9")
    assert run.step() == ["lost 0 owt serve has ended with signal 9"]


def test_a_dead_actor_is_replaced_after_a_while() -> None:
    run = Run().ready()
    run.cluster.actors["owt-gpu-0"].error = ActorDeadError("its actor is dead: killed")
    assert run.step() == ["lost 0 its actor is dead: killed"]
    assert run.cluster.killed == ["owt-gpu-0"]
    run.step(0.5)
    assert "owt-gpu-0" not in run.cluster.actors
    assert [*run.step(), *run.step()] == ["member 0"]


def test_an_actor_that_is_silent_is_lost_until_it_speaks() -> None:
    run = Run().ready()
    actor = run.cluster.actors["owt-gpu-0"]
    actor.is_silent = True
    assert run.step() == []
    assert run.step(5) == []
    assert run.step(1) == ["lost 0 its actor has not answered for 5 s"]
    actor.is_silent = False
    assert run.step() == ["member 0"]


def test_why_a_member_is_not_up_is_told_once() -> None:
    run = Run()
    run.step()
    run.cluster.actors["owt-gpu-0"].is_silent = True
    run.step()
    assert run.step(5) == ["waiting 0 no node has 1 GPU free"]
    assert run.step(60) == []
    run.cluster.actors["owt-gpu-0"].is_silent = False
    assert run.step() == ["member 0", "ready"]


def test_a_server_that_does_not_start_is_waited_for() -> None:
    run = Run(cluster=FakeCluster(problem="owt serve has ended with signal 11"))
    run.step()
    told = [f"waiting {index} owt serve has ended with signal 11" for index in (0, 1)]
    assert run.step(6) == told


def test_a_server_that_can_never_start_ends_the_pool() -> None:
    run = Run(cluster=FakeCluster(problem="there is no program owt", is_final=True))
    run.step()
    with pytest.raises(PoolError, match="Member 0 does not start: there is no program owt"):
        run.step()


def test_actors_that_die_at_each_start_end_the_pool() -> None:
    run = Run(replace(SETTINGS, members=1))
    for _ in range(4):
        run.step(30)
        run.cluster.actors["owt-gpu-0"].error = ActorDeadError("its actor is dead")
        run.step(30)
    run.step(30)
    run.cluster.actors["owt-gpu-0"].error = ActorDeadError("its actor is dead")
    with pytest.raises(PoolError, match="Member 0 does not start: its actor is dead"):
        run.step(30)


def test_what_the_pool_cannot_survive_at_its_start_is_a_loss_later() -> None:
    run = Run()
    run.step()
    run.cluster.actors["owt-gpu-0"].error = PoolError("no runtime environment")
    with pytest.raises(PoolError, match="no runtime environment"):
        run.step()
    run = Run().ready()
    run.cluster.actors["owt-gpu-0"].error = PoolError("no runtime environment")
    assert run.step() == ["lost 0 no runtime environment"]
    assert run.cluster.killed == ["owt-gpu-0"]


def test_an_actor_that_was_found_and_is_silent_is_replaced() -> None:
    cluster = FakeCluster()
    cluster.create("owt-gpu-0", SETTINGS.placement).is_silent = True
    run = Run(cluster=cluster)
    run.step()
    run.step(11)
    assert run.cluster.killed == ["owt-gpu-0"]
    run.step()
    assert "ready" in run.step()


@pytest.mark.parametrize("placement", [Placement(num_gpus=2), Placement(num_gpus=1, num_cpus=4)])
def test_an_actor_that_was_made_with_other_settings_is_replaced(placement: Placement) -> None:
    cluster = FakeCluster()
    cluster.create("owt-gpu-0", placement)
    run = Run(cluster=cluster)
    run.step()
    assert run.cluster.killed == ["owt-gpu-0"]
    run.step()
    assert "ready" in run.step()


def test_an_actor_of_another_version_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run().ready()
    monkeypatch.setattr(run.cluster, "answer", lambda _question: {"version": 0})
    assert run.step()[0] == "lost 0 its actor is one of another version of owt"


def test_actors_that_were_kept_are_taken_as_they_are() -> None:
    settings = replace(SETTINGS, keep=True)
    first = Run(settings).ready()
    first.driver.end()
    assert (first.cluster.ended, first.cluster.killed) == (["release"] * 2, [])
    second = Run(settings, first.cluster)
    assert second.step() == ["member 0", "member 1", "ready"]
    assert all(first.cluster.kept)


def test_actors_that_were_kept_serve_with_a_new_secret() -> None:
    first = Run(replace(SETTINGS, keep=True)).ready()
    changed = replace(SETTINGS, serve=replace(SERVE, token="another"))
    second = Run(changed, first.cluster)
    assert second.step() == []
    assert (first.cluster.served, first.cluster.killed) == (4, [])


def test_a_smaller_pool_ends_what_is_too_much_and_no_other() -> None:
    cluster = FakeCluster()
    for name in ("owt-gpu-1", "owt-gpu-2", "owt-gpu-12", "owt-gpu-1-0", "owt-cpu-9", "owt-gpu-x"):
        cluster.create(name, SETTINGS.placement)
    run = Run(cluster=cluster)
    run.step()
    assert cluster.killed == []
    run.step()
    assert cluster.killed == ["owt-gpu-2", "owt-gpu-12"]


def test_what_another_driver_has_is_left_alone() -> None:
    cluster = FakeCluster()
    cluster.create("owt-gpu-0", Placement(num_gpus=3)).other = "process 7 on there"
    run = Run(replace(SETTINGS, members=1), cluster)
    assert run.step() == []
    assert run.step(6) == ["waiting 0 another owt has it (process 7 on there)"]
    with pytest.raises(PoolError, match=r"Another owt \(process 7 on there\) has a pool gpu"):
        run.step(10)
    run.driver.end()
    assert (cluster.killed, cluster.ended) == ([], [])


def test_the_pool_ends_when_the_head_is_gone_for_long() -> None:
    run = Run().ready()
    run.cluster.is_there = False
    run.step(10)
    run.cluster.is_there = True
    run.step(30)
    run.cluster.is_there = False
    assert run.step(40) == []
    with pytest.raises(PoolError, match="The head of the Ray cluster at head:6379 has been gone"):
        run.step(10)


def test_all_is_ended_at_the_end() -> None:
    run = Run()
    stop = threading.Event()

    def end(event: Event) -> None:
        run.events.append(event)
        if event.event == "ready":
            stop.set()

    driver = Driver(SETTINGS, cast(Any, run.cluster), end)
    driver.run(stop)
    driver.end()
    assert said(run.events) == ["member 0", "member 1", "ready"]
    assert (run.cluster.ended, run.cluster.killed) == (["stop"] * 2, ["owt-gpu-0", "owt-gpu-1"])
