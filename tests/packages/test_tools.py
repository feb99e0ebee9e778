"""uv and pipx give owt an environment of its own; adaptors get the user's all the same."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.installed import Shell, programs, tool, wheel
from harness.pythons import pythons

PREFIX = "def run(): return sys.prefix"

INSTALLED = ".local/bin/owt"


@dataclass(frozen=True)
class Way:
    """A way to run owt: what installs it, if anything does, and what a user types."""

    install: list[str]
    command: list[str]


WAYS = {
    "uv tool": Way(["uv", "tool", "install", "WHEEL"], [INSTALLED]),
    "uvx": Way([], ["uvx", "--from", "WHEEL", "owt"]),
    "uvx owt-cli": Way([], ["uvx", "--from", "WHEEL", "owt-cli"]),
    "pipx": Way(["pipx", "install", "WHEEL"], [INSTALLED]),
    "pipx run": Way([], ["pipx", "run", "--spec", "WHEEL", "owt"]),
}


class Tool:
    """A home in which owt can be run in one of these ways."""

    def __init__(self, way: Way, home: Path) -> None:
        _version, self.python = pythons()[0]
        self._command = way.command
        self._home = home
        # They take nothing from elsewhere.
        self._settings = {
            "HOME": str(home),
            "UV_OFFLINE": "1",
            "UV_PYTHON": str(self.python),
            "UV_PYTHON_DOWNLOADS": "never",
            "PIPX_DEFAULT_PYTHON": str(self.python),
        }
        if way.install:
            Shell(home, "/usr/bin:/bin").run(*self._words(way.install), env=self._settings)

    def _words(self, command: list[str]) -> list[str | Path]:
        program, *rest = command
        path = self._home / program if program == INSTALLED else tool(program)
        return [path, *(str(wheel()) if word == "WHEEL" else word for word in rest)]

    def prefix(self, shell: Shell, **env: str) -> str:
        """Return where the Python is that adaptors get."""
        command = [*self._words(self._command), "run", "-"]
        return shell.run(*command, env={**self._settings, **env}, stdin=PREFIX)


@pytest.fixture(scope="module", params=WAYS)
def owt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tool:
    return Tool(WAYS[request.param], tmp_path_factory.mktemp("home"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a shell with another Python on its path than that of the tools, if there is one."""
    _version, python = pythons()[-1]
    return Shell(tmp_path, str(programs(tmp_path / "bin", python)))


def make_virtualenv(folder: Path) -> Path:
    subprocess.run([pythons()[-1][1], "-m", "venv", "--without-pip", folder], check=True)
    return folder


def test_the_active_virtualenv_is_the_users(owt: Tool, shell: Shell) -> None:
    env = make_virtualenv(shell.folder / "env")
    make_virtualenv(shell.folder / ".venv")
    assert owt.prefix(shell, VIRTUAL_ENV=str(env)) == str(env)


def test_the_virtualenv_of_the_start_directory_is_the_users(owt: Tool, shell: Shell) -> None:
    env = make_virtualenv(shell.folder / ".venv")
    assert owt.prefix(shell) == str(env)


def test_python3_on_the_path_is_the_users(owt: Tool, shell: Shell) -> None:
    _version, python = pythons()[-1]
    ask = [str(python), "-c", "import sys; print(sys.prefix)"]
    expected = subprocess.check_output(ask, text=True).strip()
    assert owt.prefix(shell) == expected


def test_without_any_other_it_is_that_of_the_tool(owt: Tool, tmp_path: Path) -> None:
    shell = Shell(tmp_path, str(programs(tmp_path / "bin")))
    assert (Path(owt.prefix(shell)) / "bin/owt").is_file()
