"""Clients that leave, and times that are up: what ran for them ends, and makes room for others."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse, IncompleteRead

import pytest
from harness.envelope import envelope
from harness.server import Serve, Server
from harness.wire import connect, json_request

BEGUN = """
    import logging
    import time

    def run(request):
        try:
            yield "begun"
            while True:
                time.sleep(0.002)
        finally:
            logging.warning("interrupted")
"""

BEGUN_ASYNC = """
    import asyncio
    import logging

    async def run(request):
        try:
            yield "begun"
            await asyncio.sleep(60)
        finally:
            logging.warning("interrupted")
"""

# Of a coroutine that gives an ordinary generator, which then has a thread of its own.
BEGUN_LATER = """
    import logging
    import time

    def parts():
        try:
            yield "begun"
            while True:
                yield ""
                time.sleep(0.002)
        finally:
            logging.warning("interrupted")

    async def run(request):
        return parts()
"""

NOT_BEGUN = """
    import logging
    import time

    def run(request):
        logging.info("begun")
        while True:
            time.sleep(0.002)
        yield "never"
"""

NOT_BEGUN_ASYNC = """
    import asyncio
    import logging

    async def run(request):
        logging.info("begun")
        await asyncio.sleep(60)
        yield "never"
"""

# It does not let itself be interrupted, not even while it still logs that it has begun.
POLLING = """
    import logging
    import time

    def run(request):
        try:
            logging.info("begun, disconnected: %s", request.disconnected)
            wait(request)
        except BaseException:
            wait(request)

    def wait(request):
        while not request.disconnected:
            time.sleep(0.002)
        logging.warning("it has left")
"""

COUNTING = """
    sent = 0

    def run(request, ask=False):
        return str(sent) if ask else parts()

    def parts():
        global sent
        while True:
            sent += 1
            yield b"x" * 10_000
"""


@contextmanager
def client_of(server: Server, code: str) -> Iterator[socket.socket]:
    """Make a call; its client leaves at the end."""
    with connect(server) as connection:
        connection.sendall(json_request(envelope(code)))
        yield connection


@pytest.mark.parametrize("adaptor", [BEGUN, BEGUN_ASYNC])
def test_a_stream_breaks_off_when_its_time_is_up(server: Server, adaptor: str) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        connection.sendall(json_request(envelope(adaptor, timeout=1)))
        with HTTPResponse(connection) as response:
            response.begin()
            with pytest.raises(IncompleteRead) as broken:
                response.read()
    assert (response.status, broken.value.partial) == (200, b"begun")
    server.log.wait_for("interrupted", since=mark)


@pytest.mark.parametrize("adaptor", [BEGUN, BEGUN_ASYNC, BEGUN_LATER])
def test_a_stream_without_parts_ends_when_its_reader_leaves(server: Server, adaptor: str) -> None:
    mark = len(server.log)
    with client_of(server, adaptor) as connection, HTTPResponse(connection) as response:
        response.begin()
        assert response.read1() == b"begun"
    server.log.wait_for("interrupted", since=mark)


@pytest.mark.parametrize("adaptor", [NOT_BEGUN, NOT_BEGUN_ASYNC])
def test_a_generator_that_has_not_yielded_makes_room(serve: Serve, adaptor: str) -> None:
    server = serve("--workers", "1", "--threads", "1", "--queue", "0", "--grace", "60")
    with client_of(server, adaptor):
        server.log.wait_for("begun")
        assert server.call("lambda: 'there'").headers["Owt-Error"] == "queue-full"
    assert answer_once_there_is_room(server) == "there"


@pytest.mark.parametrize("status", [204, 304])
def test_a_generator_that_is_never_started_makes_room(serve: Serve, status: int) -> None:
    server = serve("--workers", "1", "--threads", "1", "--queue", "0")
    unread = f"def run(request):\n  return (part for part in 'ab'), {status}"
    for _ in range(3):
        reply = server.call(unread)
        assert (reply.status_code, reply.content) == (status, b"")
    assert server.call("lambda: 'there'").text == "there"


def answer_once_there_is_room(server: Server) -> str:
    """Call until the call is taken, for as long as a test has patience."""
    deadline = time.monotonic() + 10
    while (reply := server.call("lambda: 'there'")).status_code == 503:
        assert time.monotonic() < deadline, "there is never room again"
    return reply.text


def test_code_that_polls_sees_that_its_client_has_left(server: Server) -> None:
    mark = len(server.log)
    with client_of(server, POLLING):
        server.log.wait_for("begun, disconnected: False", since=mark)
    server.log.wait_for("it has left", since=mark)


def test_a_reader_that_stops_reading_stops_the_generator(server: Server) -> None:
    def sent() -> int:
        return int(server.call(COUNTING, {"ask": True}).text)

    with client_of(server, COUNTING) as connection, HTTPResponse(connection) as response:
        response.begin()
        deadline, last = time.monotonic() + 10, -1
        while (now := sent()) != last:
            assert time.monotonic() < deadline, "the generator goes on"
            last = now
            time.sleep(0.2)
        # What is on the way fits the buffers of two sockets and the window between them.
        assert now * 10_000 < 32 << 20
        assert len(response.read(20 << 20)) == 20 << 20
        assert sent() > now


def test_a_thousand_calls_wait_at_the_same_time(serve: Serve) -> None:
    server = serve("--workers", "1", "--queue", "2000")
    waiting = """
        import asyncio

        here, everybody = 0, asyncio.Event()

        async def run(request, n):
            global here
            here += 1
            if here == 1000:
                everybody.set()
            await everybody.wait()
            return f"{n}"
    """
    requests = [json_request(envelope(waiting, {"n": n})) for n in range(1000)]
    with ExitStack() as connections:
        clients = [connections.enter_context(connect(server)) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request)
        assert [body_of(client) for client in clients] == [f"{n}".encode() for n in range(1000)]


def body_of(connection: socket.socket) -> bytes:
    """Return the body of an answer."""
    with HTTPResponse(connection) as response:
        response.begin()
        return response.read()
