"""The command that opens a page, where there is none to open."""

import os
import subprocess

import pytest
from harness.program import ROOT, clean_environment, owt_binary
from harness.server import Server


def open_page(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with no screen, as in a terminal of another machine."""
    path = f"{owt_binary().parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["./examples/open.sh", *arguments],
        env=clean_environment(ROOT, {"PATH": path}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [[], ["echo"], ["nothing"]])
def test_examples_without_a_page_are_told_those_with_one(arguments: list[str]) -> None:
    done = open_page(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Which example? Those with a page are: bark chat ")


def test_what_the_server_says_is_shown(server: Server) -> None:
    done = open_page("chat", f"{server.url}/%ff?code_b64=!")
    assert (done.returncode, done.stdout) == (1, "")
    assert "code_b64" in done.stderr


def test_without_a_screen_the_url_is_all(server: Server) -> None:
    done = open_page("chat", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.send("GET", done.stdout.strip().removeprefix(server.url)).text.startswith(
        "<!doctype html>"
    )
