"""The driver of a pool on a real Ray cluster, in a network of the test's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import ray_pool
from harness.envelope import digest
from harness.namespace import Namespace
from harness.program import owt_binary
from harness.ray_pool import Driver, Identity

WHERE = "import os, sys\ndef run(): return [sys.executable, os.environ['CUDA_VISIBLE_DEVICES']]"
PID = "import os\nrun = os.getppid"

# The programs of a cluster.
CLUSTER = ("raylet", "gcs_server", "ray::")
MEMBERS = ("owt serve", "owt-gpu-", "ray::Actor")


@pytest.fixture(scope="module", autouse=True)
def _ray() -> None:
    ray_pool.check_ray()


@pytest.fixture
def home() -> Iterator[Path]:
    with ray_pool.folder() as home:
        yield home


@pytest.fixture
def network() -> Iterator[Namespace]:
    with Namespace.made() as network:
        yield network


@pytest.fixture
def cluster(network: Namespace, home: Path) -> Iterator[str]:
    """Return the address of a cluster with two GPUs, as it believes."""
    with ray_pool.head(network, home, "--num-gpus", "2", "--num-cpus", "8") as address:
        yield address


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity.made()


def actor_of(member: dict[str, Any]) -> int:
    """Return the process of a member's actor, which has started its server."""
    stat = Path(f"/proc/{member['pid']}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def test_members_answer_and_come_back_and_end(
    network: Namespace, home: Path, identity: Identity
) -> None:
    with ray_pool.started(network, home, identity) as driver:
        driver.until("ready")
        assert sorted(driver.members) == [0, 1]
        for index, member in driver.members.items():
            assert member["gpus"] is None
            assert driver.call(index, PID) == member["pid"]
            assert driver.call(index, WHERE)[1] == "-1"

        check_nothing_is_shown(driver)
        check_a_killed_actor_comes_back(driver)
        check_a_killed_server_comes_back(driver)

        assert driver.close() < 10
        assert driver.next() == {"event": "end"}
    network.wait_until_gone()


def check_nothing_is_shown(driver: Driver) -> None:
    """Look at command lines and folders: no token and no key is there."""
    for member in driver.members.values():
        command = driver.namespace.processes()[member["pid"]]
        assert driver.identity.token not in command
        cert = Path(command.partition("--tls-cert ")[2].partition(" ")[0])
        assert (cert.name, cert.parent.exists()) == ("cert.pem", False)
    assert driver.identity.token not in driver.log()


def check_a_killed_actor_comes_back(driver: Driver) -> None:
    before = driver.members[0]
    os.kill(actor_of(before), signal.SIGKILL)
    assert driver.until("lost")["index"] == 0
    after = driver.until("member")
    assert (after["index"], after["pid"] == before["pid"]) == (0, False)
    assert driver.call(0, PID) == after["pid"]
    assert before["pid"] not in driver.namespace.processes()


def check_a_killed_server_comes_back(driver: Driver) -> None:
    before = driver.members[1]
    os.kill(before["pid"], signal.SIGKILL)
    lost = driver.until("lost")
    assert (lost["index"], lost["reason"]) == (1, "owt serve has ended with signal 9")
    assert driver.until("member")["index"] == 1
    assert driver.call(1, PID) == driver.members[1]["pid"]


def test_a_killed_driver_leaves_nothing(network: Namespace, home: Path, identity: Identity) -> None:
    with ray_pool.started(network, home, identity) as driver:
        driver.until("ready")
        driver.process.kill()
        network.wait_until_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all(
    network: Namespace, home: Path, identity: Identity, number: signal.Signals
) -> None:
    with ray_pool.started(network, home, identity, members=1) as driver:
        driver.until("member")
        driver.process.send_signal(number)
        assert driver.process.wait(timeout=10) == 0
    network.wait_until_gone()


def test_a_driver_that_is_ended_while_ray_starts_leaves_nothing(
    network: Namespace, home: Path, identity: Identity
) -> None:
    with ray_pool.started(network, home, identity) as driver:
        while not network.matching("gcs_server"):
            time.sleep(0.01)
        assert driver.close() < 10
    network.wait_until_gone()


def test_a_cluster_that_was_there_stays_without_members(
    network: Namespace, cluster: str, home: Path, identity: Identity
) -> None:
    with ray_pool.started(network, home, identity, address=cluster) as driver:
        driver.until("ready")
        assert driver.close() < 10
    network.wait_until_gone(*MEMBERS)
    with ray_pool.started(network, home, identity, address=cluster) as driver:
        driver.until("ready")
        driver.process.kill()
        network.wait_until_gone(*MEMBERS)
    assert network.matching("gcs_server")


def test_members_that_are_kept_are_found(
    network: Namespace, cluster: str, home: Path, identity: Identity
) -> None:
    kept = {"address": cluster, "keep": True}
    with ray_pool.started(network, home, identity, **kept) as driver:
        driver.until("ready")
        first = driver.members
        driver.close()
    # Longer than an actor without keep goes on alone.
    time.sleep(11)
    with ray_pool.started(network, home, identity, **kept) as driver:
        driver.until("ready")
        assert driver.members == first
        driver.close()
    other = Identity.made("another-token-for-the-same-members")
    with ray_pool.started(network, home, other, address=cluster, members=1) as driver:
        driver.until("ready")
        assert driver.members[0]["pid"] != first[0]["pid"]
        assert driver.call(0, PID) == driver.members[0]["pid"]
        # The other one was of a larger pool.
        while len(network.matching("owt serve")) > 1:
            time.sleep(0.05)
        driver.close()
    network.wait_until_gone(*MEMBERS)


def test_each_member_has_its_gpu_and_one_waits(
    network: Namespace, cluster: str, home: Path, identity: Identity
) -> None:
    wanted = {"address": cluster, "members": 3, "num_gpus": 1}
    with ray_pool.started(network, home, identity, **wanted) as driver:
        waiting = driver.until("waiting")
        assert waiting["reason"] == "no node has 1 GPU free: 0 of 2 in the cluster are"
        assert {member["gpus"] for member in driver.members.values()} == {"0", "1"}
        for index, member in driver.members.items():
            assert driver.call(index, WHERE)[1] == member["gpus"]
        assert {*driver.members, waiting["index"]} == {0, 1, 2}


def test_a_pool_belongs_to_one_driver(
    network: Namespace, cluster: str, home: Path, identity: Identity
) -> None:
    wanted = {"address": cluster, "members": 1}
    with ray_pool.started(network, home, identity, **wanted) as driver:
        driver.until("ready")
        with ray_pool.started(network, home, identity, **wanted) as other:
            assert other.next()["event"] == "waiting"
            failed = other.next()
            assert failed["event"] == "failed"
            assert failed["reason"].startswith(f"Another owt (process {driver.process.pid} on ")
            assert other.process.wait(timeout=10) == 1
        assert driver.call(0, PID) == driver.members[0]["pid"]
        assert driver.events.empty()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"address": "127.0.0.1:6399"},
            "No Ray cluster answers at 127.0.0.1:6399 ([Errno 111] Connection refused): "
            "start one with ray start --head, or take address=local",
        ),
        (
            {"arguments": ["--no-such-option"]},
            "Member 0 does not start: owt serve has ended with status 2: unexpected argument "
            "'--no-such-option' found",
        ),
    ],
)
def test_what_cannot_go_on_is_told_in_one_sentence(
    network: Namespace, home: Path, identity: Identity, settings: dict[str, Any], reason: str
) -> None:
    with ray_pool.started(network, home, identity, members=1, **settings) as driver:
        failed = driver.next()
        assert (failed["event"], failed["reason"][: len(reason)]) == ("failed", reason)
        assert driver.process.wait(timeout=10) == 1
    network.wait_until_gone()


def test_members_are_on_two_nodes(network: Namespace, home: Path, identity: Identity) -> None:
    first, second = "10.77.0.1", "10.77.0.2"
    gpus = ("--num-gpus", "2", "--num-cpus", "4")
    with Namespace.made(beside=network) as other:
        network.join(other, first, second)
        head = (*ray_pool.HEAD, "--node-ip-address", first, *gpus)
        joined = ("--address", f"{first}:6379", "--node-ip-address", second, *gpus)
        wanted = {"address": f"{first}:6379", "members": 4, "num_gpus": 1}
        with (
            ray_pool.node(network, home, *head),
            ray_pool.node(other, home, *joined),
            ray_pool.started(network, home, identity, **wanted) as driver,
        ):
            driver.until("ready")
            members = driver.members.values()
            places = sorted((member["url"].split(":")[1], member["gpus"]) for member in members)
            assert places == [(f"//{at}", gpu) for at in (first, second) for gpu in ("0", "1")]
            assert len({member["node"] for member in members}) == 2
            for index, member in driver.members.items():
                assert driver.call(index, PID) == member["pid"]
            driver.close()
            for namespace in (network, other):
                namespace.wait_until_gone(*MEMBERS)


def test_a_front_has_a_pool_of_members_that_ray_has_placed(network: Namespace, home: Path) -> None:
    with front(network, home) as (process, log):
        assert ask(network, home, HELLO, "name=owt") == "hello owt"
        assert ask(network, home, CHUNKS) == "0 1 2"
        began, ended = home / "began", home / "ended"
        held = network.popen(
            call_of(home, HELD, f"began={began}", f"ended={ended}"),
            ray_pool.environment(home),
            subprocess.DEVNULL,
        )
        with held:
            until(began.exists)
            held.terminate()
            until(ended.exists)
        slow = call_of(home, HELD, f"began={began}", "ended=/dev/null", "--timeout", "0.3")
        late = network.popen(slow, ray_pool.environment(home), subprocess.PIPE)
        assert late.stderr is not None
        with late, late.stderr:
            assert "owt: error: deadline:" in late.stderr.read()
        # Nobody else's token or certificate opens a member, and no log shows them.
        assert "Bearer" not in log.read_text()
        actor = next(iter(network.matching("ray::Actor")))
        os.kill(actor, signal.SIGKILL)
        until(lambda: " is lost: " in log.read_text())
        until(lambda: log.read_text().count(" takes calls") > 2)
        assert ask(network, home, HELLO, "name=again") == "hello again"
        process.kill()
        process.wait()
        network.wait_until_gone()


def test_a_front_that_stops_leaves_nothing_of_ray(network: Namespace, home: Path) -> None:
    with front(network, home) as (process, _):
        process.terminate()
        assert process.wait(timeout=30) == 0
        network.wait_until_gone()


HELLO = "def run(name): return f'hello {name}'"
CHUNKS = "def run():\n    yield from ('0 ', '1 ', '2')"
HELD = (
    "import pathlib, time\n"
    "def run(began, ended):\n"
    "    pathlib.Path(began).touch()\n"
    "    try:\n"
    "        while True: time.sleep(0.01)\n"
    "    finally:\n"
    "        pathlib.Path(ended).touch()\n"
)


@contextmanager
def front(network: Namespace, home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start a server whose pool `gpu` is Ray's, and wait until all its members take calls."""
    log = home / "front.log"
    pool = "gpu:engine=ray,address=local,members=2,num-cpus=1,workers=1"
    command: list[str | Path] = [
        owt_binary(),
        "serve",
        "--workers",
        "1",
        "--python",
        sys.executable,
        "--pool",
        pool,
    ]
    with log.open("w") as stream:
        process = network.popen(command, ray_pool.environment(home), stream)
    with process:
        try:
            until(lambda: all(f"gpu-{index} takes calls" in log.read_text() for index in (0, 1)))
            yield process, log
        finally:
            process.kill()


def call_of(home: Path, code: str, *arguments: str) -> list[str | Path]:
    """Return a command that calls the pool."""
    file = home / f"{digest(code)[:8]}.py"
    file.write_text(code)
    return [owt_binary(), "call", file, "--pool", "gpu", *arguments]


def ask(network: Namespace, home: Path, code: str, *arguments: str) -> str:
    """Call the pool, and return the answer."""
    return network.run(*call_of(home, code, *arguments), env=ray_pool.environment(home))


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so: it is another process, which gives no event."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
