"""What adaptors start and leave: it ends with its worker and with the server, however it hides."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests
from harness.envelope import envelope
from harness.processes import children, descendants, wait_until_gone
from harness.program import clean_environment, owt_binary
from harness.server import GREETING, Serve

PID = "import os\nrun = os.getpid"

# Ways to start a process that is not where its worker's end would reach it.
SESSION = """
    import subprocess
    def run():
        return subprocess.Popen(["sleep", "600"], start_new_session=True).pid
"""
DOUBLE_FORK = """
    import subprocess
    def run():
        script = "setsid sh -c 'sleep 600 > /dev/null & echo $!'"
        done = subprocess.run(script, shell=True, stdout=subprocess.PIPE, text=True)
        return int(done.stdout)
"""
NO_ENVIRONMENT = """
    import subprocess
    def run():
        return subprocess.Popen(["sleep", "600"], start_new_session=True, env={}).pid
"""
PYTHON = """
    import os, time
    def run():
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(theirs, str(os.getpid()).encode())
                time.sleep(600)
            os._exit(0)
        return int(os.read(ours, 20))
"""
FAMILY = """
    import subprocess, sys
    def run():
        script = "(env -i sleep 600 & echo $!); sleep 600"
        started = subprocess.Popen(["sh", "-c", script], start_new_session=True,
                                   stdout=subprocess.PIPE, text=True)
        return int(started.stdout.readline())
"""
HIDDEN = {
    "session": SESSION,
    "double fork": DOUBLE_FORK,
    "no environment": NO_ENVIRONMENT,
    "forks of Python": PYTHON,
    "family": FAMILY,
}
hidden = pytest.mark.parametrize("code", HIDDEN.values(), ids=HIDDEN)

STAYS = """
    import os, subprocess
    def run():
        environment = {**os.environ, "OWT_WORKER_ID": ""}
        return subprocess.Popen(["sleep", "600"], start_new_session=True, env=environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
"""


def is_zombie(pid: int) -> bool:
    """Return whether a process has ended and nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@hidden
def test_what_is_left_of_a_worker_that_died_ends(serve: Serve, code: str) -> None:
    server = serve("--workers", "1")
    left = server.call(code).json()
    os.kill(server.call(PID).json(), signal.SIGKILL)
    wait_until_gone([left])
    assert server.call("lambda: 'well'").text == "well"


def test_what_is_left_of_a_worker_that_is_replaced_ends(serve: Serve) -> None:
    server = serve("--workers", "1", "--worker-max-calls", "2")
    wait_until_gone([server.call(SESSION).json(), server.call(PID).json()])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@hidden
def test_what_is_left_of_a_server_ends(serve: Serve, code: str, number: signal.Signals) -> None:
    server = serve("--workers", "1")
    processes = [*descendants(server.process.pid), server.call(code).json()]
    server.process.send_signal(number)
    server.process.wait(timeout=10)
    wait_until_gone(processes)


def test_one_workers_end_leaves_the_processes_of_another_alone(serve: Serve) -> None:
    server = serve("--workers", "2")
    started: dict[int, int] = {}
    code = """
        import os, subprocess
        def run():
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            return [os.getpid(), child.pid]
    """
    while len(started) < 2:
        worker, child = server.call(f"{code}\n        # {os.urandom(4).hex()}").json()
        started.setdefault(worker, child)
    (killed, gone), (_, kept) = started.items()
    os.kill(killed, signal.SIGKILL)
    wait_until_gone([gone])
    assert Path(f"/proc/{kept}").exists()


def test_a_process_that_is_to_stay_stays(serve: Serve) -> None:
    server = serve("--workers", "1")
    staying = server.call(STAYS).json()
    try:
        mark = len(server.log)
        os.kill(server.call(PID).json(), signal.SIGKILL)
        server.log.wait_for("starting another", since=mark)
        assert server.call("lambda: 'well'").text == "well"
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        assert Path(f"/proc/{staying}/cmdline").read_bytes() == b"sleep\x00600\x00"
    finally:
        os.kill(staying, signal.SIGKILL)


def test_zombies_of_others_are_reaped(serve: Serve) -> None:
    server = serve("--workers", "1")
    code = DOUBLE_FORK.replace("sleep 600", "sleep 0.01")
    ended = [server.call(code).json() for _ in range(5)]
    wait_until_gone(ended)
    left = ended
    while left := [pid for pid in left if is_zombie(pid)]:
        assert server.process.poll() is None


MOVED = """
    import ctypes, os
    def run(group, stuck):
        os.setpgid(0, group)
        if stuck:
            # Without letting go of the interpreter's lock.
            ctypes.PyDLL(None).sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_in_the_fronts_group_ends_alone(tmp_path: Path, number: signal.Signals) -> None:
    """The front and a bystander, such as the shell script that started it, are in one group."""
    script = f"""
        sleep 600 &
        echo $!
        exec {owt_binary()} serve --port 0 --workers 1
    """
    process = subprocess.Popen(
        ["sh", "-c", script],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        bystander = int(process.stdout.readline())
        address = process.stdout.readline().removeprefix(GREETING).strip()
        (worker,) = [pid for pid in children(process.pid) if pid != bystander]
        call(address, MOVED, {"group": process.pid, "stuck": False})
        process.send_signal(number)
        assert process.wait(timeout=10) == (0 if number == signal.SIGTERM else -9)
        wait_until_gone([worker])
        assert Path(f"/proc/{bystander}/cmdline").read_bytes() == b"sleep\x00600\x00"
        os.kill(bystander, signal.SIGKILL)


def call(address: str, code: str, kwargs: dict[str, object]) -> None:
    """Call a server that no fixture has started."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"http://{address}", json=envelope(code, kwargs), timeout=20)
        assert answer.status_code == 200


def test_a_stuck_worker_that_left_its_group_is_ended(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.1")
    worker = server.call(PID).json()
    kwargs = {"group": os.getpgid(server.process.pid), "stuck": True}
    assert server.call(MOVED, kwargs, timeout=0.3).status_code == 504
    server.log.wait_for("starting another")
    wait_until_gone([worker])
    assert server.call("lambda: 'well'").text == "well"


NAMESPACE = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
FORBIDDEN = subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode


@pytest.mark.skipif(FORBIDDEN != 0, reason="this machine allows no namespaces")
def test_as_the_first_process_it_reaps_and_ends_everything(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*NAMESPACE, str(owt_binary()), "serve", "--port", "0", "--workers", "1"],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        address = process.stdout.readline().removeprefix(GREETING).strip()
        (front,) = children(process.pid)
        for _ in range(5):
            call(address, DOUBLE_FORK.replace("sleep 600", "sleep 0.01"), {})
        while [pid for pid in children(front) if is_zombie(pid)] or len(children(front)) > 1:
            assert process.poll() is None
        call(address, DOUBLE_FORK, {})
        left = descendants(process.pid)
        assert len(left) == 3
        os.kill(front, signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        wait_until_gone(left)


def test_of_two_servers_of_one_user_each_ends_its_own(serve: Serve) -> None:
    servers = [serve("--workers", "1"), serve("--workers", "1")]
    lefts = [server.call(DOUBLE_FORK).json() for server in servers]
    servers[0].process.terminate()
    assert servers[0].process.wait(timeout=10) == 0
    wait_until_gone([lefts[0]])
    assert Path(f"/proc/{lefts[1]}").exists()
    assert servers[1].call("lambda: 'well'").text == "well"
