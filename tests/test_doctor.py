"""`owt doctor` shows each place in which owt looks for Python, and why it is taken or not."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.program import run_owt
from harness.pythons import unsupported
from harness.uv import stand_in
from harness.venvs import make_virtualenv


@dataclass(frozen=True)
class Report:
    """What doctor has printed: the values of each name."""

    rows: dict[str, list[str]]

    @classmethod
    def of(cls, output: str) -> "Report":
        rows: dict[str, list[str]] = {}
        name = ""
        for line in output.partition("\n\n")[0].splitlines():
            name = line[:12].strip() or name
            rows.setdefault(name, []).append(line[13:])
        return cls(rows)


def fake(folder: Path, *answer: str) -> Path:
    """Make a virtualenv whose python says nothing but what it is."""
    python = folder / "bin/python"
    python.parent.mkdir(parents=True)
    lines = "\n".join(f"echo '{line}'" for line in answer)
    python.write_text(f"#!/bin/sh\n{lines}\n")
    python.chmod(0o700)
    (folder / "pyvenv.cfg").touch()
    return folder


def test_it_says_what_installs_dependencies(tmp_path: Path) -> None:
    env = {"VIRTUAL_ENV": sys.prefix, **stand_in(tmp_path / "uv", "exit 1")}
    rows = Report.of(run_owt("doctor", home=tmp_path, env=env).stdout).rows
    assert rows["uv"] == [f"{tmp_path}/uv/uv"]
    make_virtualenv(tmp_path / "bare")
    env = {"VIRTUAL_ENV": str(tmp_path / "bare"), "PATH": "/usr/bin:/bin"}
    rows = Report.of(run_owt("doctor", home=tmp_path, env=env).stdout).rows
    assert rows["uv"] == ["not found, so code cannot bring its dependencies; pip install uv"]


def test_each_place_is_shown_in_order(tmp_path: Path) -> None:
    make_virtualenv(tmp_path / "active")
    old = fake(tmp_path / "old", "owt:cpython", "3.10.13", "False", "")
    fake(tmp_path / ".venv", "owt:pypy", "3.11.9", "False", "")
    on_path = fake(tmp_path / "on path", "owt:cpython", "3.13.1", "True", "") / "bin"
    (on_path / "python").rename(on_path / "python3")
    env = {
        "VIRTUAL_ENV": str(tmp_path / "active"),
        "CONDA_PREFIX": str(old),
        "PATH": f"{on_path}:/usr/bin:/bin",
    }
    done = run_owt("doctor", home=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    version = ".".join(map(str, sys.version_info[:3]))
    rows = Report.of(done.stdout).rows
    assert rows["looked at"] == [
        "--python: not given",
        f"VIRTUAL_ENV ({tmp_path}/active): Python {version}, taken",
        f"CONDA_PREFIX ({old}): not taken: {old}/bin/python is Python 3.10.13, and owt needs 3.11 "
        "or newer; name a newer one with --python, or make a virtualenv of one",
        f".venv ({tmp_path}/.venv): not taken: {tmp_path}/.venv/bin/python is PyPy, and owt needs "
        "CPython, the Python of python.org; name one with --python",
        f"python3 on the path ({on_path}/python3): not taken: {on_path}/python3 is a free-threaded "
        "build of Python 3.13.1, which needs another build of owt's extension module than there "
        "is; name a Python with the GIL with --python",
    ]
    assert rows["Python"] == [version]
    assert rows["executable"] == [f"{tmp_path}/active/bin/python"]
    assert rows["prefix"] == [f"{tmp_path}/active"]
    assert rows["PYTHONPATH"] == ["not set"]
    assert rows["sys.path"][0] == str(tmp_path)
    assert done.stdout.endswith("\n\nPython starts and runs adaptors.\n")


def test_a_second_one_that_could_be_used_is_said_to_come_later(tmp_path: Path) -> None:
    named = make_virtualenv(tmp_path / "named")
    other = fake(tmp_path / "other", "owt:cpython", "3.12.4", "False", "/other/python")
    env = {"VIRTUAL_ENV": str(other)}
    done = run_owt("doctor", "--python", str(named), home=tmp_path, env=env)
    looked_at = Report.of(done.stdout).rows["looked at"]
    assert looked_at[1:4] == [
        f"VIRTUAL_ENV ({other}): Python 3.12.4, not taken: --python comes first",
        "CONDA_PREFIX: not set",
        ".venv: no virtualenv of that name in this directory",
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            ["owt:cpython", "3.10.13", "False", ""],
            "is Python 3.10.13, and owt needs 3.11 or newer; name a newer one with --python, or "
            "make a virtualenv of one",
        ),
        (
            ["owt:graalpy", "3.11.7", "False", ""],
            "is GraalPy, and owt needs CPython, the Python of python.org; name one with --python",
        ),
        (
            ["owt:cpython", "3.14.0", "True", ""],
            "is a free-threaded build of Python 3.14.0, which needs another build of owt's "
            "extension module than there is; name a Python with the GIL with --python",
        ),
        (["something else"], "does not run: exit status: 0"),
    ],
)
def test_the_first_one_is_not_passed_over_if_it_cannot_be_used(
    tmp_path: Path, answer: list[str], sentence: str
) -> None:
    folder = fake(tmp_path / "env", *answer)
    done = run_owt("doctor", home=tmp_path, env={"VIRTUAL_ENV": str(folder)})
    assert done.returncode == 5
    assert Report.of(done.stdout).rows["looked at"][1] == f"VIRTUAL_ENV ({folder}): cannot be used"
    assert done.stderr == f"owt: error: {folder}/bin/python {sentence}\n"


@pytest.mark.parametrize(("version", "python"), unsupported())
def test_a_real_one_that_is_too_old_is_refused(tmp_path: Path, version: str, python: Path) -> None:
    done = run_owt("doctor", "--python", str(python), home=tmp_path)
    assert done.returncode == 5
    assert done.stderr.startswith(f"owt: error: {python} is Python {version}.")
    assert "and owt needs 3.11 or newer" in done.stderr


def test_what_counts_of_the_settings_is_shown_with_where_it_comes_from(tmp_path: Path) -> None:
    named = make_virtualenv(tmp_path / "named")
    (tmp_path / "owt.toml").write_text(
        f"workers = 3\nthreads = 4\npython = {str(named)!r}\nno-eval = true\n"
        "token = 'a-secret-that-is-long-enough'\n[pool.gpu]\nworkers = 1\n"
    )
    env = {"OWT_THREADS": "5", "OWT_GRACE": "1"}
    done = run_owt("doctor", home=tmp_path, cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    rows = Report.of(done.stdout).rows
    assert sorted(rows["settings"]) == [
        "--grace 1 (OWT_GRACE)",
        "--no-eval (owt.toml)",
        "--pool gpu:workers=1 (owt.toml)",
        f"--python {named} (owt.toml)",
        "--threads 5 (OWT_THREADS)",
        "--token hidden (owt.toml)",
        "--workers 3 (owt.toml)",
    ]
    assert rows["prefix"] == [str(tmp_path / "named")]


def test_a_file_of_settings_that_is_wrong_is_said(tmp_path: Path) -> None:
    (tmp_path / "owt.toml").write_text("workers = 0\n")
    done = run_owt("doctor", home=tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("owt: error: owt.toml: invalid value '0' for '--workers <N>'")
