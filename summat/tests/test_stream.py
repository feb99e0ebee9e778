"""Streams: chunks are sent as they come, errors are reported, and sources are always closed."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from owt import _stream, _worker
from owt._state import state
from tests.fake import TEXT, FakeCall, answer_to, error_of, handle, reply_to, text_of

BINARY = "application/octet-stream"
# Records in `ended`, which `ended_of` reads, what has ended and on which thread.
ENDED = "import threading\nended = []\n"


def ended_of(call: FakeCall) -> list[Any]:
    adaptor = state.adaptors.get(call.digest)
    assert adaptor is not None
    ended: list[Any] = adaptor.namespace["ended"]
    return ended


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("yield 'a'; yield 'b'", [("start", 200, TEXT, []), ("chunk", b"a"), ("chunk", b"b")]),
        (
            "yield '<a>'; yield b'\\xff'",
            [
                ("start", 200, "text/html; charset=utf-8", []),
                ("chunk", b"<a>"),
                ("chunk", b"\xff"),
            ],
        ),
        (
            "yield b'a'; yield ''; yield bytearray(b'b')",
            [("start", 200, BINARY, []), ("chunk", b"a"), ("chunk", b"b")],
        ),
        ("yield memoryview(b'abcd')[::2]", [("start", 200, BINARY, []), ("chunk", b"ac")]),
        ("yield ''; yield 'a'", [("start", 200, TEXT, []), ("chunk", b"a")]),
        ("yield '\\ud800'", [("start", 200, TEXT, []), ("chunk", b"\\ud800")]),
    ],
)
def test_chunks_are_sent_as_they_are_yielded(
    kind: str, body: str, expected: list[tuple[Any, ...]]
) -> None:
    assert answer_to(f"{kind} run(_):\n  {body}") == [*expected, ("finish",)]


@pytest.mark.parametrize(
    "source",
    [
        "def run(_): return (c for c in 'ab'), 201, {'Content-Type': 'audio/mpeg', 'X-A': 'b'}",
        "def run(_): return Response(iter('ab'), 201, {'X-A': 'b'}, 'audio/mpeg')",
        "def run(_): return map(str.lower, 'AB'), 201, {'content-type': 'audio/mpeg', 'X-A': 'b'}",
        "async def g():\n  yield 'a'\n  yield 'b'\n"
        "def run(_): return g(), 201, {'Content-Type': 'audio/mpeg', 'X-A': 'b'}",
        "async def g():\n  yield 'a'\n  yield 'b'\n"
        "async def run(_): return g(), 201, {'Content-Type': 'audio/mpeg', 'X-A': 'b'}",
        "async def run(_): return iter('ab'), 201, {'Content-Type': 'audio/mpeg', 'X-A': 'b'}",
    ],
)
def test_a_stream_may_have_a_status_and_headers(source: str) -> None:
    assert answer_to(source) == [
        ("start", 201, "audio/mpeg", [("X-A", "b")]),
        ("chunk", b"a"),
        ("chunk", b"b"),
        ("finish",),
    ]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_empty_stream_is_an_empty_response(kind: str) -> None:
    assert reply_to(f"{kind} run(_):\n  return\n  yield") == (200, None, [], b"")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_error_before_the_first_chunk_is_an_ordinary_error(kind: str) -> None:
    code, text = error_of(f"{kind} run(_):\n  1 / 0\n  yield")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "ZeroDivisionError: division by zero",
    )
    assert reply_to(f"{kind} run(_):\n  abort(404, 'gone')\n  yield")[0::3] == (404, b"gone")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_error_midway_breaks_off_the_response(kind: str) -> None:
    begun, chunk, ended = answer_to(f"{kind} run(_):\n  yield 'a'\n  1 / 0")
    assert (begun, chunk) == (("start", 200, TEXT, []), ("chunk", b"a"))
    assert ended[0] == "abort"
    assert ended[1].startswith("ZeroDivisionError: division by zero\n\nTraceback")


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("last", "comment"),
    [
        ("data: a\\n\\n", b": ValueError: two lines\n"),
        # An incomplete event stays incomplete: EventSource drops it.
        ("data: a", b"\n: ValueError: two lines\n"),
    ],
)
def test_an_error_midway_is_a_comment_of_the_event_stream(
    kind: str, last: str, comment: bytes
) -> None:
    source = (
        f"{kind} events():\n  yield '{last}'\n  raise ValueError('two\\nlines')\n"
        "def run(_): return events(), {'Content-Type': 'text/event-stream'}"
    )
    events = answer_to(source)
    assert events[-2] == ("chunk", comment)
    assert events[-1][1].startswith("ValueError: two\nlines\n\nTraceback")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_chunk_of_another_type_is_reported(kind: str) -> None:
    words = (
        "The handler streams a value of type dict. Yield text or bytes; for JSON, "
        "yield json.dumps(…)."
    )
    assert error_of(f"{kind} run(_):\n  yield {{}}") == ("reply-invalid", words)
    assert answer_to(f"{kind} run(_):\n  yield 'a'\n  yield {{}}")[-1] == ("abort", words)


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("value", "expected", "has_begun"),
    [
        ("chunks()", ("start", 200, TEXT, []), True),
        ("(chunks(), 201, {'X-A': 'b'})", ("start", 201, TEXT, [("X-A", "b")]), True),
        # Here the head is known without any chunk.
        ("(chunks(), {'Content-Type': 'text/css'})", ("start", 200, "text/css", []), False),
    ],
)
def test_a_head_request_ends_once_the_head_is_known(
    kind: str, value: str, expected: tuple[Any, ...], has_begun: bool
) -> None:
    source = ENDED + (
        f"{kind} chunks():\n"
        "  try:\n"
        "    while True: yield 'a'\n"
        "  finally: ended.append('closed')\n"
        f"def run(_): return {value}"
    )
    call = FakeCall(source, method="HEAD", takes=0)
    handle(call)
    assert call.answer() == [expected, ("finish",)]
    assert ended_of(call) == ["closed"] * has_begun


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_disconnect_closes_the_generator(kind: str) -> None:
    source = ENDED + (
        f"{kind} run(_):\n"
        "  try:\n"
        "    while True: yield 'a'\n"
        "  finally: ended.append(threading.get_ident())"
    )
    call = FakeCall(source, takes=3)
    handle(call)
    assert call.answer() == [
        ("start", 200, TEXT, []),
        *[("chunk", b"a")] * 3,
        ("abort", "The client went away before the end of the answer."),
    ]
    assert ended_of(call) == [call.threads[0]]


def test_a_generator_runs_and_is_closed_on_the_calling_thread() -> None:
    source = ENDED + (
        "def run(_):\n"
        "  try: yield str(threading.get_ident())\n"
        "  finally: ended.append(threading.get_ident())"
    )
    call = FakeCall(source)
    handle(call)
    here = threading.get_ident()
    assert call.answer()[1] == ("chunk", str(here).encode())
    assert ended_of(call) == [here]


def test_a_generator_that_ignores_closing_is_reported() -> None:
    source = "def run(_):\n  try:\n    yield 'a'\n    yield 'b'\n  except GeneratorExit: yield 'no'"
    call = FakeCall(source, takes=1)
    handle(call)
    assert call.answer()[-1][1].splitlines()[0] == "RuntimeError: generator ignored GeneratorExit"


def test_an_error_while_closing_breaks_off_the_response() -> None:
    source = "def run(_):\n  try: yield 'a'\n  finally: raise OSError('on closing')"
    assert answer_to(source)[-1][1].splitlines()[0] == "OSError: on closing"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def run(_): return 'text'", "text"),
        ("import asyncio\nasync def run(_):\n  await asyncio.sleep(0)\n  return 'slept'", "slept"),
        ("async def later(): return 'later'\ndef run(_): return later()", "later"),
        ("class C:\n  async def __call__(self, _): return 'object'\nrun = C()", "object"),
        (
            "class Later:\n  def __await__(self):\n    return 'awaited'\n    yield\n"
            "def run(_): return Later()",
            "awaited",
        ),
        (
            "import asyncio\ndef run(_): return asyncio.run(asyncio.sleep(0, 'own loop'))",
            "own loop",
        ),
    ],
)
def test_awaitables_are_awaited(source: str, expected: str) -> None:
    assert text_of(source) == expected


def test_async_handlers_share_one_loop_beside_the_calling_thread() -> None:
    source = (
        "import asyncio, threading\n"
        "async def run(_): return f'{id(asyncio.get_running_loop())} {threading.get_ident()}'"
    )
    first, second = text_of(source), text_of("# another\n" + source)
    assert first == second
    assert not first.endswith(f" {threading.get_ident()}")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("async def run(_): 1 / 0", "ZeroDivisionError: division by zero"),
        ("async def run(_): sys.exit(3)", "SystemExit: 3"),
        ("async def run(_): raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import asyncio\nasync def run(_): raise asyncio.CancelledError", "CancelledError"),
    ],
)
def test_an_async_handler_may_raise_anything(source: str, line: str) -> None:
    code, text = error_of(source)
    assert (code, text.splitlines()[0]) == ("adaptor-raised", line)


def test_a_task_that_exits_does_not_end_the_loop() -> None:
    source = (
        "import asyncio\n"
        "async def leave(): sys.exit()\n"
        "async def run(_):\n"
        "  task = asyncio.create_task(leave())\n"
        "  await asyncio.wait([task])\n"
        "  return type(task.exception()).__name__"
    )
    assert text_of(source) == "SystemExit"
    assert text_of("async def run(_): return 'still there'") == "still there"


@pytest.mark.parametrize("kind", ["return", "yield"])
def test_a_cancelled_async_call_ends_and_cleans_up(kind: str) -> None:
    source = ENDED + (
        "import asyncio\n"
        "started = threading.Event()\n"
        "async def run(_):\n"
        "  try:\n"
        "    started.set()\n"
        "    await asyncio.sleep(60)\n"
        f"    {kind} 'never'\n"
        "  finally: ended.append('clean')"
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
    assert ended_of(call) == ["clean"]


def test_cancelling_a_finished_call_changes_nothing() -> None:
    _worker.cancel("no such call")
    assert text_of("async def run(_): return 'x'") == "x"


def test_an_interrupted_call_is_reported() -> None:
    source = "from owt._worker import Interrupted\ndef run(_): raise Interrupted"
    assert error_of(source) == (
        "deadline",
        "The call was ended: its time was up, or its client had gone.",
    )


def test_a_large_response_of_an_async_handler_does_not_block_the_loop() -> None:
    large = FakeCall("async def run(_): return b'x' * 200_000")
    small = FakeCall("async def run(_): return b'x'")
    for call, length, thread in [(large, 200_000, "owt-stream"), (small, 1, "owt-async")]:
        handle(call)
        assert call.answer() == [("reply", 200, BINARY, [], b"x" * length)]
        assert call.answered_by == thread


CHUNKS = "'a', b'b', b'', b'c', 'é', bytearray(b'd'), memoryview(b'e'), b'f' * 100_000, B(b'g')"


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("ends", ["", "\n  1 / 0"])
def test_chunks_of_an_async_stream_are_those_of_another(is_fast: bool, ends: str) -> None:
    source = (
        "class B(bytes): pass\n"
        "def run(): return chunks(), {'Content-Type': 'text/event-stream'}\n"
        f"def chunks():\n  for chunk in {CHUNKS}: yield chunk{ends}"
    )
    expected = answer_to(source)
    found = answer_to(source.replace("def chunks", "async def chunks"), is_fast=is_fast)
    assert found[:-1] == expected[:-1]
    assert found[-1][0] == expected[-1][0] == ("abort" if ends else "finish")


def test_a_disconnect_ends_an_async_stream_of_bytes() -> None:
    source = ENDED + (
        "async def run(_):\n  try:\n    while True: yield b'a'\n  finally: ended.append('closed')"
    )
    call = FakeCall(source, takes=3, is_fast=True)
    assert handle(call) is False
    assert call.is_done.wait(10)
    assert call.answer()[1:-1] == [("chunk", b"a")] * 3
    assert call.answer()[-1][0] == "abort"
    assert ended_of(call) == ["closed"]


class Endless:
    """A stream of an async call that never waits, while the block runs."""

    SOURCE = (
        ENDED + "has_begun, may_end = threading.Event(), threading.Event()\n"
        "async def run(_):\n"
        "  try:\n"
        "    has_begun.set()\n"
        "    while not may_end.is_set(): yield {chunk}\n"
        "  finally: ended.append('closed')"
    )

    def __init__(self, chunk: str) -> None:
        self.call = FakeCall(self.SOURCE.format(chunk=chunk), id="endless", is_fast=True)
        # A list of all its chunks would fill the memory.
        self.call.send_nowait = lambda chunk: True  # type: ignore[method-assign]

    def __enter__(self) -> FakeCall:
        assert handle(self.call) is False
        assert self._event("has_begun").wait(10)
        return self.call

    def __exit__(self, *_: object) -> None:
        self._event("may_end").set()
        assert self.call.is_done.wait(10)
        assert ended_of(self.call) == ["closed"]

    def _event(self, name: str) -> threading.Event:
        adaptor = state.adaptors.get(self.call.digest)
        assert adaptor is not None
        event: threading.Event = adaptor.namespace[name]
        return event


@pytest.mark.parametrize("chunk", ["b'a'", "bytearray(b'a')", "''"])
def test_an_async_stream_that_never_waits_lets_other_calls_have_their_turn(chunk: str) -> None:
    other = FakeCall("async def run(_): return 'x'")
    with Endless(chunk):
        assert handle(other) is False
        assert other.answered.wait(10)


def test_an_async_stream_that_never_waits_is_cancelled() -> None:
    with Endless("b'a'") as call:
        _worker.cancel(call.id)
        assert call.is_done.wait(10)
    assert call.answer()[-1][0] == "abort"
    assert call.answer()[-1][1].startswith("CancelledError")


def test_an_async_stream_of_slow_chunks_gives_others_a_turn_behind_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A second goes by whenever the clock is looked at.
    monkeypatch.setattr(_stream, "monotonic", itertools.count().__next__)
    source = ENDED + (
        "import asyncio\n"
        "async def other():\n"
        "  for _ in range(3):\n"
        "    ended.append('turn')\n"
        "    await asyncio.sleep(0)\n"
        "async def run(_):\n"
        "  task = asyncio.create_task(other())\n"
        "  for _ in range(3):\n"
        "    ended.append('chunk')\n"
        "    yield b'a'\n"
        "  await task"
    )
    call = FakeCall(source, is_fast=True)
    assert handle(call) is False
    assert call.is_done.wait(10)
    assert ended_of(call) == ["chunk", "turn"] * 3


def test_a_disconnect_does_not_cancel_the_cleanup_of_an_async_generator() -> None:
    source = (
        ENDED + "import asyncio\n"
        "async def run(_):\n"
        "  try:\n"
        "    while True: yield 'a'\n"
        "  finally:\n"
        "    await asyncio.sleep(0.05)\n"
        "    ended.append('cleaned up')"
    )
    call = FakeCall(source, takes=1)
    send = call.send_nowait

    def gone(chunk: bytes) -> bool:
        is_taken = send(chunk)
        if not is_taken:
            # The front cancels a call when its client disconnects.
            _worker.cancel(call.id)
        return is_taken

    call.send_nowait = gone  # type: ignore[method-assign, assignment]
    assert handle(call) is False
    assert call.is_done.wait(10)
    assert ended_of(call) == ["cleaned up"]


def test_an_async_call_that_is_cancelled_before_it_begins_still_ends() -> None:
    source = (
        "import threading\nhas_begun, may_end = threading.Event(), threading.Event()\n"
        "async def run(_): has_begun.set(); may_end.wait(10)"
    )
    busy = FakeCall(source, id="busy")
    late = FakeCall("async def run(_): return 'never'", id="late", disconnected=True)
    assert handle(busy) is False
    adaptor = state.adaptors.get(busy.digest)
    assert adaptor is not None
    assert adaptor.namespace["has_begun"].wait(10)
    assert handle(late) is False
    _worker.cancel("late")
    adaptor.namespace["may_end"].set()
    assert late.is_done.wait(10)
    assert late.events == [("loaded",)]


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_a_body_closes_the_generator(kind: str, status: int) -> None:
    source = (
        ENDED + f"{kind} chunks():\n"
        "  try: yield 'a'\n"
        "  finally: ended.append('closed')\n"
        f"def run(_): return chunks(), {status}"
    )
    call = FakeCall(source)
    handle(call)
    assert call.answer() == [("reply", status, None, [], b"")]
    assert ended_of(call) == ["closed"]
