"""`once`: values are made once, shared, retried after failures, and closed in the end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from owt import _worker
from owt._load import AdaptorCache
from owt.summat import _once, once
from tests.fake import FakeCall, digest_of, error_of, handle, text_of
from tests.process import worker


@pytest.fixture(autouse=True)
def _nothing_made() -> Any:
    yield
    vars(_once).pop("__once__", None)
    gc.collect()


class Maker:
    """Counts how often it is called, and waits for `gate`."""

    def __init__(self) -> None:
        self.made = 0
        self.begun = threading.Event()
        self.gate = threading.Event()

    def __call__(self) -> object:
        self.made += 1
        self.begun.set()
        assert self.gate.wait(10)
        return object()


def started(target: Any, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args)
    thread.start()
    return thread


def test_one_thread_makes_it_and_the_others_wait() -> None:
    make, found = Maker(), []
    threads = [started(lambda: found.append(once("model", make))) for _ in range(8)]
    assert make.begun.wait(10)
    make.gate.set()
    for thread in threads:
        thread.join(10)
    assert (make.made, len(found), len(set(found))) == (1, 8, 1)


def test_each_name_has_its_own_value() -> None:
    assert [once("a", lambda: 1), once("b", lambda: 2), once("a", lambda: 3)] == [1, 2, 1]


def test_none_is_a_value_that_is_made_once() -> None:
    made: list[int] = []
    assert [once("none", lambda: made.append(1)) for _ in range(3)] == [None] * 3
    assert made == [1]


def test_a_decorated_function_runs_once_for_each_set_of_arguments() -> None:
    calls: list[Any] = []

    @once
    def load(size: str = "small", *, scale: int = 1) -> str:
        """Load something."""
        calls.append((size, scale))
        return f"{size}-{scale}"

    assert [load(), load(), load("large"), load("large", scale=2)] == [
        "small-1",
        "small-1",
        "large-1",
        "large-2",
    ]
    assert calls == [("small", 1), ("large", 1), ("large", 2)]
    assert (load.__name__, load.__doc__) == ("load", "Load something.")


def test_unhashable_arguments_are_rejected() -> None:
    @once
    def load(names: list[str]) -> int:
        return len(names)

    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        load(["a"])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("name", 5), "once('name', make) takes a function that makes it, not 5"),
        (("name", None), "once('name', make) takes a function that makes it, not None"),
        ((5,), "once is a decorator, or called as once(name, make)"),
        ((print, print), "once is a decorator, or called as once(name, make)"),
    ],
)
def test_invalid_makers_are_rejected(given: tuple[Any, ...], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        once(*given)
    assert str(caught.value) == text


def test_a_failure_is_raised_for_the_maker_and_the_next_one_tries_again() -> None:
    gate, begun, results = threading.Event(), threading.Event(), []

    def fail() -> str:
        begun.set()
        assert gate.wait(10)
        raise RuntimeError("no memory")

    def first() -> None:
        try:
            once("model", fail)
        except RuntimeError as err:
            results.append(str(err))

    thread = started(first)
    assert begun.wait(10)
    second = started(lambda: results.append(once("model", lambda: "made")))
    gate.set()
    thread.join(10)
    second.join(10)
    assert sorted(results) == ["made", "no memory"]


def test_recursive_making_is_an_error_and_not_a_deadlock() -> None:
    def make() -> object:
        return once("loop", make)

    with pytest.raises(RuntimeError, match="making 'loop' asks for 'loop' itself"):
        once("loop", make)
    assert once("loop", lambda: "made") == "made"


def test_a_coroutine_is_not_kept_as_a_value() -> None:
    async def load() -> str:
        return "made"

    with pytest.raises(TypeError, match="what makes 'a' returns a coroutine: give once"):
        _ = once("a", lambda: load())
    assert once("a", lambda: "made") == "made"


def interrupt(thread: threading.Thread) -> None:
    exception = ctypes.py_object(_worker.Interrupted)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)


def interrupted(action: Any, begun: threading.Event) -> None:
    """Run a function on a thread, and interrupt it once it has begun."""
    ended = threading.Event()

    def run() -> None:
        try:
            action()
        except _worker.Interrupted:
            ended.set()

    thread = started(run)
    assert begun.wait(10)
    interrupt(thread)
    thread.join(10)
    assert ended.is_set()


def test_after_an_interrupt_the_next_caller_makes_it() -> None:
    begun = threading.Event()

    def make() -> None:
        begun.set()
        while True:
            threading.Event().wait(0.01)

    interrupted(lambda: once("model", make), begun)
    assert once("model", lambda: "made") == "made"


def test_a_thread_that_waits_can_be_interrupted() -> None:
    make, waiting = Maker(), threading.Event()
    maker = started(lambda: once("model", make))
    assert make.begun.wait(10)

    def wait() -> None:
        waiting.set()
        once("model", make)

    interrupted(wait, waiting)
    make.gate.set()
    maker.join(10)
    assert once("model", make) is not None
    assert make.made == 1


def test_async_makers_run_once_without_blocking_the_loop() -> None:
    made: list[int] = []

    @once
    async def load(name: str) -> str:
        made.append(1)
        await asyncio.sleep(0.01)
        return name

    async def by_name() -> object:
        made.append(2)
        await asyncio.sleep(0.01)
        return made

    async def main() -> list[Any]:
        loads = [load("a"), load("a"), load("b")]
        return await asyncio.gather(*loads, *(once("c", by_name) for _ in range(3)))

    assert asyncio.run(main()) == ["a", "a", "b", made, made, made]
    assert sorted(made) == [1, 1, 2]


@pytest.mark.parametrize("leaving", [[0], [1], [0, 1], [0, 1, 2]])
def test_async_making_goes_on_while_a_caller_wants_it(leaving: list[int]) -> None:
    made: list[str] = []

    async def main() -> list[Any]:
        started, go = asyncio.Event(), asyncio.Event()

        async def load() -> str:
            started.set()
            try:
                await go.wait()
                made.append("whole")
            except asyncio.CancelledError:
                made.append("left")
                raise
            return "made"

        tasks = [asyncio.ensure_future(once(f"goes on {leaving}", load)) for _ in range(3)]
        await started.wait()
        for index in leaving:
            tasks[index].cancel()
        await asyncio.wait([tasks[index] for index in leaving])
        go.set()
        return [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)]

    left = [asyncio.CancelledError if index in leaving else str for index in range(3)]
    assert asyncio.run(main()) == left
    assert made == (["left"] if len(leaving) == 3 else ["whole"])


@pytest.mark.parametrize("failure", [ValueError("no file"), asyncio.CancelledError("")])
def test_an_async_failure_is_raised_for_the_maker_and_the_next_one_tries_again(
    failure: BaseException,
) -> None:
    tries: list[int] = []

    async def load() -> str:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) == 1:
            raise failure
        return "made"

    async def main() -> list[Any]:
        calls = [once(f"fails {failure!r}", load) for _ in range(3)]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    failed, *others = asyncio.run(main())
    assert (type(failed), failed.args) == (type(failure), failure.args)
    assert (others, len(tries)) == (["made", "made"], 2)


def test_recursive_async_making_is_an_error_and_not_a_deadlock() -> None:
    async def load() -> object:
        return await once("itself", load)

    with pytest.raises(RuntimeError, match="making 'itself' asks for 'itself' itself"):
        asyncio.run(asyncio.wait_for(once("itself", load), 5))


# Adaptors whose value, when closed, writes to the file that the argument names.
STATE = """
from owt.summat import once
class State:
  def __init__(self, path): self.path = path
  def close(self):
    with open(self.path, "a") as file: file.write("closed\\n")
"""
NAMED = STATE + "def run(_, path): return str(id(once('state', lambda: State(path))))\n"
DECORATED = STATE + (
    "@once\ndef state(path): return State(path)\ndef run(_, path): return str(id(state(path)))\n"
)


def call(source: str, path: Path) -> str:
    return text_of(source, kwargs=f'{{"path": "{path}"}}')


def closed(path: Path) -> bool:
    """Wait until the value has been closed, soon after its last use."""
    for _ in range(200):
        if path.exists() and (text := path.read_text()):
            return text == "closed\n"
        threading.Event().wait(0.02)
    return False


@pytest.mark.parametrize("source", [NAMED, DECORATED], ids=["named", "decorated"])
def test_values_are_closed_when_their_adaptor_is_dropped(
    source: str, store: AdaptorCache, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    assert call(source, path) == call(source, path)
    assert not path.exists()
    store.forget(digest_of(source))
    assert closed(path)


def test_values_are_shared_by_adaptors_and_kept_for_the_last(
    store: AdaptorCache, tmp_path: Path
) -> None:
    path, other = tmp_path / "log", NAMED + "# another version"
    assert call(NAMED, path) == call(other, path)
    store.forget(digest_of(NAMED))
    gc.collect()
    before = call(other, path)
    assert not path.exists()
    store.forget(digest_of(other))
    assert closed(path)
    assert before.isdigit()


def test_values_are_not_closed_while_a_call_uses_them(store: AdaptorCache, tmp_path: Path) -> None:
    path = tmp_path / "log"
    source = STATE + (
        "import threading\nbegun, gate = threading.Event(), threading.Event()\n"
        "def ready(): return 'x'\n"
        "def run(_, path):\n"
        "  state = once('busy', lambda: State(path))\n"
        "  begun.set()\n  gate.wait(10)\n  return 'done'\n"
    )
    text_of(source, fn_name="ready")
    adaptor = store.get(digest_of(source))
    assert adaptor is not None
    begun, gate = adaptor.namespace["begun"], adaptor.namespace["gate"]
    del adaptor
    fake = FakeCall(source, kwargs=f'{{"path": "{path}"}}')
    thread = started(handle, fake)
    assert begun.wait(10)
    store.forget(digest_of(source))
    gc.collect()
    assert not path.exists()
    gate.set()
    thread.join(10)
    assert fake.answer()[0][-1] == b"done"
    del fake
    assert closed(path)


def test_everything_is_closed_at_the_end_of_the_worker(tmp_path: Path) -> None:
    program = """
from owt.summat import once
import asyncio, threading
class Closing:
  def close(self): print("close")
class Leaving:
  def __exit__(self, *_): print("exit")
class Broken:
  def close(self): raise RuntimeError("will not close")
class Async:
  async def aclose(self): print("aclose", asyncio.get_running_loop() is loop)
async def make(): return Async()
def hold(kind): return once(kind.__name__, kind)
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
asyncio.run_coroutine_threadsafe(once("async", make), loop).result()
hold(Broken); hold(Closing); hold(Leaving)
once("module", lambda: asyncio); once("class", lambda: Closing); once("number", lambda: 5)
async def main(): await once("late", make)
asyncio.run(main())
"""
    done = worker(program, tmp_path)
    assert sorted(done.stdout.splitlines()) == ["aclose False", "aclose True", "close", "exit"]
    assert "closing 'Broken' failed" in done.stderr


def test_a_failing_maker_is_an_error_of_the_adaptor() -> None:
    source = "from owt.summat import once\ndef run(_): return once('bad', lambda: 1 / 0)"
    for _ in range(2):
        code, text = error_of(source)
        assert code == "adaptor-raised"
        assert text.startswith("ZeroDivisionError: division by zero")
