"""Server-sent events and lines of JSON, as bytes and as responses."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from owt._state import state
from owt.summat import stream
from tests.fake import FakeCall, answer_to, error_of, handle

EVENTS = "text/event-stream"
UNKEPT = [("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
BEGUN = ("start", 200, EVENTS, UNKEPT)
BEAT = ("chunk", b":\n\n")
HEAD = "import asyncio, threading\nfrom owt.summat import stream\nended = []\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"data": "a"}, b"data: a\n\n"),
        ({"data": "a\nb\r\nc\rd"}, b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        ({"data": "\u2028\x0b"}, "data: \u2028\x0b\n\n".encode()),
        ({"data": ""}, b"data: \n\n"),
        ({"data": [1, None]}, b"data: [1,null]\n\n"),
        ({"data": 0}, b"data: 0\n\n"),
        ({"token": "\u00e9\n", "n": 1}, 'data: {"token":"\u00e9\\n","n":1}\n\n'.encode()),
        ({"event": "tick", "id": 7, "retry": 0}, b"event: tick\nid: 7\nretry: 0\n\n"),
        ({"data": "x", "event": "e", "id": ""}, b"event: e\nid: \ndata: x\n\n"),
        ({"data": "\ud800"}, b"data: \\ud800\n\n"),
    ],
)
def test_an_event_has_the_format_of_the_standard(given: dict[str, Any], expected: bytes) -> None:
    assert stream.event(**given) == expected


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"event": "a\nb"}, ValueError, "the event of an event must not hold a line break"),
        ({"id": "a\0"}, ValueError, "the id of an event must not hold a line break or NUL"),
        ({"retry": -1}, ValueError, "retry is -1"),
        ({"data": 1, "token": 2}, TypeError, "data or fields, not both"),
    ],
)
def test_invalid_event_fields_are_rejected(
    given: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        stream.event(**given)


@pytest.mark.parametrize("source", ["text", b"bytes", 5])
def test_values_that_are_not_iterable_are_rejected(source: Any) -> None:
    with pytest.raises(TypeError, match="a stream takes a generator or an iterable, not"):
        stream.response(source)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_an_invalid_heartbeat_is_rejected(seconds: float) -> None:
    with pytest.raises(ValueError, match="it must be seconds above 0, or None"):
        stream.response([], heartbeat=seconds)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_events_are_sent_as_they_are_yielded(kind: str) -> None:
    source = (
        f"{HEAD}{kind} work():\n"
        "  yield stream.event('a'); yield {'b': 1}; yield 'c'; yield stream.done()\n"
        "def run(_): return stream.response(work(), headers={'X-A': 'b'}, status=201)"
    )
    assert answer_to(source) == [
        ("start", 201, EVENTS, [*UNKEPT, ("X-A", "b")]),
        ("chunk", b"data: a\n\n"),
        ("chunk", b'data: {"b":1}\n\n'),
        ("chunk", b"data: c\n\n"),
        ("chunk", b"event: done\ndata: \n\n"),
        ("finish",),
    ]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_lines_of_json_are_sent_as_they_are_yielded(kind: str) -> None:
    source = (
        f"{HEAD}{kind} work():\n  yield {{'a': 1}}; yield 'b'; yield float('nan')\n"
        "def run(_): return stream.ndjson(work())"
    )
    assert answer_to(source) == [
        ("start", 200, "application/x-ndjson", []),
        ("chunk", b'{"a":1}\n'),
        ("chunk", b'"b"\n'),
        ("chunk", b"null\n"),
        ("finish",),
    ]


class Listening(FakeCall):
    """Opens the adaptor's `gate` at the second heartbeat."""

    def send_nowait(self, chunk: Any) -> bool:
        adaptor = state.adaptors.get(self.digest)
        assert adaptor is not None
        is_sent = super().send_nowait(chunk)
        if self.events.count(BEAT) == 2:
            adaptor.namespace["gate"].set()
        return is_sent


def heard(source: str) -> tuple[list[tuple[Any, ...]], Listening]:
    call = Listening(HEAD + source)
    assert handle(call) or call.is_done.wait(10)
    return call.answer(), call


SYNC = (
    "gate = threading.Event()\n"
    "def work():\n"
    "  owner = threading.get_ident()\n"
    "  try:\n"
    "    {first}\n"
    "    assert gate.wait(10)\n"
    "    yield 'b'\n"
    "  finally: ended.append(threading.get_ident() == owner)\n"
    "def run(_): return stream.response(work(), heartbeat=0.01)"
)
ASYNC = (
    "gate = asyncio.Event()\n"
    "async def work():\n"
    "  try:\n"
    "    {first}\n"
    "    await asyncio.wait_for(gate.wait(), 10)\n"
    "    yield 'b'\n"
    "  finally: ended.append(True)\n"
    "def run(_): return stream.response(work(), heartbeat=0.01)"
)


@pytest.mark.parametrize("source", [SYNC, ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("first", "head"), [("yield 'a'", [BEGUN, ("chunk", b"data: a\n\n")]), ("pass", [BEGUN])]
)
def test_a_silent_generator_gets_heartbeats_and_stays_on_its_thread(
    source: str, first: str, head: list[Any]
) -> None:
    answer, call = heard(source.format(first=first))
    beats = answer.count(BEAT)
    assert beats >= 2
    assert answer == [*head, *[BEAT] * beats, ("chunk", b"data: b\n\n"), ("finish",)]
    adaptor = state.adaptors.get(call.digest)
    assert adaptor is not None
    assert adaptor.namespace["ended"] == [True]


def test_a_busy_stream_needs_no_heartbeat() -> None:
    source = (
        f"{HEAD}import time\ndef work():\n"
        "  for n in range(30):\n    time.sleep(0.01)\n    yield n\n"
        "def run(_): return stream.response(work(), heartbeat=5)"
    )
    chunks = [("chunk", f"data: {n}\n\n".encode()) for n in range(30)]
    assert answer_to(source) == [BEGUN, *chunks, ("finish",)]


class Slow(FakeCall):
    """A reader so slow that a heartbeat is due while a chunk is sent."""

    def send(self, chunk: Any) -> bool:
        threading.Event().wait(0.1)
        return super().send(chunk)


def test_no_heartbeat_is_sent_within_a_chunk() -> None:
    call = Slow(HEAD + "def run(_): return stream.response(iter('ab'), heartbeat=0.01)")
    handle(call)
    chunks = [("chunk", b"data: a\n\n"), ("chunk", b"data: b\n\n")]
    assert call.answer() == [BEGUN, *chunks, ("finish",)]


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("beat", ["None", "5"])
def test_a_generator_that_fails_midway_breaks_off_the_response(kind: str, beat: str) -> None:
    source = (
        f"{HEAD}{kind} work():\n  yield 'a'\n  raise RuntimeError('half way')\n"
        f"def run(_): return stream.response(work(), heartbeat={beat})"
    )
    begun, *chunks, (ended, text) = answer_to(source)
    sent = [("chunk", b"data: a\n\n"), ("chunk", b": RuntimeError: half way\n")]
    assert (begun, chunks, ended) == (BEGUN, sent, "abort")
    assert text.startswith("RuntimeError: half way")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_generator_that_fails_at_once_is_an_ordinary_error(kind: str) -> None:
    source = (
        f"{HEAD}{kind} work():\n  raise RuntimeError('at once')\n  yield\n"
        "def run(_): return stream.response(work())"
    )
    code, text = error_of(source)
    assert (code, text.splitlines()[0]) == ("adaptor-raised", "RuntimeError: at once")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_disconnect_closes_the_generator(kind: str) -> None:
    source = (
        f"{HEAD}{kind} work():\n"
        "  try:\n    while True: yield 'a'\n"
        "  finally: ended.append('closed')\n"
        "def run(_): return stream.response(work())"
    )
    call = FakeCall(source, takes=2)
    assert handle(call) or call.is_done.wait(10)
    assert [event[0] for event in call.answer()] == ["start", "chunk", "chunk", "abort"]
    adaptor = state.adaptors.get(call.digest)
    assert adaptor is not None
    assert adaptor.namespace["ended"] == ["closed"]
