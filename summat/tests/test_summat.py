"""The building blocks as a package: lazily imported, complete, with examples that work."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from owt import summat
from owt.summat._errors import need
from tests.process import ROOT, python

MODULES = ["_errors", "audio", "shell", "stream", "template", "text"]
LATE = ["asyncio", "email", "concurrent", "subprocess", "jinja2", "numpy", "PIL", "nltk", "urllib"]


def test_no_building_block_is_imported_before_it_is_used() -> None:
    program = (
        "import sys, owt, owt._worker, owt.summat\n"
        f"names = {[name for name in summat.__all__ if name not in ('pipe', 'Pipe')]!r}\n"
        "print(sorted(name for name in sys.modules if name.startswith('owt.summat.')))\n"
        f"print([name for name in {LATE!r} if name in sys.modules])\n"
        "print(set(names) <= set(dir(owt.summat)))\n"
        "for name in names: getattr(owt.summat, name)\n"
        "print(sorted(set(names) - vars(owt.summat).keys()))"
    )
    # Without site-packages, which may import modules at start.
    loaded, late, listed, missing = python(program, "-S").stdout.splitlines()
    assert "stream" not in loaded
    assert "_once" not in loaded
    assert (late, listed, missing) == ("[]", "True", "[]")


def test_a_missing_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'owt.summat' has no attribute 'nonsense'"):
        summat.nonsense  # noqa: B018


def test_a_decorator_is_not_shadowed_by_its_module() -> None:
    program = (
        "from owt.summat import once, batch, download\n"
        "import owt.summat\n"
        "print([x.__name__ for x in (owt.summat.once, owt.summat.batch, owt.summat.download)])"
    )
    assert python(program).stdout == "['once', 'batch', 'download']\n"


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_documentation_work(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"owt.summat.{module}"))
    assert result.failed == 0
    assert result.attempted > 0


def test_a_missing_library_is_reported_with_its_command() -> None:
    with pytest.raises(summat.Missing) as caught:
        need("no_such_library.part", "No-Such-Library", "owt.summat.image")
    expected = "owt.summat.image needs No-Such-Library: pip install No-Such-Library"
    assert str(caught.value) == expected


def test_an_import_error_within_a_library_is_not_reported_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_there.py").write_text("import its_own_dependency")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="its_own_dependency") as caught:
        need("half_there", "half-there", "x")
    assert type(caught.value) is ModuleNotFoundError


def test_pip_installs_the_package_with_its_types(tmp_path: Path) -> None:
    target = tmp_path / "target"
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    # A copy, because setuptools writes into the folder of the project.
    source = tmp_path / "source"
    subprocess.run(["cp", "-r", ROOT, source], check=True)
    subprocess.run([sys.executable, *command, str(target), str(source)], check=True)
    program = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "import owt.summat, pathlib\n"
        "folder = pathlib.Path(owt.__file__).parent\n"
        "print(folder, (folder / 'py.typed').is_file(), owt.summat.stream.event('x'))"
    )
    done = python(program, "-I")
    assert done.stdout == f"{target}/owt True b'data: x\\n\\n'\n"
