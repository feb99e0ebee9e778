"""Every script shows what the server says when its call fails, and fails itself."""

import os
from pathlib import Path

import pytest
from harness.ports import free_run
from harness.program import ROOT, owt_binary, run
from harness.server import Serve, Server

# What a script is called with, where a server is and where something may be saved.
COMMANDS = {
    "bark/bark.sh": "./examples/bark/bark.sh {url} Hello {saved}",
    "bark/bark_construct_curl.sh": 'bash -c "$(./examples/bark/bark_construct_curl.sh {url})"',
    "bark/bark_meta_curl.sh": 'bash -c "$(./examples/bark/bark_meta_curl.sh {url})"',
    "echo/echo_kwargs.sh": "./examples/echo/echo_kwargs.sh {url}",
    "echo/echo_request.sh": "./examples/echo/echo_request.sh {url}",
    "echo/echo_script.sh": "./examples/echo/echo_script.sh {url}",
    "files/shout.sh": "./examples/files/shout.sh /README.md {url}",
    "filetype/filetype.sh": "OWT_URL={url} ./examples/filetype/filetype.sh README.md",
    "languages/hello.sh": "./examples/languages/hello.sh {url}",
    "listen/listen.sh": "./examples/listen/listen.sh tests/data/flite_kal16_hello.wav {url}",
    "meta/bootstrap.sh": 'source examples/meta/bootstrap.sh; $(owtInOwt {host} {port} "MQ" "e30")',
    "meta/layers.sh": "./examples/meta/layers.sh {host} {port}",
    "open.sh": "./examples/open.sh chat {url}",
    "shell/shell.sh": "./examples/shell/shell.sh true {url}",
    "speech/speech.sh": "./examples/speech/speech.sh {url} Hello {saved}",
    "table/table.sh": "./examples/table/table.sh examples/table/planets.csv kind {url}",
}

REFUSAL = "This server wants to know who calls."


@pytest.fixture
def guarded(serve: Serve) -> Server:
    """Return a server that refuses every call that comes without a password."""
    return serve("--auth", f"ann:{'0' * 64}")


@pytest.mark.parametrize("script", COMMANDS)
def test_what_the_server_says_is_shown(guarded: Server, script: str, tmp_path: Path) -> None:
    saved, host = tmp_path / "hello.wav", f"http://{guarded.host}"
    where = {"url": guarded.url, "host": host, "port": guarded.port, "saved": saved}
    command = COMMANDS[script].format(**where)
    path = f"{owt_binary().parent}:{os.environ['PATH']}"
    done = run(["bash", "-c", command], home=tmp_path, env={"PATH": path}, cwd=ROOT)
    assert done.returncode != 0
    assert REFUSAL in done.stdout + done.stderr
    # No sentence is saved as if it were what was asked for.
    assert not saved.exists()


def test_no_script_is_left_out() -> None:
    examples = ROOT / "examples"
    scripts = {*examples.glob("*.sh"), *examples.glob("*/*.sh")}
    assert {str(path.relative_to(examples)) for path in scripts} == {*COMMANDS}


def test_what_an_inner_server_says_comes_out(serve: Serve, tmp_path: Path) -> None:
    script = (
        "source examples/meta/bootstrap.sh; code=$(echo 'def walk(): pass' | base64 -w 0); "
        "$(owtInOwt http://localhost {port} $code e30)"
    )
    server = serve("--port", str(free_run(2)), cwd=ROOT)
    done = run(["bash", "-c", script.format(port=server.port)], home=tmp_path, cwd=ROOT)
    assert (done.returncode, done.stdout.startswith("The code has no function 'run'")) == (22, True)
