"""A fake of the worker's `Call`, which records the response."""

from __future__ import annotations

import hashlib
import sys
import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any
from weakref import ref

from owt import _worker
from owt._body import text_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from owt._bindings import Call, Chunk, Headers, Part

TEXT = "text/plain; charset=utf-8"
_TIMEOUT = 10.0
_STR = str
_BYTES = bytes


class FakeCall:
    """One call: keywords set the request, and attributes hold the response."""

    def __init__(self, source: str | None = None, **given: Any) -> None:
        self.source = source
        self.digest = given.pop("digest", None) or digest_of(source or "")
        self.id = "request-1"
        self.fn_name = "run"
        self.name: str | None = None
        self.kwargs: str | None = None
        # The arguments, as Rust may have read them.
        self.arguments: dict[str, Any] | None = None
        self.reload = False
        self.endpoint: list[tuple[str, str]] | None = None
        self.describe = False
        self.method = "GET"
        self.scheme = "http"
        self.host = "localhost:9876"
        self.raw_path = "/"
        self.query = ""
        self.remote_addr = "127.0.0.1"
        self.headers: list[tuple[str, str]] = []
        self.body: bytes | None = b""
        # A body that is received while the call runs; an exception is raised instead of a chunk.
        self.pieces: list[bytes | Exception] = []
        self.parts: list[Part] | None = None
        self.disconnected = False
        # Whether the reader is faster than any stream.
        self.is_fast = False
        vars(self).update(given)
        # The response, as a list of the methods called, in order.
        self.events: list[tuple[Any, ...]] = []
        # What was reported of its progress.
        self.reports: list[tuple[float, float | None, str | None]] = []
        self.answered = threading.Event()
        self.is_done = threading.Event()
        # The length of a streamed response, if known.
        self.length: int | None = None
        # How many chunks the client reads before it disconnects; None: all.
        self.takes: int | None = given.get("takes")
        self.threads: list[int] = []
        # The thread that is attached to an async call.
        self.attached: list[int] = []
        self.has_replaced_worker = threading.Event()
        self.is_detached = threading.Event()
        self.is_detached.set()
        self.has_paused = False
        self.answered_by = ""
        # What the log would show of an exception.
        self.log_text: str | None = None

    def need_source(self) -> None:
        self._end("need_source")

    def loaded(self) -> None:
        self.events.append(("loaded",))

    def progress(self, done: float, total: float | None, text: str | None) -> None:
        self.reports.append((done, total, text))

    def reply(self, status: int, content_type: str | None, headers: Headers, body: Chunk) -> None:
        assert isinstance(body, bytes)
        self._end("reply", status, content_type, list(headers), body)

    def reply_plain(self, value: object, max_bytes: int = sys.maxsize) -> bool:
        """Send text, and leave all the rest to Python. (Tests break the builtins.)"""
        if value.__class__ is not _STR:
            return False
        text: Any = value
        try:
            body = text.encode()
        except UnicodeEncodeError:
            return False
        if body.__len__() > max_bytes:
            return False
        self._end("reply", 200, text_type(text), [], body)
        return True

    def fail(self, code: str, text: str, log_text: str | None = None) -> None:
        text.encode()
        self.log_text = log_text
        self._end("fail", code, text)

    def start(
        self, status: int, content_type: str | None, headers: Headers, length: int | None
    ) -> None:
        self.length = length
        self.events.append(("start", status, content_type, list(headers)))

    def send(self, chunk: Chunk) -> bool:
        self.threads.append(threading.get_ident())
        if self.takes is not None:
            if not self.takes:
                return False
            self.takes -= 1
        assert not isinstance(chunk, str)
        self.events.append(("chunk", bytes(chunk)))
        return True

    def send_nowait(self, chunk: Chunk) -> bool:
        return self.send(chunk)

    def send_plain(self, chunk: object) -> bool | None:
        """Send bytes or text; the next chunk follows at once if the reader is fast."""
        data: Any = chunk
        if chunk.__class__ is _STR:
            data = data.encode()
        elif chunk.__class__ is not _BYTES:
            return None
        if not data:
            return None
        if not self.send_nowait(data):
            self.disconnected = True
        return self.is_fast and not self.disconnected

    @property
    def writable(self) -> bool:
        return self.is_fast

    def when_writable(self, callback: Callable[[], None]) -> bool:
        """Make every writer wait for a moment, like a slow reader."""
        threading.Thread(target=callback).start()
        return False

    def receive(self) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def receive_nowait(self) -> bytes | None:
        """Return nothing every other time, like a slow client."""
        self.has_paused = not self.has_paused
        return None if self.has_paused else self.receive()

    def when_readable(self, callback: Callable[[], None]) -> bool:
        return self.when_writable(callback)

    def finish(self) -> None:
        self._end("finish")

    def abort(self, text: str) -> None:
        self._end("abort", text)

    def attach_thread(self) -> bool:
        self.is_detached.clear()
        self.attached.append(threading.get_ident())
        return not self.disconnected

    def shield(self) -> None:
        # Shielding twice is allowed: whatever runs the call does it at its end.
        if self.attached:
            assert self.attached.pop() == threading.get_ident(), "another thread is attached"
            self.is_detached.set()

    def hold(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def replace_worker(self) -> None:
        self.has_replaced_worker.set()

    def done(self) -> None:
        # The thread that has submitted the call to the event loop may not be shielded yet.
        assert threading.get_ident() not in self.attached, "a thread was never shielded"
        assert not self.is_done.is_set(), "done twice"
        self.is_done.set()

    def answer(self) -> list[tuple[Any, ...]]:
        """Wait for the response, and return all method calls except `loaded`."""
        assert self.answered.wait(_TIMEOUT), f"no answer came: {self.events}"
        return [event for event in self.events if event != ("loaded",)]

    def _end(self, *event: Any) -> None:
        assert not self.answered.is_set(), f"answered twice: {self.events}, then {event}"
        self.events.append(event)
        self.answered_by = threading.current_thread().name
        self.answered.set()


def digest_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def handle(call: Any) -> bool:
    """Run a call as the worker does."""
    current = (call.id, call.digest, ref(call))
    return Context().run(_worker.handle, call, current, call.fn_name, call.arguments)


def answer_to(source: str, **given: Any) -> list[tuple[Any, ...]]:
    """Run a call through `handle`, and return its response as method calls."""
    fake = FakeCall(source, **given)
    call: Call = fake
    is_done = handle(call)
    assert is_done or fake.is_done.wait(_TIMEOUT), "the call never said that it is done"
    assert fake.is_detached.wait(_TIMEOUT), "a thread was never shielded"
    return fake.answer()


def reply_to(source: str, **given: Any) -> tuple[Any, ...]:
    """Run a call with a whole response; return its status, content type, headers and body."""
    (event,) = answer_to(source, **given)
    assert event[0] == "reply", event
    return event[1:]


def text_of(source: str, **given: Any) -> str:
    """Run a call with a text response, and return the text."""
    status, content_type, headers, body = reply_to(source, **given)
    assert (status, content_type, headers) == (200, TEXT, [])
    return str(body, "utf-8")


def json_of(source: str, **given: Any) -> str:
    """Run a call with a JSON response, and return the JSON."""
    status, content_type, headers, body = reply_to(source, **given)
    assert (status, content_type, headers) == (200, "application/json", [])
    return str(body, "utf-8")


def error_of(source: str, **given: Any) -> tuple[str, str]:
    """Run a call that fails, and return the error's code and text."""
    (event,) = answer_to(source, **given)
    assert event[0] == "fail", event
    return event[1], event[2]
