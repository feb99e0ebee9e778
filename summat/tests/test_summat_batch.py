"""Combined calls: sizes, errors of single items, and cancelled callers."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import threading
from collections.abc import Callable
from typing import Any

import pytest

from owt import _worker
from owt.summat import BatchMismatch, batch
from tests.fake import FakeCall, answer_to, handle, json_of


def all_of(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """Call a function with each item from its own thread; return results and errors."""
    results: dict[int, Any] = {}

    def call(index: int, item: Any) -> None:
        try:
            results[index] = function(item)
        except Exception as err:
            results[index] = err

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate(items)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return [results[index] for index in range(len(items))]


async def each(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return await asyncio.gather(*map(function, items), return_exceptions=True)


def shown(values: list[Any]) -> list[str]:
    return [repr(value) for value in values]


def doubled(sizes: list[int]) -> Callable[[list[int]], list[int]]:
    def double(items: list[int]) -> list[int]:
        """Double the items."""
        sizes.append(len(items))
        return [2 * item for item in items]

    return double


def test_calls_of_many_threads_are_combined() -> None:
    sizes: list[int] = []
    double = batch(max=8, wait=10)(doubled(sizes))
    assert all_of(double, list(range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert (sizes, tuple(double.stats())) == ([8], (8, 1, 8))
    assert (vars(double)["__name__"], double.__doc__) == ("double", "Double the items.")


def test_a_batch_is_never_larger_than_its_maximum() -> None:
    sizes: list[int] = []
    double = batch(max=4, wait=0.2)(doubled(sizes))
    assert all_of(double, list(range(10))) == [2 * item for item in range(10)]
    assert sum(sizes) == 10
    assert double.stats().largest == max(sizes) <= 4


def test_a_single_caller_does_not_wait_long() -> None:
    sizes: list[int] = []
    double = batch(max=8, wait=0.001)(doubled(sizes))
    assert [double(1), double(2)] == [2, 4]
    assert sizes == [1, 1]


def test_calls_in_an_event_loop_are_combined() -> None:
    sizes: list[int] = []
    double = batch(max=4, wait=0.05)(doubled(sizes))
    assert asyncio.run(each(double.later, [1, 2, 3, 4])) == [2, 4, 6, 8]
    assert sizes == [4]


def test_an_async_function_runs_in_the_loop_of_its_callers() -> None:
    sizes: list[int] = []

    @batch(max=3, wait=0.01)
    async def double(items: list[int]) -> list[int]:
        sizes.append(len(items))
        await asyncio.sleep(0)
        return [2 * item for item in items]

    assert asyncio.run(each(double, [1, 2, 3, 4])) == [2, 4, 6, 8]
    assert asyncio.run(each(double, [5])) == [10]
    assert (sizes, tuple(double.stats())) == ([3, 1, 1], (5, 3, 3))


def test_waiting_in_an_event_loop_is_rejected() -> None:
    double = batch()(doubled([]))

    async def main() -> int:
        return double(1)

    with pytest.raises(RuntimeError, match=r"waits for a batch with: await function.later\(item\)"):
        asyncio.run(main())


def by_item(items: list[int]) -> list[Any]:
    return [ValueError(f"bad {item}") if item % 2 else item for item in items]


def too_few(items: list[int]) -> list[int]:
    return items[1:]


def too_many(items: list[int]) -> list[int]:
    return [*items, 0]


def none(_items: list[int]) -> Any:
    return None


def failing(_items: list[int]) -> list[int]:
    raise RuntimeError("no memory")


def leaving(_items: list[int]) -> list[int]:
    raise SystemExit(3)


def generated(items: list[int]) -> Any:
    yield items[0]
    raise RuntimeError("half way")


MISMATCH = (
    "BatchMismatch('the batch function returned {} results for 2 items: it must return one for "
    "each, in the same order')"
)
CASES = [
    (by_item, ["0", "ValueError('bad 1')"]),
    (too_few, [MISMATCH.format(1)] * 2),
    (too_many, [MISMATCH.format(3)] * 2),
    (none, ["TypeError(\"'NoneType' object is not iterable\")"] * 2),
    (failing, ["RuntimeError('no memory')"] * 2),
    (generated, ["RuntimeError('half way')"] * 2),
]


@pytest.mark.parametrize(("function", "expected"), CASES)
def test_each_caller_gets_its_result_or_its_error(
    function: Callable[[list[int]], Any], expected: list[str]
) -> None:
    batched = batch(max=2, wait=10)(function)
    # Submitted in a fixed order, because `by_item` distinguishes items.
    assert shown(asyncio.run(each(batched.later, [0, 1]))) == expected
    assert sorted(shown(all_of(batched, [0, 1]))) == sorted(expected)


@pytest.mark.parametrize(("function", "expected"), CASES)
def test_each_caller_of_an_async_function_gets_its_result_or_its_error(
    function: Callable[[list[int]], Any], expected: list[str]
) -> None:
    @batch(max=2, wait=10)
    async def batched(items: list[int]) -> Any:
        return function(items)

    assert shown(asyncio.run(each(batched, [0, 1]))) == expected


def test_a_function_that_exits_ends_only_its_own_batch() -> None:
    batched = batch(max=1)(leaving)
    for _ in range(2):
        with pytest.raises(SystemExit):
            batched(0)


def test_a_mismatch_is_an_error_that_can_be_caught() -> None:
    with pytest.raises(BatchMismatch):
        batch(max=1)(too_many)(0)


def test_a_caller_that_is_cancelled_leaves_the_batch() -> None:
    seen: list[list[int]] = []

    def keep(items: list[int]) -> list[int]:
        seen.append(items)
        return items

    batched = batch(max=3, wait=10)(keep)

    async def main() -> list[int]:
        gone = asyncio.ensure_future(batched.later(1))
        await asyncio.sleep(0)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        return await asyncio.gather(*map(batched.later, [2, 3]))

    assert asyncio.run(main()) == [2, 3]
    assert seen == [[2, 3]]


def test_a_batch_without_callers_does_not_run() -> None:
    sizes: list[int] = []
    batched = batch(max=2, wait=10)(doubled(sizes))

    async def main() -> None:
        tasks = [asyncio.ensure_future(batched.later(1))]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    with batched._changed:
        batched._queue.add(2).cancel()
        batched._changed.notify()
    while len(batched._queue):
        threading.Event().wait(0.001)
    assert all_of(batched, [3, 4]) == [6, 8]
    assert sizes == [2]


def test_a_thread_that_is_interrupted_leaves_the_batch() -> None:
    gate, begun, ended = threading.Event(), threading.Event(), threading.Event()
    seen: list[list[int]] = []

    @batch(max=1, wait=0)
    def keep(items: list[int]) -> list[int]:
        seen.append(items)
        begun.set()
        assert gate.wait(10)
        return items

    busy = threading.Thread(target=keep, args=(1,))
    busy.start()
    assert begun.wait(10)

    def wait() -> None:
        try:
            keep(2)
        except _worker.Interrupted:
            ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not len(keep._queue):
        threading.Event().wait(0.001)
    exception = ctypes.py_object(_worker.Interrupted)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(waiting.ident or 0), exception)
    assert ended.wait(10)
    gate.set()
    busy.join(10)
    assert keep(3) == 3
    assert seen == [[1], [3]]


@pytest.mark.parametrize("given", [{"max": 0}, {"wait": -1}])
def test_invalid_limits_are_rejected(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="max is 1 or more, wait is not negative"):
        batch(**given)


SOURCE = (
    "from owt.summat import batch\n"
    "@batch(max=3, wait=10)\n"
    "def measure(words): return [[len(word), len(words)] for word in words]\n"
)


@pytest.mark.parametrize(
    "handler",
    [
        "def run(_, word): return measure(word)",
        "async def run(_, word): return await measure.later(word)",
    ],
)
def test_handlers_share_a_batch(handler: str) -> None:
    source = SOURCE + handler
    calls = [FakeCall(source, kwargs=f'{{"word": "{word}"}}') for word in ("a", "bb", "ccc")]
    threads = [threading.Thread(target=handle, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    bodies = [call.answer()[0][-1] for call in calls]
    for thread in threads:
        thread.join(10)
    assert bodies == [b"[1,3]", b"[2,3]", b"[3,3]"]


def test_a_batch_that_fails_is_an_error_of_the_adaptor() -> None:
    source = (
        "from owt.summat import batch\n@batch(max=1)\ndef measure(words): return []\n"
        "def run(_, word): return measure(word)"
    )
    ((kind, code, text),) = answer_to(source, kwargs='{"word": "a"}')
    assert (kind, code) == ("fail", "adaptor-raised")
    assert text.splitlines()[0].startswith("BatchMismatch: the batch function returned 0 results")


def test_stats_can_be_returned() -> None:
    source = (
        "from owt.summat import batch\n@batch(max=1)\ndef same(items): return items\n"
        "def run(_, word):\n  same(word)\n  return same.stats()._asdict()"
    )
    assert json_of(source, kwargs='{"word": "a"}') == '{"items":1,"batches":1,"largest":1}'


def test_a_batch_that_finds_nothing_is_an_error_that_a_coroutine_can_raise() -> None:
    @batch(max=4)
    def first(items: list[list[int]]) -> list[int]:
        return [next(iter(item)) for item in items]

    async def ask() -> int:
        return await asyncio.wait_for(first.later([]), 10)

    calls: list[Callable[[], int]] = [lambda: first([]), lambda: asyncio.run(ask())]
    for call in calls:
        with pytest.raises(RuntimeError, match="the batch function raised StopIteration"):
            call()
