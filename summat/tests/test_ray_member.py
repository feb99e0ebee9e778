"""The actor of a pool on Ray, without Ray: its lease, its GPUs, and its `owt serve`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import trustme

from owt._ray import _member, _serve
from owt._ray._failure import MemberError
from owt._ray._gpus import devices, variables
from owt._ray._lease import Lease
from owt._ray._member import Member, Place
from owt._ray._messages import Placement, ServeSettings
from owt._ray._program import find
from owt._ray._resources import shortage
from owt._ray._serve import SERVER_NAME, Serve
from tests.fake_ray import Clock

# Serves as `owt serve` does, as far as a member asks for it; and writes down how it was started.
OWT = f"""#!{sys.executable}
import http.server, json, os, ssl, sys, threading
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
folder = os.path.dirname(options["--tls-cert"])
seen = dict(
    arguments=sys.argv[1:], environment=dict(os.environ), group=os.getpgrp(),
    modes=[os.stat(path).st_mode & 0o777 for path in (folder, options["--tls-key"])],
)
with open(os.path.join(os.path.dirname(sys.argv[0]), "seen.json"), "w") as file:
    json.dump(seen, file)
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        wanted = "Bearer " + os.environ["OWT_TOKEN"]
        is_well = self.path == "/_owt/health" and self.headers["Authorization"] == wanted
        self.send_response(200 if is_well and Handler.asked > 1 else 503)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer((options["--address"], 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(options["--tls-cert"], options["--tls-key"])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("a line of its log", file=sys.stderr, flush=True)
print("Owt serving on %s:%d" % server.server_address, flush=True)
server.serve_forever()
"""


def issued(name: str) -> tuple[str, str]:
    """Return a certificate that is trusted, and its key."""
    authority = trustme.CA()
    own = authority.issue_cert(name)
    chain = [*own.cert_chain_pems, authority.cert_pem]
    return "".join(pem.bytes().decode() for pem in chain), own.private_key_pem.bytes().decode()


@pytest.fixture(scope="module")
def identity() -> tuple[str, str]:
    return issued(SERVER_NAME)


def program(folder: Path, text: str = OWT) -> str:
    path = folder / "owt"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def settings(tmp_path: Path, identity: tuple[str, str]) -> ServeSettings:
    return ServeSettings(program(tmp_path), ["--workers", "2"], "secret", *identity)


def seen(folder: Path) -> Any:
    return json.loads((folder / "seen.json").read_text())


def test_a_server_is_started_and_ended(
    tmp_path: Path, settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWT_POOL", "of the server itself")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/of/the/server")
    serve = Serve.started(settings, "127.0.0.1", "1,2")
    assert serve.url.startswith("https://127.0.0.1:")
    found = seen(tmp_path)
    arguments, environment = found["arguments"], found["environment"]
    assert arguments[:5] == ["serve", "--address", "127.0.0.1", "--port", "0"]
    assert arguments[-6:] == [
        *("--python", sys.executable),
        *("--config", os.devnull),
        *("--workers", "2"),
    ]
    assert found["modes"] == [0o700, 0o600]
    assert not os.path.exists(arguments[arguments.index("--tls-key") + 1])
    assert environment["OWT_TOKEN"] == "secret"
    assert "secret" not in arguments
    assert (environment["CUDA_VISIBLE_DEVICES"], environment["HIP_VISIBLE_DEVICES"]) == (
        "1,2",
        "1,2",
    )
    assert "OWT_POOL" not in environment
    assert "NOTIFY_SOCKET" not in environment
    assert found["group"] == serve.pid
    assert serve.wait(0) is None
    serve.end()
    assert serve.wait(0) == "owt serve has ended with signal 15"
    serve.end()


def test_a_server_that_does_not_end_is_killed(
    settings: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignoring = OWT.replace("import http", "import signal\nsignal.signal(15, 1)\nimport http", 1)
    program(tmp_path, ignoring)
    monkeypatch.setattr(_serve, "_MAX_END", 0.1)
    serve = Serve.started(settings, "127.0.0.1", None)
    serve.end()
    assert serve.wait(0) == "owt serve has ended with signal 9"


def test_a_server_has_a_settings_file_if_it_is_given_one(
    settings: ServeSettings, tmp_path: Path
) -> None:
    settings.arguments[:] = ["--config", "other.toml"]
    Serve.started(settings, "127.0.0.1", None).end()
    assert seen(tmp_path)["arguments"].count("--config") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a process with its parent")
def test_a_server_ends_with_what_has_started_it(settings: ServeSettings) -> None:
    def start() -> None:
        started.append(Serve.started(settings, "127.0.0.1", None))

    started: list[Serve] = []
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert started[0].wait(10) == "owt serve has ended with signal 9"


@pytest.mark.parametrize(
    ("text", "reason", "is_final"),
    [
        (
            "echo 'owt: error: no such option' >&2; echo >&2; echo 'hint: leave it' >&2; exit 2",
            "owt serve has ended with status 2: no such option; hint: leave it",
            True,
        ),
        ("echo 'INFO hello' >&2; exit 3", "owt serve has ended with status 3", False),
        ("kill -s KILL $$", "owt serve has ended with signal 9", False),
    ],
)
def test_a_server_that_does_not_start_says_why(
    settings: ServeSettings, tmp_path: Path, text: str, reason: str, is_final: bool
) -> None:
    program(tmp_path, f"#!/bin/sh\n{text}\n")
    with pytest.raises(MemberError) as raised:
        Serve.started(settings, "127.0.0.1", None)
    assert (str(raised.value), raised.value.is_final) == (reason, is_final)


def test_a_server_that_does_not_answer_is_given_up(
    settings: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_serve, "_MAX_START", 0.1)
    program(tmp_path, "#!/bin/sh\necho hello; exec sleep 60\n")
    with pytest.raises(MemberError, match="owt serve has not answered within 0 s"):
        Serve.started(settings, "127.0.0.1", None)


def test_a_server_at_whose_port_nobody_listens_is_given_up(
    settings: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_serve, "_MAX_START", 0.3)
    program(tmp_path, "#!/bin/sh\necho 'Owt serving on 127.0.0.1:1'; exec sleep 60\n")
    with pytest.raises(MemberError, match="owt serve has not answered"):
        Serve.started(settings, "127.0.0.1", None)


def test_a_server_that_is_no_longer_wanted_is_not_waited_for(
    settings: ServeSettings, tmp_path: Path, member: Member
) -> None:
    program(tmp_path, '#!/bin/sh\necho $$ > "$0.pid"; exec sleep 600\n')
    member.serve(asdict(settings))
    while not (started := tmp_path / "owt.pid").exists() or not started.read_text():
        threading.Event().wait(0.02)
    member.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    wrong = ServeSettings(program(tmp_path), [], "secret", *issued("other.example"))
    with pytest.raises(MemberError, match="the members' certificate is not valid: Hostname"):
        Serve.started(wrong, "127.0.0.1", None)


class Ended:
    """What a member calls to end itself."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.place = Place("127.0.0.1", "node", ["0"], self.event.set)


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def member(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> Iterator[Member]:
    # It would end this process.
    monkeypatch.setattr(os, "_exit", lambda _status: None)
    member = Member("placement", ended.place)
    yield member
    member.beat("driver", True)
    member.stop()


def until_up(member: Member, *, other_than: int = 0) -> dict[str, Any]:
    for _ in range(1000):
        report = member.beat("driver", True)
        if report["url"] and report["pid"] != other_than:
            return report
        threading.Event().wait(0.02)
    raise AssertionError(report)


def test_a_member_serves_what_it_is_told_and_again_when_that_ends(
    member: Member, settings: ServeSettings
) -> None:
    report = member.beat("driver", True)
    assert (report["settings"], report["url"], report["pid"]) == ("", None, 0)
    member.serve(asdict(settings))
    first = until_up(member)
    assert first["settings"] == settings.fingerprint
    assert (first["placement"], first["node"], first["gpus"]) == ("placement", "node", "0")
    assert (first["holder"], first["problem"], first["is_final"]) == ("driver", "", False)
    os.kill(first["pid"], signal.SIGKILL)
    second = until_up(member, other_than=first["pid"])
    member.serve(asdict(settings) | {"arguments": []})
    third = until_up(member, other_than=second["pid"])
    assert third["settings"] != settings.fingerprint
    member.stop()
    assert member.beat("driver", True)["url"] is None
    with pytest.raises(ProcessLookupError):
        os.kill(third["pid"], 0)


def test_a_member_says_what_is_missing_until_it_is_told_otherwise(
    member: Member, settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    member.serve(asdict(settings) | {"owt": "/nowhere/owt"})
    while not (report := member.beat("driver", True))["problem"]:
        threading.Event().wait(0.02)
    assert report["problem"].startswith("there is no program owt on the node ")
    assert report["is_final"]
    monkeypatch.undo()
    member.serve(asdict(settings))
    until_up(member)


def test_a_member_without_a_driver_ends_itself(
    ended: Ended, settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    exited = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda _status: exited.set())
    monkeypatch.setattr(_member, "LEASE", 0.5)
    member = Member("placement", ended.place)
    # As it is with `keep`, first.
    member.serve(asdict(settings))
    pid = until_up(member)["pid"]
    assert not ended.event.is_set()
    member.beat("driver", False)
    assert ended.event.wait(10)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    # Where that has not ended it.
    assert exited.wait(10)


def test_a_lease_is_its_holders_until_it_is_over() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    clock.now += 9
    assert not lease.is_over()
    assert lease.renew("one", keep=False) == "one"
    clock.now += 9
    assert (lease.is_over(), lease.renew("other", keep=True)) == (False, "one")
    clock.now += 1
    assert lease.is_over()
    assert lease.renew("other", keep=False) == "other"
    assert not lease.is_over()


def test_a_lease_that_is_kept_is_never_over_and_can_be_released() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    lease.renew("one", keep=True)
    clock.now += 1
    lease.release("other")
    assert lease.renew("other", keep=False) == "one"
    lease.release("one")
    clock.now += 1000
    assert not lease.is_over()
    assert lease.renew("other", keep=False) == "other"
    clock.now += 10
    assert lease.is_over()


def test_the_program_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = program(tmp_path)
    assert find(there) == there
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("/nowhere/owt") == there
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert find("/nowhere/owt") == there
    os.chmod(there, stat.S_IRUSR)
    with pytest.raises(MemberError, match="there is no program owt on the node"):
        find(there)


@pytest.mark.parametrize(
    ("ids", "shown", "mask"),
    [([], None, "-1"), ([0], "0", "0"), (["2", "3"], "2,3", "2,3"), (["GPU-ab"], *2 * ["GPU-ab"])],
)
def test_a_member_sees_its_gpus_and_no_others(
    ids: list[int | str], shown: str | None, mask: str
) -> None:
    assert devices(ids) == shown
    assert variables(shown, {}) == {
        "CUDA_VISIBLE_DEVICES": mask,
        "HIP_VISIBLE_DEVICES": mask,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    assert "CUDA_DEVICE_ORDER" not in variables(shown, {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"})


NODES = [{"GPU": 2.0, "CPU": 8.0}, {"CPU": 4.0, "fast": 1.0}]


@pytest.mark.parametrize(
    ("placement", "free", "reason"),
    [
        (Placement(3), {}, "no node has 3 GPU: the largest has 2"),
        (Placement(1), {"CPU": 1}, "no node has 1 GPU free: 0 of 2 in the cluster are"),
        (
            Placement(0.5, 1),
            {"GPU": 0.25, "CPU": 12},
            "no node has 0.5 GPU free: 0.25 of 2 in the cluster are",
        ),
        (
            Placement(0, 1, {"tpu": 1}),
            {"CPU": 12},
            "no node has 1 tpu: the largest has 0",
        ),
        (
            Placement(0, None),
            {},
            "Ray has not started its actor yet: it may be installing its runtime environment",
        ),
    ],
)
def test_what_is_short_is_said(placement: Placement, free: dict[str, float], reason: str) -> None:
    assert shortage(placement, NODES, free) == reason


def test_the_actors_modules_need_nothing_but_python() -> None:
    # They go to the nodes by value, where the package is not.
    script = "import owt._ray._actor, sys; print([name for name in sys.modules if name == 'ray'])"
    folder = str(Path(_serve.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
