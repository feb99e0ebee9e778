"""Modules of the start directory: which are reloaded, when, and which adaptors with them."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from owt._imports import imported
from tests.process import python

if TYPE_CHECKING:
    from pathlib import Path

START = """
import os, sys
os.chdir({start!r})
sys.path.insert(0, os.getcwd())
from tests.process import START
exec(START)
start({directory!r})

def write(name, text):
    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)
    with open(name, 'w') as file: file.write(text)

results = []
def record(source, **given): results.append(text_of(source, **given))
loads = sys.loads_of_test = []
"""


def results_of(program: str, tmp_path: Path, **environment: str) -> Any:
    """Run a program in a worker with its own start directory; return the results of its calls."""
    start, directory = tmp_path / "start", tmp_path / "private"
    start.mkdir()
    directory.mkdir()
    head = START.format(start=str(start), directory=str(directory))
    tail = "\nimport json\nos.write(1, json.dumps(results).encode())"
    return json.loads(python(head + textwrap.dedent(program) + tail, **environment).stdout)


def test_an_edited_helper_is_used_from_the_next_call_on(tmp_path: Path) -> None:
    program = """
        A = "import h\\ndef run(): return str(h.V)"
        B = "from h import V\\ndef run(): return f'{V}b'"
        write("h.py", "V = 1")
        record(A)
        for value in range(2, 5):
            write("h.py", f"V = {value}")
            record(A)
            record(A)
            record(B)
    """
    assert results_of(program, tmp_path) == ["1", "2", "2", "2b", "3", "3", "3b", "4", "4", "4b"]


# Ways in which an adaptor may import a helper.
IMPORTS = {
    "module": "import h\ndef run(): return h.V",
    "name": "from h import V\ndef run(): return V",
    "star": "from h import *\ndef run(): return V",
    "as": "import h as k\ndef run(): return k.V",
    "late": "def run():\n  import h\n  return h.V",
    "by its name": "import importlib\nh = importlib.import_module('h')\ndef run(): return h.V",
    "pipe": "importing('h').f(lambda: h.V)",
    "through another": "import other\ndef run(): return other.W",
    "of a package": "from pkg import W\ndef run(): return W",
    "module of a package": "import pkg.sub\ndef run(): return pkg.sub.W",
    "module as a name": "from pkg import sub\ndef run(): return sub.W",
    "relative": "from pkg.relative import W\ndef run(): return W",
}


@pytest.mark.parametrize("source", IMPORTS.values(), ids=IMPORTS)
def test_importers_of_a_changed_module_are_reloaded(source: str, tmp_path: Path) -> None:
    program = f"""
        write("h.py", "V = 'old'")
        write("other.py", "from h import V as W")
        write("pkg/__init__.py", "from h import V as W")
        write("pkg/sub.py", "def make():\\n  import h\\n  return h.V\\nW = make()")
        write("pkg/relative.py", "from .sub import W")
        A = {source!r}
        record(A)
        write("h.py", "V = 'new'")
        record(A)
    """
    assert results_of(program, tmp_path) == ["old", "new"]


def test_other_modules_are_not_reloaded(tmp_path: Path) -> None:
    program = """
        write("h.py", "V = 1")
        write("model.py", "import sys; sys.loads_of_test.append('model')")
        write("user.py", "import h, model, sys; sys.loads_of_test.append('user')")
        A = "import user\\nsys.loads_of_test.append('A')\\ndef run(): return ''"
        B = "import model\\nsys.loads_of_test.append('B')\\ndef run(): return ''"
        record(A), record(B)
        write("h.py", "V = 2")
        record(A), record(B)
        results[:] = loads
    """
    assert results_of(program, tmp_path) == ["model", "user", "A", "B", "user", "A"]


def test_reload_reloads_unchanged_helpers(tmp_path: Path) -> None:
    program = """
        write("h.py", "import low, sys; sys.loads_of_test.append('h')")
        write("low.py", "import sys; sys.loads_of_test.append('low')")
        write("else_.py", "import sys; sys.loads_of_test.append('else')")
        A = "import h\\ndef run(): return ''"
        B = "import h, else_\\nsys.loads_of_test.append('B')\\ndef run(): return ''"
        record(A), record(B)
        record(A, reload=True), record(B)
        results[:] = loads
    """
    assert results_of(program, tmp_path) == ["low", "h", "else", "B", "low", "h", "B"]


def test_values_of_once_survive_a_reload_of_helpers(tmp_path: Path) -> None:
    program = """
        write("h.py", "V = 1")
        A = '''
        import h
        from owt.summat import once
        def load():
            sys.loads_of_test.append("made")
            return object()
        def run(ask=True):
            if ask: once("model", load)
            return str(h.V)
        '''
        import textwrap, gc
        A = textwrap.dedent(A)
        record(A)
        write("h.py", "V = 2")
        record(A, reload=True, kwargs='{"ask": false}')
        gc.collect()
        record(A)
        results += loads
    """
    assert results_of(program, tmp_path) == ["1", "2", "2", "made"]


def test_a_missing_or_broken_helper_is_reported_at_its_import(tmp_path: Path) -> None:
    program = """
        A = "import h\\ndef run(): return str(h.V)"
        write("h.py", "V = 1")
        record(A)
        write("h.py", "V =")
        results.append(error_of(A, reload=True)[1].splitlines()[0])
        os.unlink("h.py")
        results.append(error_of(A, reload=True)[1].splitlines()[0])
        write("h.py", "V = 2")
        record(A, reload=True)
    """
    assert results_of(program, tmp_path) == [
        "1",
        "SyntaxError: invalid syntax (h.py, line 1)",
        "ModuleNotFoundError: No module named 'h'",
        "2",
    ]


def test_installed_modules_are_not_reloaded(tmp_path: Path) -> None:
    program = """
        site = "venv/lib/python3/site-packages"
        sys.path.append(os.path.abspath(site))
        write(site + "/installed.py", "V = 1")
        A = "import installed\\ndef run(): return str(installed.V)"
        record(A)
        write(site + "/installed.py", "V = 22")
        record(A, reload=True)
    """
    assert results_of(program, tmp_path) == ["1", "1"]


def test_a_helper_that_is_being_imported_is_dropped_later(tmp_path: Path) -> None:
    program = """
        import threading
        sys.began, sys.go_on = threading.Event(), threading.Event()
        write("slow.py", "V = 1\\nimport sys; sys.began.set(); assert sys.go_on.wait(20)")
        A = "import slow\\ndef run(): return str(slow.V)"
        thread = threading.Thread(target=record, args=(A,))
        thread.start()
        assert sys.began.wait(20)
        write("slow.py", "V = 22")
        record("def run(): return 'another'")
        sys.go_on.set()
        thread.join()
        record(A)
    """
    assert results_of(program, tmp_path) == ["another", "1", "22"]


@pytest.mark.parametrize("name", ["asyncio", "json", "traceback", "selectors", "inspect", "mmap"])
def test_the_start_directory_never_shadows_the_standard_library(name: str, tmp_path: Path) -> None:
    program = f"""
        write("{name}.py", "raise RuntimeError('the one of the start directory')")
        record("async def run(): return 'async'")
        results.append(error_of("def run(): 1 / 0")[1].splitlines()[0])
        results.append(json_of("def run(): return [1]"))
        record("import {name}\\ndef run(): return {name}.__name__")
        write("h.py", "V = 1")
        record("import h\\ndef run(): return 'helped'")
    """
    assert results_of(program, tmp_path) == [
        "async",
        "ZeroDivisionError: division by zero",
        "[1]",
        name,
        "helped",
    ]


@pytest.mark.parametrize(
    ("source", "package", "names"),
    [
        ("import a.b, c", "", {"a", "a.b", "c"}),
        ("from a.b import c", "", {"a", "a.b", "a.b.c"}),
        ("from . import c", "a.b", {"a", "a.b", "a.b.c"}),
        ("from ..d import c", "a.b", {"a", "a.b", "a.d", "a.d.c"}),
        ("from ....d import c", "a", {"a", "d", "d.c"}),
        ("f('a.b')", "", {"a", "a.b"}),
        ("f('.b')", "a", {"a", "a.b"}),
        ("'no name', '', '.', 'a-b', 'a..b'", "", set()),
        ("def broken(:", "", set()),
        ("'\\ud800'", "", set()),
    ],
)
def test_imports_are_found_in_the_source(source: str, package: str, names: set[str]) -> None:
    assert imported(source, package) == names


def test_a_helper_that_is_being_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    program = """
        import threading, time
        A = "import h\\ndef run(): return str(h.V)"
        write("h.py", "V = 1")
        record(A)
        def edit():
            with open("h.py", "w") as file:
                emptied.set()
                time.sleep(0.02)
                file.write("V = 22")
        emptied = threading.Event()
        editor = threading.Thread(target=edit)
        editor.start()
        emptied.wait()
        record(A)
        editor.join()
    """
    assert results_of(program, tmp_path) == ["1", "22"]
