"""Exceptions of adaptors as text: with their own frames, and none of owt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from owt import _server, summat
from tests.fake import FakeCall, digest_of, error_of, handle

if TYPE_CHECKING:
    from pathlib import Path


def raised(source: str, **given: Any) -> str:
    code, text = error_of(source, **given)
    assert code == "adaptor-raised"
    return text


def test_the_traceback_has_the_frames_and_lines_of_the_adaptor() -> None:
    source = "def inner(x):\n    return 1 / x\n\ndef run(_):\n    return inner(0)\n"
    file = f"<adaptor {digest_of(source)[:12]}>"
    marks = "           ~~^~~\n" if sys.version_info >= (3, 11) else ""
    assert raised(source).replace("           ^^^^^^^^\n", "") == (
        "ZeroDivisionError: division by zero\n"
        "\n"
        "Traceback (most recent call last):\n"
        f'  File "{file}", line 5, in run\n'
        "    return inner(0)\n"
        f'  File "{file}", line 2, in inner\n'
        "    return 1 / x\n"
        f"{marks}"
        "ZeroDivisionError: division by zero"
    )


def test_a_traceback_has_the_file_name_of_the_call() -> None:
    source = "def run(_):\n    return 1 / 0\n"
    text = raised(source, name="iris.py", digest="1" * 64)
    assert '  File "iris.py", line 2, in run\n    return 1 / 0\n' in text
    assert "<adaptor" not in text


def test_an_adaptor_keeps_its_first_name_until_it_is_reloaded() -> None:
    source, digest = "def run(_):\n    return 1 / 0\n", "2" * 64
    names = [("a.py", False), ("b.py", False), ("c.py", True)]
    texts = [raised(source, digest=digest, name=name, reload=reload) for name, reload in names]
    lines = ['File "a.py", line 2', 'File "a.py", line 2', 'File "c.py", line 2']
    assert [line in text for line, text in zip(lines, texts, strict=True)] == [True] * 3


def test_two_adaptors_of_one_name_show_their_own_lines() -> None:
    sources = {"3" * 64: "def run(_):\n    raise OSError(1)\n", "4" * 64: "def run(_): 1 / 0\n"}
    texts = [raised(source, digest=digest, name="x.py") for digest, source in sources.items()]
    assert "    raise OSError(1)\n" in texts[0]
    assert "    def run(_): 1 / 0\n" in texts[1]


def test_a_syntax_error_has_the_file_name_of_the_call() -> None:
    code, text = error_of("def run(:", name="iris.py")
    assert (code, '  File "iris.py", line 1\n' in text) == ("code-invalid", True)


def test_the_log_has_the_type_and_the_line_of_an_exception() -> None:
    fake = FakeCall("def run(_):\n    return int('secret')\n", name="iris.py")
    handle(fake)
    assert fake.log_text == "ValueError in iris.py, line 2"


def test_an_error_while_loading_has_its_line() -> None:
    source = "x = 1\nraise OSError('no weights')\ndef run(): pass"
    text = raised(source)
    assert text.startswith("OSError: no weights\n\nTraceback (most recent call last):\n")
    assert "line 2, in <module>\n    raise OSError('no weights')\n" in text
    assert text.count("  File ") == 1


def test_frames_of_libraries_below_the_adaptor_show() -> None:
    text = raised("def run(_): return json.loads('{')")
    assert "in run\n" in text
    assert "json/decoder.py" in text
    assert "owt/_" not in text


def test_a_handler_that_is_a_library_shows_its_frames() -> None:
    text = raised("from base64 import b85decode as run", kwargs="'~'")
    assert "base64.py" in text
    assert "owt/_" not in text


def test_frames_of_summat_show_with_their_lines() -> None:
    source = "from owt.summat._safe_open import safe_open\ndef run(a): safe_open(a, a)"
    text = raised(source, kwargs='{"a": 1}')
    assert f'File "{summat.__path__[0]}/_safe_open.py"' in text
    assert "requested = os.fspath(path)" in text


def test_frames_of_a_pipe_do_not_show_because_a_note_says_where() -> None:
    assert raised("pipe().kwarg('name')") == (
        "TypeError: the pipe needs the argument 'name', which was not given\n"
        "\n"
        "TypeError: the pipe needs the argument 'name', which was not given\n"
        "step 1, kwarg('name'): TypeError: the pipe needs the argument 'name', which was not given"
    )


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("sys.exit(3)", "SystemExit: 3"),
        ("sys.exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit('x')", "GeneratorExit: x"),
        ("raise StopIteration", "StopIteration"),
        ("raise MemoryError('no room')", "MemoryError: no room"),
        ("run(_)", "RecursionError: maximum recursion depth exceeded"),
        ("raise ValueError('\\ud800 é')", "ValueError: \\ud800 é"),
        ("raise Mute('x')", "Mute: <text that could not be made: its __str__ raised>"),
        ("raise Leaving('x')", "Leaving: <text that could not be made: its __str__ raised>"),
        ("raise KeyError('k')", "KeyError: 'k'"),
        ("raise Base('of all')", "Base: of all"),
    ],
)
def test_any_exception_is_reported_in_the_first_line(statement: str, line: str) -> None:
    source = (
        "class Mute(Exception):\n  def __str__(self): raise RuntimeError\n"
        "class Leaving(Exception):\n  def __str__(self): sys.exit()\n"
        "class Base(BaseException): pass\n"
        f"def run(_): {statement}"
    )
    assert raised(source).splitlines()[0] == line


def test_causes_are_reported_without_frames_of_owt() -> None:
    source = (
        "def inner():\n"
        "  raise KeyError('first')\n"
        "def run(_):\n"
        "  try: inner()\n"
        "  except KeyError as err: raise ValueError('second') from err"
    )
    text = raised(source)
    first, second = text.split("The above exception was the direct cause of")
    assert first.startswith("ValueError: second\n\nTraceback")
    assert "KeyError: 'first'" in first
    assert second.endswith("ValueError: second")
    assert "owt/_" not in text


def test_a_call_error_within_an_exception_shows_no_frames_of_owt() -> None:
    source = (
        "def run(request):\n"
        "  try: request.json\n"
        "  except Exception: raise RuntimeError('while reading')"
    )
    text = raised(source)
    assert text.startswith("RuntimeError: while reading\n")
    assert "owt/_request.py" not in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_groups_report_each_exception() -> None:
    source = (
        "def run(_):\n"
        "  try: 1 / 0\n"
        "  except ZeroDivisionError as err: raise ExceptionGroup('several', [err, OSError('x')])"
    )
    text = raised(source)
    assert text.startswith("ExceptionGroup: several (2 sub-exceptions)\n")
    assert "ZeroDivisionError: division by zero" in text
    assert "OSError: x" in text
    assert "owt/_" not in text


HERE = sys.executable
OR_ANOTHER = "start owt with --python and the virtualenv that has it."
ADVICE = [
    (
        "no_such_package.inside",
        f"which has no no_such_package. Install it there, or {OR_ANOTHER} If no_such_package is a "
        "file of yours: modules are looked for in the folder in which owt was started, which is "
        "/srv/owt.",
    ),
    (
        "cv2",
        "which has no cv2. The package opencv-python-headless brings it: "
        f"{HERE} -m pip install opencv-python-headless, or {OR_ANOTHER}",
    ),
    (
        "sklearn.svm",
        "which has no sklearn. The package scikit-learn brings it: "
        f"{HERE} -m pip install scikit-learn, or {OR_ANOTHER}",
    ),
    (
        "winreg",
        "which has no winreg. It belongs to the standard library, and this Python was built or "
        f"packaged without it: install what brings it, or {OR_ANOTHER}",
    ),
    ("json.no_such", "whose json has no such module."),
    (
        "half_there",
        "which has no half_there. The package Half-There should bring it and is installed, but not "
        f"whole: {HERE} -m pip install --force-reinstall Half-There",
    ),
]


@pytest.mark.parametrize(("name", "advice"), ADVICE)
def test_a_missing_module_comes_with_advice(
    name: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "half_there-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: Half-There\nVersion: 1.0\n")
    (installed / "top_level.txt").write_text("half_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    for known in ("cv2", "sklearn"):
        # Independent of libraries that other tests install.
        for module in [each for each in sys.modules if each.partition(".")[0] == known]:
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(_server._Startup, "directory", "/srv/owt")
    source = f"def run(_): raise ModuleNotFoundError('No module', name={name!r})"
    lines = raised(source).splitlines()
    assert lines[0] == "ModuleNotFoundError: No module"
    assert lines[-1] == f"Adaptors run in {HERE}, {advice}"


def test_the_advice_follows_the_traceback_of_an_import() -> None:
    text = raised("def run(_):\n  import no_such_package.inside")
    assert text.splitlines()[0] == "ModuleNotFoundError: No module named 'no_such_package'"
    assert text.splitlines()[-1].startswith(f"Adaptors run in {HERE}, which has no no_such_package")
