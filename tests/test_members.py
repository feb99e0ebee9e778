"""Pools whose calls other owts run: which of them, and what becomes of calls when one is lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from harness.envelope import b64, digest, envelope
from harness.memory import watched
from harness.program import run_owt
from harness.server import Serve, Server
from harness.tls import Files

PATIENCE = 30.0
PAUSE = 0.02

# Each run leaves a line, so that one which ran twice is seen.
NOTED = """
import os, threading, time
def run(file, seconds=0):
    with open(file, "a") as notes:
        notes.write(f"{os.getppid()}\\n")
    time.sleep(seconds)
    return str(os.getppid())
"""

HELD = """
import pathlib, time
def run(folder):
    folder = pathlib.Path(folder)
    (folder / "began").touch()
    try:
        while True:
            time.sleep(0.01)
    finally:
        (folder / "ended").write_text(repr(time.monotonic()))
"""


Answer = TypeVar("Answer")


def until(question: Callable[[], Answer], is_right: Callable[[Answer], bool] = bool) -> Answer:
    """Ask until the answer is right: what is asked is another process, which gives no event."""
    deadline = time.monotonic() + PATIENCE
    while not is_right(found := question()):
        assert time.monotonic() < deadline, found
        time.sleep(PAUSE)
    return found


def members(front: Server) -> dict[str, dict[str, Any]]:
    (pool,) = front.send("GET", "/_owt/pools").json()
    return {member["name"]: member for member in pool["members"]}


def name(member: Server) -> str:
    return f"127.0.0.1:{member.port}"


def until_up(front: Server, *those: Server) -> None:
    names = [name(member) for member in those]
    until(lambda: [members(front)[one]["state"] for one in names], lambda it: {*it} == {"up"})


def ran_at(answer: requests.Response) -> str:
    """Return the member that has run a call."""
    assert answer.status_code == 200, answer.text
    timing = answer.headers["Server-Timing"]
    return timing.partition('member;desc="')[2].rstrip('"')


class Pool:
    """A front, and the owts that run its calls."""

    def __init__(
        self, serve: Serve, members: int = 2, *keys: str, front: tuple[str, ...] = ()
    ) -> None:
        self.members = [serve("--workers", "1") for _ in range(members)]
        urls = "+".join(member.url for member in self.members)
        self.front = serve("--pool", ",".join((f"default:members={urls}", *keys)), *front)
        until_up(self.front, *self.members)

    def code_for(self, member: Server, text: str = NOTED) -> str:
        """Return code whose home is this member: the same, but for a comment."""
        for number in range(100):
            code = f"{text}\ndef probe(): return {number}"
            if ran_at(self.front.call(code, fn_name="probe")) == name(member):
                return code
        raise AssertionError("a member has no share of the code")


@pytest.fixture
def pool(serve: Serve) -> Pool:
    return Pool(serve)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def test_code_stays_at_its_member_and_all_members_have_a_share(pool: Pool) -> None:
    codes = [f"def run(): return {number}" for number in range(24)]
    homes = [[ran_at(pool.front.call(code)) for _ in range(3)] for code in codes]
    assert all(len({*home}) == 1 for home in homes)
    assert {home[0] for home in homes} == {name(member) for member in pool.members}
    shares = Counter(home[0] for home in homes)
    for member in pool.members:
        rows = member.send("GET", "/_owt/adaptors").json()
        assert len(rows) == shares[name(member)]
    shown = pool.front.send("GET", "/_owt/adaptors").json()
    assert sorted(row["digest"] for row in shown) == sorted(map(digest, codes))
    assert Counter(row["member"] for row in shown) == shares


def test_a_handler_sees_the_request_that_the_front_was_sent(pool: Pool, serve: Serve) -> None:
    code = (
        "import json\n"
        "def run(request):\n"
        "    return [request.method, request.scheme, request.host, request.path,\n"
        "            request.args.to_dict(), request.remote_addr, request.headers['x-a'],\n"
        "            request.headers.get('authorization'), request.id, request.data.decode()]\n"
    )
    direct = serve("--workers", "1")
    answers = []
    for server in (pool.front, direct):
        fields = {"Owt-Code-SHA256": "no field"}
        answer = server.send(
            "PUT",
            "/some%20path",
            params={"code_b64": b64(code), "q": "ä"},
            headers={
                "X-A": "b",
                "Content-Type": "text/x-own",
                "Owt-Request-Id": "my-own",
                **fields,
            },
            data="some body",
        )
        assert answer.status_code == 200, answer.text
        seen = answer.json()
        seen[2] = seen[2].replace(str(server.port), "PORT")
        answers.append((answer.status_code, answer.headers["Content-Type"], seen))
    assert answers[0] == answers[1]


def test_a_member_that_refuses_connections_is_passed_over(pool: Pool) -> None:
    gone, stays = pool.members
    code = pool.code_for(gone, "def run(): return 'well'")
    gone.process.kill()
    gone.process.wait()
    answers = [pool.front.call(code) for _ in range(20)]
    assert {ran_at(answer) for answer in answers} == {name(stays)}
    shown = until(lambda: members(pool.front)[name(gone)], lambda it: it["state"] == "closed")
    assert shown["reason"] == "it refuses connections"
    assert pool.front.send("GET", "/_owt/health").json()["pools"] == {
        "default": {"alive": 1, "total": 2}
    }


@pytest.mark.parametrize("may_repeat", [None, "field", "header"])
def test_a_call_that_may_have_run_is_made_again_only_if_its_client_allows_that(
    pool: Pool, notes: Path, may_repeat: str | None
) -> None:
    lost, stays = pool.members
    code = pool.code_for(lost)
    headers = {"Idempotency-Key": '"1"'} if may_repeat == "header" else {}
    fields: dict[str, Any] = {"retry": True} if may_repeat == "field" else {}
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(
            pool.front.call, code, {"file": str(notes), "seconds": 1}, headers=headers, **fields
        )
        until(lambda: lines(notes))
        lost.process.kill()
        lost.process.wait()
        answer = call.result()
    if may_repeat:
        assert (ran_at(answer), len(lines(notes))) == (name(stays), 2)
        return
    assert (answer.status_code, answer.headers["Owt-Error"]) == (502, "member-lost")
    assert answer.text == (
        f"The member {name(lost)}, which ran this call, was lost: it has closed the connection. "
        "The call may have run, in part or whole, so it was not made again; do that yourself if it "
        "does no harm.\n"
    )
    assert len(lines(notes)) == 1


def test_a_member_that_stops_ends_its_calls_and_takes_no_more(pool: Pool, notes: Path) -> None:
    stops, stays = pool.members
    code = pool.code_for(stops)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(pool.front.call, code, {"file": str(notes), "seconds": 1})
        until(lambda: lines(notes))
        stops.process.terminate()
        until(lambda: stops.log.since(0), lambda log: "stopping" in log)
        assert ran_at(pool.front.call(code, {"file": str(notes)})) == name(stays)
        assert ran_at(call.result()) == name(stops)
    assert len(lines(notes)) == 2


def test_a_member_that_stands_still_loses_its_calls_and_comes_back(pool: Pool, notes: Path) -> None:
    frozen, stays = pool.members
    code = pool.code_for(frozen)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(pool.front.call, code, {"file": str(notes), "seconds": 60})
        until(lambda: lines(notes))
        os.kill(frozen.process.pid, signal.SIGSTOP)
        try:
            answer = call.result()
            assert (answer.status_code, answer.headers["Owt-Error"]) == (502, "member-lost")
            assert "it does not answer any more" in answer.text
            assert ran_at(pool.front.call(code, {"file": str(notes)})) == name(stays)
        finally:
            os.kill(frozen.process.pid, signal.SIGCONT)
    until_up(pool.front, frozen)
    assert ran_at(pool.front.call(code, {"file": str(notes)})) == name(frozen)
    assert len(lines(notes)) == 3


def test_without_any_member_a_call_is_told_why(serve: Serve) -> None:
    front = serve("--pool", "default:members=http://127.0.0.1:1")
    answer = front.call("lambda: 1")
    assert (answer.status_code, answer.headers["Owt-Error"]) == (503, "worker-unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert answer.text == (
        "No member of the pool takes calls now: 127.0.0.1:1: it refuses connections. They are "
        "asked again each second, so try again in a moment.\n"
    )


@pytest.mark.parametrize("end", ["cancel", "leave", "deadline"])
def test_a_call_ends_at_its_member_as_it_does_at_home(pool: Pool, tmp_path: Path, end: str) -> None:
    more: dict[str, Any] = {"timeout": 0.5} if end == "deadline" else {}
    headers = {"Owt-Request-Id": "held"}
    began, ended = tmp_path / "began", tmp_path / "ended"
    with ThreadPoolExecutor(1) as threads, pool.front.session() as session:
        arguments = {"folder": str(tmp_path)}
        if end == "leave":
            call = client_of(pool.front, tmp_path)
        else:
            future = threads.submit(pool.front.call, HELD, arguments, headers=headers, **more)
        until(began.exists)
        moment = time.monotonic()
        if end == "leave":
            call.kill()
            call.wait()
        elif end == "cancel":
            assert session.delete(f"{pool.front.url}/_owt/calls/held").status_code == 204
        until(ended.exists)
        took = float(until(ended.read_text)) - moment
        if end != "leave":
            answer = future.result()
            expected = (409, "cancelled") if end == "cancel" else (504, "deadline")
            assert (answer.status_code, answer.headers["Owt-Error"]) == expected
    assert took < (1.5 if end == "deadline" else 0.5)
    until(
        lambda: [member["calls"] for member in members(pool.front).values()],
        lambda it: it == [0, 0],
    )


def client_of(front: Server, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that calls, and can be killed."""
    client = (
        "import sys, requests; from harness.envelope import envelope; "
        "requests.post(sys.argv[1], json=envelope(sys.argv[2], {'folder': sys.argv[3]}))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", client, front.url, HELD, str(folder)],
        cwd=Path(__file__).parent,
    )


def test_chunks_come_as_they_are_yielded(pool: Pool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = (
        "import pathlib, time\n"
        "def run(gate):\n"
        "    yield 'first'\n"
        "    while not pathlib.Path(gate).exists(): time.sleep(0.005)\n"
        "    yield 'second'\n"
    )

    with pool.front.session() as session:
        json = envelope(code, {"gate": str(gate)})
        answer = session.post(pool.front.url, json=json, stream=True, timeout=30)
        chunks = answer.iter_content(None)
        assert next(chunks) == b"first"
        (call,) = pool.front.send("GET", "/_owt/calls").json()
        assert call["state"] == "streaming"
        gate.touch()
        assert b"".join(chunks) == b"second"


def test_a_stream_whose_member_is_lost_breaks_off(pool: Pool) -> None:

    code = pool.code_for(
        pool.members[0], "import time\ndef run():\n    yield 'first'\n    time.sleep(60)\n"
    )
    with pool.front.session() as session:
        answer = session.post(pool.front.url, json=envelope(code), stream=True, timeout=30)
        chunks = answer.iter_content(None)
        assert next(chunks) == b"first"
        pool.members[0].process.kill()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            next(chunks)
    assert members(pool.front)[name(pool.members[0])]["lost"] == 1


def test_a_large_body_goes_through_both_in_little_memory(pool: Pool) -> None:
    code = (
        "def run(request):\n"
        "    size = 0\n"
        "    while chunk := request.stream.read(1 << 16):\n"
        "        size += len(chunk)\n"
        "    for _ in range(size >> 20):\n"
        "        yield bytes(1 << 20)\n"
    )
    size = 256 << 20
    piece = bytes(1 << 20)

    def pieces() -> Iterator[bytes]:
        yield from (piece for _ in range(size // len(piece)))

    with watched(pool.front) as peak, pool.front.session() as session:
        answer = session.post(
            pool.front.url,
            params={"code_b64": b64(code)},
            headers={"Content-Type": "application/octet-stream"},
            data=pieces(),
            stream=True,
            timeout=100,
        )
        assert answer.status_code == 200, answer.text
        assert sum(map(len, answer.iter_content(1 << 20))) == size
    assert peak.bytes < 64 << 20


def test_files_of_a_form_arrive_whole(pool: Pool) -> None:

    code = (
        "import hashlib\n"
        "def run(request):\n"
        "    digest = lambda file: hashlib.sha256(file.read()).hexdigest()\n"
        "    return {name: digest(file) for name, file in request.files.items()}\n"
    )
    contents = {"small": os.urandom(1000), "large": os.urandom(5 << 20)}
    fields: dict[str, Any] = {"code_b64": (None, b64(code))}
    fields |= {key: (f"{key}.bin", data) for key, data in contents.items()}
    answer = pool.front.send("POST", files=fields)
    assert answer.json() == {
        key: hashlib.sha256(data).hexdigest() for key, data in contents.items()
    }


def test_progress_is_told_by_the_front(pool: Pool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = (
        "import pathlib, time\n"
        "def run(request, gate):\n"
        "    request.progress(3, 4, 'most')\n"
        "    while not pathlib.Path(gate).exists(): time.sleep(0.005)\n"
    )
    with ThreadPoolExecutor(1) as threads:
        headers = {"Owt-Request-Id": "slow"}
        call = threads.submit(pool.front.call, code, {"gate": str(gate)}, headers=headers)
        shown = until(
            lambda: pool.front.send("GET", "/_owt/calls").json(),
            lambda calls: bool(calls) and "progress" in calls[0],
        )
        assert shown[0]["progress"] == {"done": 3, "total": 4, "text": "most"}
        assert (shown[0]["state"], shown[0]["id"]) == ("running", "slow")
        gate.touch()
        assert call.result().status_code == 200


def test_of_replicas_the_less_busy_one_is_called(serve: Serve, notes: Path) -> None:
    pool = Pool(serve, 3, "replicas=2")
    with ThreadPoolExecutor(8) as threads:
        arguments = {"file": str(notes), "seconds": 0.5}
        calls = [threads.submit(pool.front.call, NOTED, arguments) for _ in range(8)]
        homes = Counter(ran_at(call.result()) for call in calls)
    assert len(homes) == 2
    assert min(homes.values()) >= 2


@pytest.mark.parametrize("kind", ["token", "password"])
def test_a_front_shows_members_a_secret_and_nobody_else(
    serve: Serve, tmp_path: Path, kind: str
) -> None:
    secret = {"token": "a-token-that-nobody-guesses", "password": "ada:lovelace"}[kind]
    file = tmp_path / "secret"
    file.write_text(secret + "\n")
    user, word = ("--token", secret) if kind == "token" else ("ada", "lovelace")
    hashed = run_owt("hash", user, home=tmp_path, stdin=f"{word}\n").stdout.strip()
    member = serve("--workers", "1", "--auth", hashed)
    pool = f"default:members={member.url}"
    front = serve("--pool", f"{pool},auth=file:{file}")
    until_up(front, member)
    assert front.call("lambda: 'well'").text == "well"
    fronts = [
        front,
        serve("--pool", f"{pool},auth=env:SECRET", env={"SECRET": "a-wrong-token-of-some-length"}),
    ]
    refused = fronts[1].call("1")
    assert (refused.status_code, refused.headers["Owt-Error"]) == (503, "worker-unavailable")
    assert "it wants other credentials than those of auth" in refused.text
    for server in fronts:
        shown = server.send("GET", "/_owt/pools").text + server.send("GET", "/_owt/metrics").text
        shown += server.log.since(0)
        assert not any(word in shown for word in (secret, "lovelace", "a-wrong-token"))


@pytest.mark.parametrize("is_trusted", [True, False])
def test_members_speak_tls(serve: Serve, files: Files, *, is_trusted: bool) -> None:
    member = serve("--workers", "1", *files.options)
    ca = f",ca={files.authority}" if is_trusted else ""
    front = serve("--pool", f"default:members=https://localhost:{member.port}{ca}")
    answer = until(lambda: front.call("def run(request): return request.scheme"), is_over)
    if is_trusted:
        assert (answer.status_code, answer.text) == (200, "http")
    else:
        assert (answer.status_code, answer.headers["Owt-Error"]) == (503, "worker-unavailable")
        assert "UnknownIssuer" in answer.text or "certificate" in answer.text


def is_over(_: requests.Response) -> bool:
    return True


def test_members_have_the_addresses_of_a_name(serve: Serve) -> None:
    member = serve("--workers", "1")
    front = serve("--pool", f"default:members=dns://localhost:{member.port}")
    until(lambda: members(front).get(name(member), {}).get("state"), lambda it: it == "up")
    assert ran_at(front.call("lambda: 'well'")) == name(member)


def test_arguments_that_are_data_stay_so(serve: Serve) -> None:
    evaluates, reads = serve("--workers", "1"), serve("--workers", "1", "--no-eval")
    front = serve("--pool", f"default:members={evaluates.url}+{reads.url}", "--no-eval")
    until_up(front, evaluates, reads)
    codes = [f"def run(a): return a\n# {number}" for number in range(8)]
    assert {ran_at(front.call(code, "{'a': 1}")) for code in codes} == {name(reads)}
    refused = front.call(codes[0], "{'a': 1 + 1}")
    assert (refused.status_code, refused.headers["Owt-Error"]) == (400, "kwargs-invalid")


def test_a_pool_of_members_stands_beside_one_of_workers(serve: Serve) -> None:
    member = serve("--workers", "1")
    front = serve("--workers", "1", "--pool", f"far:members={member.url}")
    assert "member" not in front.call("lambda: 1").headers["Server-Timing"]
    assert ran_at(front.call("lambda: 1", pool="far")) == name(member)
    far = "# /// script\n# [tool.owt]\n# pool = 'far'\n# ///\nrun = lambda: 'well'"
    assert ran_at(front.call(far)) == name(member)


def test_ps_shows_members(pool: Pool, tmp_path: Path) -> None:
    pool.members[0].process.kill()
    until(lambda: members(pool.front)[name(pool.members[0])]["state"], lambda it: it == "closed")
    shown = run_owt("ps", "--url", pool.front.url, home=tmp_path).stdout.splitlines()
    names, *rows = [line.split() for line in shown if "adaptor" not in line.lower()]
    assert names[:4] == ["POOL", "MEMBER", "STATE", "CALLS"]
    assert {tuple(row[1:3]) for row in rows} == {
        (name(pool.members[0]), "closed"),
        (name(pool.members[1]), "up"),
    }
    assert any(line.endswith("it refuses connections") for line in shown)


def test_metrics_show_members(pool: Pool) -> None:
    assert pool.front.call("lambda: 1").status_code == 200
    page = pool.front.send("GET", "/_owt/metrics").text
    for member in pool.members:
        assert f'owt_member_up{{pool="default",member="{name(member)}"}} 1' in page
    assert "owt_calls_total 1" in page


def test_many_calls_at_once_are_all_answered(pool: Pool) -> None:
    codes = [f"def run(n): return n * {factor}" for factor in range(1, 9)]

    def many(factor: int) -> list[str]:
        return [pool.front.call(codes[factor - 1], {"n": n}).text for n in range(40)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(many, range(1, 9)))
    assert answers == [[str(n * factor) for n in range(40)] for factor in range(1, 9)]
