"""Building blocks where they live: in the workers of a real server, with clients that go."""

import os
import signal
from http.client import HTTPResponse
from pathlib import Path

import pytest
from harness.envelope import envelope
from harness.processes import wait_until_gone
from harness.server import Serve, Server
from harness.wire import connect, json_request

# Each goes on when the test, which has seen a heartbeat, has made a file.
SILENT = """
    import time
    from pathlib import Path
    from owt.summat import stream

    def work(seen):
        while not Path(seen).exists():
            time.sleep(0.002)
        yield {"after": "silence"}

    def run(request, seen):
        return stream.response(work(seen), heartbeat=0.05)
"""

SILENT_ASYNC = """
    import asyncio
    from pathlib import Path
    from owt.summat import stream

    async def work(seen):
        while not Path(seen).exists():
            await asyncio.sleep(0.002)
        yield {"after": "silence"}

    def run(request, seen):
        return stream.response(work(seen), heartbeat=0.05)
"""

COMMAND = """
    from owt.summat import shell

    def run(request):
        return shell.run("sleep 600 & echo $$ $!; wait")
"""

STATE = """
    import os
    from owt.summat import once

    class State:
        def close(self):
            print("the state is closed", flush=True)

    def run(request):
        return [id(once("state", State)), os.getpid()]
"""

SERVED = """
    from owt.summat import files

    def run(request, root):
        return files.serve(request, root)
"""


@pytest.mark.parametrize("adaptor", [SILENT, SILENT_ASYNC])
def test_heartbeats_come_while_a_generator_is_silent(
    server: Server, tmp_path: Path, adaptor: str
) -> None:
    seen = tmp_path / "seen"
    with connect(server) as connection:
        connection.sendall(json_request(envelope(adaptor, {"seen": str(seen)})))
        with HTTPResponse(connection) as response:
            response.begin()
            assert response.getheader("Content-Type") == "text/event-stream"
            assert response.read1() == b":\n\n"
            assert response.read1() == b":\n\n"
            seen.touch()
            rest = response.read()
    assert rest.replace(b":\n\n", b"") == b'data: {"after":"silence"}\n\n'


def pids_of(response: HTTPResponse) -> list[int]:
    response.begin()
    return [int(word) for word in response.read1().split()]


def test_a_command_ends_with_its_client(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(json_request(envelope(COMMAND)))
        with HTTPResponse(connection) as response:
            pids = pids_of(response)
    assert len(pids) == 2
    wait_until_gone(pids)


@pytest.mark.parametrize("how", ["the worker is killed", "the server is killed", "the server ends"])
def test_a_command_ends_with_its_worker(serve: Serve, how: str) -> None:
    server = serve("--workers", "1", "--grace", "0.2")
    worker = int(server.call("import os\ndef run(): return os.getpid()").text)
    with connect(server) as connection:
        connection.sendall(json_request(envelope(COMMAND)))
        with HTTPResponse(connection) as response:
            pids = pids_of(response)
            if how == "the worker is killed":
                os.kill(worker, signal.SIGKILL)
            elif how == "the server is killed":
                server.process.kill()
            else:
                server.process.terminate()
            wait_until_gone(pids)


def test_state_is_kept_warm_and_closed_when_its_adaptors_are_forgotten(serve: Serve) -> None:
    server = serve("--workers", "1")
    first, second = server.call(STATE), server.call(STATE + "\n    # another version")
    assert first.json() == second.json()
    for digest in (reply.headers["Owt-Code-SHA256"] for reply in (first, second)):
        assert "the state is closed" not in server.log.since(0)
        server.send("DELETE", f"/_owt/adaptors/{digest}")
    server.log.wait_for("the state is closed")


def test_state_is_closed_at_the_end_of_the_server(serve: Serve) -> None:
    server = serve("--workers", "1")
    assert server.call(STATE).status_code == 200
    server.process.terminate()
    server.log.wait_for("the state is closed")


def test_a_folder_is_served(server: Server, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<p>owt</p>")
    (tmp_path / "secret").symlink_to("/etc/passwd")
    options = {"params": envelope(SERVED, {"root": str(tmp_path)})}
    page = server.send("GET", "/page", **options)
    assert (page.text, page.headers["Content-Type"]) == ("<p>owt</p>", "text/html; charset=utf-8")
    assert page.url.startswith(f"{server.url}/page/?code_b64=")
    part = server.send("GET", "/page/index.html", headers={"Range": "bytes=1-3"}, **options)
    assert (part.status_code, part.text) == (206, "p>o")
    again = {"If-None-Match": page.headers["ETag"]}
    known = server.send("GET", "/page/index.html", headers=again, **options)
    assert (known.status_code, known.content) == (304, b"")
    assert server.send("GET", "/secret", **options).status_code == 404
