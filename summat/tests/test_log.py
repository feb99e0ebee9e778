"""`print` and `logging` as lines of the server's log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.fake import digest_of
from tests.process import worker

if TYPE_CHECKING:
    from pathlib import Path

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z ")


def logged(body: str, directory: Path) -> list[str]:
    """Run the body of a handler in a worker, and return the log without its times."""
    program = f"start(directory)\ntext_of({'def run(_):' + chr(10) + body!r}, id='r7')"
    done = worker(program, directory)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(STAMP.match(line) for line in lines), lines
    return [STAMP.sub("", line) for line in lines]


def handler(*statements: str) -> str:
    return "".join(f"  {statement}\n" for statement in (*statements, "return 'done'"))


def test_printed_lines_have_the_id_of_their_request(tmp_path: Path) -> None:
    body = handler(
        "print('one', 'two')",
        "print('a\\nb')",
        "print('é \\ud800', file=sys.stderr)",
        "sys.stdout.write('begun, ')",
        "print('ended')",
        "sys.stdout.buffer.write(b'bytes\\n')",
        "print(flush=True)",
    )
    assert logged(body, tmp_path) == [
        " INFO [r7] one two",
        " INFO [r7] a",
        " INFO [r7] b",
        " INFO [r7] é \\ud800",
        " INFO [r7] begun, ended",
        " INFO [r7] bytes",
        " INFO [r7] ",
    ]


def test_a_partial_line_is_written_when_the_call_ends(tmp_path: Path) -> None:
    assert logged(handler("print('no end', end='')"), tmp_path) == [" INFO [r7] no end"]


def test_a_progress_bar_is_logged_in_its_final_state(tmp_path: Path) -> None:
    body = handler("for n in range(3): print(f'\\r{n} of 2', end='', file=sys.stderr)")
    assert logged(body, tmp_path) == [" INFO [r7] 2 of 2"]


NOTHING = " INFO [r7] the handler printed and returned None: return what is to be the answer"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  print('x')\n", [" INFO [r7] x", NOTHING]),
        ("  print('x', end='')\n", [NOTHING, " INFO [r7] x"]),
        ("  print('x')\n  return 0\n", [" INFO [r7] x"]),
        ("  print('x', file=sys.stderr)\n", [" INFO [r7] x"]),
        ("  pass\n", []),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_handler_that_prints_and_returns_none_gets_a_hint(
    tmp_path: Path, kind: str, body: str, expected: list[str]
) -> None:
    source = f"{kind} run(_):\n{body}"
    program = f"start(directory)\nreply_to({source!r}, id='r7')\nreply_to('lambda: None', id='r8')"
    lines = worker(program, tmp_path).stderr.splitlines()
    assert [STAMP.sub("", line) for line in lines] == expected


def test_an_endless_line_is_split(tmp_path: Path) -> None:
    body = handler("for _ in range(5): print('x' * 20_000, end='')")
    lengths = [len(line) for line in logged(body, tmp_path)]
    assert [length - len(" INFO [r7] ") for length in lengths] == [80_000, 20_000]


def test_log_records_have_their_level(tmp_path: Path) -> None:
    body = handler(
        "logging.debug('not shown')",
        "logging.info('n=%d', 1)",
        "logging.getLogger('lib').warning('a\\nb')",
        "logging.critical('last')",
        "logging.error('%d', 'not a number')",
        "try: 1 / 0\n  except ZeroDivisionError: logging.exception('failed')",
    )
    lines = logged(body, tmp_path)
    assert lines[:6] == [
        " INFO [r7] n=1",
        " WARN [r7] a",
        " WARN [r7] b",
        "FATAL [r7] last",
        "ERROR [r7] A log message could not be formatted: TypeError",
        "ERROR [r7] failed",
    ]
    assert lines[6] == "ERROR [r7] Traceback (most recent call last):"
    assert lines[-1] == "ERROR [r7] ZeroDivisionError: division by zero"


def test_an_adaptor_may_configure_logging_itself(tmp_path: Path) -> None:
    body = handler(
        "logging.basicConfig(force=True, level=logging.DEBUG, format='%(name)s %(message)s')",
        "logging.debug('mine')",
    )
    assert logged(body, tmp_path) == [" INFO [r7] root mine"]


def test_the_log_level_of_an_adaptor_is_its_own(tmp_path: Path) -> None:
    program = """
start(directory)
NOISY = '''
logging.basicConfig(level=logging.DEBUG)
def run(_):
  logging.debug('root')
  logging.getLogger('lib').debug('lib')
  logging.getLogger('other').info('info')
  return ''
'''
QUIET = NOISY.replace('basicConfig(level=logging.DEBUG)', 'getLogger("other").setLevel("INFO")')
for source in (NOISY, QUIET, NOISY, QUIET.replace('run', 'rum') + 'run = rum'): text_of(source)
_worker.forget(FakeCall(NOISY).digest)
assert logging.root.level == logging.INFO
"""
    lines = [
        STAMP.sub("", line)
        for line in worker("import logging\n" + program, tmp_path).stderr.splitlines()
    ]
    noisy = ["DEBUG [request-1] root", "DEBUG [request-1] lib", " INFO [request-1] info"]
    assert lines == [*noisy, noisy[2], *noisy, noisy[2]]


@pytest.mark.parametrize(
    ("configure", "line"),
    [
        ("basicConfig(format='%(name)s: %(message)s')", " INFO [r7] root: said"),
        ("basicConfig(stream=sys.stdout, style='{', format='<{message}>')", " INFO [r7] <said>"),
        ("getLogger().setLevel('DEBUG'); logging.debug('low')", "DEBUG [r7] low"),
        ("root.setLevel(logging.ERROR)", None),
    ],
)
def test_basic_config_applies_to_the_adaptor(
    configure: str, line: str | None, tmp_path: Path
) -> None:
    lines = logged(handler(f"logging.{configure}", "logging.info('said')"), tmp_path)
    assert lines[:1] == ([line] if line else [])


def test_standard_output_is_like_a_text_file(tmp_path: Path) -> None:
    body = handler(
        "import io",
        "out = sys.stdout",
        "out.reconfigure(encoding='utf-8', line_buffering=True)",
        "out.writelines(['a\\n', 'b\\n'])",
        "out.buffer.write(b'c\\n'); out.buffer.flush(); out.flush()",
        "again = io.TextIOWrapper(out.buffer, encoding='utf-8')",
        "print('d', file=again, flush=True)",
        "del again",
        "out.close()",
        "print(out.encoding, out.errors, out.isatty(), out.fileno(), out.name, out.mode)",
        "print(out.writable(), out.readable(), out.closed, isinstance(out, io.TextIOWrapper))",
        "print(isinstance(os, type(sys)), type(sys).__name__, sys.__name__)",
        "import copyreg; print(sys.__reduce__()[1])",
    )
    assert [line[6:].removeprefix("[r7] ") for line in logged(body, tmp_path)] == [
        "a",
        "b",
        "c",
        "d",
        "utf-8 strict False 2 <stdout> w",
        "True False False True",
        "True module sys",
        "('sys',)",
    ]


def test_concurrent_calls_redirect_independently(tmp_path: Path) -> None:
    program = """
start(directory)
import threading
source = '''
import contextlib, io, threading
turns = [threading.Event() for _ in range(4)]
def run(_, waits, ends):
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        if waits >= 0: assert turns[waits].wait(20)
        print(f"of {ends}")
        turns[ends].set()
        if ends == 0: assert turns[1].wait(20)
    print("not caught", caught.getvalue(), end="")
    return "done"
'''
def call(waits, ends):
    text_of(source, kwargs=f"dict(waits={waits}, ends={ends})", id=f"r{ends}")
threads = [threading.Thread(target=call, args=each) for each in [(-1, 0), (0, 1)]]
for thread in threads: thread.start()
for thread in threads: thread.join()
text_of("def run(): print('after'); return 'x'", id="r9")
text_of("def run():\\n  sys.stdout = None; print('nowhere'); return 'x'", id="r9")
text_of("def run(): print('after'); return 'x'", id="r9")
"""
    lines = sorted(STAMP.sub("", line) for line in worker(program, tmp_path).stderr.splitlines())
    assert lines == [
        " INFO [r0] not caught of 0",
        " INFO [r1] not caught of 1",
        " INFO [r9] after",
        " INFO [r9] after",
    ]


STRAY = """
def fail(_=None):
    raise ValueError('a secret')
async def afail():
    fail()
class Closed:
    def __del__(self): fail()
def run_thread():
    thread = threading.Thread(target=fail)
    thread.start(); thread.join()
    return ''
def run_finalizer():
    Closed()
    return ''
async def run_task():
    task = asyncio.create_task(afail())
    await asyncio.sleep(0)
    del task
    gc.collect()
    return ''
def run_own_loop():
    async def inner():
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0.01)
    asyncio.run(inner())
    return ''
"""


@pytest.mark.parametrize(
    ("fn_name", "line"),
    [
        ("run_thread", "ERROR [-] a thread ended with ValueError"),
        ("run_finalizer", "ERROR [r7] an exception was ignored: ValueError"),
        ("run_task", "ERROR [r7] Task exception was never retrieved: ValueError"),
        ("run_own_loop", "ERROR [r7] Exception in callback fail() at <adaptor"),
    ],
)
def test_an_unhandled_exception_is_logged_without_source(
    fn_name: str, line: str, tmp_path: Path
) -> None:
    source = f"import asyncio, gc, threading{STRAY}"
    program = f"start(directory)\ntext_of({source!r}, fn_name={fn_name!r}, id='r7')"
    (logged,) = worker(program, tmp_path).stderr.splitlines()
    assert STAMP.sub("", logged).startswith(line)
    assert logged.endswith(f"in <adaptor {digest_of(source)[:12]}>, line 3")


@pytest.mark.parametrize("fn_name", ["run_thread", "run_finalizer", "run_task", "run_own_loop"])
def test_an_unhandled_exception_is_logged_whole_if_enabled(fn_name: str, tmp_path: Path) -> None:
    source = f"import asyncio, gc, threading{STRAY}"
    program = (
        f"start(directory, log_tracebacks=True)\ntext_of({source!r}, fn_name={fn_name!r}, id='r7')"
    )
    log = worker(program, tmp_path).stderr
    assert f'  File "<adaptor {digest_of(source)[:12]}>", line 3, in fail\n' in log
    assert log.endswith("] ValueError: a secret\n")


def test_concurrent_calls_log_their_own_ids(tmp_path: Path) -> None:
    program = """
start(directory)
import threading
source = '''
import threading, asyncio
barrier = threading.Barrier(3)
def run(_, name):
    print(name, end='')
    barrier.wait()
    print('!')
    return 'x'
async def later(_, name):
    print(name, end='')
    await asyncio.sleep(0.01)
    print('!')
    return 'x'
'''
def call(name, fn_name='run'):
    fake = FakeCall(source, id=name, kwargs='{"name": "%s"}' % name, fn_name=fn_name)
    handle(fake)
    return fake
threads = [threading.Thread(target=call, args=(name,)) for name in 'abc']
for thread in threads: thread.start()
for thread in threads: thread.join()
for fake in [call('d', 'later'), call('e', 'later')]: fake.answer()
"""
    lines = sorted(STAMP.sub("", line) for line in worker(program, tmp_path).stderr.splitlines())
    assert lines == [f" INFO [{name}] {name}!" for name in "abcde"]


def test_output_outside_of_calls_has_no_id(tmp_path: Path) -> None:
    done = worker("start(directory)\nprint('before any call')", tmp_path)
    assert STAMP.sub("", done.stderr) == " INFO [-] before any call\n"


def test_a_forked_child_writes_with_the_id_and_repeats_nothing(tmp_path: Path) -> None:
    body = handler(
        "import multiprocessing",
        "print('begun ', end='')",
        "child = multiprocessing.get_context('fork').Process(target=print, args=('in child',))",
        "child.start()",
        "child.join()",
        "print('and ended')",
    )
    assert logged(body, tmp_path) == [" INFO [r7] in child", " INFO [r7] begun and ended"]


def test_compiler_warnings_do_not_show_source(tmp_path: Path) -> None:
    program = """
start(directory)
source = "def run(_): return 'secret' is 5"
for _ in range(2): json_of(source, reload=True, kwargs="dict() if 'a' is 5 else dict()")
"""
    assert worker(program, tmp_path, PYTHONWARNINGS="default").stderr == ""


def test_a_broken_log_stops_no_call(tmp_path: Path) -> None:
    program = """
start(directory)
os.close(2)
answer = text_of("def run(_):\\n  print('to nowhere')\\n  logging.info('x')\\n  return 'done'")
os.write(1, answer.encode())
"""
    assert worker(program, tmp_path).stdout == "done"
