"""Connections end, however a request and its answer do; and one may carry many requests."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlencode

import pytest
from harness.envelope import envelope
from harness.server import Serve, Server
from harness.sockets import wait_until_none_is_held
from harness.wire import connect, json_request, read_answer, request_bytes

CLIENTS = 40
SIZE = 400_000

IGNORED = "lambda: 'ignored'"

HALF_READ = """
    def run(request):
        return request.stream.read(1000)
"""

RAISED = """
    def run(request):
        request.stream.read(1)
        raise ValueError
"""

BROKEN_OFF = """
    def run(request):
        yield "begun"
        raise ValueError
"""

DIED = """
    import os

    def run(request):
        request.stream.read(1)
        os._exit(3)
"""

STUCK = """
    import time

    def run(request):
        while True:
            time.sleep(0.005)
"""


@dataclass(frozen=True)
class End:
    """How a call ends, and what its client sees first of the answer."""

    code: str
    status: int
    host: str = "localhost"
    timeout: float | None = None


ENDS = {
    "ignored": End(IGNORED, 200),
    "half read": End(HALF_READ, 200),
    "raised": End(RAISED, 500),
    "broken off": End(BROKEN_OFF, 200),
    "died": End(DIED, 502),
    "refused": End(IGNORED, 403, host="elsewhere.example"),
    "cancelled": End(STUCK, 504, timeout=0.2),
}


def _target(end: End) -> str:
    fields = {"code_b64": envelope(end.code)["code_b64"]}
    if end.timeout is not None:
        fields["timeout"] = str(end.timeout)
    return f"/?{urlencode(fields)}"


def _pieces() -> Iterator[bytes]:
    for _ in range(SIZE // 4000):
        yield b"x" * 4000


def _bodies() -> dict[str, tuple[str, list[bytes]]]:
    plain = b"".join(_pieces())
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + plain
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in _pieces()]
    json = b'{"text": "' + plain + b'"}'
    return {
        "length": (f"Content-Length: {SIZE}", [plain]),
        # None of these is sent to its end.
        "length that never comes": (f"Content-Length: {SIZE * 2}", [plain]),
        "chunked": ("Transfer-Encoding: chunked", [*chunks, b"0\r\n\r\n"]),
        "chunked without end": ("Transfer-Encoding: chunked", chunks),
        "form": (
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(form) + 9}",
            [form, b"\r\n--x--\r\n"],
        ),
        "json": (f"Content-Type: application/json\r\nContent-Length: {len(json)}", [json]),
        "none": ("X-Nothing: 1", []),
    }


BODIES = _bodies()


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server whose workers may die."""
    with Server.started("--workers", "1", home=tmp_path_factory.mktemp("workers")) as server:
        yield server


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(("headers", "pieces"), BODIES.values(), ids=BODIES)
def test_no_connection_is_left(
    workers: Server, headers: str, pieces: list[bytes], end: End
) -> None:
    head = f"POST {_target(end)} HTTP/1.1\r\nHost: {end.host}\r\n{headers}\r\n\r\n"

    async def answers() -> list[str]:
        clients = [_answer_while_sending(workers, [head.encode(), *pieces]) for _ in range(CLIENTS)]
        return await asyncio.gather(*clients)

    assert asyncio.run(answers()) == [f"HTTP/1.1 {end.status}"] * CLIENTS
    wait_until_none_is_held(workers)


async def _answer_while_sending(server: Server, pieces: list[bytes]) -> str:
    """Send a request, and go away as soon as the head of an answer has come.

    On the socket itself: a stream of asyncio forgets what has come when writing to it fails.
    """
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", server.port))
        sending = asyncio.create_task(_send(connection, pieces))
        head = b""
        while b"\r\n\r\n" not in head:
            received = await loop.sock_recv(connection, 65536)
            assert received, f"the connection was closed after {head!r}"
            head += received
        sending.cancel()
        await asyncio.wait([sending])
    return head[:12].decode()


async def _send(connection: socket.socket, pieces: list[bytes]) -> None:
    # The server may have closed the connection: what it has said, reading shows.
    with suppress(ConnectionError):
        for piece in pieces:
            await asyncio.get_running_loop().sock_sendall(connection, piece)


@pytest.mark.parametrize(
    "offer",
    [
        "Connection: Upgrade\r\nUpgrade: websocket",
        "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket",
        "Upgrade: websocket",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ",
    ],
)
def test_an_offer_of_another_protocol_is_ignored(server: Server, offer: str) -> None:
    body = b"two\r\n\r\nlines"
    echo = envelope("lambda request: request.get_data()")["code_b64"]
    head = f"POST /?code_b64={echo} HTTP/1.1\r\nHost: localhost\r\n{offer}\r\n"
    with connect(server) as connection:
        for _ in range(2):
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = read_answer(connection)
            assert (answer.status, answer.body) == (200, body)
            assert "connection" not in answer.headers


def test_requests_that_are_sent_together_are_answered_one_by_one(server: Server) -> None:
    code = envelope("lambda request: f'{request.method} {request.get_data()}'")["code_b64"]
    line = f"/?code_b64={code} HTTP/1.1\r\nHost: localhost\r\n"
    chunked = "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"
    requests = [
        ("HEAD", "\r\n", b""),
        ("GET", "\r\n", b"GET b''"),
        ("POST", "Content-Length: 3\r\n\r\nabc", b"POST b'abc'"),
        ("HEAD", "\r\n", b""),
        ("POST", chunked, b"POST b'abc'"),
        ("GET", "\r\n", b"GET b''"),
    ]
    with connect(server) as connection:
        connection.sendall(
            "".join(f"{method} {line}{rest}" for method, rest, _ in requests).encode()
        )
        stream = connection.makefile("rb")
        found = [_read_one(stream, method) for method, _, _ in requests]
    assert found == [(200, body) for _, _, body in requests]


def _read_one(stream: BinaryIO, method: str) -> tuple[int, bytes]:
    """Read one of several answers, and no byte of the next one."""
    status = int(stream.readline().split()[1])
    headers = http.client.parse_headers(stream)
    length = 0 if method == "HEAD" else int(headers["content-length"])
    return status, stream.read(length)


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ("Host: elsewhere.example\r\nContent-Length: 1000", 403, "host-not-allowed"),
        ("Host: localhost\r\nContent-Length: 99999999999999", 413, "body-too-large"),
        (
            "Host: localhost\r\nOrigin: https://x.example\r\nContent-Length: 9",
            403,
            "origin-not-allowed",
        ),
    ],
)
def test_a_body_that_is_refused_is_not_asked_for(
    server: Server, head: str, status: int, code: str
) -> None:
    with connect(server) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nExpect: 100-continue\r\n{head}\r\n\r\n".encode())
        answer = read_answer(connection)
    assert (answer.status, answer.headers["owt-error"]) == (status, code)
    assert answer.headers["owt-request-id"]


def test_a_body_that_is_wanted_is_asked_for(server: Server) -> None:
    body = json.dumps(envelope("lambda: 'well'")).encode()
    headers = [
        ("Host", "localhost"),
        ("Content-Type", "application/json"),
        ("Expect", "100-continue"),
    ]
    with connect(server) as connection:
        connection.sendall(request_bytes("POST", "/", headers, body).removesuffix(body))
        continues = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert connection.recv(len(continues)) == continues
        connection.sendall(body)
        assert read_answer(connection).body == b"well"


BROKEN_AT_ONCE = """
    def run(request):
        yield "begun"
        raise ValueError
"""


def test_an_answer_that_breaks_off_at_once_has_begun(server: Server) -> None:
    for _ in range(50):
        with connect(server) as connection:
            connection.sendall(json_request(envelope(BROKEN_AT_ONCE)))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n5\r\nbegun\r\n")


ENDLESS = """
    import logging

    def run(request):
        try:
            while True:
                yield b"x" * 65536
        finally:
            logging.warning("given up")
"""

LARGE = "lambda: b'x' * (64 << 20)"

BREAKS_OFF = """
    def run(request):
        yield b"x" * 65536
        raise ValueError("broken off")
"""


@pytest.mark.parametrize("code", [ENDLESS, LARGE, BREAKS_OFF], ids=["stream", "whole", "broken"])
def test_a_client_that_does_not_read_on_is_given_up(serve: Serve, code: str) -> None:
    server = serve("--write-timeout", "0.5")
    with connect(server) as connection:
        connection.sendall(json_request(envelope(code)))
        assert connection.recv(12) == b"HTTP/1.1 200"
        wait_until_none_is_held(server)
    if code is ENDLESS:
        server.log.wait_for("given up")


def test_a_client_that_reads_slowly_gets_everything(serve: Serve) -> None:
    size = 16 << 20
    server = serve("--write-timeout", "0.5")
    with connect(server) as connection:
        connection.sendall(json_request(envelope(f"lambda: b'x' * {size}")))
        read, until = 0, time.monotonic() + 2
        while data := connection.recv(200_000):
            read += len(data)
            if read > size:
                break
            if time.monotonic() < until:
                # The system's own buffers are larger than what is read in the time that is allowed.
                time.sleep(0.02)
        assert read > size
