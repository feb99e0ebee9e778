"""Clients of HTTP/2 that no library is: what they keep from the server costs it nothing."""

import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice, product
from string import ascii_lowercase
from urllib.parse import urlencode

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded
from harness.envelope import Fields, envelope
from harness.server import Serve, Server
from harness.sockets import wait_until_none_is_held
from harness.tls import Files, connect_http2

WELL = envelope("lambda: 'well'")

# Bytes of a frame, so that a head takes many.
SMALL = 20

LONG = [("x-long", "x" * 10_000)]

# Each has a place of its own in a table, which has less than 32,768.
NAMES = [("".join(name), "") for name in islice(product(ascii_lowercase, repeat=4), 30_000)]


def begin(
    http: H2Connection, fields: Fields, more: Iterable[tuple[str, str]] = (), *, frame: int = 16_384
) -> bytes:
    """Return the beginning of a connection, and a call whose head comes in frames of a size."""
    http.initiate_connection()
    settings = http.data_to_send()
    http.max_outbound_frame_size = frame
    head = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost")]
    http.send_headers(1, [*head, (":path", f"/?{urlencode(fields)}"), *more], end_stream=True)
    return settings + http.data_to_send()


def answer(tcp: ssl.SSLSocket, http: H2Connection) -> bytes:
    """Read the body of the answer to the call."""
    body = b""
    while data := tcp.recv(65536):
        for event in http.receive_data(data):
            if isinstance(event, DataReceived):
                body += event.data
            if isinstance(event, StreamEnded):
                return body
    raise EOFError


def answer_of(server: Server, files: Files, frame: int) -> bytes:
    """Make a call whose head comes in frames of a size."""
    with connect_http2(server, files) as tcp:
        http = H2Connection()
        tcp.sendall(begin(http, WELL, frame=frame))
        return answer(tcp, http)


@pytest.mark.parametrize("frame", [SMALL, 16_384])
def test_a_head_may_come_in_many_frames(serve: Serve, files: Files, frame: int) -> None:
    server = serve(*files.options, "--head-timeout", "5")
    assert answer_of(server, files, frame) == b"well"


@pytest.mark.parametrize("kept_back", [SMALL, SMALL * 10, SMALL + 9], ids=lambda n: f"{n} bytes")
def test_a_head_that_never_ends_ends_its_connection(
    serve: Serve, files: Files, kept_back: int
) -> None:
    server = serve(*files.options, "--head-timeout", "0.5")
    with connect_http2(server, files) as tcp:
        tcp.sendall(begin(H2Connection(), WELL, LONG, frame=SMALL)[:-kept_back])
        wait_until_none_is_held(server)


def test_a_head_that_comes_byte_by_byte_ends_its_connection(serve: Serve, files: Files) -> None:
    server = serve(*files.options, "--head-timeout", "0.5")
    with connect_http2(server, files) as tcp:
        sent = begin(H2Connection(), WELL, LONG, frame=SMALL)
        tcp.sendall(sent[:200])
        with pytest.raises(OSError, match=r"reset|pipe|EOF|closed"):
            send_slowly(tcp, sent[200:])


def send_slowly(tcp: ssl.SSLSocket, data: bytes) -> None:
    """Send bytes one by one."""
    for byte in data:
        tcp.sendall(bytes([byte]))
        time.sleep(0.01)


def test_a_head_of_more_names_than_can_be_held_ends_its_connection(
    serve: Serve, files: Files
) -> None:
    server = serve(*files.options)
    with connect_http2(server, files) as tcp:
        # It may be closed before all of it was sent.
        with suppress(OSError):
            tcp.sendall(begin(H2Connection(), WELL, NAMES))
        wait_until_none_is_held(server)
    assert answer_of(server, files, frame=16_384) == b"well"
