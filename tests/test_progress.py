"""Progress: what a call reports is listed, and followed as events, until the call is over."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests
from harness.envelope import envelope
from harness.program import run_owt
from harness.server import Serve, Server
from harness.terminal import on_terminal
from harness.wire import connect, json_request

# Each reports, says so in the log, and goes on when the test has made a file.
REPORTS = """
    import logging, time
    from pathlib import Path

    def run(request, go):
        request.progress(1, 4, "one of four")
        logging.info("waits %s", request.id)
        while not Path(go).exists():
            time.sleep(0.002)
        request.progress(4, 4)
        return "done"
"""

FAST = """
    import logging, time
    from pathlib import Path

    def run(request, go):
        for number in range(100_001):
            request.progress(number)
        logging.info("waits %s", request.id)
        while not Path(go).exists():
            time.sleep(0.002)
"""

STREAMS = """
    import logging, time
    from pathlib import Path

    def run(request, go):
        for part in owt.progress(["a", "b"]):
            yield part
            if part == "a":
                logging.info("waits %s", request.id)
                while not Path(go).exists():
                    time.sleep(0.002)
"""

TQDM = """
    import logging, time
    from pathlib import Path
    from tqdm import tqdm

    def run(request, go):
        for number in tqdm(range(3), desc="bar", mininterval=0):
            if number == 2:
                logging.info("waits %s", request.id)
                while not Path(go).exists():
                    time.sleep(0.002)
"""

FAILS = """
    import logging, time
    from pathlib import Path

    def run(request, go):
        request.progress(1)
        logging.info("waits %s", request.id)
        while not Path(go).exists():
            time.sleep(0.002)
        raise ValueError
"""

SLOW = r"""
import time

def run():
    for number in owt.progress(range(3), text="sleeping \x1b[2J"):
        time.sleep(0.3)
    return "done"
"""

Event = tuple[str, dict[str, Any]]
END: Event = ("end", {})


def progress(done: float, total: float | None = None, text: str | None = None) -> Event:
    return ("progress", {"done": done, "total": total, "text": text})


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """Return the file for which calls wait."""
    return tmp_path / "go"


@contextmanager
def waiting(
    server: Server, code: str, name: str, go: Path, **fields: Any
) -> Iterator[Future[requests.Response]]:
    """Make a call under a name, and go on once it waits for the file."""
    mark = len(server.log)
    with ThreadPoolExecutor(1) as pool:
        headers = {"Owt-Request-Id": name}
        call = pool.submit(server.call, code, {"go": str(go)}, headers=headers, **fields)
        try:
            server.log.wait_for(f"waits {name}", since=mark)
            yield call
        finally:
            go.touch()


def events_of(answer: requests.Response) -> Iterator[Event]:
    """Yield events as they come."""
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    # Smaller chunks than an event, so that none waits for the next.
    lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
    for line in lines:
        kind, data, end = line, next(lines), next(lines)
        assert end == ""
        yield kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@contextmanager
def followed(server: Server, name: str) -> Iterator[Iterator[Event]]:
    with server.session() as session:
        url = f"{server.url}/_owt/calls/{name}/events"
        with session.get(url, stream=True, timeout=20) as answer:
            yield events_of(answer)


def wait_until_reported(server: Server, name: str, expected: dict[str, Any]) -> None:
    """Wait until the list of calls has this progress, which comes a moment after its report."""
    deadline = time.monotonic() + 10
    while True:
        calls = server.send("GET", "/_owt/calls").json()
        found = [call.get("progress") for call in calls if call["id"] == name]
        if found == [expected]:
            return
        assert time.monotonic() < deadline, calls


def test_what_a_call_reports_is_listed_with_it(server: Server, go: Path) -> None:
    with waiting(server, REPORTS, "listed", go) as call:
        expected = {"done": 1, "total": 4, "text": "one of four"}
        wait_until_reported(server, "listed", expected)
        go.touch()
        assert call.result().text == "done"


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        (REPORTS, progress(1, 4, "one of four"), progress(4, 4)),
        (STREAMS, progress(0, 2), progress(2, 2)),
        (TQDM, progress(2, 3, "bar"), progress(3, 3, "bar")),
        (FAILS, progress(1), None),
    ],
    ids=["request", "generator", "tqdm", "failure"],
)
def test_whoever_follows_a_call_sees_its_last_report_and_its_end(
    server: Server, go: Path, code: str, before: Event, after: Event | None
) -> None:
    with waiting(server, code, "followed", go):
        wait_until_reported(server, "followed", before[1])
        with followed(server, "followed") as events:
            assert next(events) == before
            go.touch()
            rest = list(events)
            assert rest[-1] == END
            assert rest[-2:-1] == ([after] if after else [])
    again = server.send("GET", "/_owt/calls/followed/events")
    assert (again.status_code, again.headers["Owt-Error"]) == (404, "call-unknown")


def test_a_call_that_reports_all_the_time_sends_little_and_the_last_report(
    server: Server, go: Path
) -> None:
    with waiting(server, FAST, "fast", go):
        began = time.monotonic()
        wait_until_reported(server, "fast", {"done": 100_000, "total": None, "text": None})
        assert time.monotonic() - began < 5
        with followed(server, "fast") as events:
            go.touch()
            assert list(events) == [progress(100_000), END]


def test_many_follow_one_call_whichever_threads_of_the_server_they_meet(
    server: Server, go: Path
) -> None:
    everybody = Barrier(8, action=go.touch)

    def follow(_number: int) -> list[Event]:
        with followed(server, "popular") as events:
            first = next(events)
            everybody.wait(timeout=10)
            return [first, *events]

    with ThreadPoolExecutor(8) as pool, waiting(server, REPORTS, "popular", go):
        expected = [progress(1, 4, "one of four"), progress(4, 4), END]
        assert list(pool.map(follow, range(8))) == [expected] * 8


@pytest.mark.parametrize("ending", ["cancelled", "client gone", "deadline"])
def test_a_call_that_is_stopped_ends_its_events(serve: Serve, tmp_path: Path, ending: str) -> None:
    server = serve()
    fields = envelope(
        REPORTS, {"go": str(tmp_path / "never")}, timeout=1 if ending == "deadline" else 60
    )
    with connect(server) as client:
        client.sendall(json_request(fields, ("Owt-Request-Id", "stopped")))
        server.log.wait_for("waits stopped")
        with followed(server, "stopped") as events:
            assert next(events) == progress(1, 4, "one of four")
            match ending:
                case "cancelled":
                    assert server.send("DELETE", "/_owt/calls/stopped").status_code == 204
                case "client gone":
                    client.close()
            assert list(events) == [END]


def test_nobody_follows_a_call_without_leave(serve: Serve) -> None:
    server = serve("--auth", "ann:" + "0" * 64)
    answer = server.send("GET", "/_owt/calls/any/events")
    assert (answer.status_code, answer.headers["Owt-Error"]) == (401, "auth-required")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("'a'", "ValueError: could not convert string to float: 'a'"),
        ("float('nan')", "ValueError: what is done is a finite number"),
    ],
)
def test_what_is_no_number_is_no_progress(server: Server, arguments: str, error: str) -> None:
    answer = server.call(f"def run(request): request.progress({arguments})")
    assert answer.headers["Owt-Error"] == "adaptor-raised"
    assert answer.text.startswith(error)


def test_a_text_of_any_kind_and_length_arrives(server: Server, go: Path) -> None:
    code = """
        import logging, time
        from pathlib import Path

        def run(request, go):
            request.progress(1, float("inf"), "\\ud800\\n" + "\\N{owl}" * 1000)
            logging.info("waits %s", request.id)
            while not Path(go).exists():
                time.sleep(0.002)
    """
    with waiting(server, code, "text", go):
        text = "\ufffd" * 3 + "\n" + "\N{OWL}" * 196
        wait_until_reported(server, "text", {"done": 1, "total": None, "text": text})


# What a terminal is told to do before it shows anything else on a line.
ERASE = "\r\x1b[2K"


def test_a_terminal_shows_a_bar_while_a_call_runs_and_then_its_answer_alone(
    server: Server, tmp_path: Path
) -> None:
    """The bar is on standard error, which is a terminal here; the answer goes elsewhere."""
    (tmp_path / "slow.py").write_text(SLOW)
    done, shown = on_terminal("call", "slow.py", "--url", server.url, home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "done")
    frames = [frame.split() for frame in shown.split(ERASE)]
    assert ["67%", "0s", "2/3", "sleeping", "[2J"] in [frame[1:] for frame in frames]
    assert shown.endswith(ERASE)


def test_a_bar_is_gone_when_the_call_fails(server: Server, tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(SLOW.replace("return", "raise"))
    done, shown = on_terminal("call", "fails.py", "--url", server.url, home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "2/3 sleeping" in shown
    assert shown.partition(f"{ERASE}owt: ")[2].partition("error:")[2]


def test_without_a_terminal_there_is_no_bar(server: Server, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    done = run_owt("call", "slow.py", "--url", server.url, home=tmp_path)
    assert (done.stdout, done.stderr) == ("done", "")
