"""Adaptors that damage builtins or the standard library: owt's own code still works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.process import worker

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = """
answers = [
    text_of("def run(name): return name", kwargs='{"name": "text"}'),
    json_of("def run(): return {'a': [1, 2.5, None, 'b']}"),
    error_of("def run(n): pass")[0],
    error_of("def ruin(: pass")[0],
    error_of("def run(): raise KeyError('x')")[0],
    reply_to("def run(): abort(404, 'none')")[0],
    reply_to("def run(): return b'bytes', 201")[0],
    [event[1] for event in answer_to("def run():\\n  yield 'a'\\n  yield 'b'")[1:-1]],
    text_of("async def run(): return 'later'"),
]
"""
EXPECTED = [
    "text",
    '{"a":[1,2.5,null,"b"]}',
    "arguments",
    "code-invalid",
    "adaptor-raised",
    404,
    201,
    [b"a", b"b"],
    "later",
]


@pytest.mark.parametrize(
    "poison",
    [
        "import json\njson.dumps = lambda *a, **k: 'wrong'\njson.loads = None",
        "import time\ntime.time = time.strftime = time.gmtime = None",
        "import os\nos.write = os.pread = None",
        "import os, pickle\nos.open = os.write = os.close = os.unlink = None",
        "import builtins\nbuiltins.print = builtins.open = None",
        "import contextlib\ncontextlib.suppress = contextlib.contextmanager = None",
        "import ast\nast.literal_eval = None\nimport gc\ngc.collect = None",
    ],
)
def test_patches_of_one_adaptor_do_not_affect_others(poison: str, tmp_path: Path) -> None:
    program = f"""
start(directory)
text_of("async def run(): return 'the loop runs'")
def checked(do):
    try:
        return do()
    except RuntimeError as err:
        assert str(err) == "an adaptor has broken the builtins of this worker", err
source = {poison!r} + chr(10) + "def run(): return 'poisoned'"
assert text_of(source) == "poisoned"
import builtins
_worker.handle, handle = (lambda *call: checked(lambda: handle(*call)) is not False), _worker.handle
{OTHERS}
assert answers == {EXPECTED!r}, answers
"""
    worker(program, tmp_path)


@pytest.mark.parametrize("name", ["hasattr", "sorted", "enumerate", "ValueError"])
def test_a_worker_with_damaged_builtins_asks_to_be_replaced(name: str, tmp_path: Path) -> None:
    program = f"""
start(directory)
VICTIM = "def run(x): return str({name}(x, int))"
answer_to(VICTIM, kwargs="[]")
text_of("import builtins\\ndef run():\\n  builtins.{name} = None\\n  return 'x'")
call = FakeCall(VICTIM, kwargs="[]")
try:
    handle(call)
except RuntimeError as err:
    os.write(1, str(err).encode())
assert call.answer()[0][:2] == ("fail", "adaptor-raised"), call.answer()
"""
    output = worker(program, tmp_path).stdout
    assert output == "an adaptor has broken the builtins of this worker"
