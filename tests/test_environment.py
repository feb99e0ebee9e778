"""Adaptors find what `python` itself would find, wherever owt was started."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from harness.program import run_owt
from harness.server import Serve, Server
from harness.venvs import VIEW, View, make_virtualenv, make_wheel, view_of

LAB = '__version__ = "1.0"\n\ndef fancy(prompt):\n    return f"{prompt}: done"\n'

ADAPTOR = """
    from some_lab import fancy

    def run(_, prompt):
        return fancy(prompt)
"""

ENVIRONMENT = f"import sys\n\ndef run():\n    return {VIEW}\n"


@pytest.fixture
def lab_in(tmp_path: Path) -> Path:
    """Return a folder with a package in it."""
    folder = tmp_path / "somewhere"
    (folder / "some_lab").mkdir(parents=True)
    (folder / "some_lab/__init__.py").write_text(LAB)
    return folder


@pytest.fixture
def virtualenv(tmp_path: Path) -> Path:
    """Return a virtualenv with a package installed in it."""
    folder = tmp_path / "env"
    make_virtualenv(folder, make_wheel(tmp_path, "some_lab", LAB))
    return folder


def test_a_package_of_the_start_directory_is_found(serve: Serve, lab_in: Path) -> None:
    assert serve(cwd=lab_in).call(ADAPTOR, {"prompt": "here"}).text == "here: done"


def test_a_package_on_pythonpath_is_found(serve: Serve, lab_in: Path) -> None:
    server = serve(env={"PYTHONPATH": str(lab_in)})
    assert server.call(ADAPTOR, {"prompt": "there"}).text == "there: done"


def test_a_package_of_the_active_virtualenv_is_found(serve: Serve, virtualenv: Path) -> None:
    server = serve(env={"VIRTUAL_ENV": str(virtualenv)})
    assert server.call(ADAPTOR, {"prompt": "inside"}).text == "inside: done"


def test_with_a_safe_path_the_start_directory_is_left_out(serve: Serve, lab_in: Path) -> None:
    server = serve(cwd=lab_in, env={"PYTHONSAFEPATH": "1"})
    reply = server.call(ADAPTOR, {"prompt": "here"})
    first, *_, advice = reply.text.splitlines()
    assert first == "ModuleNotFoundError: No module named 'some_lab'"
    assert advice.endswith(
        "PYTHONSAFEPATH is set, so modules are not looked for in the folder in which owt was "
        "started. Name their folder in PYTHONPATH."
    )
    seen = view_from(server)
    assert seen == view_of(Path(seen.executable), lab_in, PYTHONSAFEPATH="1")


def test_with_a_safe_path_pythonpath_is_searched(serve: Serve, lab_in: Path) -> None:
    server = serve(cwd=lab_in, env={"PYTHONSAFEPATH": "1", "PYTHONPATH": str(lab_in)})
    assert server.call(ADAPTOR, {"prompt": "there"}).text == "there: done"


@pytest.mark.parametrize("named", ["env", "env/bin/python"])
def test_a_package_of_a_named_virtualenv_is_found(
    serve: Serve, virtualenv: Path, named: str
) -> None:
    server = serve("--python", str(virtualenv.parent / named))
    assert server.call(ADAPTOR, {"prompt": "named"}).text == "named: done"


def test_the_metadata_of_an_installed_package_is_found(serve: Serve, virtualenv: Path) -> None:
    adaptor = "from importlib.metadata import version\ndef run(): return version('some_lab')\n"
    assert serve(env={"VIRTUAL_ENV": str(virtualenv)}).call(adaptor).text == "1.0"


def test_a_package_that_is_nowhere_is_an_error_of_the_adaptor(serve: Serve) -> None:
    reply = serve().call(ADAPTOR, {"prompt": "?"})
    assert (reply.status_code, reply.headers["Owt-Error"]) == (500, "adaptor-raised")
    assert reply.text.splitlines()[0] == "ModuleNotFoundError: No module named 'some_lab'"


def test_the_environment_is_that_of_the_virtualenv_itself(
    serve: Serve, virtualenv: Path, tmp_path: Path
) -> None:
    server = serve(env={"VIRTUAL_ENV": str(virtualenv)}, cwd=tmp_path)
    seen = view_from(server)
    assert seen == expected_view(virtualenv / "bin/python", tmp_path)
    assert seen.prefix == str(virtualenv)


def test_without_a_virtualenv_it_is_that_of_python3_on_the_path(
    serve: Serve, tmp_path: Path
) -> None:
    seen = view_from(serve(cwd=tmp_path))
    assert seen == expected_view(Path(seen.executable), tmp_path)
    assert seen.prefix == seen.base_prefix == sys.base_prefix


def view_from(server: Server) -> View:
    """Return what an adaptor sees, without the one folder that owt adds: that of its package."""
    seen = View(**server.call(ENVIRONMENT).json())
    assert (Path(seen.path.pop()) / "owt/summat").is_dir()
    return seen


def expected_view(python: Path, cwd: Path) -> View:
    """Return what `python` says, with the start directory by its name: `-c` puts '' first."""
    view = view_of(python, cwd)
    return replace(view, path=[str(cwd), *view.path[1:]])


def test_no_python_on_the_path_is_needed_in_a_virtualenv(
    serve: Serve, virtualenv: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    server = serve(env={"PATH": str(nothing), "VIRTUAL_ENV": str(virtualenv)})
    assert server.call("lambda: 'still here'").text == "still here"


def test_no_python_anywhere_is_one_sentence(tmp_path: Path) -> None:
    done = run_owt("serve", "--port", "0", home=tmp_path, env={"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == (
        "owt: error: no Python was found; "
        "install Python 3.11 or newer, or name one with --python\n\n"
        "hint: owt doctor shows where owt looks for Python, and what is there\n"
    )


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            "echo owt:cpython; echo 3.8.1; echo False; echo",
            "is Python 3.8.1, and owt needs 3.11 or newer",
        ),
        ("echo owt:pypy; echo 3.11.9; echo False; echo", "is PyPy, and owt needs CPython"),
        (
            "echo owt:cpython; echo 3.14.0; echo True; echo",
            "is a free-threaded build of Python 3.14.0",
        ),
        (
            "echo \"No module named 'encodings'\" >&2; exit 1",
            "does not run: No module named 'encodings'",
        ),
    ],
)
def test_a_python_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, script: str, sentence: str
) -> None:
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    python = other / "bin/python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o700)
    done = run_owt("serve", "--port", "0", home=tmp_path, env={"VIRTUAL_ENV": str(other)})
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith(f"owt: error: {python} {sentence}")
    assert done.stderr.endswith(
        "\n\nhint: owt doctor shows where owt looks for Python, and what is there\n"
    )
    assert len(done.stderr.splitlines()) == 3


def test_a_folder_of_that_name_in_the_start_directory_is_found(
    serve: Serve, virtualenv: Path, tmp_path: Path
) -> None:
    (tmp_path / ".venv").symlink_to(virtualenv)
    seen = view_from(serve(cwd=tmp_path))
    assert seen.prefix == str(tmp_path / ".venv")
