"""`owt ps`: pools, workers and loaded adaptors, as a table."""

import json
import subprocess
from pathlib import Path

import pytest
from harness.program import clean_environment, owt_binary, run_owt
from harness.server import Serve


def test_workers_and_adaptors_are_in_a_table(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "1", "--pool", "gpu:workers=1,cuda=none")
    server.call("lambda: 1", pool="gpu", name="iris.py", keep_alive="5m")
    done = run_owt("ps", "--url", server.url, home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    workers, adaptors = done.stdout.rstrip("\n").split("\n\n")
    names, default, gpu = (line.split() for line in workers.splitlines())
    assert names == ["POOL", "WORKER", "PID", "CALLS", "MEMORY", "AGE", "CUDA"]
    assert (default[:2], gpu[:2], gpu[-1]) == (["default", "0"], ["gpu", "gpu/0"], "-1")
    names, adaptor = (line.split() for line in adaptors.splitlines())
    assert names == ["POOL", "WORKER", "ADAPTOR", "FILE", "CALLS", "MEMORY", "IDLE", "KEPT"]
    assert adaptor[:5] == ["gpu", "gpu/0", "a2c701d9f9dd", "iris.py", "1"]
    assert adaptor[-1] == "5m00s"


def test_programs_get_json(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "1")
    done = run_owt("ps", "--json", "--url", server.url, home=tmp_path)
    shown = json.loads(done.stdout)
    assert shown["adaptors"] == []
    (pool,) = shown["pools"]
    (worker,) = pool.pop("workers")
    assert pool == {
        "name": "default",
        "replicas": 1,
        "slots": None,
        "idle": None,
        "cuda": None,
        "gpus": [],
    }
    assert sorted(worker) == ["age", "calls", "is_up", "memory", "name", "pid"]


@pytest.mark.parametrize("watch", [["--watch=0.01"], ["--watch", "0.01"], ["-w0.01"]])
def test_it_is_shown_again_and_again(serve: Serve, tmp_path: Path, watch: list[str]) -> None:
    server = serve("--workers", "1")
    command = [str(owt_binary()), "ps", *watch, "--url", server.url]
    with subprocess.Popen(
        command, env=clean_environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        shown = 0
        while shown < 3:
            shown += watching.stdout.readline().startswith("POOL")
        watching.terminate()


@pytest.mark.parametrize("option", ["--url", "--socket"])
def test_a_server_that_is_not_there_is_said_with_a_hint(tmp_path: Path, option: str) -> None:
    place = "http://127.0.0.1:1" if option == "--url" else "owt.sock"
    done = run_owt("ps", option, place, home=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "\nhint: start it with: owt serve" in done.stderr
