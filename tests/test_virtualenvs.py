"""Virtualenvs of every version and of every tool that makes them, with numpy in them."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from harness.server import Serve, Server
from harness.venvs import UV, VIEW, View, install, make_wheel, uninstall, view_of

# As tests/requirements.txt has it.
NUMPY = "numpy==2.4.6"

VIEWS = f"import sys\nimport numpy\n\ndef run():\n    return {VIEW}\n"

CHILDREN = """
    import multiprocessing, subprocess, sys
    import numpy

    def total(n):
        return int(numpy.arange(n).sum())

    def run(method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            totals = pool.map(total, [3, 4])
        code = "import numpy, sys; print(sys.prefix)"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        return [totals, child.stdout.strip() == sys.prefix]
"""

LATER = "from installed_later import word\nrun = lambda: word"


def by_venv(base: Path, folder: Path) -> None:
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)


def by_virtualenv(base: Path, folder: Path) -> None:
    tool = [sys.executable, "-m", "virtualenv", "--quiet", "--no-seed", "--no-download"]
    subprocess.run([*tool, "--python", base, folder], check=True)


def by_uv(base: Path, folder: Path) -> None:
    subprocess.run([UV, "venv", "--quiet", "--offline", "--python", base, folder], check=True)


Make = Callable[[Path, Path], None]


@pytest.fixture(
    scope="module", params=[by_venv, by_virtualenv, by_uv], ids=lambda make: make.__name__
)
def python(
    request: pytest.FixtureRequest,
    interpreter: tuple[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the interpreter of a virtualenv that has numpy."""
    folder = tmp_path_factory.mktemp("virtualenv") / "env"
    make: Make = request.param
    make(interpreter[1], folder)
    install(folder / "bin/python", NUMPY)
    return folder / "bin/python"


@pytest.fixture
def server(serve: Serve, python: Path) -> Server:
    return serve("--workers", "1", env={"VIRTUAL_ENV": str(python.parents[1])})


def test_a_virtualenv_is_seen_as_its_own_python_sees_it(
    server: Server, python: Path, tmp_path: Path
) -> None:
    seen = View(**server.call(VIEWS).json())
    assert (Path(seen.path.pop()) / "owt/summat").is_dir()
    expected = view_of(python, tmp_path)
    assert seen == replace(expected, path=[str(tmp_path), *expected.path[1:]])
    assert (seen.executable, seen.prefix) == (str(python), str(python.parents[1]))


def test_its_child_processes_have_its_packages(server: Server) -> None:
    for method in ("fork", "spawn"):
        assert server.call(CHILDREN, {"method": method}).json() == [[3, 6], True]


def test_what_is_installed_later_is_found_by_the_next_load(
    server: Server, python: Path, tmp_path: Path
) -> None:
    before = server.call(LATER)
    assert before.text.splitlines()[0] == "ModuleNotFoundError: No module named 'installed_later'"
    install(python, make_wheel(tmp_path, "installed_later", "word = 'found'"))
    try:
        assert server.call(LATER).text == "found"
    finally:
        uninstall(python, "installed_later")


def test_the_start_directory_is_left_out_where_python_is_told_to(
    serve: Serve, python: Path, tmp_path: Path
) -> None:
    env = {"VIRTUAL_ENV": str(python.parents[1]), "PYTHONSAFEPATH": "1"}
    seen = View(**serve("--workers", "1", env=env).call(VIEWS).json())
    assert str(tmp_path) not in seen.path
