"""Every supported Python of this machine runs adaptors, each as it is itself."""

from pathlib import Path

import httpx
import pytest
from harness.envelope import envelope
from harness.server import Serve, Server

VERSION = """
    import sys

    def run():
        return ["%d.%d" % sys.version_info[:2], sys.executable, sys.argv, sys.flags.safe_path]
"""

CHILDREN = """
    import multiprocessing, subprocess, sys

    def square(n):
        return n * n

    def run(method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            squares = pool.map(square, [1, 2, 3])
        code = "import sys; print(sys.prefix)"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        return [squares, child.stdout.strip() == sys.prefix]
"""

STREAM = """
    def run(count):
        for number in range(count):
            yield f"{number};"
"""

ENDLESS = """
    def run():
        while True:
            pass
"""


@pytest.fixture
def server(serve: Serve, interpreter: tuple[str, Path]) -> Server:
    return serve("--python", str(interpreter[1]), "--workers", "1")


def test_the_interpreter_is_the_one_that_was_named(
    server: Server, interpreter: tuple[str, Path]
) -> None:
    version, path = interpreter
    seen, executable, argv, safe_path = server.call(VERSION).json()
    assert (seen, argv, safe_path) == (version, ["-c"], False)
    assert Path(executable).samefile(path)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_processes_are_of_the_same_python(server: Server, method: str) -> None:
    reply = server.call(CHILDREN, {"method": method})
    assert reply.json() == [[1, 4, 9], True]


def test_a_reply_streams(server: Server) -> None:
    assert server.call(STREAM, {"count": 1000}).text == "".join(f"{n};" for n in range(1000))


def test_a_call_ends_when_its_time_is_up(server: Server) -> None:
    reply = httpx.post(server.url, json={**envelope(ENDLESS), "timeout": 0.2})
    assert (reply.status_code, reply.headers["Owt-Error"]) == (504, "deadline")
    assert server.call("lambda: 'still here'").text == "still here"
