"""Streams of pipes: each item passes through the steps as it is yielded; sources are closed."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

from owt._state import state
from owt.summat import pipe
from tests.fake import TEXT, FakeCall, answer_to, error_of, handle


class Source:
    """Yields numbers, and records events and the thread that closed it."""

    def __init__(self, end: int = 9) -> None:
        self.end = end
        self.happened: list[Any] = []

    def __call__(self) -> Generator[int, None, None]:
        try:
            for n in range(self.end):
                self.happened.append(f"made {n}")
                yield n
        finally:
            self.happened.append(threading.get_ident())


def test_an_item_passes_through_the_steps_before_the_next_is_made() -> None:
    source = Source(2)
    built = pipe().f(source).stream().exec(lambda n: source.happened.append(f"seen {n}")).f(str)
    chunks = built()
    assert source.happened == []
    assert list(chunks) == ["0", "1"]
    assert source.happened[:-1] == ["made 0", "seen 0", "made 1", "seen 1"]


def test_closing_closes_the_source_on_the_same_thread() -> None:
    source = Source()
    chunks = pipe().f(source).stream().f(str).to(pipe().f(str.upper))()
    assert next(chunks) == "0"
    chunks.close()
    assert source.happened == ["made 0", threading.get_ident()]


def test_closing_a_stream_of_streams_closes_all_of_them() -> None:
    outer, inner = Source(), Source()
    chunks = pipe().f(outer).stream().f(lambda _: inner()).stream()()
    assert [next(chunks), next(chunks)] == [0, 1]
    chunks.close()
    here = threading.get_ident()
    assert (outer.happened, inner.happened) == (["made 0", here], ["made 0", "made 1", here])


def test_an_error_in_a_step_closes_the_source() -> None:
    source = Source()
    chunks = pipe().f(source).stream().f(lambda n: 1 // n)()
    with pytest.raises(ZeroDivisionError) as raised:
        next(chunks)
    assert source.happened == ["made 0", threading.get_ident()]
    assert raised.value.__notes__ == [
        "step 3, f(<lambda>): ZeroDivisionError: integer division or modulo by zero"
    ]


def test_an_error_of_the_source_names_the_step_that_streams_it() -> None:
    def fail() -> Generator[int, None, None]:
        yield 1
        raise ValueError("half way")

    chunks = pipe().f(fail).stream().f(str)()
    assert next(chunks) == "1"
    with pytest.raises(ValueError, match="half way") as raised:
        next(chunks)
    assert raised.value.__notes__ == ["step 2, stream(): ValueError: half way"]


@pytest.mark.parametrize(
    ("items", "expected"), [([], []), ("ab", ["a", "b"]), ({"k": 1}, ["k"]), (range(2), [0, 1])]
)
def test_whatever_has_items_streams(items: Any, expected: list[Any]) -> None:
    assert list(pipe().const(items).stream()()) == expected


def test_streams_within_streams_are_one() -> None:
    built = pipe().const(["ab", "c"]).stream().f(str.upper).stream().f(lambda x: x + x)
    assert list(built()) == ["AA", "BB", "CC"]


def test_a_stream_may_be_collected_as_a_step() -> None:
    assert pipe().to(pipe().const("ab").stream().f(ord)).foldl(lambda a, b: a + b, 0)() == 195


def test_each_item_sees_the_arguments_as_they_were() -> None:
    built = pipe().const([1, 2]).stream().kwargs(m=5).f(lambda x, n, m: (x, n, m))
    assert list(built(n=3)) == [(1, 3, 5), (2, 3, 5)]


def test_a_disconnect_closes_the_source() -> None:
    source = (
        "import threading\nended = []\n"
        "def numbers():\n"
        "  try:\n"
        "    while True: yield 1\n"
        "  finally: ended.append(threading.get_ident())\n"
        "run = pipe().f(numbers).stream().f(str)"
    )
    call = FakeCall(source, takes=2)
    handle(call)
    assert call.answer() == [
        ("start", 200, TEXT, []),
        *[("chunk", b"1")] * 2,
        ("abort", "The client went away before the end of the answer."),
    ]
    adaptor = state.adaptors.get(call.digest)
    assert adaptor is not None
    assert adaptor.namespace["ended"] == [call.threads[0]]


def test_an_error_midway_breaks_off_the_response_and_names_the_step() -> None:
    begun, chunk, ended = answer_to("const([1, 0]).stream().f(lambda n: str(1 // n))")
    assert (begun, chunk) == (("start", 200, TEXT, []), ("chunk", b"1"))
    assert ended[1].splitlines()[-1] == (
        "step 3, f(<lambda>): ZeroDivisionError: integer division or modulo by zero"
    )


UNEXPECTED = (
    "a step gave something to await within a stream that is not async: write its function with "
    "async def, or stream an async generator"
)


@pytest.mark.parametrize(
    "steps",
    ["const('a').stream().f(lambda x: double(x))", "const('a').stream().f(count).stream()"],
)
def test_an_unexpected_awaitable_is_reported(steps: str) -> None:
    source = (
        f"async def double(x): return x * 2\nasync def count(x):\n  yield x\nrun = pipe().{steps}"
    )
    code, text = error_of(source)
    assert (code, text.splitlines()[0]) == ("adaptor-raised", f"TypeError: {UNEXPECTED}")
