"""Commands whose output comes as they print it, and which end with their call."""

import subprocess
from pathlib import Path

import requests
from harness.envelope import envelope
from harness.processes import wait_until_gone
from harness.program import ROOT, clean_environment, owt_binary
from harness.server import Server

SHELL_PY = ROOT / "examples/shell/shell.py"
SHELL = SHELL_PY.read_text()


def test_a_line_arrives_while_the_command_still_runs(
    example_server: Server, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    command = f"mkfifo {pipe}; echo first; read line <{pipe}; echo $line"
    fields = envelope(SHELL, {"command": command})
    with requests.post(example_server.url, json=fields, stream=True, timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines) == b"first"
        # It ends when, and only when, it gets this line.
        pipe.write_text("second\n")
        assert list(lines) == [b"second"]


def test_a_command_ends_with_its_client(example_server: Server, tmp_path: Path) -> None:
    call = [str(owt_binary()), "call", str(SHELL_PY), "command:echo $$; sleep 1000 & sleep 1000"]
    with subprocess.Popen(
        [*call, "--url", example_server.url],
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        running = int(client.stdout.readline())
        client.terminate()
    wait_until_gone([running])


def test_a_command_that_fails_says_how(example_server: Server) -> None:
    answer = example_server.call(SHELL, {"command": "echo no room >&2; exit 3"})
    assert (answer.status_code, answer.headers["Owt-Error"]) == (500, "adaptor-raised")
    assert answer.text.splitlines()[0] == "CommandFailed: echo ended with status 3: no room"
