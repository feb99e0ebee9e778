"""What calls report of their progress."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

import owt
from owt._progress import Loop
from tests.fake import FakeCall, handle
from tests.process import worker

ASYNC_ITEMS = """
async def items():
    for item in "ab":
        yield item
"""


def reports_of(source: str, **given: Any) -> list[tuple[float, float | None, str | None]]:
    """Run a call to its end, and return what it has reported."""
    call = FakeCall(source, **given)
    assert handle(call) or call.is_done.wait(10)
    (event,) = {event[0] for event in call.answer()} & {"reply", "finish", "fail"}
    assert event != "fail", call.events
    return call.reports


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("1", (1.0, None, None)),
        ("1, 4, 'loading'", (1.0, 4.0, "loading")),
        ("done=0.5, total=1, text=None", (0.5, 1.0, None)),
        ("True, text=Path('a')", (1.0, None, "a")),
        ("Fraction(1, 2)", (0.5, None, None)),
    ],
)
def test_a_request_reports_numbers_and_a_text(
    arguments: str, expected: tuple[float, float | None, str | None]
) -> None:
    source = f"""
from fractions import Fraction
from pathlib import Path
def run(request):
    request.progress({arguments})
"""
    assert reports_of(source) == [expected]


@pytest.mark.parametrize(
    "source",
    [
        "def run(): return list(owt.progress('ab'))",
        "def run(): yield from owt.progress('ab')",
        "async def run(): return list(owt.progress('ab'))",
        "async def run():\n    for item in owt.progress('ab'): yield item",
        ASYNC_ITEMS + "async def run(): return [item async for item in owt.progress(items(), 2)]",
        ASYNC_ITEMS
        + "async def run():\n    async for item in owt.progress(items(), 2): yield item",
        "import asyncio\nasync def run(): await asyncio.to_thread(list, owt.progress('ab'))",
        "ab = list(owt.progress('ab'))\ndef run(): pass",
        "@owt.same_thread\ndef run(): return list(owt.progress('ab'))",
        """
import contextvars, threading
def run():
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(list, owt.progress('ab')))
    thread.start()
    thread.join()
""",
    ],
    ids=[
        "function",
        "generator",
        "coroutine",
        "async generator",
        "async items",
        "async items in an async generator",
        "thread of asyncio",
        "module",
        "thread of its own",
        "thread with a copied context",
    ],
)
def test_a_loop_reports_wherever_its_call_runs(source: str) -> None:
    assert reports_of(source) == [(0, 2, None), (1, 2, None), (2, 2, None)]


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("owt.progress(iter('a'))", [(0, None, None), (1, None, None)]),
        ("owt.progress(iter('a'), 5)", [(0, 5, None), (1, 5, None)]),
        ("owt.progress('a', text='t')", [(0, 1, "t"), (1, 1, "t")]),
        ("owt.progress('')", [(0, 0, None)]),
    ],
)
def test_a_loop_knows_how_many_there_are_or_is_told(loop: str, expected: list[Any]) -> None:
    assert reports_of(f"def run(): return list({loop})") == expected


def test_of_loops_within_loops_the_outermost_reports() -> None:
    source = """
def run():
    for _ in owt.progress("ab", text="outer"):
        for _ in owt.progress("cde", text="inner"):
            pass
    for _ in owt.progress("f", text="next"):
        break
    for _ in owt.progress("g", text="last"):
        pass
"""
    outer: list[Any] = [(done, 2, "outer") for done in range(3)]
    assert reports_of(source) == [*outer, (0, 1, "next"), (0, 1, "last"), (1, 1, "last")]


def test_outside_of_a_call_a_loop_only_gives_its_items() -> None:
    assert list(owt.progress("ab", 2, "text")) == ["a", "b"]
    Loop().report(1, 2, None)


def test_a_call_that_is_over_is_not_kept_by_what_copied_its_context() -> None:
    source = """
import contextvars
contexts = []
def run(request):
    contexts.append(contextvars.copy_context())
def later(request):
    contexts[0].run(list, owt.progress("ab"))
"""
    call = FakeCall(source)
    kept = ref(call)
    assert handle(call)
    del call
    assert kept() is None
    assert reports_of(source, fn_name="later") == []


def test_a_forked_child_reports_nothing() -> None:
    source = """
import os
def run(request):
    pid = os.fork()
    if pid == 0:
        request.progress(1)
        list(owt.progress("ab"))
        os._exit(0)
    return os.waitpid(pid, 0)[1]
"""
    assert reports_of(source) == []


TQDM = """
from tqdm import tqdm
from tqdm.auto import trange
from tqdm.asyncio import tqdm as async_tqdm

def often(*args, **kwargs):
    return tqdm(*args, mininterval=0, miniters=1, **kwargs)

def run():
    for _ in often("abc", desc="letters"):
        pass

def manual():
    bar = often(total=10, unit="B")
    bar.update(4)
    bar.set_description("loading")
    bar.set_postfix(loss=0.5)
    bar.update(6)
    bar.close()

def nested():
    for _ in trange(2, desc="outer", mininterval=0, miniters=1):
        list(often("abc", desc="inner"))

def disabled():
    list(tqdm("abc", disable=True))
    list(often("a"))

async def items():
    for item in "ab":
        yield item

async def asynchronous():
    return [item async for item in async_tqdm(items(), mininterval=0, miniters=1)]

def threads():
    from concurrent.futures import ThreadPoolExecutor
    bar = often(total=4)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bar.update, [1, 1, 1, 1]))
    bar.close()
"""


@pytest.fixture(scope="module")
def reports_of_bars(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What each function of `TQDM` reports, in a worker."""
    names = ["run", "manual", "nested", "disabled", "asynchronous", "threads"]
    program = f"""
import json
start(directory)
source = {TQDM!r}
found = dict()
for name in {names}:
    call = FakeCall(source, fn_name=name)
    assert handle(call) or call.is_done.wait(10)
    assert call.answer()[-1][0] == "reply", call.events
    found[name] = call.reports
os.write(1, json.dumps(found).encode())
"""
    directory: Path = tmp_path_factory.mktemp("adaptors")
    return json.loads(worker(program, directory).stdout)


def test_a_bar_of_tqdm_reports_what_it_shows(reports_of_bars: Any) -> None:
    expected = [[done, 3, "letters"] for done in (0, 1, 2, 3, 3)]
    assert reports_of_bars["run"] == expected


def test_a_bar_reports_its_description_and_its_postfix(reports_of_bars: Any) -> None:
    assert reports_of_bars["manual"] == [
        [0, 10, None],
        [4, 10, None],
        [4, 10, "loading"],
        [4, 10, "loading, loss=0.5"],
        [10, 10, "loading, loss=0.5"],
        [10, 10, "loading, loss=0.5"],
    ]


def test_of_bars_within_bars_the_outermost_reports(reports_of_bars: Any) -> None:
    assert {report[2] for report in reports_of_bars["nested"]} == {"outer"}
    assert reports_of_bars["nested"][-1] == [2, 2, "outer"]


def test_a_bar_that_is_disabled_stands_in_nobodys_way(reports_of_bars: Any) -> None:
    assert reports_of_bars["disabled"] == [[done, 1, None] for done in (0, 1, 1)]


def test_a_bar_of_asyncio_reports(reports_of_bars: Any) -> None:
    assert reports_of_bars["asynchronous"][-1] == [2, None, None]


def test_a_bar_reports_for_the_call_that_made_it_from_any_thread(reports_of_bars: Any) -> None:
    assert reports_of_bars["threads"][-1] == [4, 4, None]
