"""Pools: sets of workers with a profile, which calls and code name."""

import itertools
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.program import run_owt
from harness.server import TEST_VIRTUALENV, Serve, Server
from harness.uv import on_path, shelf
from harness.venvs import UV

VARIABLES = (
    "lambda: [os.environ.get(name) for name in "
    "('CUDA_VISIBLE_DEVICES', 'HIP_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER')]"
)

WHO = "lambda: os.getpid()"

IN_GPU = "# /// script\n# [tool.owt]\n# pool = 'gpu'\n# ///\n"


def pools(server: Server) -> dict[str, dict[str, Any]]:
    return {pool["name"]: pool for pool in server.send("GET", "/_owt/pools").json()}


def process(server: Server, pool: str) -> int:
    """Return the id of the one worker of a pool."""
    (worker,) = pools(server)[pool]["workers"]
    pid: int = worker["pid"]
    return pid


def test_a_call_or_its_code_names_its_pool(serve: Serve) -> None:
    server = serve("--workers", "1", "--pool", "gpu:env.A=1", "--pool", "cpu:env.A=2,workers=2")
    code = "run = lambda: os.environ.get('A')"
    assert server.call(code).text == ""
    assert server.call(code, pool="default").text == ""
    assert server.call(code, pool="gpu").text == "1"
    assert server.call(IN_GPU + code).text == "1"
    assert server.call(IN_GPU + code, pool="cpu").text == "2"
    assert server.send("GET", "/_owt/health").json()["pools"] == {
        "default": {"alive": 1, "total": 1},
        "gpu": {"alive": 1, "total": 1},
        "cpu": {"alive": 2, "total": 2},
    }


@pytest.mark.parametrize("options", [(), ("--dependencies", "off")])
def test_a_pool_that_is_not_there_is_refused(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve("--pool", "gpu", *options)
    for code, pool in [("1", "gqu"), (IN_GPU.replace("gpu", "gqu") + "1", None)]:
        answer = server.call(code, pool=pool)
        assert (answer.status_code, answer.headers["Owt-Error"]) == (404, "pool-unknown")
        assert answer.text.strip() == (
            'This server has no pool "gqu". Its pools: default, gpu. Name one of them, or start '
            "the server with --pool."
        )


@pytest.mark.parametrize(
    ("mask", "key", "seen"),
    [
        (None, "cuda=0", ["0", "0", "PCI_BUS_ID"]),
        (None, "cuda=0+1", ["0,1", "0,1", "PCI_BUS_ID"]),
        (None, "cuda=none", ["-1", "-1", "PCI_BUS_ID"]),
        (None, "cuda=all", [None, None, None]),
        ("3,5", "cuda=1", ["5", "5", "PCI_BUS_ID"]),
        ("3,5", "cuda=none", ["-1", "-1", "PCI_BUS_ID"]),
        ("3,5", "cuda=all", ["3,5", None, None]),
        ("GPU-11,GPU-22", "cuda=GPU-22", ["GPU-22", "GPU-22", "PCI_BUS_ID"]),
        ("", "cuda=0", ["-1", "-1", "PCI_BUS_ID"]),
    ],
)
def test_workers_see_the_gpus_of_their_pool(
    serve: Serve, mask: str | None, key: str, seen: list[str | None]
) -> None:
    env = {} if mask is None else {"CUDA_VISIBLE_DEVICES": mask}
    server = serve("--pool", f"gpu:workers=1,{key}", env=env)
    assert server.call(VARIABLES, pool="gpu").json() == seen
    is_there = mask != "" and (mask is not None or key in ("cuda=none", "cuda=all"))
    assert ("the pool gpu asks for a GPU, and there is none" in server.log.since(0)) != is_there


def test_each_worker_sees_a_gpu_of_its_own(serve: Serve) -> None:
    server = serve("--pool", "gpu:cuda=each,replicas=2", env={"CUDA_VISIBLE_DEVICES": "7,GPU-1"})
    assert len(pools(server)["gpu"]["workers"]) == 2
    seen = {server.call(VARIABLES, pool="gpu").json()[0] for _ in range(50)}
    assert seen == {"7", "GPU-1"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("cuda=2", "the pool gpu: there is no GPU 2; there are 2: 0 (3), 1 (5)"),
        ("cuda=GPU-9", "the pool gpu: there is no GPU GPU-9; there are 2: 0 (3), 1 (5)"),
        (
            "cuda=each,workers=3",
            "the pool gpu: 3 workers cannot have a GPU each; there are 2: 0 (3), 1 (5)",
        ),
        ("python=nowhere", "the pool gpu: "),
    ],
)
def test_a_pool_that_cannot_be_had_ends_the_start_in_a_sentence(
    tmp_path: Path, keys: str, words: str
) -> None:
    env = {"CUDA_VISIBLE_DEVICES": "3,5"}
    done = run_owt("serve", "--port", "0", "--pool", f"gpu:{keys}", home=tmp_path, env=env)
    assert done.returncode == 5
    assert f"owt: error: {words}" in done.stderr
    assert "\nhint: " in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pool", "a:workers=0"], "workers=0: give a whole number, 1 at least"),
        (["--pool", "a:worker=1"], "did you mean workers?"),
        (["--pool", "a", "--pool", "a:idle=1s"], "the pool a is there twice"),
    ],
)
def test_a_wrong_pool_is_refused_in_a_sentence(
    tmp_path: Path, options: list[str], words: str
) -> None:
    done = run_owt("serve", "--port", "0", *options, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_the_keys_of_the_default_pool_change_the_servers_own_workers(serve: Serve) -> None:
    server = serve("--workers", "3", "--pool", "default:workers=1,env.A=b")
    assert server.call("lambda: os.environ['A']").text == "b"
    (pool,) = pools(server).values()
    assert (pool["name"], len(pool["workers"])) == ("default", 1)


def test_a_pool_has_its_python_and_its_priority(
    serve: Serve, tmp_path: Path, interpreter: tuple[str, Path]
) -> None:
    version, base = interpreter
    venv = tmp_path / "venv"
    subprocess.run([str(base), "-m", "venv", "--without-pip", str(venv)], check=True)
    server = serve("--pool", f"old:workers=1,python={venv},nice=7")
    code = "lambda: ['%d.%d' % sys.version_info[:2], sys.prefix, os.nice(0)]"
    assert server.call(code, pool="old").json() == [version, str(venv), 7]
    assert server.call(code).json()[2] == os.nice(0)


def test_calls_of_a_pool_share_its_slots(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=2,slots=1", "--threads", "8")
    codes = [
        f"""
        import time
        def run():
            begun = time.monotonic()
            time.sleep(0.02)
            return [begun, time.monotonic(), {number}]
        """.replace("\n        ", "\n")
        for number in range(3)
    ]
    with ThreadPoolExecutor(18) as clients:
        calls = [clients.submit(server.call, code, pool="gpu") for code in codes * 6]
        times = sorted(call.result().json() for call in calls)
    overlaps = [(one, other) for one, other in itertools.pairwise(times) if one[1] > other[0]]
    assert overlaps == []
    # Beside it, other pools run what they like.
    assert server.call("lambda: 1").text == "1"


def test_adaptors_take_turns_at_a_slot(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,slots=1")
    slow = "import time\ndef run(): time.sleep(0.05)"
    with ThreadPoolExecutor(40) as clients:
        flood = [clients.submit(server.call, slow, pool="gpu") for _ in range(39)]
        while pools(server)["gpu"]["workers"][0]["calls"] < 30:
            pass
        began = time.monotonic()
        assert server.call("lambda: 2", pool="gpu").text == "2"
        assert time.monotonic() - began < 1
        assert any(not call.done() for call in flood)
        assert all(call.result().status_code == 200 for call in flood)


def test_a_call_that_waits_for_a_slot_can_be_cancelled(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,slots=1")
    waiting = "import time\ndef run():\n  print('begun')\n  time.sleep(60)"
    with ThreadPoolExecutor(2) as clients:
        first = clients.submit(
            server.call, waiting, pool="gpu", headers={"Owt-Request-Id": "first"}
        )
        server.log.wait_for("begun")
        second = clients.submit(
            server.call, "lambda: 2", pool="gpu", headers={"Owt-Request-Id": "second"}
        )
        while len(calls := server.send("GET", "/_owt/calls").json()) < 2:
            pass
        states = {call["id"]: (call["state"], call["pool"]) for call in calls}
        assert states == {"first": ("running", "gpu"), "second": ("queued", "gpu")}
        for call, name in [(second, "second"), (first, "first")]:
            assert server.send("DELETE", f"/_owt/calls/{name}").status_code == 204
            assert call.result().headers["Owt-Error"] == "cancelled"
    assert server.call("lambda: 3", pool="gpu").text == "3"


def test_a_call_that_waits_for_a_slot_outlives_the_worker_that_it_waits_at(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,slots=1")
    dying = "import time\ndef run():\n  print('begun')\n  time.sleep(1)\n  os._exit(3)"
    with ThreadPoolExecutor(2) as clients:
        first = clients.submit(server.call, dying, pool="gpu")
        server.log.wait_for("begun")
        second = clients.submit(server.call, "lambda: 2", pool="gpu")
        assert first.result().headers["Owt-Error"] == "worker-died"
        assert second.result().text == "2"
    assert "worker gpu/0 ended (exit code 3)" in server.log.since(0)


def test_the_time_of_a_call_begins_when_it_has_its_slot(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,slots=1")
    slow = "import time\ndef run(): time.sleep(0.4)"
    with ThreadPoolExecutor(3) as clients:
        calls = [clients.submit(server.call, slow, pool="gpu", timeout=1) for _ in range(4)]
        assert [call.result().status_code for call in calls] == [200] * 4


def test_an_idle_worker_is_replaced_by_an_empty_one(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,idle=1s", "--workers", "1")
    loading = "loaded = bytearray(b'x') * (200 << 20)\ndef run(): return os.getpid()"
    pid = server.call(loading, pool="gpu").json()
    (loaded,) = pools(server)["gpu"]["workers"]
    assert loaded["pid"] == pid
    server.log.wait_for("worker gpu/0 is replaced, because nobody has called it for a while")
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (empty,) = pools(server)["gpu"]["workers"]
    assert empty["pid"] != pid
    assert empty["memory"] < loaded["memory"] - (190 << 20)
    assert server.call(loading, pool="gpu").json() == empty["pid"]


def test_a_worker_that_was_never_called_stays(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,idle=1s")
    pid = process(server, "gpu")
    mark = len(server.log)
    # A worker that has been called is replaced meanwhile.
    server.call("lambda: 1", pool="default", keep_alive="0")
    server.log.wait_for("is replaced, because nobody has called it for a while", since=mark)
    time.sleep(1.1)
    assert process(server, "gpu") == pid


def test_no_call_is_lost_around_the_time_that_a_worker_may_be_idle(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,idle=1s")
    generator = random.Random(4711)
    pids = set()
    end = time.monotonic() + 12
    while time.monotonic() < end:
        answer = server.call(WHO, pool="gpu")
        assert answer.status_code == 200, answer.text
        pids.add(answer.text)
        time.sleep(generator.uniform(0.9, 1.1))
    assert len(pids) > 1


@pytest.mark.parametrize("way", ["field", "block"])
def test_keep_alive_counts_for_more_than_the_pools_time(serve: Serve, way: str) -> None:
    server = serve("--pool", "gpu:workers=1,idle=1s")

    def call(keep_alive: str) -> int:
        if way == "field":
            return int(server.call(WHO, pool="gpu", keep_alive=keep_alive).text)
        block = (
            f"# /// script\n# [tool.owt]\n# pool = 'gpu'\n# keep_alive = {keep_alive!r}\n# ///\n"
        )
        return int(server.call(f"{block}run = {WHO}").text)

    first = call("-1")
    mark = len(server.log)
    time.sleep(1.3)
    assert (call("-1"), process(server, "gpu")) == (first, first)
    if way == "block":
        # Another text is another adaptor, and the first one stays for ever.
        return
    assert call("0") == first
    server.log.wait_for("worker gpu/0 is replaced, because nobody has called it", since=mark)
    assert process(server, "gpu") != first


@pytest.mark.parametrize("keep_alive", ["soon", "5 minutes", "", True, [5]])
def test_a_time_to_keep_an_adaptor_that_is_none_is_refused(
    server: Server, keep_alive: object
) -> None:
    answer = server.call("lambda: 1", keep_alive=keep_alive)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (400, "field-invalid")
    assert answer.text.strip() == (
        "The field keep_alive takes a length of time such as 0, 30s, 5m or 1h, or -1 for ever"
    )


@pytest.mark.parametrize("keep_alive", [0, 2.5, -1, "0", "5m", "-1"])
def test_a_time_to_keep_an_adaptor_is_a_number_or_has_a_unit(
    serve: Serve, keep_alive: object
) -> None:
    assert serve().call("lambda: 1", keep_alive=keep_alive).text == "1"


def test_replicas_hold_an_adaptor_each_and_share_its_calls(serve: Serve) -> None:
    server = serve("--pool", "one:workers=2", "--pool", "two:workers=2,replicas=2")
    busy = """
import time
def run():
    end = time.thread_time() + 0.02
    while time.thread_time() < end: pass
    return os.getpid()
"""

    def processes(pool: str) -> list[int]:
        with ThreadPoolExecutor(8) as clients:
            calls = [clients.submit(server.call, busy, pool=pool) for _ in range(40)]
            return [call.result().json() for call in calls]

    assert len(set(processes("one"))) == 1
    shares = Counter(processes("two"))
    # How much faster that is depends on how many cores the tests beside this one leave.
    assert (len(shares), min(shares.values()) > 10) == (2, True)


def test_an_error_of_memory_says_what_else_is_loaded(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1")
    server.call("lambda: 1", pool="gpu", name="iris.py")
    answer = server.call(
        "class OutOfMemoryError(Exception): pass\n"
        "def run(): raise OutOfMemoryError('CUDA out of memory')",
        pool="gpu",
    )
    assert (answer.status_code, answer.headers["Owt-Error"]) == (500, "adaptor-raised")
    assert answer.text.startswith("OutOfMemoryError: CUDA out of memory")
    assert answer.text.rstrip().endswith(
        "In its pool, gpu, there are also loaded: iris.py (a2c701d9f9dd)."
    )


def test_a_worker_that_had_too_much_memory_says_what_was_loaded(serve: Serve) -> None:
    server = serve("--pool", "gpu:workers=1,max-rss=150M")
    server.call("lambda: 1", pool="gpu", name="iris.py")
    answer = server.call(
        "import time\ndef run():\n  big = b'x' * (400 << 20)\n  time.sleep(30)", pool="gpu"
    )
    assert (answer.status_code, answer.headers["Owt-Error"]) == (502, "worker-died")
    assert "In its pool, gpu, there are loaded: iris.py (a2c701d9f9dd)" in answer.text


def test_the_pool_is_a_part_of_the_key_of_a_result(serve: Serve) -> None:
    server = serve("--pool", "gpu:env.A=b")
    code = "lambda: os.environ.get('A', 'none')"
    answers = [server.call(code, use_cache=True, pool=pool).text for pool in ("default", "gpu")]
    assert answers == ["none", "b"]


def test_a_pool_has_environments_of_its_own(serve: Serve, tmp_path: Path) -> None:
    shelf(tmp_path, ("alpha", "1.0"))
    env: Mapping[str, str] = {**TEST_VIRTUALENV, **on_path(UV)}
    server = serve("--pool", "gpu:workers=1,env.A=b,cuda=none", env=env)
    code = (
        "# /// script\n# dependencies = ['alpha']\n# ///\nimport alpha\n"
        "def run():\n    names = ('A', 'CUDA_VISIBLE_DEVICES')\n"
        "    return [alpha.version, *map(os.environ.get, names)]"
    )
    assert server.call(code).json() == ["1.0", None, None]
    assert server.call(code, pool="gpu").json() == ["1.0", "b", "-1"]
    assert [found["pool"] for found in server.send("GET", "/_owt/environments").json()] == [
        "default",
        "gpu",
    ]
    names = [worker["name"] for worker in pools(server)["gpu"]["workers"]]
    assert names[0] == "gpu/0"
    assert names[1].startswith("gpu/")
    assert names[1].endswith("/0")
