"""The wheel, installed for each Python of this machine: it needs no cargo and no checkout."""

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.document import steps
from harness.installed import Shell, install, programs, tool, wheel
from harness.program import ROOT
from harness.pythons import pythons
from harness.server import Server

HELLO = 'def run(name): return f"Hello, {name}!"'

GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)\0")
TAG = re.compile(r"-py3-none-manylinux_(\d+)_(\d+)_x86_64\.whl$")

IMPORT = """
from importlib.metadata import version
from importlib.resources import files
import owt
print(owt.pipe().const("ay up").f(str.upper)(), files(owt) / "py.typed", version("owt-cli"))
"""


@pytest.fixture(
    scope="module", params=pythons(), ids=lambda found: f"{found[0]}-{found[1].parts[1]}"
)
def env(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh virtualenv with the wheel in it; it is not activated."""
    _version, python = request.param
    return install(wheel(), python, tmp_path_factory.mktemp("env") / "env")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, str(programs(tmp_path / "bin")))


@pytest.fixture
def server(env: Path, shell: Shell) -> Iterator[Server]:
    program, more = env / "bin/owt", {"PATH": shell.path}
    with Server.started(home=shell.folder, env=more, program=program) as server:
        yield server


def test_the_first_call_of_the_readme(server: Server, shell: Shell) -> None:
    first = steps(ROOT / "README.md")[0]
    command = first.command.replace("localhost:9876", f"localhost:{server.port}")
    first.check(shell.run("bash", "-c", command))


def test_the_echo_of_the_first_owt(server: Server, shell: Shell) -> None:
    shutil.copytree(ROOT / "example/echo", shell.folder / "echo")
    url = f"http://localhost:{server.port}"
    assert shell.run("bash", "echo/echo_script.sh", url) == "Hello, owt!"


def test_an_adaptor_runs_without_a_server(env: Path, shell: Shell) -> None:
    (shell.folder / "hello.py").write_text(HELLO)
    assert shell.run(env / "bin/owt", "run", "hello.py", "name:owt") == "Hello, owt!"


def test_adaptors_get_the_virtualenv_that_owt_is_installed_in(env: Path, shell: Shell) -> None:
    report = shell.run(env / "bin/owt", "doctor").splitlines()
    assert f"prefix       {env}" in report
    place = next(line for line in report if f"where owt is installed ({env})" in line)
    assert place.endswith(", taken")
    assert report[-1] == "Python starts and runs adaptors."


def test_the_package_is_there_for_editors_and_programs(env: Path, shell: Shell) -> None:
    version = shell.run(env / "bin/owt", "--version").split()[1]
    printed, typed, installed = shell.run(env / "bin/python", "-c", IMPORT).rsplit(maxsplit=2)
    assert (printed, installed) == ("AY UP", version)
    assert Path(typed).is_file()
    assert Path(typed).is_relative_to(env)


def test_owt_cli_is_owt(env: Path, shell: Shell) -> None:
    printed = {shell.run(env / "bin" / name, "--help") for name in ("owt", "owt-cli")}
    assert len(printed) == 1
    hello = shell.run(env / "bin/owt-cli", "run", "-", "name:owt", stdin=HELLO)
    assert hello == "Hello, owt!"


def test_the_programs_need_the_system_that_the_wheels_name_says() -> None:
    """The program carries the extension module, into which auditwheel does not look."""
    tag = TAG.search(wheel().name)
    assert tag is not None
    with zipfile.ZipFile(wheel()) as archive:
        names = [name for name in archive.namelist() if "/scripts/" in name]
        needed = {found for name in names for found in GLIBC.findall(archive.read(name))}
    assert [Path(name).name for name in names] == ["owt", "owt-cli"]
    assert max((int(major), int(minor)) for major, minor in needed) == (int(tag[1]), int(tag[2]))


@pytest.mark.timeout(600)
def test_a_checkout_is_a_source_that_pip_builds(tmp_path: Path) -> None:
    pip = tool("pip")
    build: list[str | Path] = [
        pip,
        "wheel",
        "--quiet",
        "--no-build-isolation",
        "--no-deps",
        "--wheel-dir",
        tmp_path,
    ]
    # What cargo has built already; users get a release.
    profile = "--config-settings=build-args=--locked --profile dev"
    path = f"{pip.parent}:{os.environ['PATH']}"
    subprocess.run([*build, profile, ROOT], check=True, env={**os.environ, "PATH": path})
    # It is for this system alone, of which nothing is checked.
    expected = TAG.sub("-py3-none-linux_x86_64.whl", wheel().name)
    assert [made.name for made in tmp_path.iterdir()] == [expected]
