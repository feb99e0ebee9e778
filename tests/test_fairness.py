"""Adaptors that share a worker: none of them, however busy, keeps others from being answered."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
from harness.server import Serve, Server

WAITING = """
    import logging
    import time
    from pathlib import Path

    def run(request, end):
        logging.info("begun")
        while not Path(end).exists():
            time.sleep(0.05)
        return "waited"
"""

QUICK = "def run(request, n): return n"


@contextmanager
def a_flood(
    server: Server, end: Path, calls: int, running: int
) -> Iterator[list[Future[requests.Response]]]:
    """Make many calls that wait for a file, and go on once as many of them run as may."""
    with ThreadPoolExecutor(calls) as pool:
        flood = [pool.submit(server.call, WAITING, {"end": str(end)}) for _ in range(calls)]
        try:
            wait_until(lambda: server.log.since(0).count("begun") == running)
            yield flood
        finally:
            end.touch()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what gives no event."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_calls(server: Server, calls: int) -> None:
    """Wait until so many calls run or wait."""
    wait_until(lambda: len(server.send("GET", "/_owt/calls").json()) == calls)


def median_time(server: Server) -> float:
    """Return how many seconds a quick call takes, in the middle of twenty."""
    times = []
    for n in range(20):
        began = time.monotonic()
        assert server.call(QUICK, {"n": n}).json() == n
        times.append(time.monotonic() - began)
    return sorted(times)[len(times) // 2]


def test_an_adaptor_with_a_hundred_calls_leaves_threads_for_others(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--workers", "1")
    alone = median_time(server)
    with a_flood(server, tmp_path / "end", calls=100, running=64) as flood:
        assert median_time(server) < 10 * alone + 0.05
    assert [call.result().text for call in flood] == ["waited"] * 100


def test_adaptors_that_wait_for_the_only_thread_take_turns(serve: Serve, tmp_path: Path) -> None:
    server, end = serve("--workers", "1", "--threads", "1"), tmp_path / "end"
    one = "def run(request, path, name):\n  with open(path, 'a') as file: file.write(name)"
    order = str(tmp_path / "order")
    waiting = 1
    with ThreadPoolExecutor(40) as pool, a_flood(server, end, calls=1, running=1):
        for name, calls in {"a": 20, "b": 3, "c": 5}.items():
            for _ in range(calls):
                pool.submit(server.call, f"{one}  # {name}", {"path": order, "name": name})
            waiting += calls
            wait_for_calls(server, waiting)
    assert Path(order).read_text() == "abc" * 3 + "ac" * 2 + "a" * 15


def test_a_flood_is_refused_while_others_are_taken(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "1", "--threads", "8", "--queue", "8")
    with ThreadPoolExecutor(40) as pool:
        end = tmp_path / "end"
        flood = [pool.submit(server.call, WAITING, {"end": str(end)}) for _ in range(40)]
        wait_until(lambda: sum(call.done() for call in flood) == 40 - 16)
        refused = [call.result() for call in flood if call.done()]
        assert {reply.headers["Owt-Error"] for reply in refused} == {"queue-full"}
        assert [server.call(QUICK, {"n": n}).json() for n in range(20)] == list(range(20))
        end.touch()
        assert [call.result().text for call in flood].count("waited") == 16


def test_code_that_is_known_to_be_slow_does_not_hold_up_the_thread_of_quick_calls(
    serve: Serve,
) -> None:
    server = serve("--workers", "1")
    quick = "import threading\ndef run(request): return threading.get_ident()"
    slow = quick.replace("return", "import time; time.sleep(0.05); return")
    server.call(slow)
    on_the_same = 0
    for _ in range(10):
        thread = server.call(quick).json()
        on_the_same += server.call(slow).json() == thread
    # A quick call that a busy machine has made slow has given its thread away.
    assert on_the_same <= 2
