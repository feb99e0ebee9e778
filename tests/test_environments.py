"""Dependencies come with the code: a metadata block names them, and they are there."""

import os
import pty
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from harness.envelope import envelope
from harness.program import clean_environment, owt_binary, run_owt
from harness.pythons import missing
from harness.server import TEST_VIRTUALENV, Serve, Server
from harness.uv import machine, on_path, shelf, stand_in
from harness.venvs import UV, make_virtualenv

PACKAGES = [("alpha", "1.0"), ("alpha", "2.0"), ("beta", "1.0")]


def script(*dependencies: str, body: str = "lambda: alpha.version", head: str = "") -> str:
    """Return an adaptor whose block names packages."""
    names = ", ".join(repr(dependency) for dependency in dependencies)
    block = f"# /// script\n# dependencies = [{names}]\n{head}# ///\n"
    return f"{block}import alpha\nrun = {body}\n"


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """Return what a server needs to have a few small packages installed, without any index."""
    shelf(tmp_path, *PACKAGES)
    return {**TEST_VIRTUALENV, **on_path(UV)}


def environments(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.send("GET", "/_owt/environments").json()
    return found


def installations(server: Server) -> int:
    """Return how many environments became ready."""
    return server.log.since(0).count("ready after")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.01)


def test_code_brings_packages_of_an_index(serve: Serve, tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()
    server = serve(env={**TEST_VIRTUALENV, **machine()}, cwd=empty)
    hello = empty / "hello.py"
    hello.write_text(
        "# /// script\n# dependencies = ['idna==3.4', 'six']\n# ///\nimport idna, six\n"
        "def run(name): return f'{name} {idna.__version__} {six.__name__}'\n"
    )
    for _ in range(2):
        done = run_owt(
            "call", "hello.py", "name:Ada", "--url", server.url, home=tmp_path, cwd=empty
        )
        assert (done.stdout, done.stderr) == ("Ada 3.4 six", "")
    assert installations(server) == 1


def test_the_same_block_is_installed_once(serve: Serve, env: Mapping[str, str]) -> None:
    server = serve(env=env)
    one = server.call(script("alpha<2", "beta"))
    other = server.call(script("beta", "alpha <2", body="lambda: 'other ' + alpha.version"))
    assert (one.text, other.text) == ("1.0", "other 1.0")
    (listed,) = environments(server)
    assert (listed["state"], listed["dependencies"]) == ("running", ["alpha<2", "beta"])
    assert any("alpha" in line for line in listed["progress"])


def test_two_versions_of_a_package_are_there_at_the_same_time(
    serve: Serve, env: Mapping[str, str]
) -> None:
    server = serve(env=env)
    with ThreadPoolExecutor() as threads:
        codes = [script("alpha==1.0"), script("alpha==2.0")] * 4
        answers = [answer.text for answer in threads.map(server.call, codes)]
    assert answers == ["1.0", "2.0"] * 4
    assert server.call("lambda: __import__('alpha')").status_code == 500


@pytest.mark.skipif("3.12" in missing(), reason="there is no Python 3.12 here")
def test_a_python_that_the_server_does_not_have_is_found(
    serve: Serve, env: Mapping[str, str]
) -> None:
    server = serve(env={**env, "PYENV_ROOT": machine()["PYENV_ROOT"]})
    head = "# requires-python = '>=3.12'\n"
    body = "lambda: list(__import__('sys').version_info[:2])"
    assert server.call(script("alpha", body=body, head=head)).json() >= [3, 12]


def test_a_python_that_is_nowhere_is_named(serve: Serve, env: Mapping[str, str]) -> None:
    answer = serve(env=env).call(script("alpha", head="# requires-python = '>=3.99'\n"))
    assert (answer.status_code, answer.headers["Owt-Error"]) == (422, "dependencies-failed")
    assert "No interpreter found for Python >=3.99" in answer.text


TOO_OLD = "required-version = '==0.0.1'"
ABOVE = {
    "uv.toml": TOO_OLD,
    "pyproject.toml": f"[project]\nname = 'x'\nversion = '1'\n[tool.uv]\n{TOO_OLD}",
    ".python-version": "3.99",
}


@pytest.mark.parametrize(("name", "text"), ABOVE.items(), ids=ABOVE.keys())
def test_settings_in_folders_above_do_not_count(
    serve: Serve, env: Mapping[str, str], tmp_path: Path, name: str, text: str
) -> None:
    for folder in (tmp_path, tmp_path / "start"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    server = serve(env=env, cwd=tmp_path / "start")
    assert server.call(script("alpha<2")).text == "1.0"


def test_paths_in_variables_are_relative_to_where_the_server_was_started(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".config/uv/uv.toml").unlink()
    server = serve(env={**env, "UV_FIND_LINKS": "shelf", "UV_OFFLINE": "1"}, cwd=tmp_path)
    assert server.call(script("alpha<2")).text == "1.0"


def test_fifty_calls_wait_for_one_installation(serve: Serve, env: Mapping[str, str]) -> None:
    server = serve(env=env)
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: server.call(script("alpha<2")).text, range(50)))
    assert answers == ["1.0"] * 50
    assert installations(server) == 1


def test_a_call_that_goes_away_stops_nothing(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    slow = (
        f'touch {tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; exec $UV "$@"'
    )
    server = serve(env={**env, **stand_in(tmp_path / "bin", slow)})
    with pytest.raises(requests.ReadTimeout):
        requests.post(server.url, json=envelope(script("alpha<2")), timeout=0.5)
    wait_for(tmp_path / "begun")
    (tmp_path / "go").touch()
    server.log.wait_for("ready after")
    assert server.call(script("alpha<2")).text == "1.0"
    assert installations(server) == 1


def test_a_call_that_waits_for_packages_is_listed_and_cancelled(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    slow = f"touch {tmp_path}/begun; sleep 60"
    server = serve("--grace", "0", env={**env, **stand_in(tmp_path / "bin", slow)})
    with ThreadPoolExecutor() as threads:
        headers = {"Owt-Request-Id": "one"}
        answer = threads.submit(server.call, script("alpha<2"), path="/a", headers=headers)
        wait_for(tmp_path / "begun")
        (listed,) = server.send("GET", "/_owt/calls").json()
        shown = {name: listed[name] for name in ("id", "path", "pool", "state")}
        assert shown == {"id": "one", "path": "/a", "pool": "default", "state": "installing"}
        assert 'owt_current_calls{state="installing"} 1' in server.send("GET", "/_owt/metrics").text
        assert server.send("DELETE", "/_owt/calls/one").status_code == 204
        assert answer.result().headers["Owt-Error"] == "cancelled"
    assert server.send("GET", "/_owt/calls").json() == []
    assert server.send("DELETE", "/_owt/calls/one").status_code == 404


def test_a_server_that_is_killed_in_the_middle_leaves_nothing_half_made(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "slow").touch()
    # It installs, and then is still there when the server is killed.
    slow = (
        f'"$UV" "$@"; end=$?; touch {tmp_path}/begun; if [ -e {tmp_path}/slow ]; then sleep 2; fi'
    )
    env = {**env, **stand_in(tmp_path / "bin", f"{slow}; exit $end")}
    server = serve(env=env)
    with ThreadPoolExecutor() as threads:
        call = threads.submit(server.call, script("alpha<2"))
        wait_for(tmp_path / "begun")
        server.process.send_signal(signal.SIGKILL)
        assert isinstance(call.exception(timeout=20), requests.ConnectionError)
    assert not list(tmp_path.glob(".cache/owt/environments/*/ready.json"))
    (tmp_path / "slow").unlink()
    assert serve(env=env).call(script("alpha<2")).text == "1.0"


def test_a_stop_ends_an_installation(serve: Serve, env: Mapping[str, str], tmp_path: Path) -> None:
    slow = f"echo $$ >{tmp_path}/pid.part; mv {tmp_path}/pid.part {tmp_path}/pid; sleep 60"
    server = serve("--grace", "0", env={**env, **stand_in(tmp_path / "bin", slow)})
    with ThreadPoolExecutor() as threads:
        call = threads.submit(server.call, script("alpha<2"))
        wait_for(tmp_path / "pid")
        server.process.terminate()
        answer = call.result(timeout=20)
        assert (answer.status_code, answer.headers["Owt-Error"]) == (503, "draining")
        server.process.wait(timeout=20)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_without_a_network_what_is_there_works(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    assert serve(env=env).call(script("alpha<2")).text == "1.0"
    offline = serve(env={**env, "UV_OFFLINE": "1"})
    assert offline.call(script("alpha<2")).text == "1.0"
    assert installations(offline) == 1
    (tmp_path / ".config/uv/uv.toml").unlink()
    answer = serve(env={**env, "UV_OFFLINE": "1"}).call(script("idna==3.4"))
    assert (answer.status_code, answer.headers["Owt-Error"]) == (422, "dependencies-failed")
    assert "idna" in answer.text


def test_a_failure_is_told_in_uvs_words_and_tried_again(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    server = serve(env=env)
    for _ in range(2):
        mark = len(server.log)
        answer = server.call(script("gamma"))
        assert (answer.status_code, answer.headers["Owt-Error"]) == (422, "dependencies-failed")
        assert "gamma was not found" in answer.text
        server.log.wait_for("dependencies cannot be installed", since=mark)
    (listed,) = environments(server)
    assert listed["state"] == "failed"


BLOCKS = {
    "no TOML": "# dependencies = [",
    "no list": "# dependencies = 'alpha'",
    "an address": "# dependencies = ['alpha @ https://example.com/alpha-1.0-py3-none-any.whl']",
    "a file": "# dependencies = ['alpha @ file:///tmp/alpha-1.0-py3-none-any.whl']",
    "a repository": "# dependencies = ['alpha @ git+https://example.com/alpha']",
    "an option": "# dependencies = ['--index-url=https://example.com']",
    "too many": "# dependencies = [" + "'alpha'," * 10_000 + "]",
    "an index": "# dependencies = ['alpha']\n# [tool.uv]\n# index-url = 'https://example.com'",
    "a misspelt key": "# [tool.owt]\n# pol = 'gpu'",
    "two blocks": "# dependencies = []\n# ///\n\n# /// script\n# dependencies = []",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_hostile_block_is_refused_and_nothing_is_run(
    serve: Serve, env: Mapping[str, str], tmp_path: Path, block: str
) -> None:
    server = serve(env={**env, **stand_in(tmp_path / "bin", f"touch {tmp_path}/ran")})
    code = f"# /// script\n{block}\n# ///\nopen({str(tmp_path / 'ran')!r}, 'w')\nrun = lambda: 1\n"
    answer = server.call(code)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (422, "metadata-invalid")
    assert answer.text.startswith("The metadata block ")
    assert not (tmp_path / "ran").exists()


def test_with_dependencies_off_uv_is_not_run(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    env = {**env, **stand_in(tmp_path / "bin", f"touch {tmp_path}/ran")}
    server = serve("--dependencies", "off", env=env)
    code = script("alpha").replace("import alpha", "").replace("alpha.version", "'here'")
    assert server.call(code).text == "here"
    assert not (tmp_path / "ran").exists()


def test_without_uv_the_sentence_says_how_to_get_it(serve: Serve, tmp_path: Path) -> None:
    python = make_virtualenv(tmp_path / "venv")
    server = serve("--python", str(python), env={"PATH": "/usr/bin:/bin"})
    answer = server.call(script("alpha"))
    assert (answer.status_code, answer.headers["Owt-Error"]) == (501, "dependencies-unavailable")
    assert "pip install uv" in answer.text
    assert server.call("lambda: 'here'").text == "here"


def test_secrets_do_not_reach_what_is_installed(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    spy = f'env >{tmp_path}/env; exec $UV "$@"'
    env = {**env, **stand_in(tmp_path / "bin", spy), "OWT_TOKEN": "a-token-of-some-length"}
    server = serve(env=env)
    headers = {"Authorization": "Bearer a-token-of-some-length"}
    assert server.call(script("alpha<2"), headers=headers).text == "1.0"
    assert "a-token-of-some-length" not in (tmp_path / "env").read_text()


def test_run_without_a_server_brings_packages_too(env: Mapping[str, str], tmp_path: Path) -> None:
    for _ in range(2):
        done = run_owt("run", "-", home=tmp_path, env=env, stdin=script("alpha<2"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "1.0", "")
    failed = run_owt("run", "-", home=tmp_path, env=env, stdin=script("gamma"))
    assert failed.returncode == 1
    assert "owt: error: dependencies-failed: " in failed.stderr


def test_ctrl_c_ends_an_installation_without_a_server(
    env: Mapping[str, str], tmp_path: Path
) -> None:
    env = {**env, **stand_in(tmp_path / "bin", f"echo $$ >{tmp_path}/pid; exec sleep 60")}
    run = subprocess.Popen(
        [str(owt_binary()), "run", "-"],
        env=clean_environment(tmp_path, env),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdin is not None
    run.stdin.write(script("alpha"))
    run.stdin.close()
    run.stdin = None
    wait_for(tmp_path / "pid")
    run.send_signal(signal.SIGINT)
    out, said = run.communicate(timeout=20)
    assert (run.returncode, out, said) == (130, "", "")
    deadline = time.monotonic() + 10
    while Path("/proc", (tmp_path / "pid").read_text().strip()).exists():
        assert time.monotonic() < deadline, "what installs has not ended"
        time.sleep(0.01)


def test_environments_are_listed_and_removed_unless_a_server_uses_them(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    def owt_env(*arguments: str) -> tuple[int, str, str]:
        done = run_owt("env", *arguments, home=tmp_path, env=env)
        return done.returncode, done.stdout, done.stderr

    assert run_owt("run", "-", home=tmp_path, env=env, stdin=script("alpha<2")).stdout == "1.0"
    server = serve(env=env)
    assert server.call(script("alpha", "beta")).text == "2.0"
    lines = [line.split() for line in owt_env("list")[1].splitlines()]
    names = {" ".join(packages): name for name, _python, _unused, *packages in lines}
    assert set(names) == {"alpha<2", "alpha beta"}
    in_use = owt_env("remove", names["alpha beta"])
    assert in_use[0] == 4
    assert "a server uses the environment" in in_use[2]
    assert owt_env("remove", names["alpha<2"]) == (0, "", "")
    assert owt_env("remove", names["alpha<2"])[0] == 2
    assert owt_env("remove", "../..")[0] == 2
    assert owt_env("remove", "--all") == (0, "", "")
    assert [line.split()[3:] for line in owt_env("list")[1].splitlines()] == [["alpha", "beta"]]
    assert server.call(script("alpha", "beta")).text == "2.0"


def test_a_terminal_shows_how_the_installation_of_a_call_goes(
    serve: Serve, env: Mapping[str, str], tmp_path: Path
) -> None:
    say = 'case "$*" in *sync*) echo "Resolved by a slow one" >&2; sleep 2;; esac'
    slow = stand_in(tmp_path / "slow", f'{say}; exec $UV "$@"')
    server = serve(env={**env, **slow})
    (tmp_path / "hello.py").write_text(script("alpha"))
    command = [str(owt_binary()), "call", "hello.py", "--url", server.url]
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=clean_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
            timeout=60,
        )
        os.close(theirs)
        shown = terminal.read(65536).decode()
    assert done.stdout.startswith(b"2.0")
    assert "Resolved by a slow one\r\n" in shown
