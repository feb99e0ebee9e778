"""The Python client, against servers whose answers are written here."""

from __future__ import annotations

import ast
import asyncio
import base64
import contextlib
import enum
import gc
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt.client import AsyncOwt, Event, File, Job, Owt, OwtError
from owt.client._call import Request
from owt.client._events import EventParser
from owt.client._http import Connections
from owt.client._kwargs import kwargs_text
from owt.client._server import Server
from owt.client._sync import Reply
from tests.scripted import ScriptedServer, Seen, answer

SOURCE = "def run(): return 1"
# More descriptors than `select.select` takes, which are 1024.
MANY = 1200
STATUS = {"id": "mine", "state": "running"}
EVENTS = b'event: progress\ndata: {"done":1,"total":2,"text":null}\n\nevent: end\ndata: {}\n\n'
EVENT_STREAM = "content-type: text/event-stream"

Scripted = Callable[..., ScriptedServer]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    servers: list[ScriptedServer] = []

    def start(*answers: bytes) -> ScriptedServer:
        servers.append(ScriptedServer(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def failed(code: str, status: int = 503, *headers: str) -> bytes:
    return answer(status, b"a sentence\n", f"owt-error: {code}", *headers)


def envelope(seen: Seen) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(seen.body)
    return {
        name: base64.b64decode(value).decode() if name.endswith("_b64") else value
        for name, value in fields.items()
    }


def error_of(call: Callable[[], Any]) -> OwtError:
    with pytest.raises(OwtError) as caught:
        call()
    return caught.value


def test_a_call_is_an_envelope_in_json(scripted: Scripted, tmp_path: Path) -> None:
    server = scripted(*[answer(200, b'{"a":1}')] * 2)
    (tmp_path / "my adaptor.py").write_text(f"\ufeff{SOURCE}")
    owt = Owt(f"{server.url.replace('http://', 'http://me:a%20b@')}/base", headers={"X-A": "b"})
    reply = owt.call(
        tmp_path / "my adaptor.py",
        {"n": 3, "text": "ü"},
        fn_name="main",
        use_cache=True,
        cache_kwargs=True,
        cache_key_override="key",
        timeout=2.5,
        reload=True,
        retry=True,
        pool="gpu",
        keep_alive="5m",
        path="a b?c=d",
        headers={"X-C": "d"},
    )
    assert (reply.status, reply.json(), reply.text) == (200, {"a": 1}, '{"a":1}')
    seen = server.seen[0]
    assert seen.line == "POST /base/a%20b?c=d HTTP/1.1"
    assert envelope(seen) == {
        "code_b64": SOURCE,
        "kwargs_b64": '{"n":3,"text":"ü"}',
        "name": "my adaptor.py",
        "fn_name": "main",
        "use_cache": "true",
        "cache_kwargs": "true",
        "cache_key_override": "key",
        "timeout": "2.5",
        "reload": "true",
        "retry": "true",
        "pool": "gpu",
        "keep_alive": "300",
    }
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["authorization"] == "Basic bWU6YSBi"
    assert (seen.headers["x-a"], seen.headers["x-c"]) == ("b", "d")
    assert owt.call(SOURCE).status == 200
    assert server.connections == 1


def test_source_is_sent_once_and_again_if_it_was_forgotten(scripted: Scripted) -> None:
    server = scripted(
        answer(200), answer(200), failed("code-unknown", 404), answer(200), answer(200)
    )
    owt = Owt(server.url, token="secret")
    for _ in range(4):
        assert owt.call(SOURCE).content == b""
    sent = ["code_b64" if "code_b64" in envelope(seen) else "digest" for seen in server.seen]
    assert sent == ["code_b64", "digest", "digest", "code_b64", "digest"]
    digest = envelope(server.seen[1])["code_sha256"]
    assert len(digest) == 64
    assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer secret"}


def test_a_body_is_the_adaptors_and_the_envelope_in_the_url(scripted: Scripted) -> None:
    server = scripted(*[answer(200)] * 4)
    owt = Owt(server.url)
    owt.call(SOURCE, {"n": 1}, method="put", body="text", headers={"Content-Type": "text/plain"})
    owt.call(SOURCE, body=iter([b"a", b"bc"]))
    owt.call(SOURCE, method="GET", path="?a=b")
    owt.call("lambda: 1", body=b"bytes")
    lines = [seen.line.split()[:2] for seen in server.seen]
    code = base64.urlsafe_b64encode(SOURCE.encode()).decode().rstrip("=")
    # Padding is a character like any other in a form.
    assert lines[0][0] == "PUT"
    assert lines[0][1].startswith(f"/?code_b64={code}")
    assert "kwargs_b64=" in lines[0][1]
    # What can be sent only once brings the source along.
    assert "code_b64=" in lines[1][1]
    assert lines[2][1].startswith("/?a=b&code_sha256=")
    assert [seen.body for seen in server.seen] == [b"text", b"abc", b"", b"bytes"]
    assert server.seen[0].headers["content-type"] == "text/plain"
    assert error_of(lambda: owt.call("#" * 70_000, body=b"")).code == "url-too-long"


def test_a_form_has_fields_and_files(scripted: Scripted, tmp_path: Path) -> None:
    server = scripted(*[answer(200)] * 2)
    (tmp_path / "a.bin").write_bytes(b"\x00\xff")
    form: Any = {
        "size": "64",
        "photo": tmp_path / "a.bin",
        "raw": b"raw",
        "many": [File(b"one", 'a"b.txt', "text/plain"), "two"],
    }
    owt = Owt(server.url)
    for _ in range(2):
        owt.call(SOURCE, {"n": 1}, form=form)
    for seen in server.seen:
        head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
        message: Any = BytesParser().parsebytes(head + seen.body)
        parts = [
            (
                part.get_param("name", header="content-disposition"),
                part.get_filename(),
                part.get_payload(decode=True),
            )
            for part in message.get_payload()
        ]
        assert parts[-5:] == [
            ("size", None, b"64"),
            ("photo", "a.bin", b"\x00\xff"),
            ("raw", "raw", b"raw"),
            ("many", "a%22b.txt", b"one"),
            ("many", None, b"two"),
        ]
        assert parts[1] == ("kwargs_b64", None, b"eyJuIjoxfQ==")
    assert b"code_sha256" in server.seen[1].body


def test_an_option_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="a call has no option 'time_out'"):
        Owt().call(SOURCE, time_out=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="timeout is a positive number"):
        Owt().call(SOURCE, timeout=-1)


def test_owts_own_answers_are_errors(scripted: Scripted) -> None:
    server = scripted(failed("queue-full", 503, "retry-after: 1"), failed("deadline", 504))
    owt = Owt(server.url)
    err = error_of(lambda: owt.call(SOURCE))
    assert (err.code, err.text, err.status, err.retry_after) == ("queue-full", "a sentence", 503, 1)
    assert str(err) == "queue-full: a sentence"
    assert err.is_safe_to_retry
    err = error_of(lambda: owt.call(SOURCE))
    assert (err.code, err.retry_after, err.is_safe_to_retry) == ("deadline", None, False)
    # Neither has left the connection in the middle of an answer.
    assert server.connections == 1


def test_what_does_not_come_from_owt_is_told(scripted: Scripted) -> None:
    server = scripted(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    err = error_of(lambda: Owt(server.url).call(SOURCE))
    assert (err.code, err.status) == ("not-owt", 200)


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    err = error_of(lambda: Owt(url).call(SOURCE))
    assert err.code == "unreachable"
    assert "start it with owt serve" in err.text
    assert err.is_safe_to_retry


def test_an_answer_that_does_not_come_is_given_up(scripted: Scripted) -> None:
    server = scripted(b"")
    err = error_of(lambda: Owt(server.url, read_timeout=0.05).call(SOURCE))
    assert (err.code, err.text) == ("timed-out", "nothing came from the server for 0.05 s")


CHUNKED = b"HTTP/1.1 200 OK\r\nowt-request-id: 1\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "broken",
    [
        b"connection: close",
        CHUNKED + b"1\r\na\r\nconnection: close",
        answer(200, b"abc", "connection: close", cut=1),
    ],
    ids=["head", "chunk", "length"],
)
def test_an_answer_that_breaks_off_is_an_error(scripted: Scripted, broken: bytes) -> None:
    server = scripted(broken)
    err = error_of(lambda: Owt(server.url).call(SOURCE).content)
    assert err.code == "answer-broken"


def test_a_chunk_that_does_not_come_is_given_up(scripted: Scripted) -> None:
    server = scripted(CHUNKED + b"1\r\na\r\n", b"")
    chunks = Owt(server.url, read_timeout=0.05).stream(SOURCE)
    assert next(chunks) == b"a"
    assert error_of(lambda: next(chunks)).code == "timed-out"


def test_a_stream_is_read_as_it_comes(scripted: Scripted) -> None:
    server = scripted(CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", answer(404, b"nothing"))
    owt = Owt(server.url)
    assert list(owt.stream(SOURCE)) == [b"a", b"bc"]
    err = error_of(lambda: list(owt.stream(SOURCE)))
    assert (err.code, err.status) == ("answer-status", 404)
    assert server.connections == 1


def test_events_are_read_as_they_come(scripted: Scripted) -> None:
    body = b"id: 7\nevent: token\ndata: a\ndata:b\n\n: comment\n\ndata: c"
    server = scripted(answer(200, body, EVENT_STREAM), answer(200, b"", "content-type: text/html"))
    owt = Owt(server.url)
    assert list(owt.events(SOURCE)) == [Event("token", "a\nb", "7")]
    err = error_of(lambda: list(owt.events(SOURCE)))
    assert (err.code, err.text) == (
        "not-events",
        "the adaptor answered with text/html, not with text/event-stream",
    )


@given(
    st.lists(st.sampled_from(["data: a", "data", "id: 1", "id: \0", "event: e", "x: y", ""])),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 5),
)
def test_events_do_not_depend_on_how_they_are_cut(lines: list[str], end: str, size: int) -> None:
    text = "".join(line + end for line in lines).encode()
    # A carriage return at the end may be half a line break, so that another line follows.
    whole = list(EventParser().feed(text + b": end\n"))
    parser = EventParser()
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    assert [event for chunk in [*cut, b": end\n"] for event in parser.feed(chunk)] == whole
    plain = list(EventParser().feed("".join(line + "\n" for line in lines).encode() + b": end\n"))
    assert whole == plain


def test_connections_that_the_server_has_closed_are_not_used_again(scripted: Scripted) -> None:
    server = scripted(answer(200), answer(200, b"", "connection: close"), answer(200))
    owt = Owt(server.url)
    for _ in range(3):
        assert owt.call(SOURCE).status == 200
    assert server.connections == 2
    owt.close()


def test_a_server_that_goes_away_between_calls_is_connected_to_anew(scripted: Scripted) -> None:
    first = ScriptedServer(answer(200))
    with Owt(first.url) as owt:
        assert owt.call(SOURCE).status == 200
        first._thread.join(10)
        first.close()
        assert error_of(lambda: owt.call(SOURCE)).code == "unreachable"


def test_connections_are_used_again_where_many_descriptors_are_open(scripted: Scripted) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY:
        pytest.skip("so many descriptors are not allowed")
    server = scripted(answer(200), answer(200))
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY), hard))
    try:
        with contextlib.ExitStack() as stack:
            while stack.enter_context(open(os.devnull)).fileno() < 1024:
                pass
            with Owt(server.url) as owt:
                assert [owt.call(SOURCE).status for _ in range(2)] == [200, 200]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.connections == 1


class InCycle:
    """What the collector takes with what it holds."""

    def __init__(self, held: object) -> None:
        self._held = (held, self)


def test_connections_of_a_client_in_a_cycle_are_closed(scripted: Scripted) -> None:
    server = scripted(answer(200))
    connection = HTTPConnection(server.url.removeprefix("http://"))
    # The collector takes a socket that is older than its holder first: it is closed by then.
    connection.connect()
    connections = Connections(Server(server.url, None, None, None), None, None, None)
    connections.give_back(connection)
    InCycle(connections)
    del connection, connections
    gc.collect()


def test_the_connection_of_a_reply_in_a_cycle_is_closed(scripted: Scripted) -> None:
    server = scripted(CHUNKED + b"1\r\na\r\n")
    with Owt(server.url) as owt:
        connection, response = owt._connections.send(Request("GET", "/", {}, None))
        InCycle(Reply(owt._connections, connection, response))
        del connection, response
        gc.collect()


def test_a_reply_that_is_dropped_closes_its_connection(scripted: Scripted) -> None:
    server = scripted(CHUNKED + b"1\r\na\r\n", answer(200))
    owt = Owt(server.url)
    reply = owt.call(SOURCE)
    assert next(reply.chunks()) == b"a"
    del reply
    assert owt.call(SOURCE).status == 200
    assert server.connections == 2


def test_a_unix_socket_is_called(tmp_path: Path) -> None:
    path = str(tmp_path / "owt.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer(200, b"hi"))

        threading.Thread(target=serve, daemon=True).start()
        assert Owt(unix_socket=path).call("1").text == "hi"


JOB = ("owt-job: mine", "owt-job-state: running")


def test_a_job_is_submitted_waited_for_and_cancelled(scripted: Scripted) -> None:
    body = json.dumps(STATUS).encode()
    server = scripted(
        answer(202, body, *JOB),
        answer(200, body),
        answer(200, b"[" + body + b"]"),
        answer(202, body, *JOB),
        answer(202, b"hi", "owt-job: mine", "owt-job-state: done"),
        answer(204),
    )
    owt = Owt(server.url)
    job = owt.submit(SOURCE, {"n": 1}, headers={"Owt-Request-Id": "mine"})
    assert isinstance(job, Job)
    assert job.id == "mine"
    assert job.status() == STATUS
    assert owt.jobs() == [STATUS]
    reply = owt.job("mine").result()
    assert (reply.status, reply.text) == (202, "hi")
    job.cancel()
    assert server.seen[0].headers["prefer"] == "respond-async"
    assert [seen.line.split(" HTTP")[0] for seen in server.seen[1:]] == [
        "GET /_owt/jobs/mine/status",
        "GET /_owt/jobs",
        "GET /_owt/jobs/mine?wait=50",
        "GET /_owt/jobs/mine?wait=50",
        "DELETE /_owt/jobs/mine",
    ]


@pytest.mark.parametrize("job_id", ["", ".", "..", "../calls/x", "a/b", "a?b", "a#b", "a\n", "ä"])
def test_an_id_of_a_job_leads_to_no_other_place(job_id: str) -> None:
    assert error_of(lambda: Owt().job(job_id)).code == "job-unknown"


def test_a_server_without_jobs_is_told(scripted: Scripted) -> None:
    server = scripted(answer(200, b"hi"))
    assert error_of(lambda: Owt(server.url).submit(SOURCE)).code == "no-job"


class Following:
    """A server that answers a call once its client was told how far it has come."""

    def __init__(self, *before: bytes) -> None:
        self._before = list(before)
        self.told = threading.Event()
        self.call = ""
        self.followed: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        call = None
        # On a busy machine, a call may come after the first who follows it.
        while call is None or self._before:
            connection, _ = self._listener.accept()
            head = connection.recv(65536).decode()
            if head.startswith("GET /_owt/calls/"):
                self.followed.append(head)
                with connection:
                    connection.sendall(self._before.pop(0))
            else:
                call, self.call = connection, head
        self.told.wait(10)
        with call:
            call.sendall(answer(200, b"done"))
        self._listener.close()


UNKNOWN = answer(404, b"", "owt-error: call-unknown", "connection: close")
PROGRESS = answer(200, EVENTS, EVENT_STREAM, "connection: close")


def test_progress_is_told_while_a_call_is_waited_for() -> None:
    server = Following(UNKNOWN, PROGRESS)
    all_told: list[Any] = []

    def tell(progress: Any) -> None:
        all_told.append(progress)
        server.told.set()

    reply = Owt(server.url).call(SOURCE, on_progress=tell)
    assert reply.text == "done"
    assert all_told == [{"done": 1, "total": 2, "text": None}]
    sent = server.call.partition("Owt-Request-Id: ")[2].partition("\r\n")[0]
    assert server.followed[1].startswith(f"GET /_owt/calls/{sent}/events ")


@pytest.mark.parametrize(
    "found",
    [answer(200, b"", "connection: close"), answer(500, b"", "owt-error: x", "connection: close")],
    ids=["no events", "error"],
)
def test_what_fails_beside_a_call_is_no_error_of_it(found: bytes) -> None:
    server = Following(found)
    threading.Timer(0.3, server.told.set).start()
    assert Owt(server.url).call(SOURCE, on_progress=lambda _: None).text == "done"


def test_progress_of_a_job_is_told_while_it_is_waited_for() -> None:
    server = Following(PROGRESS)
    job = Owt(server.url).job("mine")
    all_told: list[Any] = []

    def tell(progress: Any) -> None:
        all_told.append(progress)
        server.told.set()

    assert job.result(on_progress=tell).text == "done"
    assert len(all_told) == 1


# The same for asyncio.


def test_an_async_call_is_as_any_other(scripted: Scripted) -> None:
    server = scripted(
        answer(200, b'{"a":1}'), failed("code-unknown", 404), answer(200), answer(200), answer(200)
    )

    async def main() -> None:
        async with AsyncOwt(server.url, token="secret") as owt:
            reply = await owt.call(SOURCE, {"n": 1})
            assert (reply.status, await reply.json(), await reply.text()) == (
                200,
                {"a": 1},
                '{"a":1}',
            )
            assert await (await owt.call(SOURCE)).content() == b""
            await (await owt.call(SOURCE, form={"a": "b"})).content()
            await (await owt.call(SOURCE, body=iter([b"a", b"b"]))).content()

    asyncio.run(main())
    assert "code_b64" in envelope(server.seen[0])
    assert "code_sha256" in envelope(server.seen[1])
    assert "code_b64" in envelope(server.seen[2])
    assert b'name="a"\r\n\r\nb\r\n' in server.seen[3].body
    assert server.seen[4].body == b"ab"
    assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer secret"}


def test_an_async_stream_is_read_as_it_comes(scripted: Scripted) -> None:
    server = scripted(
        CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        answer(200, b"data: a\n\n", EVENT_STREAM),
        answer(404, b"nothing"),
    )

    async def main() -> None:
        async with AsyncOwt(server.url) as owt:
            assert b"".join([chunk async for chunk in owt.stream(SOURCE)]) == b"abc"
            assert [event async for event in owt.events(SOURCE)] == [Event("message", "a", "")]
            with pytest.raises(OwtError, match="answer-status: the adaptor answered 404"):
                [chunk async for chunk in owt.stream(SOURCE)]

    asyncio.run(main())


def test_async_jobs_are_as_any_other(scripted: Scripted) -> None:
    body = json.dumps(STATUS).encode()
    server = scripted(
        answer(202, body, *JOB),
        answer(200, body),
        answer(200, b"[" + body + b"]"),
        answer(202, body, *JOB),
        answer(200, b"hi", "owt-job: mine", "owt-job-state: done"),
        answer(204),
        answer(200),
    )

    async def main() -> None:
        async with AsyncOwt(server.url) as owt:
            job = await owt.submit(SOURCE)
            assert (job.id, await job.status()) == ("mine", STATUS)
            assert await owt.jobs() == [STATUS]
            assert await (await owt.job("mine").result()).text() == "hi"
            await job.cancel()
            with pytest.raises(OwtError, match="no-job"):
                await owt.submit(SOURCE)

    asyncio.run(main())


def test_async_errors_are_as_any_other(scripted: Scripted) -> None:
    other = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    server = scripted(failed("deadline", 504), other, b"connection: close", b"")

    async def code_of(owt: AsyncOwt) -> str:
        with pytest.raises(OwtError) as caught:
            await owt.call(SOURCE)
        return caught.value.code

    async def main() -> list[str]:
        async with AsyncOwt(server.url, read_timeout=0.2) as owt:
            codes = [await code_of(owt) for _ in range(4)]
        server.close()
        async with AsyncOwt("http://127.0.0.1:1") as owt:
            return [*codes, await code_of(owt)]

    expected = ["deadline", "not-owt", "answer-broken", "timed-out", "unreachable"]
    assert asyncio.run(main()) == expected


@pytest.mark.parametrize(
    ("broken", "code"),
    [(CHUNKED + b"1\r\na\r\nconnection: close", "answer-broken"), (CHUNKED, "timed-out")],
)
def test_an_async_answer_that_breaks_off_is_an_error(
    scripted: Scripted, broken: bytes, code: str
) -> None:
    server = scripted(broken, b"")

    async def main() -> None:
        async with AsyncOwt(server.url, read_timeout=0.2) as owt:
            reply = await owt.call(SOURCE)
            with pytest.raises(OwtError, match=code):
                await reply.content()

    asyncio.run(main())


@pytest.mark.parametrize("before", [(UNKNOWN, PROGRESS), (answer(200, b"", "connection: close"),)])
def test_async_progress_is_told(before: tuple[bytes, ...]) -> None:
    async def main(call: Callable[[AsyncOwt, Callable[[Any], None]], Any]) -> list[Any]:
        server = Following(*before)
        if PROGRESS not in before:
            threading.Timer(0.3, server.told.set).start()
        all_told: list[Any] = []

        def tell(progress: Any) -> None:
            all_told.append(progress)
            server.told.set()

        async with AsyncOwt(server.url) as owt:
            assert await (await call(owt, tell)).text() == "done"
        return all_told

    expected = [{"done": 1, "total": 2, "text": None}] if PROGRESS in before else []
    assert asyncio.run(main(lambda owt, tell: owt.call(SOURCE, on_progress=tell))) == expected
    assert asyncio.run(main(lambda owt, tell: owt.job("mine").result(tell))) == expected


def test_without_httpx_there_is_no_async_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ImportError, match="AsyncOwt needs httpx: pip install httpx"):
        AsyncOwt()


# Arguments.


class Kind(enum.IntEnum):
    BOOK = 1


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        (None, None),
        ({}, None),
        (
            {"a": [1, None, True, 0.5, "ü"], "b": {"c": {}}},
            '{"a":[1,null,true,0.5,"ü"],"b":{"c":{}}}',
        ),
        ({"a": float("nan")}, '{"a":NaN}'),
        ({"a": b"\xff"}, "{'a': b'\\xff'}"),
        ({"a": bytearray(b"x"), "b": memoryview(b"y")}, "{'a': b'x', 'b': b'y'}"),
        ({"a": (1,), "b": (), "c": (1, 2)}, "{'a': (1,), 'b': (), 'c': (1, 2,)}"),
        ({"a": {1: "x"}}, "{'a': {1: 'x'}}"),
        ({"a": {1}, "b": set()}, "{'a': {1}, 'b': set()}"),
        ({"a": 1j, "b": [None, True]}, "{'a': 1j, 'b': [None, True]}"),
        ({"a": b"", "b": [float("inf"), -float("inf")]}, "{'a': b'', 'b': [1e999, -1e999]}"),
        ({"a": b"", "b": float("nan")}, "{'a': b'', 'b': float(\"nan\")}"),
        ({"a": b"", "b": Kind.BOOK}, "{'a': b'', 'b': 1}"),
    ],
)
def test_arguments_are_json_or_literals(kwargs: Any, text: str | None) -> None:
    assert kwargs_text(kwargs) == text


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner)
    | st.dictionaries(st.text() | st.integers() | st.binary(), inner),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(), LITERALS))
def test_arguments_arrive_as_they_are(kwargs: dict[str, Any]) -> None:
    text = kwargs_text(kwargs)
    if text is None:
        assert kwargs == {}
        return
    try:
        found = json.loads(text)
    except ValueError:
        found = ast.literal_eval(text)
    assert found == kwargs


def test_what_cannot_be_sent_is_named() -> None:
    err = error_of(lambda: kwargs_text({"a": [object()]}))
    assert (err.code, err.text) == (
        "kwargs-unsendable",
        "a value of the type builtins.object cannot be sent",
    )
    endless: list[Any] = []
    endless.append(endless)
    assert error_of(lambda: kwargs_text({"a": endless})).text == "arguments are nested too deep"
