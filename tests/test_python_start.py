"""A Python that dies or dawdles while it starts: a sentence that says why, and what to do next."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.log import Log
from harness.program import clean_environment, owt_binary, run_owt
from harness.server import Serve
from harness.venvs import make_virtualenv

LOOK = (
    "see whether it starts without owt: {python} -c pass; sitecustomize.py and the .pth files of "
    "its site-packages run first"
)
RENAME = (
    "if a file of yours has the name of a module of Python's, rename it, or start owt elsewhere"
)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the interpreter of a virtualenv."""
    return make_virtualenv(tmp_path / "env")


def site_packages(python: Path) -> Path:
    (folder,) = python.parents[1].glob("lib/python3*/site-packages")
    return folder


@pytest.mark.parametrize("command", ["serve", "run"])
@pytest.mark.parametrize(
    ("file", "source", "sentence"),
    [
        ("sitecustomize.py", "raise SystemExit('no')", "(exit status: 1): SystemExit: no"),
        (
            "sitecustomize.py",
            "import os; os._exit(7)",
            "(exit status: 7) and has printed nothing",
        ),
        (
            "sitecustomize.py",
            "import os; print('a word', flush=True); os.abort()",
            "(signal: 6 (SIGABRT) (core dumped)): a word",
        ),
        ("some.pth", "import sys; sys.exit('no')", "(exit status: 1): SystemExit: no"),
    ],
)
def test_a_python_that_ends_at_its_start_is_one_sentence(
    tmp_path: Path, python: Path, command: str, file: str, source: str, sentence: str
) -> None:
    (site_packages(python) / file).write_text(source)
    arguments = {"serve": ["serve", "--port", "0"], "run": ["run", "-"]}[command]
    done = run_owt(*arguments, "--python", str(python), home=tmp_path, stdin="lambda: 1")
    assert (done.returncode, done.stdout) == (5, "")
    *_, error, _, hint = done.stderr.splitlines()
    expected = f"owt: error: {python} ended while it was starting {sentence}"
    # Whether it leaves a core is up to the system.
    assert error.replace(" (core dumped)", "") == expected.replace(" (core dumped)", "")
    assert hint == f"hint: {LOOK.format(python=python)}"


def test_a_wrong_pythonhome_is_named(tmp_path: Path, python: Path) -> None:
    env = {"PYTHONHOME": "/nowhere", "VIRTUAL_ENV": str(python.parents[1])}
    done = run_owt("serve", "--port", "0", home=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines()[-3:] == [
        f"owt: error: {python} ended while it was starting (exit status: 1): "
        "ModuleNotFoundError: No module named 'encodings'",
        "",
        "hint: PYTHONHOME is /nowhere; unset it, unless this Python is there",
    ]


@pytest.mark.parametrize("where", ["start directory", "PYTHONPATH"])
def test_a_file_that_hides_a_module_of_python_is_named(
    tmp_path: Path, python: Path, where: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "json.py").write_text("\nraise RuntimeError('mine')")
    env = {"VIRTUAL_ENV": str(python.parents[1])}
    if where == "PYTHONPATH":
        env["PYTHONPATH"] = str(folder)
    cwd = folder if where == "start directory" else tmp_path
    done = run_owt("serve", "--port", "0", home=tmp_path, env=env, cwd=cwd)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines()[-3:] == [
        f"owt: error: {python} cannot load owt's own package: RuntimeError: mine "
        f"({folder}/json.py, line 2)",
        "",
        f"hint: {RENAME}",
    ]


@pytest.mark.parametrize(
    "breakage",
    [
        lambda python: (python.unlink(), python.symlink_to("/nowhere/python3.12")),
        lambda python: (python.unlink(), python.symlink_to("python0")),
    ],
    ids=["absolute", "relative"],
)
def test_a_virtualenv_whose_python_was_removed_is_one_sentence(
    tmp_path: Path, python: Path, breakage: Callable[[Path], object]
) -> None:
    for other in python.parent.glob("python3*"):
        other.unlink()
    breakage(python)
    env = {"VIRTUAL_ENV": str(python.parents[1])}
    done = run_owt("serve", "--port", "0", home=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (5, "")
    target = python.parent / python.readlink()
    assert done.stderr.splitlines()[0] == (
        f"owt: error: {python} is a link to {target}, which is not there; make the virtualenv anew"
    )


@pytest.mark.parametrize(
    ("file", "source", "words"),
    [
        ("sitecustomize.py", "raise RuntimeError('not fatal')", ["RuntimeError: not fatal"]),
        ("some.pth", "import not_there", ["ModuleNotFoundError: No module named 'not_there'"]),
        (
            "sitecustomize.py",
            "import sys; print('to stdout'); print('to stderr', file=sys.stderr)",
            ["to stdout", "to stderr"],
        ),
        ("sitecustomize.py", "import sys; sys.stdout.close(); sys.stdout = None", []),
    ],
)
def test_what_does_not_end_python_does_not_end_owt(
    serve: Serve, python: Path, file: str, source: str, words: list[str]
) -> None:
    (site_packages(python) / file).write_text(source)
    server = serve("--workers", "1", "--python", str(python))
    assert server.call("lambda: 'well'").text == "well"
    lines = {line.strip() for line in server.log.since(0).splitlines()}
    assert lines.intersection(words) == set(words)


def test_a_start_that_takes_long_is_said_to(tmp_path: Path, python: Path) -> None:
    """It ends once that is seen, so the test lasts as long as owt's patience."""
    (site_packages(python) / "slow.pth").write_text("import time; time.sleep(60)")
    process = subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0", "--python", str(python)],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    log = Log(process.stderr)
    try:
        log.wait_for(f"waiting for {python} to start, for 5 s now; it runs sitecustomize.py")
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
