"""What the driver asks of Ray, and how it is started: with a module in the place of Ray."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import owt._ray
from owt._ray import _cluster
from owt._ray._actor import Actor
from owt._ray._cluster import ActorDeadError, ActorError, Cluster
from owt._ray._failure import PoolError
from owt._ray._messages import Placement
from tests.fake_ray import SERVE, SETTINGS
from tests.process import ROOT, cleared
from tests.test_ray_messages import LINE


class RayError(Exception):
    """The base of Ray's errors."""


def errors() -> SimpleNamespace:
    actor = type("RayActorError", (RayError,), {})
    kinds = {name: type(name, (actor,), {}) for name in ("ActorDied", "ActorUnavailableError")}
    own = ("RuntimeEnvSetupError", "ActorUnschedulableError", "RayTaskError", "GetTimeoutError")
    kinds |= {name: type(name, (RayError,), {}) for name in own}
    return SimpleNamespace(RayError=RayError, RayActorError=actor, **kinds)


class FakeRay(ModuleType):
    """As much of Ray as is used."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.calls: list[Any] = []
        self.failures: dict[str, Exception] = {}
        self.exceptions = errors()
        self.answer: Any = None
        self.util = SimpleNamespace(
            list_named_actors=lambda **_options: [
                {"name": "owt-gpu-0", "namespace": "owt"},
                {"name": "another", "namespace": "other"},
            ],
            get_node_ip_address=lambda: "10.0.0.1",
        )
        by_value = self._called("by value")
        self.cloudpickle = SimpleNamespace(register_pickle_by_value=by_value)

    def _called(self, what: str) -> Any:
        return lambda *given: self.calls.append((what, *given))

    def init(self, address: str, **options: Any) -> None:
        self.calls.append(("init", address, options))
        if address in self.failures:
            raise self.failures[address]

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(
            gcs_address="10.0.0.1:6379", current_actor="me", get_node_id=lambda: "0123456789"
        )

    def get_gpu_ids(self) -> list[int]:
        return [3]

    def get_actor(self, name: str, namespace: str) -> str:
        if name == "missing":
            raise ValueError(name)
        return f"{namespace}/{name}"

    def remote(self, kind: type) -> Any:
        def made(*given: Any) -> str:
            self.calls.append(("remote", kind, given))
            return "actor"

        def options(**given: Any) -> Any:
            self.calls.append(("options", given))
            if given["num_gpus"] < 0:
                raise ValueError("num_gpus must be >= 0")
            return SimpleNamespace(remote=made)

        return SimpleNamespace(options=options)

    def kill(self, actor: Any, *, no_restart: bool) -> None:
        self.calls.append(("kill", actor, no_restart))
        if actor == "gone":
            raise RayError

    def wait(self, refs: list[Any], *, num_returns: int, timeout: float) -> Any:
        self.calls.append(("wait", num_returns, timeout))
        return refs[:1], refs[1:]

    def get(self, _ref: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def nodes(self) -> list[Any]:
        return [
            {"Alive": True, "Resources": {"GPU": 2.0}},
            {"Alive": False, "Resources": {"GPU": 8.0}},
        ]

    def available_resources(self) -> dict[str, float]:
        return {"GPU": 0.5}


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    for name in [*_cluster._DEFAULTS, "RAY_ADDRESS"]:
        # So that it is restored in the end.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return fake


@pytest.fixture
def cluster(ray: FakeRay) -> Cluster:
    return Cluster(ray, "10.0.0.1:6379")


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_cluster_is_started_and_ended(ray: FakeRay) -> None:
    with Cluster.joined(SETTINGS) as cluster:
        assert cluster.head == "10.0.0.1:6379"
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    by_value, init, shutdown = ray.calls
    assert by_value == ("by value", owt._ray)
    assert init[:2] == ("init", "local")
    assert (init[2]["namespace"], init[2]["include_dashboard"]) == ("owt", False)
    assert shutdown == "shutdown"


def test_a_cluster_that_runs_is_joined_and_else_started(ray: FakeRay) -> None:
    auto = replace(SETTINGS, address="auto")
    with Cluster.joined(auto):
        assert [call[1] for call in ray.calls if call[0] == "init"] == ["auto"]
    ray.failures["auto"] = ConnectionError("none runs")
    ray.calls.clear()
    with Cluster.joined(auto):
        assert [call[1] for call in ray.calls if call[0] == "init"] == ["auto", "local"]


def test_a_cluster_that_is_named_is_joined(ray: FakeRay, listening: str) -> None:
    with Cluster.joined(replace(SETTINGS, address=listening)):
        assert ray.calls[-1] == (
            "init",
            listening,
            {"namespace": "owt", "logging_level": "warning"},
        )
    with Cluster.joined(replace(SETTINGS, address=f"ray://{listening}")) as cluster:
        assert (cluster.head, cluster.is_reachable()) == (f"ray://{listening}", True)


def test_a_local_cluster_keeps_nothing(ray: FakeRay, capsys: pytest.CaptureFixture[str]) -> None:
    with Cluster.joined(replace(SETTINGS, keep=True)):
        assert capsys.readouterr().err.startswith("keep has no effect")


@pytest.mark.parametrize(
    ("address", "error", "reason"),
    [
        ("local", RuntimeError("no\nmemory"), "Ray does not start on this machine: no"),
        ("auto", RuntimeError("Version mismatch"), "cluster at auto cannot be joined: Version"),
        ("ray://", ImportError("grpc"), "Ray's client is not installed .*'ray.client.' .grpc."),
        ("10.0.0.1", ConnectionError(), "No Ray cluster answers at 10.0.0.1 .ConnectionError."),
    ],
)
def test_what_hinders_joining_is_told(
    ray: FakeRay, address: str, error: Exception, reason: str
) -> None:
    ray.failures[address] = error
    with pytest.raises(PoolError, match=reason), Cluster.joined(replace(SETTINGS, address=address)):
        raise AssertionError
    assert ray.calls[-1] == "shutdown"


def test_a_variable_that_names_no_cluster_starts_none(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:6379")
    ray.failures["auto"] = ConnectionError("refused")
    with (
        pytest.raises(PoolError, match=r"No Ray cluster answers at auto \(refused\)"),
        Cluster.joined(replace(SETTINGS, address="auto")),
    ):
        raise AssertionError


def test_a_head_that_refuses_is_not_reachable(cluster: Cluster, listening: str) -> None:
    cluster.head = listening
    assert cluster.is_reachable()
    cluster.head = "127.0.0.1:1"
    assert not cluster.is_reachable()


def test_an_actor_is_made_as_it_was_asked_for(ray: FakeRay, cluster: Cluster) -> None:
    placement = Placement(0.5, 2, {"fast": 1.0}, {"pip": ["x"]})
    assert cluster.create("owt-gpu-0", placement) == "actor"
    (_, options), made = ray.calls
    assert options == {
        "name": "owt-gpu-0",
        "namespace": "owt",
        "lifetime": "detached",
        "get_if_exists": True,
        "max_restarts": -1,
        "num_gpus": 0.5,
        "num_cpus": 2,
        "resources": {"fast": 1.0},
        "runtime_env": {"pip": ["x"]},
        "scheduling_strategy": "SPREAD",
    }
    assert made == ("remote", Actor, ("owt-gpu-0", placement.fingerprint))
    cluster.create("owt-gpu-0", Placement(0, None))
    left_out = {"num_cpus", "resources", "runtime_env"}
    assert not left_out & set(ray.calls[2][1])
    with pytest.raises(PoolError, match="Ray takes no such members: num_gpus must be >= 0"):
        cluster.create("owt-gpu-0", Placement(-1))


def test_actors_are_found_and_killed(ray: FakeRay, cluster: Cluster) -> None:
    assert cluster.names() == ["owt-gpu-0"]
    assert cluster.find("owt-gpu-0") == "owt/owt-gpu-0"
    assert cluster.find("missing") is None
    cluster.kill("actor")
    cluster.kill("gone")
    assert ray.calls == [("kill", "actor", True), ("kill", "gone", True)]


def test_actors_are_asked(ray: FakeRay, cluster: Cluster) -> None:
    asked: list[Any] = []

    class Method:
        def __init__(self, name: str) -> None:
            self.name = name

        def remote(self, *given: Any) -> str:
            asked.append((self.name, *given))
            return self.name

    names = ("beat", "serve", "release", "stop")
    actor = SimpleNamespace(**{name: Method(name) for name in names})
    questions = [cluster.beat(actor, "me", keep=True), cluster.stop(actor)]
    cluster.serve(actor, SERVE)
    assert cluster.release(actor, "me") == "release"
    assert asked[:2] == [("beat", "me", True), ("stop",)]
    assert asked[2][1]["token"] == "secret"
    assert cluster.answered(questions, 0.1) == ["beat"]
    assert cluster.answered([], 0.1) == []
    assert ray.calls == [("wait", 2, 0.1)]
    ray.answer = {"url": None}
    assert cluster.answer("beat") == {"url": None}


@pytest.mark.parametrize(
    ("name", "text", "kind", "reason"),
    [
        ("ActorUnavailableError", "", ActorError, "its actor has ended or cannot be reached"),
        ("GetTimeoutError", "late", ActorError, "Ray cannot reach it: late"),
        (
            "ActorDied",
            "The actor died.\n\tclass_name: Actor\nThe actor is dead because it was killed.",
            ActorDeadError,
            "its actor is dead: The actor is dead because it was killed.",
        ),
        ("ActorDied", "x" * 400, ActorDeadError, f"its actor is dead: {'x' * 300}…"),
        ("RayTaskError", "Trace\n  TypeError: no", ActorDeadError, "not answer: TypeError: no"),
        ("RuntimeEnvSetupError", "", PoolError, "runtime environment: RuntimeEnvSetupError"),
        ("ActorUnschedulableError", "full", PoolError, "Ray has no place for a member: full"),
    ],
)
def test_what_ray_says_of_an_actor_is_sorted(
    ray: FakeRay, cluster: Cluster, name: str, text: str, kind: type[Exception], reason: str
) -> None:
    ray.answer = getattr(ray.exceptions, name)(text)
    with pytest.raises(kind) as raised:
        cluster.answer("question")
    assert type(raised.value) is kind
    assert reason in str(raised.value)


def test_what_is_short_is_asked_of_the_nodes_that_live(cluster: Cluster) -> None:
    assert cluster.shortage(Placement(4)) == "no node has 4 GPU: the largest has 2"
    reason = "no node has 1 GPU free: 0.5 of 2 in the cluster are"
    assert cluster.shortage(Placement(1, None)) == reason


def test_an_actor_knows_its_place(ray: FakeRay) -> None:
    actor = Actor("owt-gpu-0", "placement")
    report = actor.beat("driver", True)
    assert repr(actor) == "owt-gpu-0"
    assert (report["placement"], report["node"], report["gpus"]) == ("placement", "01234567", "3")
    actor._place.end()
    assert ray.calls == [("kill", "me", True)]
    actor.stop()


def drive(folder: Path, ray: str, *program: str) -> subprocess.Popen[str]:
    """Start a driver whose Ray is this module."""
    (folder / "ray.py").write_text(ray)
    return subprocess.Popen(
        [sys.executable, *(program or ("-m", "owt._ray"))],
        env=cleared({"PYTHONPATH": f"{folder}:{ROOT}"}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


MISSING = "raise ImportError(name='ray')"
BROKEN = "raise ImportError('no libz', name='libz')"
# Neither starts actors nor fails.
EMPTY = """
from types import SimpleNamespace
import os, signal, subprocess
cloudpickle = SimpleNamespace(register_pickle_by_value=lambda module: None)
def init(**options):
    global started
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("chatter", flush=True)
    started = subprocess.Popen(["sleep", "600"])
def shutdown():
    started.kill()
def get_runtime_context():
    return SimpleNamespace(gcs_address="none")
def get_actor(name, namespace):
    return SimpleNamespace(beat=SimpleNamespace(remote=lambda holder, keep: name))
def wait(refs, **options):
    os.write(2, b"driving\\n")
    return [], refs
"""
# Its head refuses connections from the beginning, and nothing else answers.
HANGS = f"""{EMPTY}
import time
from owt._ray import _head
_head._MAX_GONE = 0
def get_runtime_context():
    return SimpleNamespace(gcs_address="127.0.0.1:1")
def shutdown():
    os.write(2, b"driving\\n")
    time.sleep(600)
"""
SHORT = """
import owt._ray.__main__ as main, sys
main._MAX_END = 0.2
sys.exit(main.main())
"""


@pytest.mark.parametrize(
    ("ray", "line", "reason"),
    [
        (MISSING, LINE, "Ray is not installed for this Python: pip install 'owt-cli[ray]'"),
        (BROKEN, LINE, "Ray cannot be imported: no libz"),
        (MISSING, {}, "The line of settings for the Ray driver lacks 'pool': start it with"),
    ],
)
def test_a_driver_that_cannot_begin_says_why(
    tmp_path: Path, ray: str, line: dict[str, Any], reason: str
) -> None:
    with drive(tmp_path, ray) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        driver.stdin.write(json.dumps(line) + "\n")
        driver.stdin.flush()
        failed = json.loads(driver.stdout.readline())
        assert (failed["event"], failed["reason"][: len(reason)]) == ("failed", reason)
        assert driver.wait(20) == 1
        assert driver.communicate() == ("", "")


@pytest.mark.parametrize("how", ["end of input", "SIGTERM", "SIGINT"])
def test_a_driver_ends_when_it_is_told_to(tmp_path: Path, how: str) -> None:
    with drive(tmp_path, EMPTY) as driver:
        begin(driver)
        if how.startswith("SIG"):
            driver.send_signal(getattr(signal, how))
            assert driver.wait(20) == 0
        said, _log = driver.communicate(timeout=20)
        assert (driver.returncode, said) == (0, "")


def test_what_a_driver_has_started_ends_when_it_is_killed(tmp_path: Path) -> None:
    with drive(tmp_path, EMPTY) as driver:
        begin(driver)
        driver.kill()
        # Whoever holds the end of this pipe has ended, too.
        driver.communicate(timeout=20)


def test_a_driver_whose_ray_hangs_says_why_and_ends(tmp_path: Path) -> None:
    with drive(tmp_path, HANGS, "-c", SHORT) as driver:
        begin(driver)
        assert driver.stdout is not None
        failed = json.loads(driver.stdout.readline())
        assert failed["reason"].startswith("The head of the Ray cluster at 127.0.0.1:1 has been")
        assert driver.wait(20) == 1


def begin(driver: subprocess.Popen[str]) -> None:
    """Send the settings, and wait until the driver asks its actors."""
    assert driver.stdin is not None
    assert driver.stderr is not None
    driver.stdin.write(json.dumps({**LINE, "address": "local"}) + "\n")
    driver.stdin.flush()
    while (line := driver.stderr.readline()) != "driving\n":
        assert line
