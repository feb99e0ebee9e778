"""Modules that a pipe imports, and packages that it installs."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from owt.summat import pipe
from owt.summat._pipe import _environment
from tests.fake import error_of, text_of


@pytest.mark.parametrize(
    ("modules", "expression", "expected"),
    [
        ("'colorsys'", "colorsys.__name__", "colorsys"),
        ("'xml.dom.minidom'", "xml.dom.minidom.__name__", "xml.dom.minidom"),
        ("'wave', 'colorsys'", "wave.__name__ + colorsys.__name__", "wavecolorsys"),
    ],
)
def test_modules_are_bound_as_import_binds_them(
    modules: str, expression: str, expected: str
) -> None:
    assert text_of(f"importing({modules}).f(lambda: {expression})") == expected
    source = (
        f"def build(): return pipe().importing({modules}).f(lambda: {expression})\nrun = build()"
    )
    assert text_of(source) == expected


def test_a_missing_module_says_how_to_install_it() -> None:
    code, text = error_of("importing('no_such_module.part')")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "ModuleNotFoundError: No module named 'no_such_module': "
        f"{sys.executable} -m pip install no_such_module",
    )


@pytest.mark.parametrize(("module", "package"), [("PIL", "pillow"), ("sklearn", "scikit-learn")])
def test_the_package_of_a_module_may_have_another_name(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for loaded in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ModuleNotFoundError) as raised:
        pipe().importing(module)
    assert str(raised.value).endswith(f"-m pip install {package}")


def test_a_missing_submodule_does_not_suggest_pip() -> None:
    with pytest.raises(ModuleNotFoundError) as raised:
        pipe().importing("json.no_such_part")
    assert str(raised.value) == "No module named 'json.no_such_part'"


def test_an_error_inside_a_module_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        pipe().importing("broken_module")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the arguments that pip would have got."""
    asked: list[list[str]] = []
    monkeypatch.setattr(_environment, "_pip", asked.append)
    return asked


@pytest.mark.parametrize(
    ("packages", "asked"),
    [
        (["pytest"], []),
        (["PyTest", " pytest "], []),
        ([f"pytest=={pytest.__version__}"], []),
        ([f"pytest == {pytest.__version__}"], []),
        (["pytest==0.0.1"], [["pytest==0.0.1"]]),
        (["pytest>=1"], [["pytest>=1"]]),
        (["no-such-package"], [["no-such-package"]]),
        (["pytest", "no-such-package[x]", "hypothesis"], [["no-such-package[x]"]]),
    ],
)
def test_only_what_is_missing_is_installed(
    packages: list[str], asked: list[list[str]], installed: list[list[str]]
) -> None:
    assert pipe().installing(*packages).const("made")() == "made"
    assert installed == asked


@pytest.mark.parametrize("package", ["", "--target=/tmp", "-r file", "/tmp/x", "../x", "-"])
def test_invalid_package_names_are_rejected(package: str, installed: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="takes names of packages, such as") as raised:
        pipe().installing(package)
    assert str(raised.value).endswith(f"and got {package!r}")
    assert installed == []


def test_one_pip_at_a_time_changes_an_environment(installed: list[list[str]]) -> None:
    folder = os.open(sys.prefix, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    waiting = threading.Thread(target=pipe().installing, args=("no-such-package",))
    waiting.start()
    waiting.join(0.3)
    assert (waiting.is_alive(), installed) == (True, [])
    os.close(folder)
    waiting.join(10)
    assert installed == [["no-such-package"]]


def wheel(folder: Path, version: str) -> Path:
    """Write a package of one module into a wheel (PEP 427)."""
    path = folder / f"owt_test_package-{version}-py3-none-any.whl"
    info = f"owt_test_package-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("owt_test_package.py", f"version = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: owt-test-package\nVersion: {version}\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def run(python: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    package = str(Path(_environment.__file__).parents[3])
    return subprocess.run(
        [str(python), "-c", code],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": package, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a new virtualenv with pip."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True, symlinks=True)
    return folder / "bin" / "python"


CODE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from owt.summat import pipe
for version in ("==1.0", "", "==2.0"):
    built = pipe().installing(f"owt-test-package{version}").importing("owt_test_package")
    print(built.f(lambda: owt_test_package.version)())
    sys.modules.pop("owt_test_package")
"""


def test_a_package_is_importable_once_installed(python: Path, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        wheel(tmp_path, version)
    # Only these wheels, without any package index.
    done = run(python, CODE, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert (done.stdout.split(), done.returncode) == (["1.0", "1.0", "2.0"], 0), done.stderr
    output = [line for line in done.stderr.splitlines() if "Successfully installed" in line]
    assert output == [
        "pip: Successfully installed owt-test-package-1.0",
        "pip: Successfully installed owt-test-package-2.0",
    ]


def test_a_failing_installation_is_reported(python: Path, tmp_path: Path) -> None:
    code = "from owt.summat import pipe\npipe().installing('owt-no-such-package')"
    done = run(python, code, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    lines = done.stderr[done.stderr.index("RuntimeError: ") :].splitlines()
    assert lines[0] == f"RuntimeError: pip could not install owt-no-such-package for {python}."
    assert lines[-1] == "ERROR: No matching distribution found for owt-no-such-package"


def test_an_environment_without_pip_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError) as raised:
        pipe().installing("no-such-package")
    assert str(raised.value) == (
        f"pip could not install no-such-package for {python}. "
        f"It has no pip: {python} -m ensurepip\n{python}: No module named pip"
    )
    assert caplog.messages == [f"pip: {python}: No module named pip"]


def test_pip_is_killed_when_its_call_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho $$\nexec sleep 600\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    pids: list[int] = []

    class Ended(BaseException):
        pass

    def end(_logger: Any, _message: str, line: str) -> None:
        pids.append(int(line))
        raise Ended

    monkeypatch.setattr(logging.Logger, "info", end)
    with pytest.raises(Ended):
        pipe().installing("no-such-package")
    assert not Path(f"/proc/{pids[0]}").exists()
