"""`--socket`: a server on a Unix socket, which no other user of the machine can reach."""

import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.program import clean_environment, owt_binary, run, run_owt
from harness.server import stop

HELLO = "lambda name: f'Hello, {name}!'"


@contextmanager
def serving(home: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start a server on owt.sock in this folder."""
    process = subprocess.Popen(
        [str(owt_binary()), "serve", "--socket", "owt.sock", *options],
        env=clean_environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "Owt serving on owt.sock\n"
            yield process
        finally:
            stop(process)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a server."""
    with serving(tmp_path):
        yield tmp_path


def curl(home: Path, *options: str, url: str = "http://localhost/") -> str:
    """Return what curl prints when it calls over the socket."""
    command = ["curl", "--silent", "--unix-socket", "owt.sock", "--get", url, *options]
    return run(command, home=home, cwd=home).stdout


def test_it_is_called_by_owt_and_by_curl(home: Path) -> None:
    done = run_owt("call", "-", "name:owt", "--socket", "owt.sock", home=home, stdin=HELLO)
    assert (done.returncode, done.stdout) == (0, "Hello, owt!"), done.stderr
    code = ("--data-urlencode", "code_b64=bGFtYmRhIG5hbWU6IG5hbWU")
    assert curl(home, *code, "--data-urlencode", "kwargs_b64={'name': 'curl'}") == "curl"


def test_only_its_owner_may_connect_and_it_is_gone_in_the_end(tmp_path: Path) -> None:
    with serving(tmp_path):
        mode = (tmp_path / "owt.sock").stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
    assert not (tmp_path / "owt.sock").exists()


def test_pages_that_a_proxy_lets_in_are_refused_as_on_loopback(home: Path) -> None:
    code = ("--data-urlencode", "code_b64=bGFtYmRhOiAx")
    assert curl(home, *code) == "1"
    assert "does not answer to the host" in curl(home, *code, url="http://evil.example/")
    page = ("--header", "Origin: https://evil.example")
    assert "may not use this server" in curl(home, *code, *page)


def test_a_second_server_leaves_the_first_alone(home: Path) -> None:
    done = run_owt("serve", "--socket", "owt.sock", home=home)
    assert done.returncode == 5
    assert done.stderr.startswith("owt: error: cannot listen on owt.sock: ")
    assert "hint: another server listens there" in done.stderr
    assert curl(home, "--data-urlencode", "code_b64=bGFtYmRhOiAx") == "1"


def test_the_socket_of_a_server_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        first.kill()
        first.wait()
        assert (tmp_path / "owt.sock").exists()
        with serving(tmp_path):
            assert curl(tmp_path, "--data-urlencode", "code_b64=bGFtYmRhOiAx") == "1"


def test_an_adaptor_is_told_the_path(home: Path) -> None:
    code = "lambda: [owt.args.socket, Server.sing().address, Server.sing().url]"
    done = run_owt("call", "-", "--socket", "owt.sock", home=home, stdin=code)
    assert done.stdout == '["owt.sock","owt.sock","http+unix://owt.sock"]'


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_owt("call", "-", "--socket", "owt.sock", home=tmp_path, stdin=HELLO)
    assert done.returncode == 3
    assert "hint: start it with: owt serve --socket owt.sock" in done.stderr
