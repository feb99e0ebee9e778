"""Jobs: calls that go on without their client, whose replies wait for whoever asks."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import requests
from harness.envelope import envelope
from harness.memory import resident
from harness.program import clean_environment, owt_binary, run_owt
from harness.server import Serve, Server
from harness.wire import connect, json_request

ASYNC = {"Prefer": "respond-async"}

WAITS = """
    import logging, time
    from pathlib import Path

    def run(request, go, note):
        request.progress(1, 2, "half")
        logging.info("waits %s", request.id)
        try:
            while not Path(go).exists():
                time.sleep(0.002)
        finally:
            Path(note).write_text("ended")
        return {"done": True}
"""

SLEEPS = """
    import asyncio

    async def run(seconds, size):
        await asyncio.sleep(seconds)
        return "x" * size
"""

UPLOADED = """
    import time

    def run(request, seconds):
        time.sleep(seconds)
        return request.files["file"].read()
"""

ENDPOINT = """
def run(text: str, times: int = 1):
    return {"text": text * times}
"""


def submit(server: Server, code: str, kwargs: Any, job: str) -> requests.Response:
    accepted = server.call(code, kwargs, headers={**ASYNC, "Owt-Request-Id": job})
    assert accepted.status_code == 202, accepted.text
    return accepted


def fetch(server: Server, job: str, wait: float = 20) -> requests.Response:
    return server.send("GET", f"/_owt/jobs/{job}?wait={wait}")


def jobs(server: Server) -> dict[str, dict[str, Any]]:
    return {job["id"]: job for job in server.send("GET", "/_owt/jobs").json()}


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Return the arguments of calls that wait for one file, and leave another."""
    return {"go": str(tmp_path / "go"), "note": str(tmp_path / "note")}


def test_a_job_is_told_of_while_it_runs_and_then_has_the_reply(
    server: Server, files: dict[str, str]
) -> None:
    accepted = submit(server, WAITS, files, "told")
    assert accepted.headers["Location"] == "/_owt/jobs/told"
    server.log.wait_for("waits told")
    wait_for(lambda: "progress" in fetch(server, "told", 0).json())
    running = fetch(server, "told", 0.01)
    assert running.status_code == 202
    info = running.json()
    assert info.pop("age") >= 0
    digest = accepted.headers["Owt-Code-SHA256"]
    progress = {"done": 1, "total": 2, "text": "half"}
    assert info == {
        "id": "told",
        "digest": digest,
        "method": "POST",
        "path": "/",
        "state": "running",
        "progress": progress,
    }
    Path(files["go"]).touch()
    reply = fetch(server, "told")
    assert (reply.status_code, reply.json()) == (200, {"done": True})
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Owt-Job"] == "told"
    assert reply.headers["Owt-Code-SHA256"] == digest
    assert fetch(server, "told").content == reply.content


def test_a_job_goes_on_though_its_client_has_gone(server: Server, files: dict[str, str]) -> None:
    headers = [("Prefer", "respond-async, wait=60"), ("Owt-Request-Id", "left")]
    with connect(server) as connection:
        connection.sendall(json_request(envelope(WAITS, files), *headers))
        server.log.wait_for("waits left")
    assert fetch(server, "left", 0.1).status_code == 202
    Path(files["go"]).touch()
    assert fetch(server, "left").json() == {"done": True}


def test_deleting_a_job_interrupts_its_python(server: Server, files: dict[str, str]) -> None:
    submit(server, WAITS, files, "deleted")
    server.log.wait_for("waits deleted")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fetch, server, "deleted")
        assert server.send("DELETE", "/_owt/jobs/deleted").status_code == 204
        wait_for(Path(files["note"]).exists)
        answer = waiting.result()
    # Whoever asked in time is told what happened, and others that there is nothing any more.
    assert answer.headers["Owt-Error"] in ("cancelled", "job-unknown")
    assert fetch(server, "deleted").headers["Owt-Error"] == "job-unknown"
    wait_for(
        lambda: "deleted" not in {call["id"] for call in server.send("GET", "/_owt/calls").json()}
    )


def test_cancelling_the_call_of_a_job_is_its_reply(server: Server, files: dict[str, str]) -> None:
    submit(server, WAITS, files, "cancelled")
    server.log.wait_for("waits cancelled")
    assert server.send("DELETE", "/_owt/calls/cancelled").status_code == 204
    answer = fetch(server, "cancelled")
    assert (answer.status_code, answer.headers["Owt-Error"]) == (409, "cancelled")
    assert jobs(server)["cancelled"]["state"] == "cancelled"


def test_the_file_of_a_form_is_there_as_long_as_the_job(server: Server) -> None:
    content = os.urandom(3 << 20)
    fields = envelope(UPLOADED, {"seconds": 0.3})
    headers = {**ASYNC, "Owt-Request-Id": "upload"}
    accepted = server.send("POST", "/", data=fields, files={"file": content}, headers=headers)
    assert accepted.status_code == 202
    assert fetch(server, "upload").content == content


def test_a_named_endpoint_has_jobs_as_well(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(ENDPOINT)
    server = serve("--route", f"/words={tmp_path}/words.py", "--only-routes")
    accepted = server.send("POST", "/words", json={"text": "ab", "times": 3}, headers=ASYNC)
    assert accepted.status_code == 202
    reply = server.send("GET", accepted.headers["Location"] + "?wait=20")
    assert reply.json() == {"text": "ababab"}
    accepted = server.send("GET", "/words?text=a&times=x", headers=ASYNC)
    reply = server.send("GET", accepted.headers["Location"] + "?wait=20")
    assert (reply.status_code, reply.headers["Owt-Error"]) == (422, "arguments")


def test_the_program_starts_lists_awaits_and_cancels_jobs(
    server: Server, files: dict[str, str], tmp_path: Path
) -> None:
    def owt(*arguments: str) -> tuple[int, str, str]:
        done = run_owt(*arguments, "--url", server.url, home=tmp_path)
        return done.returncode, done.stdout, done.stderr

    (tmp_path / "waits.py").write_text(dedent(WAITS))
    arguments = [f"{name}:{path}" for name, path in files.items()]
    code, job, said = owt("call", "waits.py", *arguments, "--background")
    assert (code, said) == (0, "")
    job = job.strip()
    server.log.wait_for(f"waits {job}")
    wait_for(lambda: "progress" in jobs(server)[job])
    code, listed, _ = owt("jobs")
    head, *rows = listed.splitlines()
    assert head.split() == ["JOB", "STATE", "AGE", "CALL", "STATUS", "SIZE", "PROGRESS"]
    row = next(row.split() for row in rows if row.startswith(job))
    row[2] = "AGE"
    assert row == [job, "running", "AGE", "POST", "/", "-", "-", "1/2", "half"]
    assert json.loads(owt("jobs", "list", "--json")[1])[-1]["id"] == job
    Path(files["go"]).touch()
    assert owt("jobs", "wait", job) == (0, '{"done":true}', "")
    assert owt("jobs", "wait", job, "--output", "reply.json") == (0, "", "")
    assert (tmp_path / "reply.json").read_text() == '{"done":true}'
    assert owt("jobs", "cancel", job) == (0, "", "")
    code, out, said = owt("jobs", "wait", job)
    assert (code, out) == (1, "")
    assert "job-unknown" in said
    assert "owt jobs lists those that are there" in said
    code, job, _ = owt("call", "-c", "1 / 0", "--background")
    code, out, said = owt("jobs", "wait", job.strip())
    assert (code, out) == (1, "")
    assert "ZeroDivisionError" in said


def test_who_ends_the_waiting_is_told_that_the_job_goes_on(
    server: Server, files: dict[str, str], tmp_path: Path
) -> None:
    submit(server, WAITS, files, "interrupted")
    wait = subprocess.Popen(
        [str(owt_binary()), "jobs", "wait", "interrupted", "--url", server.url],
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: takes_interrupts(wait.pid))
    wait.send_signal(signal.SIGINT)
    out, said = wait.communicate(timeout=20)
    assert (wait.returncode, out) == (130, "")
    assert said == "owt: the job goes on; to wait for it again: owt jobs wait interrupted\n"
    Path(files["go"]).touch()
    assert fetch(server, "interrupted").json() == {"done": True}


def takes_interrupts(pid: int) -> bool:
    """Whether a process has a handler for SIGINT (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (line.split()[1] for line in status if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (signal.SIGINT - 1))


def test_a_server_that_was_started_anew_says_that_jobs_are_lost(
    serve: Serve, files: dict[str, str]
) -> None:
    first = serve("--grace", "0.1")
    job = first.call(WAITS, files, headers=ASYNC).headers["Owt-Job"]
    first.log.wait_for(f"waits {job}")
    first.process.terminate()
    assert first.process.wait(20) == 0
    assert Path(files["note"]).read_text() == "ended"
    second = serve()
    for method in ("GET", "DELETE"):
        answer = second.send(method, f"/_owt/jobs/{job}")
        assert (answer.status_code, answer.headers["Owt-Error"]) == (410, "job-lost")


def test_a_server_that_stops_gives_jobs_their_time(serve: Serve, files: dict[str, str]) -> None:
    server = serve("--grace", "20")
    submit(server, WAITS, files, "last")
    server.log.wait_for("waits last")
    server.process.terminate()
    wait_for(lambda: server.call("1").headers.get("Owt-Error") == "draining")
    Path(files["go"]).touch()
    assert server.process.wait(20) == 0
    assert Path(files["note"]).read_text() == "ended"


def test_a_thousand_jobs_end_each_with_its_own_reply_and_give_memory_back(serve: Serve) -> None:
    server = serve("--job-age", "30")
    submit(server, SLEEPS, {"seconds": 0, "size": 1}, "warm")
    assert fetch(server, "warm").text == "x"
    before = resident(server.process.pid)

    def one(number: int) -> str:
        job = f"job-{number}"
        kwargs = {"seconds": 1.0 + number % 7 / 10, "size": 20_000 + number}
        if number % 5 == 1:
            # Its client goes before it is answered.
            headers = [("Prefer", "respond-async, wait=60"), ("Owt-Request-Id", job)]
            with connect(server) as connection:
                connection.sendall(json_request(envelope(SLEEPS, kwargs), *headers))
                wait_for(lambda: fetch(server, job, 0).status_code == 202)
            return job
        submit(server, SLEEPS, kwargs, job)
        if number % 5 == 0:
            assert server.send("DELETE", f"/_owt/jobs/{job}").status_code == 204
        return job

    def told(job: str) -> tuple[int, str, int]:
        # An answer that is kept would keep its connection, and what that takes at the server.
        reply = fetch(server, job)
        error = reply.headers.get("Owt-Error", "")
        return reply.status_code, error, 0 if error else len(reply.content)

    with ThreadPoolExecutor(16) as pool:
        names = list(pool.map(one, range(1000)))
        replies = list(pool.map(told, names))
    for number, reply in enumerate(replies):
        is_deleted = number % 5 == 0
        assert reply == ((404, "job-unknown", 0) if is_deleted else (200, "", 20_000 + number))
    wait_for(lambda: jobs(server) == {}, 60)
    metrics = server.send("GET", "/_owt/metrics").text.splitlines()
    for line in (
        'owt_jobs{state="running"} 0',
        'owt_jobs{state="kept"} 0',
        "owt_job_replies_bytes 0",
    ):
        assert line in metrics
    # The allocator gives back what nobody has used for ten seconds.
    wait_for(lambda: resident(server.process.pid) - before < 16 << 20, 60)
