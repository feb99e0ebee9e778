"""Streams: each part goes out when it is made, and a maker ends with its reader."""

from http.client import HTTPResponse, IncompleteRead
from pathlib import Path

import pytest
from harness.envelope import digest, envelope
from harness.server import Server
from harness.wire import connect, json_request

# A generator goes on when the test, which has seen the first part, has made a file.
SYNC = """
    import time
    from pathlib import Path

    def run(request, seen):
        yield "first"
        while not Path(seen).exists():
            time.sleep(0.002)
        yield "second"
"""

ASYNC = """
    import asyncio
    from pathlib import Path

    async def run(request, seen):
        yield "first"
        while not Path(seen).exists():
            await asyncio.sleep(0.002)
        yield "second"
"""

BROKEN = """
    import time
    from pathlib import Path

    def run(request, seen):
        yield "begun"
        while not Path(seen).exists():
            time.sleep(0.002)
        raise ValueError("in the middle")
"""

ENDLESS = """
    import logging
    import threading

    def run(request):
        thread = threading.get_ident()
        try:
            logging.warning("running")
            while True:
                yield b"x" * 1000
        finally:
            logging.warning("closed on its own thread: %s", threading.get_ident() == thread)
"""

ENDLESS_ASYNC = """
    import asyncio
    import logging

    async def run(request):
        try:
            logging.warning("running")
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            logging.warning("closed in its loop: %s", asyncio.get_running_loop().is_running())
"""

WAITING = """
    import logging
    import time

    def run(request):
        yield "first"
        try:
            logging.warning("running")
            while True:
                time.sleep(0.002)
        finally:
            logging.warning("interrupted")
"""


@pytest.mark.parametrize("adaptor", [SYNC, ASYNC])
def test_a_part_arrives_before_the_next_is_made(
    server: Server, tmp_path: Path, adaptor: str
) -> None:
    seen = tmp_path / "seen"
    with connect(server) as connection:
        connection.sendall(json_request(envelope(adaptor, {"seen": str(seen)})))
        with HTTPResponse(connection) as response:
            response.begin()
            assert response.read1() == b"first"
            seen.touch()
            assert response.read() == b"second"


def test_parts_that_are_made_at_once_do_not_wait_for_the_next(
    server: Server, tmp_path: Path
) -> None:
    adaptor = SYNC.replace('yield "first"', 'yield from ("f", "ir", "st")')
    seen = tmp_path / "seen"
    with connect(server) as connection:
        connection.sendall(json_request(envelope(adaptor, {"seen": str(seen)})))
        with HTTPResponse(connection) as response:
            response.begin()
            assert b"".join(response.read(1) for _ in range(5)) == b"first"
            seen.touch()
            assert response.read() == b"second"


@pytest.mark.parametrize(
    ("adaptor", "last_words"),
    [
        (ENDLESS, "closed on its own thread: True"),
        (ENDLESS_ASYNC, "closed in its loop: True"),
        (WAITING, "interrupted"),
    ],
)
def test_a_generator_is_closed_when_its_reader_leaves(
    server: Server, adaptor: str, last_words: str
) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        connection.sendall(json_request(envelope(adaptor)))
        with HTTPResponse(connection) as response:
            response.begin()
            response.read1()
            server.log.wait_for("running", since=mark)
    server.log.wait_for(last_words, since=mark)


def test_what_streams_says_how_it_ends(server: Server) -> None:
    reply = server.call("def run(): yield from ('a', b'b', 'ü')")
    assert (reply.status_code, reply.headers["Transfer-Encoding"], reply.content) == (
        200,
        "chunked",
        "abü".encode(),
    )


def test_a_stream_that_breaks_off_is_not_taken_for_whole(server: Server, tmp_path: Path) -> None:
    seen, mark = tmp_path / "seen", len(server.log)
    with connect(server) as connection:
        connection.sendall(json_request(envelope(BROKEN, {"seen": str(seen)})))
        with HTTPResponse(connection) as response:
            response.begin()
            assert (response.status, response.read1()) == (200, b"begun")
            seen.touch()
            with pytest.raises(IncompleteRead):
                response.read()
    where = f"ValueError: in the middle in <adaptor {digest(BROKEN)[:12]}>, line 9"
    server.log.wait_for(f"the answer broke off: {where}", since=mark)


def test_what_came_before_a_break_arrives(server: Server) -> None:
    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(json_request(envelope("def run():\n  yield 'begun'\n  1 / 0")))
            with HTTPResponse(connection) as response:
                response.begin()
                with pytest.raises(IncompleteRead) as broken:
                    response.read()
        assert broken.value.partial == b"begun"


def test_a_client_of_http_1_0_reads_to_the_end_of_the_connection(server: Server) -> None:
    request = json_request(envelope("def run(): yield from ('a', 'b')"))
    with connect(server) as connection:
        connection.sendall(request.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
        with HTTPResponse(connection) as response:
            response.begin()
            assert (response.getheader("Transfer-Encoding"), response.read()) == (None, b"ab")
