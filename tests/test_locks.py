"""A lock that travels with the code says which versions are installed."""

import subprocess
from pathlib import Path

import pytest
from harness.envelope import b64
from harness.program import clean_environment, run_owt
from harness.server import TEST_VIRTUALENV, Serve, Server
from harness.uv import machine
from harness.venvs import UV

CODE = """# /// script
# dependencies = ["idna"]
# ///
import idna
def run(): return idna.__version__
"""

# Older than what the index has without a lock.
LOCKED = "3.4"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an adaptor, and its lock beside it."""
    (folder := tmp_path / "folder").mkdir()
    (folder / "hello.py").write_text(CODE)
    lock = [str(UV), "lock", "--quiet", "--script", "hello.py", "--exclude-newer", "2022-12-01"]
    subprocess.run(lock, cwd=folder, env=clean_environment(tmp_path, machine()), check=True)
    return folder


def start(serve: Serve, *options: str) -> Server:
    return serve("--workers", "1", *options, env={**TEST_VIRTUALENV, **machine()})


def lock_of(folder: Path) -> str:
    return b64((folder / "hello.py.lock").read_text())


@pytest.mark.parametrize("command", ["call", "run"])
def test_the_lock_beside_a_file_goes_with_it(
    serve: Serve, folder: Path, tmp_path: Path, command: str
) -> None:
    to_server = ("--url", start(serve).url) if command == "call" else ()
    env = machine()

    def version(*options: str) -> str:
        done = run_owt(
            command, "hello.py", *options, *to_server, home=tmp_path, cwd=folder, env=env
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert version() == LOCKED
    assert version("--no-lock") != LOCKED


def test_with_locked_nothing_else_is_installed(serve: Serve, folder: Path) -> None:
    server = start(serve, "--dependencies", "locked")
    assert server.call(CODE, lock_b64=lock_of(folder)).text == LOCKED
    answer = server.call(CODE)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (422, "dependencies-failed")
    assert answer.text.strip() == (
        "This server installs only what a lock names, and none came with the code."
    )
    assert server.call("lambda: 'no packages'").text == "no packages"


def test_the_lock_is_a_part_of_the_key_of_a_result(serve: Serve, folder: Path) -> None:
    server = start(serve)
    with_lock = server.call(CODE, use_cache=True, lock_b64=lock_of(folder))
    without = server.call(CODE, use_cache=True)
    assert with_lock.text == LOCKED
    assert without.text != LOCKED


def test_approved_code_brings_no_lock(serve: Serve, folder: Path, tmp_path: Path) -> None:
    approved = tmp_path / "approved"
    done = run_owt("approve", "hello.py", "--to", str(approved), home=tmp_path, cwd=folder)
    assert done.returncode == 0
    server = start(serve, "--only-digests", str(approved))
    answer = server.call(CODE, lock_b64=lock_of(folder))
    assert (answer.status_code, answer.headers["Owt-Error"]) == (403, "code-not-approved")
    assert "a lock would change which packages that code has" in answer.text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version = 1", "version = 'x'", "The lock is not what `uv lock --script` writes."),
        ("registry = ", "path = '../idna', registry = ", 'The lock takes the package "idna" from'),
        ('{ registry = "https', '{ git = "https', 'The lock takes the package "idna" from'),
        ("{ url = ", "{ path = '../../idna.whl', url = ", 'The lock takes the package "idna" from'),
        ('"https://files', '"file:///files', 'The lock takes the package "idna" from'),
        ("sha256:", "sha256:0", "uv says:"),
    ],
)
def test_a_hostile_lock_is_refused_by_name(
    serve: Serve, folder: Path, old: str, new: str, words: str
) -> None:
    lock = (folder / "hello.py.lock").read_text()
    changed = lock.replace(old, new)
    assert changed != lock
    answer = start(serve).call(CODE, lock_b64=b64(changed))
    assert answer.status_code == 422
    assert answer.headers["Owt-Error"] in ("metadata-invalid", "dependencies-failed")
    assert words in answer.text


@pytest.mark.parametrize(("lock", "problem"), [("!", "is not base64"), ("/w==", "is not UTF-8")])
def test_what_is_no_text_is_no_lock(server: Server, lock: str, problem: str) -> None:
    answer = server.call("lambda: 1", lock_b64=lock)
    assert (answer.status_code, answer.text.strip()) == (400, f"The field lock_b64 {problem}")
