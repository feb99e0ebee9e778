"""Every module of owt can be imported even if its file was removed while the worker runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import owt
from tests.process import START, python

PACKAGE = Path(owt.__path__[0])


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(module_name(file) for file in PACKAGE.rglob("*.py"))
assert {"owt._bindings", "owt._form", "owt.lib.stream", "owt.summat._pipe._environment"} < {
    *MODULES
}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package, which a test may remove."""
    shutil.copytree(PACKAGE, tmp_path / "package" / "owt")
    return tmp_path / "package"


def outcome(program: str, copied: Path) -> object:
    """Run a program in a worker of the copy; it calls `remove()` and `report(result)`."""
    directory = copied.parent / "adaptors"
    directory.mkdir(exist_ok=True)
    prepared = f"""
import json, shutil, sys
sys.path.insert(0, {str(copied)!r})
{START}
def remove(): shutil.rmtree({str(copied)!r})
def report(result): os.write(1, json.dumps(result).encode())
start({str(directory)!r})
"""
    return json.loads(python(prepared + program).stdout)


def test_every_module_is_importable_without_the_folder(copied: Path) -> None:
    program = f"""
import importlib
remove()
failed = []
for name in {MODULES}:
    try:
        module = importlib.import_module(name)
        assert module.__file__.startswith({str(copied)!r}), module.__file__
        assert hasattr(module, "__path__") == module.__file__.endswith("__init__.py"), name
        assert module.__builtins__["len"] is len
    except Exception as err:
        failed.append(f"{{name}}: {{err!r}}")
report(failed)
"""
    assert outcome(program, copied) == []


CALLS = {
    "form": ("def run(request): return request.form['a']", "1"),
    "files": ("def run(request): return request.files['f'].read().decode()", "x"),
    "cookies": ("def run(request): return request.cookies['c']", "2"),
    "media type": ("def run(request): return request.mimetype", "multipart/form-data"),
    "accept": ("def run(request): return str(request.accept_mimetypes.accept_html)", "True"),
    "authorization": ("def run(request): return request.authorization.token", "t"),
    "user agent": ("def run(request): return request.user_agent.string", "u"),
    "body": ("def run(request): return str(request.stream.read())", "b''"),
    "URLs": ("import owt\ndef run(_): return owt.owtify('h', 'x')[:8]", "http://h"),
    "bad input": (
        "from owt.summat import BadInput\ndef run(_): return BadInput.__name__",
        "BadInput",
    ),
    "audio": (
        "from owt.summat import audio\ndef run(_): return audio.wav([], 8)[:4].decode()",
        "RIFF",
    ),
    "text": (
        "from owt.summat import text\ndef run(_): return text.sentences('One. Two.')[1]",
        "Two.",
    ),
    "once": ("from owt.summat import once\ndef run(_): return once('a', lambda: 'made')", "made"),
    "batch": ("from owt.summat import batch\ndef run(_): return batch()(list)('a')", "a"),
    "shell": ("def run(_): return pipe().const('echo a').shell().bytes()().decode()", "a\n"),
    "modules": ("p = pipe().importing('colorsys')\ndef run(_): return p.const('a')()", "a"),
    "file": ("def run(_): return pipe().const('hostname').open('/etc')() and 'open'", "open"),
    "the first owt": (
        "from owt.lib import stream\ndef run(_): return stream.done()",
        "data: [DONE]\n\n",
    ),
}


@pytest.mark.parametrize(("source", "expected"), CALLS.values(), ids=CALLS)
def test_calls_work_without_the_folder(source: str, expected: str, copied: Path) -> None:
    program = f"""
remove()
parts = [("a", None, None, b"1", None), ("f", "f.txt", "text/plain", b"x", None)]
headers = [("cookie", "c=2"), ("content-type", "multipart/form-data"), ("accept", "text/html"),
           ("authorization", "Bearer t"), ("user-agent", "u")]
(event,) = answer_to({source!r}, parts=parts, headers=headers)
body = event[-1]
report(body if type(body) is str else body.decode())
"""
    assert outcome(program, copied) == expected


def test_errors_and_files_are_reported_without_the_folder(copied: Path) -> None:
    program = """
remove()
codes = [error_of("def run(_): return 1 / 0")[0], error_of("run =")[0],
         error_of("def run(_): return 1", kwargs="{1 / 0}")[0],
         error_of("def run(_): import no_such_module")[0]]
source = "from pathlib import Path\\ndef run(_): return Path('/etc/hostname')"
((_, status, *_),) = answer_to(source, headers=[("if-none-match", "*")])
report([*codes, status])
"""
    assert outcome(program, copied) == [
        "adaptor-raised",
        "code-invalid",
        "kwargs-invalid",
        "adaptor-raised",
        304,
    ]
