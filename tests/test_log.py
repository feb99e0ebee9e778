"""A log that nobody reads: the front goes on, and says later what was lost."""

import os
import subprocess
from pathlib import Path

import requests
from harness.envelope import envelope
from harness.program import clean_environment, owt_binary
from harness.server import GREETING

# More lines than a pipe and the queue before it hold. Each call is answered by the front itself.
CALLS = 12_000


def test_a_log_that_nobody_reads_holds_up_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0", "--log", "debug"],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(CALLS):
                # One line in the log each.
                assert session.get(url, timeout=10).status_code == 400
            assert session.post(url, json=envelope("lambda: 'well'"), timeout=10).text == "well"

            text = process.stderr.readline()
            while "lines of this log are lost: nobody was reading it" not in text:
                text = process.stderr.readline()
            assert int(text.split()[0]) > 0
            assert session.post(url, json=envelope("lambda: 'well'"), timeout=10).text == "well"
        process.terminate()
        process.stderr.read()
        assert process.wait(timeout=10) == 0


def test_a_server_whose_log_is_stuck_still_ends(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    while True:
        try:
            os.write(theirs, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(theirs, True)
    process = subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0"],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    assert process.stdout is not None
    with process, process.stdout:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        answer = requests.post(url, json=envelope("lambda: 'well'"), timeout=10)
        assert answer.text == "well"
        process.terminate()
        assert process.wait(timeout=10) == 0
    os.close(ours)
