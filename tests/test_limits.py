"""Limits on clients that are slow, many, or talk too much: others are still served."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

import pytest
from harness.envelope import envelope
from harness.server import Serve, Server
from harness.wire import connect, read_answer, request_bytes

ECHO = {"code_b64": envelope("def run(request): return str(len(request.get_data()))")["code_b64"]}
HEAD_TOO_SLOW = (
    "The head of the request did not come within 0.5 s. Send it at once, or start the server with "
    "a larger --head-timeout.\n"
)
STOOD_STILL = (
    "No byte of the body came for 0.3 s. Send it without such pauses, or start the server with a "
    "larger --body-timeout.\n"
)


def test_a_head_that_does_not_come_is_given_up(serve: Serve) -> None:
    server = serve("--head-timeout", "0.5")
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        answer = read_answer(connection)
        assert (answer.status, answer.headers["owt-error"]) == (408, "head-timeout")
        assert answer.body.decode() == HEAD_TOO_SLOW
        assert connection.recv(1) == b""


@pytest.mark.parametrize("in_query", [True, False], ids=["streamed", "read-first"])
def test_a_body_that_stands_still_is_given_up(serve: Serve, in_query: bool) -> None:
    server = serve("--body-timeout", "0.3")
    target = f"/?{urlencode(ECHO)}" if in_query else "/"
    media_type = "application/octet-stream" if in_query else "application/json"
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
    with connect(server) as connection:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\nbegun".encode())
        answer = read_answer(connection)
        assert (answer.status, answer.headers["owt-error"]) == (408, "body-timeout")
        assert answer.body.decode() == STOOD_STILL
        assert answer.headers["connection"] == "close"


def test_a_slow_body_that_goes_on_is_read_to_its_end(serve: Serve) -> None:
    server = serve("--body-timeout", "0.5")
    with connect(server) as connection:
        head = f"POST /?{urlencode(ECHO)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(10):
            # Longer than the timeout in all; the pause is what is tested.
            time.sleep(0.1)
            connection.sendall(b"x")
        answer = read_answer(connection)
        assert (answer.status, answer.body) == (200, b"10")


def test_a_connection_without_a_request_is_closed(serve: Serve) -> None:
    server = serve("--keep-alive", "0.5")
    with connect(server) as connection:
        connection.sendall(request_bytes("GET", "/_owt/health", [("Host", "localhost")]))
        assert read_answer(connection).status == 200
        assert connection.recv(1) == b""


def test_five_hundred_half_open_connections_hold_up_nobody(serve: Serve) -> None:
    server = serve()
    with half_open(server, 500):
        for _ in range(20):
            assert server.call("lambda: 'well'").text == "well"


def test_connections_beyond_the_limit_wait_for_their_turn(serve: Serve) -> None:
    server = serve("--max-connections", "8", "--head-timeout", "60")
    words = "all 8 connections are taken, others wait; see --max-connections"
    with half_open(server, 64):
        server.log.wait_for(words)
        with socket.create_connection(("127.0.0.1", server.port), timeout=0.3) as waits:
            waits.sendall(request_bytes("GET", "/_owt/health", [("Host", "localhost")]))
            with pytest.raises(TimeoutError):
                waits.recv(1)
    assert server.call("lambda: 'well'").text == "well"
    assert server.log.since(0).count(words) == 1


@contextmanager
def half_open(server: Server, count: int) -> Iterator[None]:
    """Open connections that never send a whole head."""
    with ExitStack() as connections:
        for _ in range(count):
            connections.enter_context(connect(server)).sendall(b"GET / HTTP/1.1\r\nHost: lo")
        yield
