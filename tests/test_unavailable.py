"""No worker can be started: calls are told why, health says it, and owt recovers by itself."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from harness.server import Serve, Server

PID = "import os\nrun = os.getpid"
PACKAGE = "import owt\nrun = lambda: owt.__path__[0]"
ADAPTORS = "lambda: os.environ['OWT_ADAPTORS_DIR']"
FOREVER = "import time\ndef run(): time.sleep(60)"

# Every Python imports this at its start, and with the file beside it, it ends there.
BROKEN_PYTHON = """
import os
if os.path.exists(os.path.join(os.path.dirname(__file__), "broken")):
    os._exit(7)
"""

PYTHON = "import sys\nrun = lambda: sys.executable"


def words(reason: str) -> str:
    """Return what callers are told."""
    return (
        f"No worker process can be started: {reason}. The server goes on trying, so try again in a "
        "moment, and look at its log.\n"
    )


def broken_server(serve: Serve, path: Path, *options: str) -> tuple[Server, Path]:
    """Return a server whose next workers will not start while a file is there, and that file."""
    (path / "sitecustomize.py").write_text(BROKEN_PYTHON)
    server = serve("--workers", "1", *options, env={"PYTHONPATH": str(path)})
    broken = path / "broken"
    broken.touch()
    return server, broken


def kill_worker(server: Server) -> None:
    """Kill the one worker, and return when that is known."""
    mark = len(server.log)
    os.kill(server.call(PID).json(), signal.SIGKILL)
    server.log.wait_for("starting another", since=mark)


@pytest.mark.parametrize("fields", [{}, {"timeout": 60}], ids=["plain", "with a timeout"])
def test_calls_are_told_when_no_worker_can_be_started(
    serve: Serve, tmp_path: Path, fields: dict[str, Any]
) -> None:
    server, broken = broken_server(serve, tmp_path)
    python = server.call(PYTHON).text
    reason = f"{python} ended while it was starting (exit status: 7) and has printed nothing"
    kill_worker(server)
    with ThreadPoolExecutor(8) as pool:
        # Those that wait already, and those that come later.
        calls = [pool.submit(server.call, FOREVER, **fields) for _ in range(8)]
        answers = [call.result() for call in calls]
    answers.append(server.call("lambda: 'well'"))
    for answer in answers:
        assert (answer.status_code, answer.text) == (503, words(reason))
        assert answer.headers["Owt-Error"] == "worker-unavailable"
        assert answer.headers["Retry-After"] == "1"
    health = server.send("GET", "/_owt/health")
    assert health.status_code == 503
    assert health.json() == {
        "status": "degraded",
        "workers": {"alive": 0, "total": 1},
        "pools": {"default": {"alive": 0, "total": 1}},
        "version": health.json()["version"],
        "reason": reason,
    }
    broken.unlink()
    assert until_available(server).text == "well"
    assert server.send("GET", "/_owt/health").json()["status"] == "ready"


def until_available(server: Server) -> requests.Response:
    """Call until a worker answers."""
    while (answer := server.call("lambda: 'well'")).status_code == 503:
        assert answer.headers["Owt-Error"] == "worker-unavailable"
    return answer


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda python: python.unlink(),
            "cannot be executed: No such file or directory (os error 2)",
        ),
        (
            lambda python: python.write_text(
                "#!/bin/sh\necho 'libpython: not found' >&2; exit 127"
            ),
            "ended while it was starting (exit status: 127): libpython: not found",
        ),
    ],
    ids=["removed", "broken"],
)
def test_a_python_that_breaks_while_the_server_runs_is_named(
    serve: Serve, tmp_path: Path, change: Callable[[Path], object], reason: str
) -> None:
    python = tmp_path / "env/bin/python"
    python.parent.mkdir(parents=True)
    # A script in place of the interpreter, which says that it is this script.
    python.write_text(f'#!/bin/sh\nexec -a "$0" {sys.executable} "$@"\n'.replace("sh", "bash", 1))
    python.chmod(0o700)
    server = serve("--workers", "1", "--python", str(python))
    assert server.call(PYTHON).text == str(python)
    change(python)
    kill_worker(server)
    answer = server.call("lambda: 'well'")
    assert (answer.status_code, answer.text) == (503, words(f"{python} {reason}"))


# A thread that ends the process as soon as the worker has reported that it is ready.
SHORT_LIVED_PYTHON = """
import glob, os, threading, time

def names():
    return [open(path).read().strip() for path in glob.glob("/proc/self/task/*/comm")]

def end():
    while "owt-control" not in names():
        time.sleep(0.01)
    time.sleep(0.05)
    os._exit(7)

if os.path.exists(os.path.join(os.path.dirname(__file__), "broken")):
    threading.Thread(target=end, daemon=True).start()
"""


def test_workers_that_end_as_soon_as_they_are_ready_are_not_started_without_pause(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHORT_LIVED_PYTHON)
    server = serve("--workers", "1", env={"PYTHONPATH": str(tmp_path)})
    (tmp_path / "broken").touch()
    kill_worker(server)
    for _ in range(6):
        mark = len(server.log)
        server.log.wait_for("ended (exit code 7); starting another", since=mark)
    # The pause before the next one is 1.6 s by now.
    answer = server.call("lambda: 'well'")
    assert answer.text == words("workers end as soon as they are ready (exit code 7)")
    assert answer.headers["Owt-Error"] == "worker-unavailable"


def test_a_server_without_workers_still_stops(serve: Serve, tmp_path: Path) -> None:
    server, _ = broken_server(serve, tmp_path)
    kill_worker(server)
    assert server.call("lambda: 1").status_code == 503
    server.process.terminate()
    assert server.process.wait(timeout=10) == 0


@pytest.mark.parametrize("depth", [0, 1, 2], ids=["package", "its folder", "the private folder"])
def test_what_a_cleaner_has_removed_is_written_anew(serve: Serve, depth: int) -> None:
    server = serve("--workers", "1")
    package = Path(server.call(PACKAGE).text)
    shutil.rmtree([package, *package.parents][depth])
    kill_worker(server)
    assert server.call("lambda: 'well'").text == "well"
    assert server.call(PACKAGE).text == str(package)


def test_calls_need_nothing_that_a_cleaner_has_removed(serve: Serve) -> None:
    server = serve("--workers", "1")
    shutil.rmtree(Path(server.call(PACKAGE).text).parents[1])
    source = "from owt.summat import text\nrun = lambda request, words: text.sentences(words)"
    assert server.call(source, kwargs={"words": "One. Two."}).json() == ["One.", "Two."]
    agent = "run = lambda request: request.user_agent.string"
    assert server.call(agent).text.startswith("python-requests/")


@pytest.mark.parametrize(
    ("variables", "run", "package"),
    [
        ({"XDG_RUNTIME_DIR": "runtime", "XDG_CACHE_HOME": "cache"}, "runtime/owt", "cache/owt"),
        ({"XDG_RUNTIME_DIR": "missing", "XDG_CACHE_HOME": "cache"}, "cache/owt", "cache/owt"),
        ({"XDG_CACHE_HOME": "made/anew"}, "made/anew/owt", "made/anew/owt"),
        ({}, ".cache/owt", ".cache/owt"),
        ({"HOME": "/proc/1", "TMPDIR": "tmp"}, f"tmp/owt-{os.getuid()}", f"tmp/owt-{os.getuid()}"),
    ],
    ids=["runtime", "no runtime", "cache", "home", "temporary"],
)
def test_private_folders_are_where_no_cleaner_goes(
    serve: Serve, tmp_path: Path, variables: dict[str, str], run: str, package: str
) -> None:
    for name in ("runtime", "cache", "tmp"):
        (tmp_path / name).mkdir()
    server = serve(env={name: str(tmp_path / value) for name, value in variables.items()})
    private, kept = run_folder(server), Path(server.call(PACKAGE).text).parent
    assert [private.parent, kept.parent] == [tmp_path / run, tmp_path / package]
    assert private.stat().st_mode & 0o777 == kept.parent.stat().st_mode & 0o777 == 0o700
    server.process.terminate()
    assert server.process.wait(timeout=10) == 0
    assert [private.exists(), kept.exists()] == [False, True]
    assert private.parent.exists() == (run == package)


def run_folder(server: Server) -> Path:
    return Path(server.call(ADAPTORS).text).parent


def test_what_a_killed_server_left_is_removed_by_the_next_one(serve: Serve, tmp_path: Path) -> None:
    living, dead = serve(), serve()
    folders = [run_folder(server) for server in (living, dead)]
    kept = tmp_path / "kept"
    shutil.copytree(folders[1], kept)
    dead.process.kill()
    dead.process.wait()
    # Its workers clear up, which they cannot where they are killed with it.
    limit = time.monotonic() + 10
    while folders[1].exists():
        assert time.monotonic() < limit, "the workers have not cleared up"
        time.sleep(0.01)
    kept.rename(folders[1])
    third = run_folder(serve())
    assert sorted(folders[0].parent.glob("run-*")) == sorted([folders[0], third])
    assert living.call("lambda: 'well'").text == "well"
