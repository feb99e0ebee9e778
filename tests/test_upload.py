"""Bodies on their way in: streamed to the handler, or spooled to disk, and never held whole."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest
from harness.envelope import Fields, envelope
from harness.memory import watched
from harness.server import Serve, Server
from harness.wire import connect, exchange, read_answer

MEGABYTE = 1 << 20
PIECE = bytes(range(256)) * 4096

# What each handler says of the body that it reads.
READ = """
    import hashlib

    def run(request):
        seen = hashlib.sha256(request.data)
        return f"{len(request.data)} {seen.hexdigest()}"
"""
READ_IN_PIECES = """
    import hashlib

    def run(request):
        seen, size = hashlib.sha256(), 0
        for piece in request.stream:
            seen.update(piece)
            size += len(piece)
        return f"{size} {seen.hexdigest()}"
"""
READ_ASYNC = """
    import hashlib

    async def run(request):
        seen, size = hashlib.sha256(), 0
        async for piece in request.stream:
            seen.update(piece)
            size += len(piece)
        return f"{size} {seen.hexdigest()}"
"""
COUNT = """
    def run(request):
        for piece in request.stream:
            yield f"{len(piece)} "
"""
WAIT = """
    import logging

    def run(request):
        try:
            return str(len(request.data))
        finally:
            logging.warning("cleaned up")
"""


BEGUN = """
    import logging

    def run(request):
        try:
            yield "begun"
            logging.warning("reading")
            yield str(len(request.data))
        except ConnectionResetError as err:
            logging.warning("reading failed: %s", err)
            raise
        finally:
            logging.warning("cleaned up")
"""


def path_of(code: str, **fields: object) -> str:
    """Return the path of a call with its envelope in the query."""
    return "/?" + urlencode(envelope(code, **fields))


def head(path: str, *headers: str) -> bytes:
    """Return the head of a POST of bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/x-bytes"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def in_chunks(pieces: int) -> Iterator[bytes]:
    """Yield a body, which is then sent in chunks."""
    for _ in range(pieces):
        yield PIECE


def digest_of(pieces: int) -> str:
    """Return what the handlers above say of a body."""
    import hashlib

    seen = hashlib.sha256()
    for _ in range(pieces):
        seen.update(PIECE)
    return f"{pieces * len(PIECE)} {seen.hexdigest()}"


@pytest.mark.parametrize("code", [READ, READ_IN_PIECES, READ_ASYNC])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_large_body_arrives_whole(server: Server, code: str, is_chunked: bool) -> None:
    body = in_chunks(5) if is_chunked else PIECE * 5
    headers = {"Content-Type": "application/x-bytes"}
    reply = server.send("POST", path_of(code), data=body, headers=headers)
    assert (reply.status_code, reply.text) == (200, digest_of(5))


def test_an_answer_begins_before_the_body_has_ended(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(head(path_of(COUNT), "Content-Length: 150000") + PIECE[:100_000])
        with HTTPResponse(connection) as response:
            response.begin()
            seen = 0
            while seen < 100_000:
                seen += sum(map(int, response.read1().split()))
            assert seen == 100_000
            connection.sendall(PIECE[:50_000])
            assert sum(map(int, response.read().split())) == 50_000


def test_a_call_begins_with_the_first_bytes_of_a_slow_body(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(head(path_of(COUNT), "Content-Length: 6") + b"abc")
        with HTTPResponse(connection) as response:
            response.begin()
            assert response.read1() == b"3 "
            connection.sendall(b"de")
            assert response.read1() == b"2 "
            connection.sendall(b"f")
            assert response.read() == b"1 "


def test_a_gigabyte_up_and_down_needs_little_memory(serve: Serve) -> None:
    server = serve("--workers", "2")
    echo = "def run(request): yield from request.stream"
    size = 1024 * MEGABYTE
    with watched(server) as peak, connect(server) as sender:
        sender.sendall(head(path_of(echo), f"Content-Length: {size}"))
        # The answer is read by the same connection while the body is being sent.
        back = _send_and_read(sender, size)
    assert back == size
    assert peak.bytes < 100 * MEGABYTE, f"{peak.bytes / MEGABYTE:.0f} MB"


def _send_and_read(connection: socket.socket, size: int) -> int:
    import threading

    def send() -> None:
        for _ in range(size // len(PIECE)):
            connection.sendall(PIECE)

    sending = threading.Thread(target=send)
    sending.start()
    with HTTPResponse(connection) as response:
        response.begin()
        back, buffer = 0, bytearray(len(PIECE))
        while read := response.readinto(buffer):
            back += read
    sending.join()
    return back


FILES = """
    import hashlib

    def run(request):
        seen = hashlib.sha256()
        for piece in iter(lambda: request.files["f"].read(1 << 20), b""):
            seen.update(piece)
        return {"name": request.files["f"].filename, "seen": seen.hexdigest(),
                "note": request.form["note"]}
"""


def form_of(fields: Fields, size: int) -> Iterator[bytes]:
    """Yield a form whose file comes before the fields that say what to run."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n'
    for _ in range(size // len(PIECE)):
        yield PIECE
    yield b"\r\n"
    for name, value in {"note": "hi", **fields}.items():
        yield part.format(name, value).encode()
    yield b"--x--\r\n"


def test_a_large_file_of_a_form_needs_little_memory(serve: Serve, tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "spool").mkdir()
    server = serve("--workers", "2", env={"TMPDIR": str(tmp_path / "spool")})
    pieces = 512
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with watched(server) as peak:
        body = form_of(envelope(FILES), pieces * len(PIECE))
        reply = server.send("POST", "/", data=body, headers=headers)
    seen = hashlib.sha256()
    for _ in range(pieces):
        seen.update(PIECE)
    expected = {"name": "f.bin", "seen": seen.hexdigest(), "note": "hi"}
    assert (reply.status_code, reply.json()) == (200, expected)
    assert peak.bytes < 100 * MEGABYTE, f"{peak.bytes / MEGABYTE:.0f} MB"
    _wait_until_empty(tmp_path / "spool")


def _wait_until_empty(spool: Path) -> None:
    deadline = time.monotonic() + 10
    (uploads,) = spool.glob("owt-*/uploads-*")
    while list(uploads.iterdir()):
        assert time.monotonic() < deadline, list(uploads.iterdir())
        time.sleep(0.01)


def test_a_large_file_is_saved_and_read_again(server: Server, tmp_path: Path) -> None:
    code = """
        def run(request, path):
            file = request.files["f"]
            start = file.read(3)
            file.save(path)
            return start + file.read()
    """
    content = b"abc" + PIECE * 3
    files = {"f": ("f.bin", content), **_fields(envelope(code, {"path": str(tmp_path / "saved")}))}
    reply = server.send("POST", "/", files=files)
    assert (reply.status_code, reply.content) == (200, content)
    assert (tmp_path / "saved").read_bytes() == content


def _fields(fields: Fields) -> dict[str, tuple[None, str]]:
    return {name: (None, str(value)) for name, value in fields.items()}


def test_an_answer_arrives_though_nobody_read_the_body(server: Server) -> None:
    for _ in range(5):
        reply = server.send(
            "POST",
            path_of("def run(): return 'early'"),
            data=PIECE * 20,
            headers={"Content-Type": "application/x-bytes"},
        )
        assert (reply.status_code, reply.text) == (200, "early")


def test_a_client_that_leaves_before_the_end_ends_the_call(server: Server) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        connection.sendall(head(path_of(BEGUN), "Content-Length: 1000000") + PIECE[:100_000])
        with HTTPResponse(connection) as response:
            response.begin()
            assert response.read1() == b"begun"
            # One that leaves earlier closes the generator where it yields.
            server.log.wait_for("reading", since=mark)
    server.log.wait_for("reading failed: the client went away", since=mark)
    server.log.wait_for("cleaned up", since=mark)


READ_IN_TASKS = """
    import asyncio

    async def run(request):
        sizes = []

        async def read():
            async for piece in request.stream:
                sizes.append(len(piece))

        await asyncio.gather(read(), read(), read())
        return str(sum(sizes))
"""
READ_IN_THREADS = """
    from concurrent.futures import ThreadPoolExecutor

    def run(request):
        with ThreadPoolExecutor(3) as pool:
            reads = [pool.submit(lambda: sum(map(len, request.stream))) for _ in range(3)]
        return str(sum(read.result() for read in reads))
"""


@pytest.mark.parametrize("code", [READ_IN_TASKS, READ_IN_THREADS])
def test_several_may_read_one_body(server: Server, code: str) -> None:
    reply = server.send("POST", path_of(code), data=in_chunks(5))
    assert (reply.status_code, reply.text) == (200, str(5 * len(PIECE)))


LEAVE_A_THREAD = """
    import logging, threading

    def read(stream):
        try:
            stream.read()
        except ConnectionResetError as err:
            logging.warning("left behind: %s", err)

    def run(request):
        threading.Thread(target=read, args=(request.stream,)).start()
        return "answered"
"""
LEAVE_A_TASK = """
    import asyncio, logging

    tasks = []

    async def read(stream):
        try:
            await stream.aread()
        except ConnectionResetError as err:
            logging.warning("left behind: %s", err)

    async def run(request):
        tasks.append(asyncio.create_task(read(request.stream)))
        await asyncio.sleep(0.1)
        return "answered"
"""


@pytest.mark.parametrize("code", [LEAVE_A_THREAD, LEAVE_A_TASK])
def test_nobody_waits_for_the_body_of_an_answered_call(server: Server, code: str) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        connection.sendall(head(path_of(code), "Content-Length: 1000000") + PIECE[:100_000])
        assert read_answer(connection, "POST").body == b"answered"
        server.log.wait_for(
            "left behind: the call was answered before the end of the body", since=mark
        )


READ_BESIDE = """
    import logging, threading, time

    def run(request):
        threading.Thread(target=lambda: request.stream.read()).start()
        try:
            while True:
                time.sleep(0.01)
        finally:
            logging.warning("cleaned up")
"""


def test_a_call_is_interrupted_though_another_thread_reads_its_body(server: Server) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        path = path_of(READ_BESIDE, timeout=0.5)
        connection.sendall(head(path, "Content-Length: 1000000") + PIECE[:100_000])
        assert read_answer(connection, "POST").status == 504
    server.log.wait_for("cleaned up", since=mark)


def test_time_runs_while_a_handler_waits_for_its_body(server: Server) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        path = path_of(WAIT, timeout=0.2)
        connection.sendall(head(path, "Content-Length: 1000000") + PIECE[:100_000])
        answer = read_answer(connection)
    assert (answer.status, answer.headers["owt-error"]) == (504, "deadline")
    server.log.wait_for("cleaned up", since=mark)


def test_a_body_that_turns_out_too_large_is_refused(serve: Serve) -> None:
    server = serve("--max-body", "200000")
    request = head(path_of(WAIT), "Transfer-Encoding: chunked")
    with connect(server) as connection:
        chunk = b"%x\r\n%s\r\n" % (100_000, PIECE[:100_000])
        connection.sendall(request + chunk * 3)
        answer = read_answer(connection)
    assert (answer.status, answer.headers["owt-error"]) == (413, "body-too-large")


def test_json_that_is_too_long_to_be_held_is_refused(server: Server) -> None:
    size = 300 * MEGABYTE
    request = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n"
    answer = exchange(server, (request + "Content-Type: application/json\r\n\r\n").encode())
    assert (answer.status, answer.headers["owt-error"]) == (413, "body-too-large")
    assert answer.body.decode() == (
        "What is held in memory may be 268435456 bytes long, and this is longer: JSON, form "
        "fields, and the body of a job or of a call with use_cache. Send large data as a file of a "
        "form, or as the whole body of another call, with the code in the query.\n"
    )


def test_a_result_that_is_kept_may_have_a_large_body(server: Server) -> None:
    headers = {"Content-Type": "application/x-bytes"}
    path = path_of(READ, use_cache="true", cache_key_override="a-large-body")
    replies = [server.send("POST", path, data=PIECE * 3, headers=headers) for _ in range(2)]
    assert [reply.text for reply in replies] == [digest_of(3)] * 2
    assert [reply.headers["Owt-Cache"] for reply in replies] == ["miss", "hit"]


def test_bodies_do_not_stop_short_calls_of_the_same_worker(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "2")
    with connect(server) as slow:
        slow.sendall(head(path_of(READ), "Content-Length: 1000000") + PIECE[:500_000])
        assert server.call("def run(): return 'short'").text == "short"
        slow.sendall(PIECE[:500_000])
        assert read_answer(slow).status == 200


def test_uploads_that_stall_leave_threads_to_their_adaptor(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "4")
    with ExitStack() as opened:
        stalled = [opened.enter_context(connect(server)) for _ in range(12)]
        answers = [opened.enter_context(HTTPResponse(connection)) for connection in stalled]
        for connection in stalled:
            connection.sendall(head(path_of(COUNT), "Content-Length: 2") + b"a")
        for answer in answers:
            answer.begin()
            assert answer.read1() == b"1 "
        # All of them wait for the rest.
        reply = server.send("POST", path_of(COUNT), data=b"whole")
        assert reply.text == "5 "
        for connection, answer in zip(stalled, answers, strict=True):
            connection.sendall(b"b")
            assert answer.read() == b"1 "


LEFT_READING = """
    import threading

    def run(request):
        begins = threading.Event()
        def read():
            begins.set()
            request.data
        threading.Thread(target=read).start()
        begins.wait()
        return "left"
"""


def test_threads_that_a_call_leaves_reading_take_nothing_from_the_next(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "2")
    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(head(path_of(LEFT_READING), "Content-Length: 2") + b"a")
            with HTTPResponse(connection) as response:
                response.begin()
                assert response.read() == b"left"
