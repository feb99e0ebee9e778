"""A server's end: calls that run may finish, and no process is left."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.envelope import envelope
from harness.processes import descendants, wait_until_gone
from harness.server import Serve, Server
from harness.wire import connect, json_request

STUBBORN = """
    import logging
    import time

    def run(request):
        logging.info("begun")
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                pass
"""

FINISHING = """
    import logging
    import time
    from pathlib import Path

    def run(request, end):
        logging.info("begun")
        while not Path(end).exists():
            time.sleep(0.002)
        return "finished"
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_processes(serve: Serve, number: signal.Signals) -> None:
    server = serve()
    server.call("lambda: 'up'")
    workers = descendants(server.process.pid)
    assert len(workers) >= 1
    server.process.send_signal(number)
    assert server.process.wait(timeout=10) == 0
    wait_until_gone(workers)


def test_a_running_call_may_finish(serve: Serve, tmp_path: Path) -> None:
    server, end = serve("--grace", "30"), tmp_path / "end"
    with ThreadPoolExecutor() as pool:
        call = pool.submit(server.call, FINISHING, {"end": str(end)})
        server.log.wait_for("begun")
        server.process.terminate()
        server.log.wait_for("stopping")
        end.touch()
        assert call.result().text == "finished"
    assert server.process.wait(timeout=10) == 0


def test_a_call_that_never_ends_is_not_waited_for(serve: Serve) -> None:
    server = serve("--grace", "0.1")
    with a_call_without_end(server):
        workers = descendants(server.process.pid)
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        wait_until_gone(workers)


def test_the_workers_of_a_killed_server_end(serve: Serve) -> None:
    server = serve()
    with a_call_without_end(server):
        workers = descendants(server.process.pid)
        server.process.kill()
        wait_until_gone(workers)


PARENT = """
    import logging
    import subprocess

    def run(request):
        with subprocess.Popen(["sleep", "3600"]):
            logging.info("begun")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_adaptors_have_started_ends_with_the_server(
    serve: Serve, number: signal.Signals
) -> None:
    server = serve("--workers", "1", "--grace", "0.1")
    with connect(server) as connection:
        connection.sendall(json_request(envelope(PARENT)))
        server.log.wait_for("begun")
        processes = descendants(server.process.pid)
        assert len(processes) == 2
        server.process.send_signal(number)
        wait_until_gone(processes)


@contextmanager
def a_call_without_end(server: Server) -> Iterator[None]:
    """Make a call that never ends, and go on once it runs."""
    with connect(server) as connection:
        connection.sendall(json_request(envelope(STUBBORN)))
        server.log.wait_for("begun")
        yield


def test_a_worker_that_died_is_replaced(serve: Serve) -> None:
    server = serve("--workers", "1")
    pid = server.call("import os\nrun = os.getpid").json()
    os.kill(pid, signal.SIGKILL)
    server.log.wait_for("starting another")
    assert server.call("import os\nrun = os.getpid").json() != pid


def test_a_second_signal_stops_at_once(serve: Serve) -> None:
    server = serve("--grace", "60")
    with a_call_without_end(server):
        workers = descendants(server.process.pid)
        server.process.terminate()
        server.log.wait_for("stopping")
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        wait_until_gone(workers)
