"""What waits in C cannot be interrupted: it is woken or left alone, and costs others nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

import pytest
from harness.envelope import envelope
from harness.server import TEST_VIRTUALENV, Serve, Server
from harness.wire import connect, json_request

PID = "import os\nrun = os.getpid"

NEIGHBOUR = """
    import logging
    import threading

    go = threading.Event()

    def run(request, end=False):
        if end:
            go.set()
            return "told"
        logging.info("neighbour begun")
        go.wait()
        return "unharmed"
"""

# Each waits without holding the interpreter's lock.
ALONE = {
    "sleep": "import time\ndef run(_): time.sleep(3600)",
    "event": "import threading\ndef run(_): threading.Event().wait()",
    "queue": "import queue\ndef run(_): queue.Queue().get()",
    "lock": "import threading\ndef run(_): (lock := threading.Lock()).acquire(); lock.acquire()",
    "pipe": "import os\ndef run(_): os.read(os.pipe()[0], 1)",
    "loop in C": "import ctypes\ndef run(_): ctypes.CDLL(None).sleep(3600)",
    "swallowed": """
        import time
        def run(_):
            while True:
                try:
                    time.sleep(3600)
                except BaseException:
                    pass
    """,
    "cleaning up": """
        import time
        def run(_):
            try:
                while True:
                    time.sleep(0.001)
            finally:
                time.sleep(3600)
    """,
}

SAYS_ITS_END = """
def run(_, **kwargs):
    import logging
    try:
        wait(**kwargs)
    finally:
        logging.info("it has ended")
"""

WOKEN = {
    "subprocess.run": "import subprocess\ndef wait(port): subprocess.run(['sleep', '3600'])",
    "output": "import subprocess\ndef wait(port): subprocess.check_output(['sleep', '3600'])",
    "pipe": """
import subprocess
def wait(port):
    with subprocess.Popen(["sleep", "3600"], stdout=subprocess.PIPE) as process:
        process.stdout.read()
""",
    "os.system": "def wait(port): os.system('exec sleep 3600')",
    "recv": "import socket\ndef wait(port): socket.create_connection(('127.0.0.1', port)).recv(1)",
    "recv with a timeout": """
import socket
def wait(port):
    socket.create_connection(("127.0.0.1", port), timeout=3600).recv(1)
""",
    "requests": "import requests\ndef wait(port): requests.get(f'http://127.0.0.1:{port}/')",
    "urllib": """
import urllib.request
def wait(port):
    urllib.request.urlopen(f"http://127.0.0.1:{port}/")
""",
}


@contextmanager
def silence() -> Iterator[int]:
    """Give the port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def neighbour(server: Server) -> Iterator[None]:
    """Run a call of another adaptor meanwhile, which nothing may harm."""
    with ThreadPoolExecutor() as pool:
        mark = len(server.log)
        running = pool.submit(server.call, NEIGHBOUR)
        server.log.wait_for("neighbour begun", since=mark)
        yield
        assert server.call(NEIGHBOUR, {"end": True}).text == "told"
        reply = running.result()
    assert (reply.status_code, reply.text) == (200, "unharmed")


def eventually(server: Server, states: list[str]) -> None:
    """Wait until the calls at the server are in these states."""
    until(lambda: [call["state"] for call in server.send("GET", "/_owt/calls").json()], states)


def until(ask: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + 10
    while (answer := ask()) != expected:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)


@pytest.mark.parametrize("name", ALONE)
def test_what_only_waits_is_left_alone_and_costs_nobody_anything(serve: Serve, name: str) -> None:
    server = serve("--workers", "1", "--threads", "1", "--grace", "0.3")
    pid = server.call(PID).text
    reply = server.call(ALONE[name], timeout=0.1)
    assert (reply.status_code, reply.headers["Owt-Error"]) == (504, "deadline")
    eventually(server, ["abandoned"])
    # Its place is another's, of the same code as well.
    assert server.call(ALONE[name], timeout=0.1).status_code == 504
    eventually(server, ["abandoned", "abandoned"])
    assert server.call(PID).text == pid
    metrics = server.send("GET", "/_owt/metrics").text
    assert "owt_calls_abandoned_total 2\n" in metrics
    assert 'owt_current_calls{state="abandoned"} 2\n' in metrics


@pytest.mark.parametrize("name", WOKEN)
def test_what_can_be_woken_ends_soon(serve: Serve, name: str) -> None:
    server = serve("--workers", "1", "--grace", "60", env=TEST_VIRTUALENV)
    with silence() as port, neighbour(server):
        pid = server.call(PID).text
        code = WOKEN[name] + SAYS_ITS_END
        reply = server.call(code, {"port": port}, timeout=0.3)
        assert (reply.status_code, reply.headers["Owt-Error"]) == (504, "deadline")
        server.log.wait_for("it has ended")
        assert server.call(PID).text == pid


def test_a_socket_that_another_call_waits_for_is_left_alone(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    shared = """
        import logging
        import socket

        connection = None

        def run(request, port):
            global connection
            connection = connection or socket.create_connection(("127.0.0.1", port))
            logging.info("receives")
            return connection.recv(1).decode()
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        kwargs = {"port": listener.getsockname()[1]}
        patient = pool.submit(server.call, shared, kwargs)
        server.log.wait_for("receives")
        assert server.call(shared, kwargs, timeout=0.2).status_code == 504
        eventually(server, ["running", "abandoned"])
        with listener.accept()[0] as connection:
            # Two wait, and either has the first byte.
            connection.sendall(b"aa")
            assert patient.result().text == "a"


def test_a_process_that_was_there_before_the_call_is_left_alone(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    shared = """
        import subprocess

        process = subprocess.Popen(["sleep", "3600"])

        def run(request, ask=False):
            return str(process.poll()) if ask else process.wait()
    """
    assert server.call(shared, {"ask": True}).text == "None"
    time.sleep(0.1)
    assert server.call(shared, timeout=0.1).status_code == 504
    eventually(server, ["abandoned"])
    assert server.call(shared, {"ask": True}).text == "None"


def test_an_abandoned_call_raises_when_it_comes_back(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.2")
    code = """
        import logging
        import threading

        go = threading.Event()

        def run(request, end=False):
            if end:
                return go.set()
            try:
                go.wait()
                logging.info("went on")
            finally:
                logging.info("came back")
    """
    assert server.call(code, timeout=0.1).status_code == 504
    eventually(server, ["abandoned"])
    server.call(code, {"end": True})
    server.log.wait_for("came back")
    eventually(server, [])
    assert "went on" not in server.log.since(0)


def test_a_worker_with_too_many_abandoned_calls_is_replaced_gently(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.2", "--max-abandoned", "1")
    pid = server.call(PID).text
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.call, "import time\ndef run(_): time.sleep(3); return 'unharmed'")
        eventually(server, ["running"])
        for _ in range(2):
            assert server.call(ALONE["lock"], timeout=0.1).status_code == 504
        until(lambda: server.call(PID).text == pid, False)
        assert slow.result().text == "unharmed"
    eventually(server, [])
    assert (
        'owt_workers_recycled_total{reason="abandoned"} 1\n'
        in server.send("GET", "/_owt/metrics").text
    )


RUNAWAY = {
    "def": """
        import time
        def run(_):
            while True:
                try:
                    time.sleep(0.001)
                except BaseException:
                    pass
    """,
    "async def": "import time\nasync def run(_): time.sleep(3600)",
}


@pytest.mark.parametrize("kind", RUNAWAY)
def test_a_call_that_runs_on_has_its_worker_replaced_gently(serve: Serve, kind: str) -> None:
    server = serve("--workers", "1", "--grace", "0.2")
    pid = server.call(PID).text
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.call, "import time\ndef run(_): time.sleep(3); return 'unharmed'")
        eventually(server, ["running"])
        # Long enough for it to begin.
        assert server.call(RUNAWAY[kind], timeout=1).status_code == 504
        until(lambda: server.call(PID).text == pid, False)
        assert slow.result().text == "unharmed"


def test_async_code_that_never_awaits_is_interrupted(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "60")
    pid = server.call(PID).text
    code = "async def wait(): \n  while True: pass\nimport logging\nasync def run(_):\n"
    code += "  try: await wait()\n  finally: logging.info('it has ended')"
    # Long enough for it to begin: what has not begun has nothing to end.
    assert server.call(code, timeout=1).status_code == 504
    server.log.wait_for("it has ended")
    assert server.call("async def run(_): return 'the loop runs'").text == "the loop runs"
    assert server.call(PID).text == pid


def test_a_call_that_comes_after_a_stuck_one_is_for_the_next_worker(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.5")
    pid = server.call(PID).text
    stuck = "import ctypes\ndef run(_): ctypes.PyDLL(None).sleep(60)"
    assert server.call(stuck, timeout=0.1).status_code == 504
    reply = server.call(PID)
    assert (reply.status_code, reply.text == pid) == (200, False)


LOADING = """
    import logging
    import time

    logging.info("loads")
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        time.sleep(0.001)
    logging.info("loaded")

    def run(_): return "here"
"""

LOADING_ONCE = """
    import logging
    import time

    from owt.summat import once

    @once
    def model():
        logging.info("loads")
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            time.sleep(0.001)
        logging.info("loaded")
        return "here"

    def run(_): return model()
"""


@pytest.mark.parametrize("code", [LOADING, LOADING_ONCE])
@pytest.mark.parametrize("leaver", ["who loads", "who waits"])
def test_a_load_goes_on_while_anybody_wants_it(serve: Serve, code: str, leaver: str) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    first, second = (0.3, None) if leaver == "who loads" else (None, 0.3)
    with ThreadPoolExecutor() as pool:
        loads = pool.submit(server.call, code, timeout=first)
        server.log.wait_for("loads")
        waits = pool.submit(server.call, code, timeout=second)
        replies = [loads.result(), waits.result()]
    stays, leaves = replies if leaver == "who waits" else replies[::-1]
    assert (leaves.status_code, leaves.headers["Owt-Error"]) == (504, "deadline")
    assert (stays.status_code, stays.text) == (200, "here")
    assert server.log.since(0).count("loads") == 1


def test_a_load_that_nobody_wants_any_more_ends(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "60")
    code = LOADING.replace("1.5", "60")
    with ThreadPoolExecutor() as pool:
        for call in [pool.submit(server.call, code, timeout=0.5) for _ in range(3)]:
            assert call.result().status_code == 504
    eventually(server, [])
    assert server.call("lambda: 'there'").text == "there"
    assert "loaded" not in server.log.since(0)


def test_readers_that_stall_leave_their_places_to_others(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "2")
    code = """
        def run(request, ask=False):
            return "there" if ask else parts()

        def parts():
            for _ in range(64):
                yield b"x" * (1 << 20)
    """
    with connect(server) as one, connect(server) as two, connect(server) as three:
        for stalled in (one, two, three):
            stalled.sendall(json_request(envelope(code)))
            with HTTPResponse(stalled) as response:
                response.begin()
        assert server.call(code, {"ask": True}, timeout=5).text == "there"
        with connect(server) as reader:
            reader.sendall(json_request(envelope(code)))
            with HTTPResponse(reader) as response:
                response.begin()
                assert len(response.read()) == 64 << 20


def test_a_worker_that_cannot_read_any_more_is_replaced(serve: Serve) -> None:
    server = serve("--workers", "1")
    code = "import resource\ndef run(_): resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))"
    assert server.call(code).status_code in (200, 502)
    until(lambda: server.call("lambda: 'there'").text, "there")


HOG = """
    import time

    def run(request):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            pass
"""


def test_what_is_cancelled_in_the_moment_in_which_it_starts_ends(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "60")
    code = """
        import logging
        import time

        def run(request):
            end = time.monotonic() + 1
            while time.monotonic() < end:
                time.sleep(0.005)
            logging.info("ran to its end")
    """
    # Who starts then waits for the interpreter's lock.
    with ThreadPoolExecutor(2) as pool:
        hogs = [pool.submit(server.call, HOG) for _ in range(2)]
        while not all(hog.done() for hog in hogs):
            assert server.call(code, timeout=0.001).headers["Owt-Error"] == "deadline"
    eventually(server, [])
    assert "ran to its end" not in server.log.since(0)
