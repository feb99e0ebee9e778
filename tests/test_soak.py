"""Calls can be trusted while workers die and clients vanish; else the soak would see it."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from harness import sockets
from soak import content, deadly, mix
from soak.call import Seen, call
from soak.content import Headed, Sequence, numbered
from soak.host import ALL_WORKERS
from soak.manner import Leaves, Manner
from soak.order import Expected, Order, text
from soak.slots import code_in, home
from soak.soak import Plan, soak
from soak.table import text as table
from soak.verdict import judge
from soak.vitals import Slack, Vitals, grown, is_complete
from soak.wire import Connection, Head

LOST = (
    "The worker that ran this call was ended by SIGKILL, usually because memory ran out. "
    "A new one takes its place, so the call can be tried again.\n"
)


def test_every_answer_is_right_or_has_a_cause(tmp_path: Path) -> None:
    plan = Plan(seconds=14, seed=1, kills=20, removes_folders=False)
    report = asyncio.run(soak(plan, tmp_path))
    assert report.tally.offences == [], table(report)
    assert list(report.vitals) == ["warm-up", "calm", "storm"]
    called = {kind for kind, outcome in report.tally.outcomes if outcome == "right"}
    assert called >= {make(Random(1)).kind for make in mix.HARMLESS}
    assert report.harm.total() == 20
    assert report.deaths.total() > 0


UNSERVED = (
    "No worker process can be started: /bin/python ended while it was starting (signal: 9 "
    "(SIGKILL)) and has printed nothing. "
    "The server goes on trying, so try again in a moment, and look at its log.\n"
)


def of_text(**more: Any) -> Order:
    return Order("kind", b"", b"", text("right", **more))


def answer(code: str | None = None, status: int = 200, **seen: Any) -> Seen:
    headers = {} if code is None else {"owt-error": code}
    return Seen(began=1.0, ended=2.0, head=Head(status, headers), **seen)


WHOLE: dict[str, Any] = {"is_ended": True, "has_all": True}
ERROR: dict[str, Any] = {"is_ended": True, "is_right": False}
LONG = Order("kind", b"", b"", Expected(lambda: Sequence([b"right"]), is_long=True))
BREAKING = Order("kind", b"", b"", Expected(lambda: Sequence([b"right"]), breaks_off=True))
LATE = of_text(status=504, code="deadline")


@pytest.mark.parametrize(
    ("order", "seen", "workers_die", "outcome", "offence"),
    [
        (of_text(), answer(**WHOLE), False, "right", None),
        (of_text(), answer(is_ended=True), False, "wrong", "the body ends too early"),
        (
            of_text(),
            answer(is_right=False, **WHOLE),
            True,
            "wrong",
            "the body is not what it has to be",
        ),
        (of_text(), answer(status=201, **WHOLE), False, "wrong", "status 201 instead of 200"),
        (LATE, answer(**WHOLE), False, "wrong", "an answer instead of deadline"),
        (LATE, answer("deadline", 504, **WHOLE), False, "right", None),
        (of_text(), answer("deadline", **ERROR), True, "deadline", "this error has no cause"),
        (of_text(), answer("worker-died", words=LOST.encode(), **ERROR), True, "worker-died", None),
        (
            of_text(),
            answer("worker-died", words=LOST[:-1].encode(), **ERROR),
            True,
            "worker-died",
            "an error's words are not what they have to be",
        ),
        (
            of_text(),
            answer("worker-died", words=LOST.encode(), **ERROR),
            False,
            "worker-died",
            "a call was lost while nobody killed a worker",
        ),
        (
            of_text(),
            answer("worker-unavailable", 503, words=UNSERVED.encode(), **ERROR),
            *(True, "worker-unavailable", None),
        ),
        (
            of_text(),
            answer("worker-unavailable", 503, words=UNSERVED.encode(), **ERROR),
            *(False, "worker-unavailable", "no worker could be started, and nobody killed any"),
        ),
        (LATE, answer("deadline", is_cut=True), True, "deadline", "an error's words are cut"),
        (LONG, answer(is_cut=True), True, "cut", None),
        (LONG, answer(is_cut=True), False, "cut", "the answer was cut without a cause"),
        (of_text(), answer(is_cut=True), True, "cut", "the answer was cut without a cause"),
        (BREAKING, answer(has_all=True, is_cut=True), False, "right", None),
        (BREAKING, answer(is_cut=True), False, "cut", "the answer was cut without a cause"),
        (
            BREAKING,
            answer(**WHOLE),
            True,
            "wrong",
            "an answer that breaks off has an end like a whole one",
        ),
        (
            of_text(),
            Seen(began=1.0, is_cut=True),
            True,
            "unanswered",
            "the connection was closed without an answer",
        ),
        (
            of_text(),
            Seen(began=1.0, is_unanswered=True),
            True,
            "unanswered",
            "no answer, or no end of it, in time",
        ),
        (
            of_text(),
            Seen(began=1.0, garbled="HTTP/9"),
            True,
            "wrong",
            "the answer is no HTTP: HTTP/9",
        ),
    ],
)
def test_an_answer_is_judged_by_all_that_was_seen(
    order: Order, seen: Seen, workers_die: bool, outcome: str, offence: str | None
) -> None:
    verdict = judge(order, Manner(), seen, workers_die=workers_die)
    assert (verdict.outcome, verdict.offence) == (outcome, offence)


def test_who_leaves_may_still_not_see_anything_wrong() -> None:
    leaving = Manner(leaves=Leaves.IN_ANSWER)
    assert judge(LONG, leaving, answer(), workers_die=False).outcome == "left"
    assert judge(LONG, leaving, answer(is_right=False), workers_die=False).outcome == "wrong"


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (answer(is_cut=True), "right"),
        (Seen(began=1.0, is_cut=True), "right"),
        (answer(**WHOLE), "wrong"),
        (answer(is_right=False, is_cut=True), "wrong"),
        (answer("worker-died", 502, words=LOST.encode(), **ERROR), "worker-died"),
        (Seen(began=1.0, is_unanswered=True), "unanswered"),
    ],
)
def test_who_reads_nothing_is_given_up(seen: Seen, outcome: str) -> None:
    assert judge(LONG, Manner(stalls=True), seen, workers_die=True).outcome == outcome


@pytest.mark.parametrize(
    ("pieces", "is_right", "is_whole"),
    [
        ([b"abcdef"], True, True),
        ([b"a", b"bcde", b"f"], True, True),
        ([b"abc"], True, False),
        ([b"abcd"], True, False),
        ([b"abx"], False, False),
        ([b"abcdefg"], False, False),
    ],
)
def test_content_is_compared_piece_by_piece(
    pieces: list[bytes], is_right: bool, is_whole: bool
) -> None:
    sequence = Sequence([b"abc", b"def"])
    assert all(map(sequence.take, pieces)) is is_right
    assert not is_right or sequence.is_whole() is is_whole


@pytest.mark.parametrize(
    ("body", "is_right"),
    [(b"key t\nt 0 ..t 1 ..", True), (b"key t\nt 0 ..u 1 ..", False), (b"other t\nt 0 ..", False)],
)
def test_the_first_line_says_what_follows(body: bytes, is_right: bool) -> None:
    def parts(line: bytes) -> Any:
        key, _, token = line.decode().partition(" ")
        return numbered(token, 2, 6) if key == "key" else None

    headed = Headed(parts)
    assert all(headed.take(bytes([byte])) for byte in body) is is_right
    assert not is_right or headed.is_whole()


Answer = Callable[[asyncio.StreamWriter], None]


async def asked(answer: bytes) -> Seen:
    """Call a server that answers with these bytes, and then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        connection = await Connection.to(server.sockets[0].getsockname()[1])
        order = Order("kind", b"GET / HTTP/1.1\r\n\r\n", b"", text("right"))
        seen = await call(connection, order, Manner())
        connection.close()
    return seen


@pytest.mark.parametrize(
    ("sent", "is_ended", "has_all", "is_cut", "garbled"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright", True, True, False, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrig", False, False, True, ""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n",
            *(True, True, False, ""),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n",
            *(False, True, True, ""),
        ),
        (b"", False, False, True, ""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            *(False, False, False, "chunk size b'x'"),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nright", False, False, False, "a body without length"),
        (b"nonsense\r\n\r\n", False, False, False, "nonsense"),
    ],
)
def test_a_whole_answer_is_told_from_one_that_is_cut(
    sent: bytes, is_ended: bool, has_all: bool, is_cut: bool, garbled: str
) -> None:
    seen = asyncio.run(asked(sent))
    assert (seen.is_ended, seen.has_all, seen.is_cut) == (is_ended, has_all, is_cut)
    assert seen.garbled == garbled


def test_the_same_seed_makes_the_same_calls() -> None:
    makers = [*mix.HARMLESS, *deadly.DEADLY]
    first, second = ([make(Random(7)) for make in makers] for _ in range(2))
    assert [(order.head, order.body) for order in first] == [
        (order.head, order.body) for order in second
    ]
    assert list(content.numbered("n", 2, 6)) == [b"n 0 ..", b"n 1 .."]


def test_there_is_code_for_each_worker() -> None:
    assert [home(code_in(worker, Random(1))) for worker in (0, 1)] == [0, 1]


def test_a_server_at_rest_holds_no_connection() -> None:
    resting = Vitals(ALL_WORKERS + 1, ALL_WORKERS, 28, 6, 30.0, 8, 3, 20.0)
    assert is_complete(resting)
    for held in ("open_connections", "connections_in_close_wait", "other_connections"):
        assert not is_complete(replace(resting, **{held: 1}))


def test_a_connection_that_only_its_client_has_closed_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        own = client.getsockname()[1]
        with server.accept()[0] as accepted:
            assert sockets.states(port) == {own: sockets.ESTABLISHED}
            client.close()
            assert accepted.recv(1) == b""
            assert sockets.states(port) == {own: sockets.CLOSE_WAIT}
        assert sockets.states(port) == {}


def test_what_has_grown_is_named() -> None:
    before = Vitals(3, 2, 28, 6, 30.0, 8, 3, 20.0)
    after = Vitals(3, 2, 40, 6, 99.0, 8, 3, 20.0)
    assert grown(before, before, Slack()) == []
    assert grown(before, after, Slack(front_files=1, front_memory=32)) == [
        "front files: 40 after 28, and no more than 1 more may be",
        "front memory: 99 after 30, and no more than 32 more may be",
    ]
