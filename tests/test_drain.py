"""A graceful stop under load: every call is answered, newcomers are told, nothing is left."""

import os
import pty
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from harness.envelope import envelope
from harness.processes import descendants, wait_until_gone
from harness.program import clean_environment, owt_binary
from harness.server import GREETING, Serve, Server
from harness.wire import connect, json_request, read_answer

DRAINING = "The server is stopping. Try again once it is back.\n"

WAITS = """
    import logging
    import time
    from pathlib import Path

    def run(request, end):
        logging.info("begun")
        while not Path(end).exists():
            time.sleep(0.002)
        return "finished"
"""

ENDLESS = """
    import logging
    import time

    def run(request):
        try:
            logging.info("begun")
            while True:
                time.sleep(0.005)
        finally:
            logging.info("cleaned up")
"""

ENDLESS_STREAM = """
    import logging
    import time

    def run(request):
        try:
            logging.info("begun")
            while True:
                yield "again"
                time.sleep(0.005)
        finally:
            logging.info("cleaned up")
"""

ENDLESS_ASYNC_STREAM = """
    import asyncio
    import logging

    async def run(request):
        try:
            logging.info("begun")
            while True:
                yield "again"
                await asyncio.sleep(0.005)
        finally:
            logging.info("cleaned up")
"""


def test_who_comes_while_calls_finish_is_told_to_come_again(serve: Serve, tmp_path: Path) -> None:
    server, end = serve("--grace", "30"), tmp_path / "end"
    with ThreadPoolExecutor() as pool, connect(server) as kept:
        kept.sendall(json_request(envelope("lambda: 1")))
        assert read_answer(kept).body == b"1"
        call = pool.submit(server.call, WAITS, {"end": str(end)})
        server.log.wait_for("begun")
        server.process.terminate()
        server.log.wait_for("stopping")

        kept.sendall(json_request(envelope("lambda: 1")))
        late = read_answer(kept)
        assert (late.status, late.body.decode()) == (503, DRAINING)
        assert late.headers["owt-error"] == "draining"
        assert (late.headers["retry-after"], late.headers["connection"]) == ("1", "close")
        assert kept.recv(1) == b""

        new = server.call("lambda: 1")
        assert (new.status_code, new.text) == (503, DRAINING)
        health = server.send("GET", "/_owt/health")
        assert (health.status_code, health.json()["status"]) == (503, "draining")

        end.touch()
        assert call.result().text == "finished"
    assert server.process.wait(timeout=10) == 0


def test_a_kept_connection_does_not_delay_the_stop(serve: Serve) -> None:
    server = serve("--grace", "60")
    with connect(server) as kept:
        kept.sendall(json_request(envelope("lambda: 1")))
        assert read_answer(kept).body == b"1"
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        assert kept.recv(1) == b""


@pytest.mark.parametrize(
    "code", [ENDLESS, ENDLESS_STREAM, ENDLESS_ASYNC_STREAM], ids=["call", "stream", "async"]
)
def test_what_outlives_the_grace_is_interrupted_before_it_is_killed(
    serve: Serve, code: str
) -> None:
    server = serve("--grace", "0.1")
    with connect(server) as connection:
        connection.sendall(json_request(envelope(code)))
        server.log.wait_for("begun")
        server.process.terminate()
        server.log.wait_for("cleaned up")
        if code is ENDLESS:
            answer = read_answer(connection)
            assert (answer.status, answer.body.decode()) == (503, DRAINING)
        assert server.process.wait(timeout=10) == 0


def test_each_of_a_hundred_calls_is_answered_when_the_server_stops(
    serve: Serve, tmp_path: Path
) -> None:
    server, end = serve("--grace", "20", "--workers", "2", "--threads", "10"), tmp_path / "end"
    processes = descendants(server.process.pid)
    codes = [f"{WAITS}\n    # {number}" for number in range(100)]
    with ThreadPoolExecutor(100) as pool:
        calls = [pool.submit(server.call, code, {"end": str(end)}) for code in codes]
        wait_until_listed(server, 100)
        server.process.terminate()
        server.log.wait_for("stopping")
        end.touch()
        answers = [call.result() for call in calls]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "finished")}
    assert server.process.wait(timeout=20) == 0
    wait_until_gone(processes)


def test_calls_that_cannot_finish_are_all_told(serve: Serve) -> None:
    server = serve("--grace", "0.2", "--workers", "2", "--threads", "10")
    processes = descendants(server.process.pid)
    codes = [f"{ENDLESS}\n    # {number}" for number in range(100)]
    with ThreadPoolExecutor(100) as pool:
        calls = [pool.submit(server.call, code) for code in codes]
        wait_until_listed(server, 100)
        server.process.terminate()
        answers = [call.result() for call in calls]
    assert {(answer.status_code, answer.text) for answer in answers} == {(503, DRAINING)}
    assert server.process.wait(timeout=20) == 0
    wait_until_gone(processes)


def wait_until_listed(server: Server, count: int) -> None:
    """Wait until so many calls are at the workers: those in a queue say nothing themselves."""
    while len(server.send("GET", "/_owt/calls").json()) < count:
        assert server.process.poll() is None


def test_calls_go_on_when_the_stop_comes_in_the_middle_of_many(serve: Serve) -> None:
    server = serve("--grace", "10")

    def call_until_refused(_: int) -> list[tuple[int, str]]:
        answers: list[tuple[int, str]] = []
        with server.session() as session:
            while True:
                try:
                    answer = session.post(server.url, json=envelope("lambda: 'well'"), timeout=20)
                except requests.ConnectionError:
                    return answers
                answers.append((answer.status_code, answer.text))

    with ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(call_until_refused, number) for number in range(8)]
        server.call("lambda: 1")
        server.process.terminate()
        answers = {answer for caller in callers for answer in caller.result()}
    assert answers <= {(200, "well"), (503, DRAINING)}
    assert server.process.wait(timeout=10) == 0


def test_ctrl_c_in_a_terminal_lets_calls_finish(tmp_path: Path) -> None:
    """The terminal sends SIGINT to all of its foreground process group."""
    terminal, end = Terminal(tmp_path), tmp_path / "end"
    with terminal as server_url, ThreadPoolExecutor() as pool, requests.Session() as session:
        session.trust_env = False
        body = envelope(WAITS, {"end": str(end)})
        call = pool.submit(session.post, server_url, json=body, timeout=20)
        terminal.read_until("begun")
        processes = descendants(terminal.process.pid)
        terminal.type("\x03")
        terminal.read_until("stopping")
        end.touch()
        assert call.result().text == "finished"
        assert terminal.process.wait(timeout=10) == 0
        wait_until_gone(processes)


class Terminal:
    """A server in the foreground of a terminal of its own."""

    def __init__(self, home: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", FOREGROUND, str(owt_binary()), "serve", "--port", "0"],
            env=clean_environment(home, {"NO_COLOR": "1"}),
            cwd=home,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._text = ""

    def __enter__(self) -> str:
        """Return the server's URL once it serves."""
        self.read_until(GREETING)
        self.read_until("\n", after=GREETING)
        return "http://" + self._text.partition(GREETING)[2].split()[0]

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def read_until(self, words: str, after: str = "") -> None:
        """Read until the words are on the screen."""
        while words not in self._text.partition(after)[2] if after else words not in self._text:
            self._text += os.read(self._ours, 4096).decode()


# Makes the terminal its own (as a login shell does), and becomes the server.
FOREGROUND = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
