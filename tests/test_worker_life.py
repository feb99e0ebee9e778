"""Workers that come and go: replaced when worn, ended when too large, and told how they ended."""

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import pytest
from harness.envelope import envelope
from harness.processes import descendants, wait_until_gone
from harness.server import Serve, Server
from harness.wire import connect, json_request

PID = "import os\nrun = os.getpid"

ONE_WORKER = ("--workers", "1")

# Tells its process, and again whenever the file `end` has grown, until `stop` is in it.
TICKING = """
    import os
    import time
    from pathlib import Path

    def run(request, end):
        yield f"{os.getpid()}\\n"
        told = 0
        while True:
            text = Path(end).read_text()
            if len(text) > told:
                told = len(text)
                yield f"{os.getpid()}\\n"
            if "stop" in text:
                return
            time.sleep(0.002)
"""

# Takes memory for as long as the worker lives, and then works for as long as a file is not there.
HOARDING = """
    import os
    import time
    from pathlib import Path

    kept = []

    def run(request, size, end=None):
        kept.append(b"x" * size)
        while end is not None and not Path(end).exists():
            time.sleep(0.002)
        return os.getpid()
"""

TOO_LARGE = (
    "The worker that ran this call was ended because it had more than the 300 MB of memory that a "
    "worker may have (--worker-kill-rss). A new one takes its place, so the call can be tried "
    "again.\n"
)

NOT_IN_TIME = (
    "The worker that ran this call had been replaced before, and the call did not end in the time "
    "that was left for it (--worker-drain). A new one takes its place, so the call can be tried "
    "again.\n"
)

KILLED = (
    "The worker that ran this call was ended by SIGKILL. Memory had not run out: somebody or "
    "something on the server's machine has killed it. A new one takes its place, so the call can "
    "be tried again.\n"
)

CHILD = """
    import subprocess

    def run(request, nested):
        command = "sleep 600 & sleep 600" if nested else "exec sleep 600"
        return subprocess.Popen(["sh", "-c", command]).pid
"""


def wait_for_another(server: Server, pid: int) -> int:
    """Call until another worker than this one answers, and return which."""
    deadline = time.monotonic() + 20
    while (now := server.call(PID).json()) == pid:
        assert time.monotonic() < deadline, f"worker {pid} still takes calls"
    return int(now)


@contextmanager
def a_stream(server: Server, end: Path) -> Iterator[HTTPResponse]:
    """Start a stream whose lines name the process that makes them."""
    end.write_text("")
    with connect(server) as connection:
        connection.sendall(json_request(envelope(TICKING, {"end": str(end)})))
        with HTTPResponse(connection) as answer:
            answer.begin()
            yield answer


def test_no_call_is_lost_while_workers_are_replaced(serve: Serve) -> None:
    server = serve("--workers", "2", "--worker-max-calls", "20")
    codes = [f"import os\ndef run(_): return [{n}, os.getpid()]" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: server.call(codes[n % 8]), range(800)))
    assert [reply.status_code for reply in replies] == [200] * 800
    assert [reply.json()[0] for reply in replies] == [n % 8 for n in range(800)]
    assert len({reply.json()[1] for reply in replies}) > 4


def test_a_worker_is_replaced_after_its_time(serve: Serve) -> None:
    server = serve(*ONE_WORKER, "--worker-max-age", "1")
    first = server.call(PID).json()
    wait_for_another(server, first)
    wait_until_gone([first])
    server.log.wait_for("worker 0 is replaced, because its time is up")


def test_a_stream_goes_on_in_the_worker_that_was_replaced(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(*ONE_WORKER, "--worker-max-calls", "3"), tmp_path / "end"
    with a_stream(server, end) as stream:
        old = int(stream.readline())
        new = wait_for_another(server, old)
        end.write_text("more")
        assert int(stream.readline()) == old != new
        end.write_text("more, then stop")
        assert [int(line) for line in stream.readlines()] == [old]
    wait_until_gone([old])


def test_no_more_than_one_worker_finishes_at_a_time(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(*ONE_WORKER, "--worker-max-calls", "1"), tmp_path / "end"
    with a_stream(server, end) as stream:
        new = wait_for_another(server, int(stream.readline()))
        assert {server.call(PID).json() for _ in range(20)} == {new}
        end.write_text("stop")
        stream.readlines()
    wait_for_another(server, new)


def test_a_replaced_worker_that_does_not_finish_is_ended(serve: Serve, tmp_path: Path) -> None:
    options = ("--worker-max-calls", "1", "--worker-drain", "0.3")
    server, end = serve(*ONE_WORKER, *options), tmp_path / "end"
    with ThreadPoolExecutor() as pool:
        call = pool.submit(server.call, HOARDING, {"size": 1, "end": str(end)})
        lost = call.result()
    assert (lost.status_code, lost.headers["Owt-Error"]) == (502, "worker-died")
    assert lost.text == NOT_IN_TIME


def test_exit_functions_run_in_a_worker_that_is_replaced(serve: Serve, tmp_path: Path) -> None:
    server, told = serve(*ONE_WORKER, "--worker-max-calls", "1"), tmp_path / "told"
    adaptor = f"""
        import atexit, os
        from pathlib import Path
        atexit.register(Path({str(told)!r}).write_text, "bye")
        run = os.getpid
    """
    wait_until_gone([server.call(adaptor).json()])
    assert told.read_text() == "bye"


def test_a_worker_with_too_much_memory_finishes_and_is_replaced(
    serve: Serve, tmp_path: Path
) -> None:
    server, end = serve(*ONE_WORKER, "--worker-max-rss", "200M"), tmp_path / "end"
    with ThreadPoolExecutor() as pool:
        call = pool.submit(server.call, HOARDING, {"size": 250 << 20, "end": str(end)})
        server.log.wait_for("worker 0 is replaced, because it has ")
        new = server.call(PID).json()
        end.touch()
        old = call.result().json()
    assert old != new
    wait_until_gone([old])


def test_a_worker_with_far_too_much_memory_is_killed(serve: Serve, tmp_path: Path) -> None:
    server = serve(*ONE_WORKER, "--worker-kill-rss", "300M")
    end = str(tmp_path / "never")
    lost = server.call(HOARDING, {"size": 350 << 20, "end": end})
    assert (lost.status_code, lost.headers["Owt-Error"]) == (502, "worker-died")
    assert lost.text == TOO_LARGE
    assert server.call("lambda: 'alive'").text == "alive"


def test_processes_of_adaptors_count_as_memory_of_the_worker(serve: Serve, tmp_path: Path) -> None:
    server = serve(*ONE_WORKER, "--worker-kill-rss", "300M")
    child = "import time; kept = b'x' * (350 << 20); time.sleep(600)"
    adaptor = f"""
        import subprocess, sys
        def run(request):
            subprocess.run([sys.executable, "-c", {child!r}])
    """
    lost = server.call(adaptor)
    assert lost.text == TOO_LARGE


def test_memory_that_is_only_reserved_is_no_reason(serve: Serve) -> None:
    server = serve(*ONE_WORKER, "--worker-max-rss", "200M")
    reserving = """
        import mmap, os, time
        room = mmap.mmap(-1, 8 << 30)
        def run(request):
            time.sleep(0.6)
            return os.getpid()
    """
    assert server.call(reserving).json() == server.call(PID).json()
    assert "is replaced" not in server.log.since(0)


def test_a_memory_error_is_the_adaptors(server: Server) -> None:
    reply = server.call("def run(_): return bytes(1 << 60)")
    assert (reply.status_code, reply.headers["Owt-Error"]) == (500, "adaptor-raised")
    assert reply.text.splitlines()[0] == "MemoryError"


def test_a_worker_that_somebody_killed_has_not_run_out_of_memory(serve: Serve) -> None:
    server = serve(*ONE_WORKER)
    waiting = (
        "import os, time, logging\ndef run(_): logging.info(f'pid {os.getpid()}.'); time.sleep(60)"
    )
    with ThreadPoolExecutor() as pool:
        call = pool.submit(server.call, waiting)
        pid = re.findall(r"pid (\d+)\.", server.log.wait_for("pid "))[0]
        os.kill(int(pid), signal.SIGKILL)
        lost = call.result()
    assert lost.text == KILLED
    server.log.wait_for("worker 0 ended (signal 9); starting another")


def test_a_call_that_failed_at_the_front_says_how_long_it_ran(serve: Serve) -> None:
    server = serve(*ONE_WORKER)
    dying = "import os, time\ndef run(_):\n  time.sleep(0.3)\n  os._exit(3)"
    late = "import time\ndef run(_): time.sleep(60)"
    for reply in (server.call(dying), server.call(late, timeout=0.3)):
        times = dict(re.findall(r"(\w+);dur=([\d.]+)", reply.headers["Server-Timing"]))
        assert 290 < float(times["run"]) < 3000
        assert float(times["queue"]) < 3000


@pytest.mark.parametrize("nested", [False, True])
def test_nothing_is_left_of_a_killed_server(serve: Serve, nested: bool) -> None:
    server = serve()
    child = server.call(CHILD, {"nested": nested}).json()
    processes = descendants(server.process.pid)
    assert child in processes
    server.process.kill()
    wait_until_gone(processes)


def test_a_replaced_worker_of_a_killed_server_ends(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(*ONE_WORKER, "--worker-max-calls", "1"), tmp_path / "end"
    with a_stream(server, end) as stream:
        wait_for_another(server, int(stream.readline()))
        processes = descendants(server.process.pid)
        assert len(processes) == 2
        server.process.kill()
        wait_until_gone(processes)


def test_a_replaced_worker_ends_with_its_server(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(*ONE_WORKER, "--worker-max-calls", "1", "--grace", "0.1"), tmp_path / "end"
    with a_stream(server, end) as stream:
        wait_for_another(server, int(stream.readline()))
        processes = descendants(server.process.pid)
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        wait_until_gone(processes)
