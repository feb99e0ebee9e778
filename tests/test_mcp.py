"""Agents: the tools that they find, listed and called by the official client of the protocol."""

import asyncio
import base64
import io
import json
import os
import pty
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
import requests
from harness.program import clean_environment, owt_binary, run_owt
from harness.server import TEST_VIRTUALENV, Serve, Server
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)
from PIL import Image

# Both kinds of clients: those of the revision 2025-11-25, and those of 2026-07-28.
MODES = ["legacy", "2026-07-28"]

PICTURE = """
    from PIL import Image

    def run():
        return Image.new("RGB", (3, 2), (255, 0, 0))
"""

SOUND = """
    from owt.summat import audio

    def run():
        return audio.wav([0, 1000, -1000], 8000), 200, {"Content-Type": "audio/wav"}
"""

WAITS = """
    import logging, time

    def run(request):
        request.progress(1, 4, "loading")
        logging.info("it waits")
        try:
            for _ in range(6000):
                time.sleep(0.01)
        finally:
            logging.info("finally")
"""

SLEEPS = """
    import logging, time

    def run():
        logging.info("it waits")
        time.sleep(1)
        return "slept"
"""

WAITS_FOR_NOTES = """
    import time
    from pathlib import Path

    def run(note):
        Path(note).write_text("begun")
        try:
            for _ in range(6000):
                time.sleep(0.01)
        finally:
            Path(note).write_text("finally")
"""

REPORTS = """
    import time

    def run(request, steps):
        for step in range(1, steps + 1):
            request.progress(step, steps, f"step {step}")
            time.sleep(0.1)
        return "done"
"""

STREAMS = """
    import time

    def run(words):
        for word in words:
            yield word + " "
            time.sleep(0.05)
"""

ENDPOINTS = '''
    from owt import UploadFile

    def say(text: str, voice: str, speed: float = 1.0):
        """Say a text.

        In a voice.
        """
        return {"text": text, "voice": voice, "speed": speed}

    def size(audio: UploadFile, note: str = "none"):
        return {"bytes": len(audio.read()), "note": note}

    def broken(text: str):
        raise ValueError("not today")
'''


@asynccontextmanager
async def agent(server: Server, mode: str = "legacy") -> AsyncIterator[Client]:
    """Connect an agent."""
    async with Client(f"{server.url}/_owt/mcp", mode=mode) as client:
        yield client


async def run_python(client: Client, code: str, **options: Any) -> CallToolResult:
    """Have some Python run."""
    return await client.call_tool("run_python", {"code": dedent(code), **options})


def text_of(result: CallToolResult) -> str:
    """Return the one text of a result."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Return the way in which a client begins."""
    return str(request.param)


def test_code_is_run_with_its_arguments(serve: Serve, mode: str) -> None:
    async def use(client: Client) -> None:
        result = await run_python(client, "lambda a, b=1: {'sum': a + b}", kwargs={"a": 2})
        assert (result.is_error, text_of(result)) == (False, '{"sum":3}')
        assert result.structured_content == {"sum": 3}
        listed = await client.call_tool("list_adaptors", {})
        assert listed.structured_content is not None
        (adaptor,) = listed.structured_content["adaptors"]
        sha256 = adaptor["digest"]
        assert result.meta is not None
        assert result.meta["code_sha256"] == sha256
        again = await client.call_tool("call_adaptor", {"sha256": sha256, "kwargs": {"a": 5}})
        assert again.structured_content == {"sum": 6}

    _with(serve("--workers", "1"), mode, use)


def test_arguments_and_results_are_what_was_written(serve: Serve, mode: str) -> None:
    number = 123456789012345678901234567890

    async def use(client: Client) -> None:
        kwargs = {"z": number, "a": [2**64, 1.0]}
        echoed = await run_python(client, "lambda **all: repr(all)", kwargs=kwargs)
        assert text_of(echoed) == repr(kwargs)
        result = await run_python(client, f"lambda: {{'n': {number}}}")
        assert (text_of(result), result.structured_content) == (f'{{"n":{number}}}', None)

    _with(serve("--workers", "1"), mode, use)


def test_another_function_of_the_code_is_called_by_its_name(serve: Serve, mode: str) -> None:
    async def use(client: Client) -> None:
        result = await run_python(client, "def other(): return 'other'", fn_name="other")
        assert text_of(result) == "other"

    _with(serve("--workers", "1"), mode, use)


def test_what_the_code_returns_is_content_of_its_media_type(serve: Serve, mode: str) -> None:
    async def use(client: Client) -> None:
        (picture,) = (await run_python(client, PICTURE)).content
        assert isinstance(picture, ImageContent)
        assert picture.mime_type == "image/png"
        image = Image.open(io.BytesIO(base64.b64decode(picture.data)))
        assert (image.size, image.getpixel((0, 0))) == ((3, 2), (255, 0, 0))
        (sound,) = (await run_python(client, SOUND)).content
        assert isinstance(sound, AudioContent)
        assert (sound.mime_type, base64.b64decode(sound.data)[:4]) == ("audio/wav", b"RIFF")
        (raw,) = (await run_python(client, "lambda: b'\\x00\\xff'")).content
        assert isinstance(raw, EmbeddedResource)
        assert raw.model_dump(exclude_none=True)["resource"]["blob"] == "AP8="
        numbers = await run_python(client, "lambda: [1, 2]")
        assert text_of(numbers) == "[1,2]"

    _with(serve("--workers", "1", env=TEST_VIRTUALENV), mode, use)


def test_an_error_comes_with_its_traceback(serve: Serve, mode: str) -> None:
    async def use(client: Client) -> None:
        result = await run_python(client, "def run():\n    return 1 / 0\n")
        assert result.is_error
        text = text_of(result)
        assert "ZeroDivisionError: division by zero" in text
        assert ", line 2, in run" in text

    _with(serve("--workers", "1"), mode, use)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"code": "x = 1"}, "The code has no function 'run' at its top level"),
        ({"code": "lambda: 1", "kwargs": {"n": 1}}, "n"),
        ({"code": "lambda: 1", "cod": 1}, "The arguments do not fit: unknown field `cod`"),
        ({"code": "lambda: 1", "timeout": -1}, "timeout takes a positive number of seconds"),
        ({"code": "lambda: 1", "pool": "gpu"}, "gpu"),
    ],
)
def test_what_does_not_fit_is_told(serve: Serve, arguments: dict[str, Any], expected: str) -> None:
    async def use(client: Client) -> None:
        result = await client.call_tool("run_python", arguments)
        assert result.is_error
        assert expected in text_of(result)

    _with(serve("--workers", "1"), "legacy", use)


def test_a_deadline_is_kept(serve: Serve, mode: str) -> None:
    async def use(client: Client) -> None:
        result = await run_python(client, "lambda: __import__('time').sleep(60)", timeout=0.2)
        assert result.is_error
        assert "0.2 s" in text_of(result)

    _with(serve("--workers", "1"), mode, use)


def test_a_call_that_is_cancelled_ends(serve: Serve, mode: str) -> None:
    server = serve("--workers", "1")

    async def use(client: Client) -> None:
        call = asyncio.create_task(run_python(client, WAITS))
        await asyncio.to_thread(server.log.wait_for, "it waits")
        call.cancel()
        await asyncio.to_thread(server.log.wait_for, "finally")
        # The session goes on.
        assert text_of(await run_python(client, "lambda: 'there'")) == "there"

    _with(server, mode, use)


def test_progress_is_told(serve: Serve, mode: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async def use(client: Client) -> None:
        arguments = {"code": dedent(REPORTS), "kwargs": {"steps": 4}}
        result = await client.call_tool("run_python", arguments, progress_callback=note)
        assert text_of(result) == "done"

    _with(serve("--workers", "1"), mode, use)
    assert told[-1] == (4, 4, "step 4")
    assert told == sorted(told)
    assert len(told) >= 3


def test_a_stream_is_told_piece_by_piece(serve: Serve, mode: str) -> None:
    told: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert (progress > 0, total) == (True, None)
        told.append(message)

    async def use(client: Client) -> None:
        arguments = {"code": dedent(STREAMS), "kwargs": {"words": ["one", "two", "three"]}}
        result = await client.call_tool("run_python", arguments, progress_callback=note)
        assert text_of(result) == "one two three "

    _with(serve("--workers", "1"), mode, use)
    assert told == ["one ", "two ", "three "]


def test_a_reply_that_is_too_large_for_a_message_is_kept(serve: Serve, mode: str) -> None:
    size = 3 << 20

    async def use(client: Client) -> None:
        result = await run_python(client, f"lambda: 'x' * {size}")
        (link,) = result.content
        assert isinstance(link, ResourceLink)
        assert (link.size, link.mime_type) == (size, "text/plain; charset=utf-8")
        reply = await asyncio.to_thread(requests.get, str(link.uri), timeout=30)
        assert reply.text == "x" * size
        streamed = await run_python(client, "def run():\n for _ in range(3000): yield 'x' * 1000")
        assert isinstance(streamed.content[0], ResourceLink)
        assert streamed.content[0].size == 3000 * 1000

    _with(serve("--workers", "1"), mode, use)


def test_a_reply_that_is_too_large_costs_nobody_a_job(serve: Serve) -> None:
    server = serve("--workers", "1", "--job-size", "8M")
    headers = {"Prefer": "respond-async, wait=20"}
    mine = server.call("lambda: 'x' * (3 << 20)", headers=headers)
    job = mine.headers["Owt-Job"]

    async def use(client: Client) -> None:
        refused = await run_python(client, "lambda: 'y' * (9 << 20)")
        assert (refused.is_error, "--job-size" in text_of(refused)) == (True, True)
        for _ in range(4):
            kept = await run_python(client, "lambda: 'z' * (3 << 20)")
            assert isinstance(kept.content[0], ResourceLink)

    _with(server, "legacy", use)
    again = server.call("lambda: 'w' * (5 << 20)", headers=headers)
    assert (mine.status_code, again.status_code) == (200, 200)
    assert job


def test_a_reply_for_which_there_is_no_room_is_an_error(serve: Serve) -> None:
    async def use(client: Client) -> None:
        result = await run_python(client, "lambda: 'x' * (3 << 20)")
        assert result.is_error
        assert "--job-size" in text_of(result)

    _with(serve("--workers", "1", "--job-size", "2M"), "legacy", use)


def test_endpoints_are_tools(serve: Serve, tmp_path: Path, mode: str) -> None:
    async def use(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["say_voice", "hear", "fails"]
        say = tools["say_voice"]
        assert (say.title, say.description) == ("/say/{voice}", "Say a text.\n\nIn a voice.")
        assert say.input_schema == {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "voice": {"type": "string"},
                "speed": {"type": "number", "default": 1.0},
            },
            "required": ["text", "voice"],
            "additionalProperties": False,
        }
        said = await client.call_tool("say_voice", {"text": "hi", "voice": "a/b", "speed": 2})
        assert said.structured_content == {"text": "hi", "voice": "a/b", "speed": 2.0}
        audio = base64.b64encode(bytes(1000)).decode()
        heard = await client.call_tool("hear", {"audio": audio, "note": "n"})
        assert heard.structured_content == {"bytes": 1000, "note": "n"}
        failed = await client.call_tool("fails", {"text": "x"})
        assert (failed.is_error, "not today" in text_of(failed)) == (True, True)
        wrong = await client.call_tool("say_voice", {"text": "hi", "voice": "a", "speed": "fast"})
        assert wrong.is_error
        assert "takes a number" in text_of(wrong)
        with pytest.raises(MCPError, match="there is no tool with this name"):
            await client.call_tool("run_python", {"code": "lambda: 1"})

    _with(_with_endpoints(serve, tmp_path, "--only-routes"), mode, use)


@pytest.mark.parametrize("option", ["--only-routes", "--no-mcp-code"])
def test_there_may_be_no_tool_that_runs_code(serve: Serve, tmp_path: Path, option: str) -> None:
    async def use(client: Client) -> None:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == ["say_voice", "hear", "fails"]

    _with(_with_endpoints(serve, tmp_path, option), "legacy", use)


def test_an_endpoint_does_not_hide_a_tool_of_owt(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def run(): return 'mine'\n")

    async def use(client: Client) -> None:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == ["run_python", "call_adaptor", "list_adaptors", "run_python_2"]
        assert text_of(await client.call_tool("run_python_2", {})) == "mine"

    server = serve("--workers", "1", "--route", "/run/python=mine.py", cwd=tmp_path)
    _with(server, "legacy", use)


def test_only_approved_code_runs(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("")

    async def use(client: Client) -> None:
        result = await run_python(client, "lambda: 1")
        assert result.is_error
        assert "owt approve" in text_of(result)

    _with(serve("--workers", "1", "--only-digests", str(tmp_path / "list")), "legacy", use)


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}

TOKEN = "a-token-of-twenty-letters"

ACCEPT = {"Accept": "application/json, text/event-stream"}


def post(server: Server, message: Any, **headers: str) -> requests.Response:
    """Send a message."""
    headers = ACCEPT | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{server.url}/_owt/mcp", json=message, headers=headers, timeout=30)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"Origin": "https://evil.example"}, "origin-not-allowed"),
        ({"Origin": "null"}, "origin-not-allowed"),
        ({"Sec_Fetch_Site": "cross-site"}, "cross-site"),
        ({"Host": "evil.example"}, "host-not-allowed"),
    ],
)
def test_a_foreign_page_is_refused(serve: Serve, headers: dict[str, str], error: str) -> None:
    reply = post(serve(), INITIALIZE, **headers)
    assert (reply.status_code, reply.headers["Owt-Error"]) == (403, error)


def test_a_page_that_may_call_may_use_tools(serve: Serve) -> None:
    server = serve("--allow-origin", "https://mine.example")
    reply = post(server, INITIALIZE, Origin="https://mine.example")
    assert reply.status_code == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "https://mine.example"


def test_who_may_not_call_may_not_use_tools(tmp_path: Path) -> None:
    with Server.started(home=tmp_path, env={"OWT_TOKEN": TOKEN}) as server:
        assert post(server, INITIALIZE).status_code == 401
        assert post(server, INITIALIZE, Authorization=f"Bearer {TOKEN}").status_code == 200


def test_a_session_is_an_id_that_nobody_guesses(serve: Serve) -> None:
    server = serve()
    ids = {post(server, INITIALIZE).headers["Mcp-Session-Id"] for _ in range(3)}
    assert [len(one) for one in ids] == [32, 32, 32]


def test_the_calls_of_one_session_cannot_be_cancelled_from_another(serve: Serve) -> None:
    server = serve("--workers", "1")

    async def use(client: Client) -> None:
        call = asyncio.create_task(run_python(client, SLEEPS))
        await asyncio.to_thread(server.log.wait_for, "it waits")
        other = post(server, INITIALIZE).headers["Mcp-Session-Id"]
        for number in range(20):
            cancelled = {"method": "notifications/cancelled", "params": {"requestId": number}}
            for headers in ({}, {"Mcp_Session_Id": other}):
                assert post(server, {"jsonrpc": "2.0"} | cancelled, **headers).status_code == 202
        assert text_of(await call) == "slept"

    _with(server, "legacy", use)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 415),
        (b"[" * 1000, 400),
        (b"[" + b"1," * 1_000_000 + b"1]", 413),
        (json.dumps("x" * (5 << 20)).encode(), 413),
    ],
    ids=["no JSON", "deep", "many values", "large"],
)
def test_a_message_that_would_take_long_to_parse_is_refused(
    serve: Serve, body: bytes, status: int
) -> None:
    headers = ACCEPT | {"Content-Type": "application/json"}
    server = serve()
    reply = requests.post(f"{server.url}/_owt/mcp", data=body, headers=headers, timeout=30)
    assert reply.status_code == status


def test_nothing_of_a_message_is_logged(serve: Serve) -> None:
    server = serve("--log", "debug")
    post(server, {**INITIALIZE, "params": {"protocolVersion": "hidden-words"}})
    post(server, {"jsonrpc": "2.0", "id": 1, "method": "hidden-words"})
    post(server, INITIALIZE, Host="hidden-words")
    call = {"name": "run_python", "arguments": {"code": "'hidden-words'", "hidden-words": 1}}
    post(server, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call})
    assert server.call("lambda: 'there'").text == "there"
    assert "hidden-words" not in server.log.since(0)


def test_only_posts_are_answered(serve: Serve) -> None:
    server = serve()
    for method in ("GET", "DELETE"):
        reply = requests.request(
            method, f"{server.url}/_owt/mcp", headers={"Accept": "text/event-stream"}, timeout=30
        )
        assert reply.status_code == 405


def over_pipes(home: Path, *args: str) -> StdioServerParameters:
    """Return how a desktop program starts owt."""
    return StdioServerParameters(
        command=str(owt_binary()), args=["mcp", *args], env=clean_environment(home), cwd=home
    )


async def until_noted(note: Path, text: str) -> None:
    """Wait until code has written something to a file, which gives no event."""
    async with asyncio.timeout(20):
        while not note.exists() or note.read_text() != text:
            await asyncio.sleep(0.01)


def test_a_desktop_program_has_a_server_of_its_own(tmp_path: Path, mode: str) -> None:
    (tmp_path / "voice.py").write_text(dedent(ENDPOINTS))
    told: list[str | None] = []
    note = tmp_path / "note"

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    async def use() -> None:
        program = over_pipes(tmp_path, "--", "--workers", "1", "--route", "/say=voice.py:say")
        async with Client(program, mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["run_python", "call_adaptor", "list_adaptors", "say"]
            said = await client.call_tool("say", {"text": "a", "voice": "b"})
            assert said.structured_content == {"text": "a", "voice": "b", "speed": 1.0}
            arguments = {"code": dedent(STREAMS), "kwargs": {"words": ["one", "two"]}}
            await client.call_tool("run_python", arguments, progress_callback=hear)
            call = asyncio.create_task(
                run_python(client, WAITS_FOR_NOTES, kwargs={"note": str(note)})
            )
            await until_noted(note, "begun")
            call.cancel()
            await until_noted(note, "finally")

    asyncio.run(use())
    assert told == ["one ", "two "]


def test_a_desktop_program_can_use_a_server_that_runs(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "1")

    async def use() -> None:
        async with Client(over_pipes(tmp_path, "--attach", "--url", server.url)) as client:
            assert text_of(await run_python(client, "lambda: 'there'")) == "there"

    asyncio.run(use())


def test_it_says_at_once_that_there_is_no_server(tmp_path: Path) -> None:
    done = run_owt("mcp", "--attach", "--url", "http://127.0.0.1:1", home=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "start it with: owt serve" in done.stderr


def test_nobody_else_can_call_its_own_server_with_a_token(tmp_path: Path) -> None:
    async def use() -> None:
        program = over_pipes(tmp_path, "--", "--workers", "1", "--token", "auto")
        async with Client(program) as client:
            result = await run_python(client, "lambda: 'x' * (3 << 20)")
            (link,) = result.content
            assert isinstance(link, ResourceLink)
            reply = await asyncio.to_thread(requests.get, str(link.uri), timeout=30)
            assert (reply.status_code, reply.headers["Owt-Error"]) == (401, "auth-required")

    asyncio.run(use())


def test_its_own_server_has_no_users(tmp_path: Path) -> None:
    done = run_owt("mcp", "--", "--auth", "me:" + "0" * 64, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "owt mcp --attach" in done.stderr


def test_it_tells_a_person_what_it_is_for(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [str(owt_binary()), "mcp", "--", "--workers", "1"],
        env=clean_environment(tmp_path, {"TERM": "xterm"}),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with program, open(ours, "r+b", buffering=0) as terminal:
        while b"Ctrl-D ends it" not in shown:
            shown += terminal.read(65536)
        terminal.write(b"\x04")
        stdout, _ = program.communicate(timeout=20)
    assert (program.returncode, stdout) == (0, b"")


def test_a_script_gets_its_answers(tmp_path: Path) -> None:
    calls = [
        {"id": number, "method": "tools/call", "params": {"name": "run_python", "arguments": it}}
        for number, it in enumerate(({"code": "lambda: 'a'"}, {"code": "lambda: 'b'"}))
    ]
    lines = "".join(f"{json.dumps({'jsonrpc': '2.0'} | call)}\n" for call in calls)
    done = run_owt("mcp", "--", "--workers", "1", home=tmp_path, stdin=lines)
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert [answers[n]["result"]["content"][0]["text"] for n in (0, 1)] == ["a", "b"]


class Stub(BaseHTTPRequestHandler):
    """A server that does what none should."""

    answers: ClassVar[bytes | None] = None

    def do_GET(self) -> None:
        """Say that it is there."""
        self.send_response(200)
        self.send_header("Owt-Request-Id", "1")
        self.end_headers()

    def do_POST(self) -> None:
        """Answer a message with the events of the test, or not at all."""
        if self.answers is None:
            self.server.begun.set()  # type: ignore[attr-defined]
            self.server.over.wait(30)  # type: ignore[attr-defined]
            return
        self.send_response(200)
        self.send_header("Owt-Request-Id", "1")
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(self.answers)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def stub(answers: bytes | None) -> Iterator[ThreadingHTTPServer]:
    """Serve what is no owt."""
    handler = type("Answering", (Stub,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.begun, server.over = Event(), Event()  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (b'data: {"id":1,\ndata: "result":2}\n\n', ['{"id":1,"result":2}']),
        (b'data:\n\ndata: {"id":1,"result":2}\n\n', ['{"id":1,"result":2}']),
        (b"data: hello\n\n", ["no message"]),
        (b'data: {"method":"x"}\n\n', ['{"method":"x"}', "broken off"]),
        (b"", ["broken off"]),
    ],
    ids=["lines", "empty", "no message", "no answer", "nothing"],
)
def test_each_answer_is_a_line_whatever_the_server_sends(
    tmp_path: Path, events: bytes, expected: list[str]
) -> None:
    with stub(events) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        line = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
        done = run_owt("mcp", "--attach", "--url", url, home=tmp_path, stdin=line)
    lines = done.stdout.splitlines()
    assert len(lines) == len(expected)
    for found, words in zip(lines, expected, strict=True):
        assert words in found
        assert json.loads(found)["jsonrpc" if " " in words else "id" if "id" in words else "method"]


@pytest.mark.parametrize("end", ["stdin", "stdout"])
def test_it_ends_though_its_server_does_not_answer(tmp_path: Path, end: str) -> None:
    with stub(None) as server:
        program = subprocess.Popen(
            [
                str(owt_binary()),
                "mcp",
                "--attach",
                "--url",
                f"http://127.0.0.1:{server.server_port}",
            ],
            env=clean_environment(tmp_path, None),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        with program:
            program.stdin.write(f"{json.dumps(INITIALIZE)}\n")
            program.stdin.flush()
            assert server.begun.wait(20)  # type: ignore[attr-defined]
            if end == "stdin":
                program.stdin.close()
            else:
                program.stdout.close()
                # Its answer to this is the first that nobody reads.
                program.stdin.write("{\n")
                program.stdin.flush()
            assert program.wait(20) == 0


def test_it_ends_with_the_program_that_has_started_it(tmp_path: Path) -> None:
    done = run_owt("mcp", "--", "--workers", "1", home=tmp_path, stdin="")
    assert (done.returncode, done.stdout) == (0, "")


def test_lines_that_are_no_messages_are_answered(tmp_path: Path) -> None:
    ping = '{"jsonrpc":"2.0","id":"p","method":"ping"}'
    unknown = '{"jsonrpc":"2.0","id":9,"method":"nothing/known"}'
    program = subprocess.Popen(
        [str(owt_binary()), "mcp", "--", "--workers", "1"],
        env=clean_environment(tmp_path, None),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    with program:
        for line in ("{", "", "x" * 5_000_000, json.dumps(INITIALIZE), ping, unknown):
            program.stdin.write(f"{line}\n")
        program.stdin.flush()
        answers = [json.loads(program.stdout.readline()) for _ in range(5)]
        program.stdin.close()
        assert program.wait(30) == 0
    assert [answer["error"]["code"] for answer in answers[:2]] == [-32700, -32700]
    assert answers[1]["error"]["message"] == "a message has no more than 4194304 bytes"
    assert answers[2]["result"]["serverInfo"]["name"] == "owt"
    rest = {answer["id"]: answer for answer in answers[3:]}
    assert rest["p"] == {"jsonrpc": "2.0", "id": "p", "result": {}}
    assert rest[9]["error"]["code"] == -32601


def _with_endpoints(serve: Serve, folder: Path, *options: str) -> Server:
    (folder / "voice.py").write_text(dedent(ENDPOINTS))
    routes = ("/say/{voice}=voice.py:say", "/hear=voice.py:size", "/fails=voice.py:broken")
    given = [word for route in routes for word in ("--route", route)]
    return serve("--workers", "1", *given, *options, cwd=folder)


def _with(server: Server, mode: str, use: Callable[[Client], Awaitable[None]]) -> None:
    """Let an agent use a server."""

    async def run() -> None:
        async with agent(server, mode) as client:
            await use(client)

    asyncio.run(run())
