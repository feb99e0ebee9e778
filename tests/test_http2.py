"""Clients of HTTP/2 that no library is: what they keep from the server costs it nothing."""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice, product
from string import ascii_lowercase
from urllib.parse import urlencode

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, Event, StreamEnded, StreamReset
from h2.settings import SettingCodes
from harness.envelope import Fields, envelope
from harness.server import Serve, Server
from harness.sockets import wait_until_none_is_held
from harness.tls import Files, connect_http2

WELL = envelope("lambda: 'well'")

# Bytes of a frame, so that a head takes many.
SMALL = 20

# Bytes that a slow reader asks for at a time.
WINDOW = 16_384

LONG = [("x-long", "x" * 10_000)]

ENDLESS = """
    import logging

    def run(request):
        try:
            while True:
                yield b"x" * 65536
        finally:
            logging.warning("given up")
"""

# Each has a place of its own in a table, which has less than 32,768.
NAMES = [("".join(name), "") for name in islice(product(ascii_lowercase, repeat=4), 30_000)]


def begin(
    http: H2Connection,
    fields: Fields,
    more: Iterable[tuple[str, str]] = (),
    *,
    frame: int = 16_384,
    window: int = 65_535,
) -> bytes:
    """Return the beginning of a connection, and a call whose head comes in frames of a size."""
    http.initiate_connection()
    http.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
    settings = http.data_to_send()
    http.max_outbound_frame_size = frame
    return settings + call(http, 1, fields, more)


def call(
    http: H2Connection, stream: int, fields: Fields, more: Iterable[tuple[str, str]] = ()
) -> bytes:
    """Return a call."""
    head = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost")]
    http.send_headers(stream, [*head, (":path", f"/?{urlencode(fields)}"), *more], end_stream=True)
    return http.data_to_send()


def events(tcp: ssl.SSLSocket, http: H2Connection) -> Iterator[Event]:
    """Give what comes, as long as it does."""
    while data := tcp.recv(65536):
        yield from http.receive_data(data)


def answer(tcp: ssl.SSLSocket, http: H2Connection, stream: int = 1) -> bytes:
    """Read the body of the answer to a call."""
    body = b""
    for event in events(tcp, http):
        if isinstance(event, DataReceived) and event.stream_id == stream:
            body += event.data
        if isinstance(event, StreamEnded) and event.stream_id == stream:
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


@pytest.mark.parametrize("window", [0, 65_535], ids=["no window", "no more window"])
def test_an_answer_that_is_given_no_window_is_given_up_alone(
    serve: Serve, files: Files, window: int
) -> None:
    server = serve(*files.options, "--write-timeout", "0.5")
    with connect_http2(server, files) as tcp:
        http = H2Connection()
        tcp.sendall(begin(http, envelope(ENDLESS), window=window))
        server.log.wait_for("given up")
        tcp.sendall(call(http, 3, WELL))
        open_window(tcp, http, 3, 65_535)
        assert answer(tcp, http, stream=3) == b"well"
        # Who reads on after all is told that there is no more.
        open_window(tcp, http, 1, 65_535)
        assert any(isinstance(event, StreamReset) for event in events(tcp, http))


def test_an_answer_that_is_given_little_window_at_a_time_comes_whole(
    serve: Serve, files: Files
) -> None:
    server = serve(*files.options, "--write-timeout", "2")
    pieces = 15
    with connect_http2(server, files) as tcp:
        http = H2Connection()
        tcp.sendall(begin(http, envelope(f"lambda: b'x' * {pieces * WINDOW}"), window=0))
        for _ in range(pieces):
            time.sleep(0.2)
            open_window(tcp, http, 1, WINDOW)
        assert answer(tcp, http) == b"x" * (pieces * WINDOW)


def open_window(tcp: ssl.SSLSocket, http: H2Connection, stream: int, size: int) -> None:
    """Let the server send more."""
    http.increment_flow_control_window(size)
    http.increment_flow_control_window(size, stream)
    tcp.sendall(http.data_to_send())
