"""Pipes with async steps: the result is awaited, and steps work as in sync pipes."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from owt import _worker
from owt._response import Abort
from owt._state import state
from owt.summat import pipe
from tests.fake import TEXT, FakeCall, answer_to, error_of, handle, reply_to, text_of

ASYNC = (
    "import asyncio\n"
    "async def double(x):\n"
    "  await asyncio.sleep(0)\n"
    "  return x * 2\n"
    "async def add(a, b): return a + b\n"
    "async def count(n):\n"
    "  for i in range(n): yield i\n"
    "run = pipe()."
)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("const(1).f(double)", 2),
        ("const(1).f(double).f(double)", 4),
        ("const(1).f(double).f(lambda x: x + 1)", 3),
        ("const(1).f(lambda x: double(x))", 2),
        ("f(double)", 14),
        ("const(1).exec(double)", 1),
        ("const(1).cast(double)", 2),
        ("const([1, 2]).map(double)", [2, 4]),
        ("const([1, 2]).map(lambda x: x if x < 2 else double(x))", [1, 4]),
        ("const([1, 2]).map(pipe().f(double))", [2, 4]),
        ("const([1, 2, 3]).foldl(add, 0)", 6),
        ("const([1, 2, 3]).foldl1(add)", 6),
        ("const(1).cond(double, str)", 2),
        ("const(0).cond(str, double)", 0),
        ("const(0).cond(str, pipe().const(9), when=double)", 9),
        ("const(1).fork(double, double)", [2, 2]),
        ("const(1).fork(str, double)", ["1", 2]),
        ("const(1).fork(double, str)", [2, "1"]),
        ("const(1).to(pipe().f(double).f(lambda x: x + 1))", 3),
        ("const(3).f(count).map(lambda x: x + 1)", [1, 2, 3]),
        ("const(3).f(count).map(double)", [0, 2, 4]),
        ("const(3).f(count).last()", 2),
        ("const(3).f(count).foldl(lambda a, b: a + b, 0)", 3),
    ],
)
def test_a_step_may_be_async(steps: str, expected: object) -> None:
    assert json.loads(text_of(ASYNC + steps + ".cast(json.dumps)", kwargs="7")) == expected


async def double(x: int) -> int:
    return x * 2


def test_a_call_returns_a_coroutine_only_if_something_is_awaited() -> None:
    assert pipe().const(1).f(str)() == "1"
    later = pipe().const(1).f(double)()
    assert asyncio.iscoroutine(later)
    assert asyncio.run(later) == 2


def test_an_error_in_an_async_step_names_the_step_and_keeps_its_type() -> None:
    err = KeyError("a")

    async def fail(_: int) -> None:
        raise err

    with pytest.raises(KeyError) as raised:
        asyncio.run(pipe().const(1).f(double).to(pipe().f(fail))())
    assert raised.value is err
    assert err.__notes__ == ["step 3, to(pipe().f(fail)): step 1, f(fail): KeyError: 'a'"]


@pytest.mark.parametrize("err", [Abort(404, "gone"), asyncio.CancelledError(), SystemExit(3)])
def test_abort_and_interrupts_pass_through_async_pipes_unchanged(err: BaseException) -> None:
    async def fail(_: int) -> None:
        raise err

    coroutine = pipe().const(1).f(fail)()
    with pytest.raises(type(err)) as raised:
        coroutine.send(None)
    assert raised.value is err
    assert not hasattr(err, "__notes__")


def test_abort_and_errors_of_async_steps_are_sent() -> None:
    source = "async def run_step(x): abort(404, 'not here')\nrun = pipe().const(1).f(run_step)"
    assert reply_to(source) == (404, TEXT, [], b"not here")
    code, text = error_of("async def fail(x): 1 / x\nrun = pipe().const(0).f(fail)")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "ZeroDivisionError: division by zero",
    )
    assert text.splitlines()[-1] == "step 2, f(fail): ZeroDivisionError: division by zero"


def test_an_unawaited_coroutine_causes_no_warning() -> None:
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        later = pipe().const(1).f(double).f(double)()
        later.close()
        del later
        gc.collect()
    assert [str(each.message) for each in complaints] == []


def test_a_cancelled_async_step_cleans_up() -> None:
    source = (
        "import asyncio, threading\n"
        "started, ended = threading.Event(), []\n"
        "async def wait(_):\n"
        "  try:\n"
        "    started.set()\n"
        "    await asyncio.sleep(60)\n"
        "  finally: ended.append('clean')\n"
        "run = pipe().const(1).f(wait).f(str)"
    )
    call = FakeCall(source)
    handle(call)
    adaptor = state.adaptors.get(call.digest)
    assert adaptor is not None
    assert adaptor.namespace["started"].wait(10)
    call.disconnected = True
    _worker.cancel(call.id)
    assert call.answer() == [
        ("fail", "deadline", "The call was ended: its time was up, or its client had gone.")
    ]
    assert adaptor.namespace["ended"] == ["clean"]


@pytest.mark.parametrize(
    "steps",
    [
        "const('ab').f(iter).stream().f(shout)",
        "const('ab').f(iter).stream().f(functools.partial(shout))",
        "const('ab').f(iter).stream().f(Shouter())",
        "const('ab').f(letters).stream().f(str.upper)",
        "const('ab').f(letters).stream().f(shout)",
        "const('ab').f(letters).stream().cond(shout, str)",
        "const('ab').f(later).f(iter).stream().f(str.upper)",
        "const('ab').f(later).f(letters).stream().f(str.upper)",
        "const(['a', 'b']).stream().f(later).f(letters).stream().f(str.upper)",
        "const(['a', 'b']).stream().f(letters).stream().f(shout)",
        "const('ab').f(iter).stream().to(pipe().f(shout))",
    ],
)
def test_an_async_stream_is_sent_item_by_item(steps: str) -> None:
    source = (
        "import functools\n"
        "async def shout(x): return x.upper()\n"
        "class Shouter:\n"
        "  async def __call__(self, x): return x.upper()\n"
        "async def later(x): return x\n"
        "async def letters(text):\n"
        "  for each in text: yield each\n"
        f"run = pipe().{steps}"
    )
    assert answer_to(source) == [
        ("start", 200, TEXT, []),
        ("chunk", b"A"),
        ("chunk", b"B"),
        ("finish",),
    ]


def test_closing_an_async_stream_closes_its_source() -> None:
    ended: list[str] = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for n in range(9):
                yield n
        finally:
            await asyncio.sleep(0)
            ended.append("clean")

    async def first() -> int:
        chunks = pipe().f(numbers).stream().f(double)()
        n: Any = await anext(chunks)
        await chunks.aclose()
        return int(n)

    assert (asyncio.run(first()), ended) == (0, ["clean"])


def test_an_error_in_an_async_stream_names_its_step() -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("half way")

    async def all_of(chunks: AsyncGenerator[Any, None]) -> list[Any]:
        return [each async for each in chunks]

    with pytest.raises(ValueError, match="half way") as raised:
        asyncio.run(all_of(pipe().f(numbers).stream()()))
    assert raised.value.__notes__ == ["step 2, stream(): ValueError: half way"]
