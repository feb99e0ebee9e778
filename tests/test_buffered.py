"""What the bodies of requests hold in memory: bounded together, and given back."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
from harness.envelope import envelope
from harness.memory import resident
from harness.server import Serve, Server
from harness.wire import connect, exchange, read_answer

MIB = 1 << 20
CLIENTS = 40

# What a front may have more at rest than it had at its start.
AT_REST = 80 * MIB
# Memory is given back some ten seconds after its last use, which gives no event.
PATIENCE = 60.0
PAUSE = 0.25

LENGTH = "def run(request): return str(len(request.get_data()))"

WAIT = """
    import time

    def run(request):
        print("it has", len(request.get_data()), flush=True)
        while True:
            time.sleep(0.005)
"""

FULL = (
    "The bodies of other requests take all the memory that bodies may have. Try again in a moment, "
    "or start the server with a larger --max-buffered.\n"
)
TOO_LARGE = (
    "What is held in memory may be 1048576 bytes long, and this is longer: JSON, form "
    "fields, and the body of a job or of a call with use_cache. Send large data as a file of a "
    "form, or as the whole body of another call, with the code in the query.\n"
)


def _head(code: str, *headers: str) -> bytes:
    target = f"/?{urlencode({'code_b64': envelope(code)['code_b64']})}"
    lines = [f"POST {target} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode()


def _json(size: int, code: str = LENGTH) -> bytes:
    head = _head(code, "Content-Type: application/json", f"Content-Length: {size}")
    return head + b'"' + b"x" * (size - 2) + b'"'


def _chunked(size: int) -> bytes:
    head = _head(LENGTH, "Content-Type: application/json", "Transfer-Encoding: chunked")
    return head + b'%x\r\n"%s"\r\n0\r\n\r\n' % (size, b"x" * (size - 2))


def _form(size: int) -> bytes:
    field = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
    body = field + b"x" * size + b"\r\n--x--\r\n"
    media_type = "Content-Type: multipart/form-data; boundary=x"
    return _head(LENGTH, media_type, f"Content-Length: {len(body)}") + body


RequestOf = Callable[[int], bytes]

BODIES = pytest.mark.parametrize("request_of", [_json, _chunked, _form])


@contextmanager
def _holding(server: Server, size: int) -> Iterator[None]:
    """Hold room with a call that does not end before its client leaves."""
    with connect(server) as connection:
        connection.sendall(_json(size, WAIT))
        server.log.wait_for(f"it has {size}")
        yield


def test_memory_for_clients_that_left_is_given_back(serve: Serve) -> None:
    server = serve("--workers", "1")
    before = resident(server.process.pid)
    request = _json(4 * MIB)

    def send_and_leave(_: int) -> None:
        with connect(server) as connection:
            connection.sendall(request)

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(send_and_leave, range(2 * CLIENTS)))
    deadline = time.monotonic() + PATIENCE
    while (more := resident(server.process.pid) - before) > AT_REST:
        assert time.monotonic() < deadline, f"{more // MIB} MiB are still held"
        time.sleep(PAUSE)


@BODIES
def test_a_body_that_finds_no_room_waits_for_it(serve: Serve, request_of: RequestOf) -> None:
    server = serve("--max-buffered", "1M")
    with connect(server) as waiting:
        with _holding(server, 900_000):
            waiting.sendall(request_of(300_000))
            assert server.call("lambda: 'small ones do not wait'").status_code == 200
            waiting.settimeout(0.5)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
        waiting.settimeout(20)
        assert read_answer(waiting).status == 200


@BODIES
def test_a_body_that_finds_no_room_for_long_is_refused(serve: Serve, request_of: RequestOf) -> None:
    server = serve("--max-buffered", "1M", "--body-timeout", "0.5")
    with _holding(server, 900_000):
        answer = exchange(server, request_of(300_000))
    assert (answer.status, answer.headers["owt-error"]) == (503, "buffers-full")
    assert answer.body.decode() == FULL
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
    assert exchange(server, request_of(300_000)).status == 200


@BODIES
def test_a_body_for_which_there_never_is_room_is_refused_at_once(
    serve: Serve, request_of: RequestOf
) -> None:
    server = serve("--max-buffered", "1M")
    answer = exchange(server, request_of(2 * MIB))
    assert (answer.status, answer.headers["owt-error"]) == (413, "body-too-large")
    assert answer.body.decode() == TOO_LARGE


def test_a_body_that_is_streamed_needs_no_room(serve: Serve) -> None:
    server = serve("--max-buffered", "64K")
    head = _head(LENGTH, "Content-Type: text/plain", f"Content-Length: {4 * MIB}")
    assert exchange(server, head + b"x" * 4 * MIB).body == str(4 * MIB).encode()
