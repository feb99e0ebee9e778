"""Threads that run calls are those of Python: with its stack, and known to `threading`."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.server import Serve, Server

FORK = """
    import logging, multiprocessing, os, sys

    def leave(code):
        logging.warning("leaving with %s", code)
        sys.exit(code)

    def of_multiprocessing(method, code):
        logging.warning("before the fork")
        process = multiprocessing.get_context(method).Process(target=leave, args=(code,))
        process.start()
        process.join()
        return process.exitcode

    def of_fork(code):
        logging.warning("before the fork")
        child = os.fork()
        if child == 0:
            exec(code)
            return "the child goes on as the parent does"
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    async def of_fork_in_loop(code):
        return of_fork(code)

    def of_executor(method):
        from concurrent.futures import ProcessPoolExecutor
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            return list(executor.map(abs, [-1, 2]))
"""

RECURSION = """
    import functools

    class Endless:
        def __lt__(self, other):
            return sorted([self, other]) == []

    def python(n=0):
        return python(n + 1)

    def list_sort():
        return sorted([Endless(), Endless()])

    @functools.lru_cache(maxsize=None)
    def extension(n=0):
        return extension(n + 1)

    def run(kind):
        try:
            globals()[kind]()
        except RecursionError:
            return "too deep"
"""

THREAD = """
    import threading

    def run():
        this = threading.current_thread()
        return [type(this).__name__, this.daemon, this in threading.enumerate(), this.is_alive()]
"""

MAIN = """
    import signal, threading

    loaded_by = threading.current_thread().name
    came = []
    signal.signal(signal.SIGUSR1, lambda number, frame: came.append(number))

    @owt.on_main_thread
    def run():
        return [loaded_by, threading.current_thread() is threading.main_thread()]

    def steps():
        for _ in range(3):
            yield threading.current_thread().name

    def arrived():
        signal.raise_signal(signal.SIGUSR1)
        return came == [signal.SIGUSR1]

    def hang():
        logging.info("hanging")
        while True:
            pass

    def stick():
        logging.info("hanging")
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
"""

BY_METADATA = """# /// script
# [tool.owt]
# thread = "main"
# ///
import threading
def run():
    return threading.current_thread() is threading.main_thread()
"""


@pytest.fixture
def server(serve: Serve, interpreter: tuple[str, Path]) -> Server:
    return serve("--python", str(interpreter[1]), "--workers", "1")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_processes_end_with_their_own_exit_codes(server: Server, method: str) -> None:
    def exit_code(code: int) -> str:
        kwargs = {"method": method, "code": code}
        return server.call(FORK, kwargs, fn_name="of_multiprocessing").text

    assert [exit_code(0), exit_code(4)] == ["0", "4"]
    executor = server.call(FORK, {"method": method}, fn_name="of_executor")
    assert executor.json() == [1, 2]


@pytest.mark.parametrize("fn_name", ["of_fork", "of_fork_in_loop"])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("sys.exit()", 0),
        ("sys.exit(0)", 0),
        ("sys.exit(4)", 4),
        ("sys.exit(260)", 4),
        ("sys.exit(-1)", 255),
        ("sys.exit('words')", 1),
        ("raise ValueError('of the child')", 1),
        ("raise KeyboardInterrupt", 1),
        ("os._exit(7)", 7),
    ],
)
def test_a_forked_child_ends_as_python_does(
    serve: Serve, fn_name: str, code: str, status: int
) -> None:
    server = serve("--workers", "1")
    assert server.call(FORK, {"code": code}, fn_name=fn_name).text == str(status)


def test_what_a_forked_child_raises_is_logged_without_its_message(server: Server) -> None:
    mark = len(server.log)
    server.call(FORK, {"code": "raise ValueError('a secret')"}, fn_name="of_fork")
    server.log.wait_for("a child process ended with ValueError", since=mark)


@pytest.mark.parametrize("kind", ["python", "list_sort", "extension"])
def test_recursion_without_end_is_an_exception(server: Server, kind: str) -> None:
    pid = server.call("lambda: os.getpid()").text
    assert server.call(RECURSION, {"kind": kind}).text == "too deep"
    assert server.call("lambda: os.getpid()").text == pid


def test_threads_of_calls_are_known_to_threading(server: Server) -> None:
    assert server.call(THREAD).json() == ["Thread", False, True, True]


def test_an_adaptor_may_ask_for_the_main_thread(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: server.call(MAIN).json(), range(20)))
    assert replies == [["MainThread", True]] * 20
    assert server.call(MAIN, fn_name="steps").text == "MainThread" * 3
    assert server.call(MAIN, fn_name="arrived").json() is True
    assert server.call(BY_METADATA).json() is True


def test_calls_on_the_main_thread_end_when_their_time_is_up(server: Server) -> None:
    assert server.call(MAIN, fn_name="hang", timeout=0.2).headers["Owt-Error"] == "deadline"
    assert server.call(MAIN).json() == ["MainThread", True]


def test_another_worker_takes_over_when_the_main_thread_is_stuck(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    pid = server.call("lambda: os.getpid()").text
    assert server.call(MAIN).json() == ["MainThread", True]
    assert server.call(MAIN, fn_name="stick", timeout=0.1).headers["Owt-Error"] == "deadline"
    limit = time.monotonic() + 20
    while server.call("lambda: os.getpid()").text == pid:
        assert time.monotonic() < limit, "the worker was not replaced"
    assert server.call(MAIN).json() == ["MainThread", True]


def test_a_thread_that_does_not_exist_is_an_error(serve: Serve) -> None:
    reply = serve("--workers", "1").call(BY_METADATA.replace('"main"', '"side"'))
    assert (reply.status_code, reply.headers["Owt-Error"]) == (422, "code-invalid")
    assert "thread = 'side' in [tool.owt] is not a thread" in reply.text
