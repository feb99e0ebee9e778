"""Adaptors that break what all code of a worker uses: who answers, and who takes its place."""

import time
from pathlib import Path

from harness.server import Serve, Server

PID = "import os\ndef run(): return os.getpid()"
VICTIM = "def run(x): return [isinstance(x, int)]"
POISON = "import builtins\ndef run():\n    builtins.isinstance = None\n    return 'poisoned'"
PATCH = "def run():\n    json.dumps = json.loads = lambda *_, **__: 'wrong'\n    return 'patched'"

NO_DESCRIPTOR = """
    import os, resource
    held = []

    def take():
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, most))
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            return len(held) > 1

    def give_back():
        while held:
            os.close(held.pop())

    async def run():
        return "ran"
"""


def test_a_worker_whose_builtins_are_broken_is_replaced(serve: Serve) -> None:
    server = serve("--workers", "1")
    before = server.call(PID).json()
    assert server.call(VICTIM, {"x": 1}).json() == [True]
    assert server.call(POISON).text == "poisoned"
    failed = server.call(VICTIM, {"x": 1})
    assert (failed.status_code, failed.headers["Owt-Error"]) == (500, "adaptor-raised")
    assert pid_that_is_not(before, server) != before
    assert server.call(VICTIM, {"x": 1}).json() == [True]


def test_patched_functions_change_no_answer_of_others(serve: Serve) -> None:
    server = serve("--workers", "1")
    before = server.call(PID).json()
    assert server.call(PATCH).text == "patched"
    assert server.call("def run(x): return {'x': x}", {"x": [1, "a"]}).json() == {"x": [1, "a"]}
    assert server.send("GET", "/_owt/adaptors").json()
    assert server.call(PID).json() == before


def test_an_event_loop_that_cannot_start_is_told_at_once(
    serve: Serve, interpreter: tuple[str, Path]
) -> None:
    server = serve("--workers", "1", "--python", str(interpreter[1]))
    assert server.call(NO_DESCRIPTOR, fn_name="take").text == "true"
    began = time.monotonic()
    failed = server.call(NO_DESCRIPTOR)
    assert time.monotonic() - began < 5
    assert failed.headers["Owt-Error"] == "adaptor-raised"
    begin = (
        "RuntimeError: owt's event loop could not start: OSError: [Errno 24] Too many open files"
    )
    assert failed.text.startswith(begin)
    server.call(NO_DESCRIPTOR, fn_name="give_back")
    assert server.call(NO_DESCRIPTOR).text == "ran"


def pid_that_is_not(pid: int, server: Server) -> int:
    """Return the worker's process id once another worker has taken the place of one.

    Until then the one that is broken may fail, even at this.
    """
    until = time.monotonic() + 20
    while time.monotonic() < until:
        answer = server.call(PID)
        if answer.status_code == 200 and answer.json() != pid:
            found: int = answer.json()
            return found
        time.sleep(0.02)
    return pid
