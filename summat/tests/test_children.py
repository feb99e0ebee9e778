"""Child processes of adaptors: `multiprocessing` finds the adaptor's module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.process import worker

if TYPE_CHECKING:
    from pathlib import Path

WORK = """
import concurrent.futures, dataclasses, multiprocessing

@dataclasses.dataclass
class Point:
    x: int

def work(point):
    return Point(point.x + args.port)

def put(queue):
    queue.put([__name__, Server.sing().port, owt.args.port, json.dumps(1)])

def fail(_):
    return 1 / 0
"""


def answer(handler: str, directory: Path) -> str:
    program = f"start(directory)\nos.write(1, json_of({WORK + handler!r}).encode())"
    text: str = worker(program, directory).stdout
    return text


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_runs_functions_of_the_adaptor(tmp_path: Path, method: str) -> None:
    handler = f"""
def run(_):
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        pooled = pool.map(work, [Point(1), Point(2)])
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        executed = list(executor.map(work, pooled))
    return [pooled, executed, isinstance(executed[0], Point)]
"""
    assert answer(handler, tmp_path) == ('[[{"x":9877},{"x":9878}],[{"x":19753},{"x":19754}],true]')


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_has_the_names_of_the_adaptor(tmp_path: Path, method: str) -> None:
    handler = f"""
def run(_):
    context = multiprocessing.get_context({method!r})
    queue = context.Queue()
    process = context.Process(target=put, args=(queue,))
    process.start()
    got = queue.get(timeout=60)
    process.join()
    return [got[0] == __name__, got[1:], process.exitcode]
"""
    assert answer(handler, tmp_path) == '[true,[9876,9876,"1"],0]'


def test_an_error_in_a_spawned_child_shows_its_line(tmp_path: Path) -> None:
    handler = """
def run(_):
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        try:
            pool.map(fail, [1])
        except ZeroDivisionError as err:
            return ['return 1 / 0' in str(err.__cause__)]
"""
    assert answer(handler, tmp_path) == "[true]"


def test_a_child_of_a_bare_fork_exits_at_once(tmp_path: Path) -> None:
    program = """
read, write = os.pipe()
start(directory, fds=[write])
source = '''
def run(_, write):
    child = os.fork()
    if child == 0:
        try:
            os.write(write, b'descriptor is open')
        except OSError:
            return 'this answer must not be sent'
    _, status = os.waitpid(child, 0)
    return ['parent', status]
'''
os.write(1, json_of(source, kwargs='{"write": %d}' % write).encode())
"""
    assert worker(program, tmp_path).stdout == '["parent",0]'


def test_an_async_call_works_in_a_forked_child(tmp_path: Path) -> None:
    program = """
start(directory)
text_of("async def run(_): return 'starts the loop'")
state.is_forked_child = False
child = os.fork()
if child == 0:
    state.is_forked_child = False
    os.write(1, text_of("async def run(_): return 'has its own'").encode())
    os._exit(0)
os.waitpid(child, 0)
"""
    assert worker(program, tmp_path).stdout == "has its own"


def test_a_module_that_was_dropped_is_not_found(tmp_path: Path) -> None:
    program = """
start(directory)
import importlib
name = text_of("def run(_): return __name__")
_worker.forget(_worker.adaptors()[0]['digest'])
for missing in (name, 'owt.adaptors.a_..', 'owt.adaptors.other'):
    try:
        importlib.import_module(missing)
    except ModuleNotFoundError:
        os.write(1, b'gone ')
"""
    assert worker(program, tmp_path).stdout == "gone gone gone "
