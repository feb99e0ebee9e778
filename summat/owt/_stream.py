"""Streamed responses: each chunk is sent as it comes, and the source is closed in any case."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import copy_context
from threading import Lock, Thread
from time import monotonic

from owt import _heartbeat, _log
from owt._body import text_bytes
from owt._describe import describe, log_summary, summary
from owt._errors import CallError
from owt._loop import resolve
from owt._upload import ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from typing import Any

    from owt._bindings import Call, Chunk
    from owt._heartbeat import Heartbeat
    from owt._reply import Reply

DISCONNECTED = "The client went away before the end of the answer."
# Seconds for which a stream that never waits keeps the event loop. Each turn of the loop lets go of
# the GIL for a moment, with which the 5 ms begin anew after which a thread that waits for the GIL
# gets it: shorter turns would starve threads.
_TURN = 0.01
# After how many chunks the clock is looked at, at the latest.
_MAX_UNSEEN = 64


def stream(call: Call, reply: Reply, chunks: Iterable[Any]) -> None:
    """Send the chunks of an iterator, on this thread, waiting for slow readers."""
    heartbeat = _heartbeat.requested_by(chunks)
    response = _ResponseStream(call, reply, call.send)
    if heartbeat is not None:
        response = _HeartbeatStream(call, reply, call.send, heartbeat)
    try:
        with _closing(chunks), response.heartbeats_from_thread():
            for chunk in () if response.send_head_only() else chunks:
                if not response.send(chunk):
                    break
    except BaseException as err:
        response.abort(err)
    else:
        response.end()


async def stream_async(
    call: Call, reply: Reply, chunks: AsyncIterator[Any], shield: Callable[[], None]
) -> None:
    """Send the chunks of an async iterator, in the event loop, without blocking it.

    Others get their turn even if neither the source nor its reader ever makes this wait.
    `shield` is called when the client has gone: cleaning up is not cancelled.
    """
    from asyncio import sleep

    heartbeat = _heartbeat.requested_by(chunks)
    response = _ResponseStream(call, reply, call.send_nowait)
    if heartbeat is not None:
        response = _HeartbeatStream(call, reply, call.send_nowait, heartbeat)
    # How many chunks come before the next look at the clock, and how many were to come at the last.
    unseen = step = 1
    began = monotonic()
    try:
        async with _closing_async(chunks), response.heartbeats_from_task():
            send_next: Callable[[object], bool | None] = _not_sent
            async for chunk in _nothing() if response.send_head_only() else chunks:
                may_go_on = send_next(chunk)
                if may_go_on:
                    response.last_chunk = chunk
                else:
                    is_read = response.send(chunk) if may_go_on is None else response.note(chunk)
                    if not is_read:
                        shield()
                        break
                    send_next = response.send_next
                    if not call.writable:
                        await ready(call.when_writable)
                unseen -= 1
                if unseen:
                    continue
                step = min(2 * step, _MAX_UNSEEN)
                if monotonic() - began >= _TURN:
                    await sleep(0)
                    began = monotonic()
                    # Slow chunks are looked at one by one.
                    step = 1
                unseen = step
    except BaseException as err:
        response.abort(err)
    else:
        response.end()


async def in_thread(work: Callable[[], None]) -> None:
    """Run blocking work in a new thread, with this task's context, and wait until it has ended.

    A cancelled call is interrupted in that thread, if the work has attached it to the call.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    ended: Future[None] = loop.create_future()
    context = copy_context()

    def run() -> None:
        try:
            context.run(work)
        finally:
            loop.call_soon_threadsafe(resolve, ended)

    Thread(target=run, name="owt-stream", daemon=True).start()
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            continue


async def _nothing() -> AsyncIterator[Any]:
    return
    yield


def _not_sent(_chunk: object) -> None:
    """Leave a chunk to `_ResponseStream.send`."""


class _ResponseStream:
    """A response whose head is sent with its first chunk; an earlier error is an ordinary one."""

    __slots__ = (
        "_call",
        "_disconnected",
        "_is_bodiless",
        "_reply",
        "_send",
        "_started",
        "last_chunk",
        "send_next",
    )

    def __init__(self, call: Call, reply: Reply, send: Callable[[Chunk], bool]) -> None:
        self._call = call
        self._reply = reply
        self._is_bodiless = reply.is_bodiless
        self._send = send
        self._started = False
        self._disconnected = False
        self.last_chunk: Chunk = b""
        # Sends most of the chunks behind the first one that was sent, with nothing else to see to.
        self.send_next: Callable[[object], bool | None] = call.send_plain

    def send_head_only(self) -> bool:
        """Send the head alone if the method is HEAD and the head is known; tell whether it was."""
        if self._call.method != "HEAD" or self._reply.known_type is None:
            return False
        self._start(b"")
        return True

    def send(self, chunk: Any) -> bool:
        """Send a chunk; False if no more are needed."""
        data = chunk if type(chunk) is bytes else _to_bytes(chunk)
        if self._is_bodiless:
            return False
        if not self._started:
            self._start(chunk)
            if self._call.method == "HEAD":
                return False
        # An empty chunk would be read as the end.
        if data:
            self.last_chunk = data
            self._disconnected = not self._send(data)
        return not self._disconnected

    def note(self, chunk: Chunk) -> bool:
        """Note a chunk that `send_next` has sent; False if no more are needed."""
        self.last_chunk = chunk
        self._disconnected = self._call.disconnected
        return not self._disconnected

    def _start(self, first: Any) -> None:
        self._reply.start(self._call, first)
        self._started = True

    def end(self) -> None:
        """End the response, or abort it if the client has gone."""
        if not self._started:
            self._reply.send_whole(self._call)
        elif self._disconnected:
            self._call.abort(DISCONNECTED)
        else:
            self._call.finish()

    def abort(self, err: BaseException) -> None:
        """Break the response off, so that the client sees that it is incomplete."""
        if not self._started:
            raise err
        text = describe(err)
        if not self._call.disconnected:
            # The head has been sent, so the client cannot see why.
            _log.write("WARN", f"the answer broke off: {log_summary(err)}")
            _log.traceback(text)
            self._comment(err)
        self._call.abort(text)

    def _comment(self, err: BaseException) -> None:
        """Say why it broke off where the format has comments, which programs ignore."""
        kind = self._reply.content_type or self._reply.body.content_type or ""
        if kind.startswith("text/event-stream"):
            # A comment may be inside of an event, but must be on a line of its own.
            begin = b"" if _to_bytes(self.last_chunk).endswith(b"\n") else b"\n"
            self._call.send_nowait(begin + text_bytes(f": {summary(err)}\n"))

    def heartbeats_from_thread(self) -> AbstractContextManager[None]:
        """Send heartbeats during the block, from a thread; none in this class."""
        return nullcontext()

    def heartbeats_from_task(self) -> AbstractAsyncContextManager[None]:
        """Send heartbeats during the block, from a task; none in this class."""
        return nullcontext()


class _HeartbeatStream(_ResponseStream):
    """A response that sends heartbeats while its source is silent."""

    __slots__ = ("_has_ended", "_heartbeat", "_last_sent", "_lock")

    def __init__(
        self, call: Call, reply: Reply, send: Callable[[Chunk], bool], heartbeat: Heartbeat
    ) -> None:
        super().__init__(call, reply, send)
        # The time of each chunk counts.
        self.send_next = _not_sent
        self._heartbeat = heartbeat
        self._last_sent = monotonic()
        # Held while a chunk is sent, maybe in parts: no heartbeat may come in between.
        self._lock = Lock()
        self._has_ended = False

    def send(self, chunk: Any) -> bool:
        with self._lock:
            is_read = super().send(chunk)
            self._last_sent = monotonic()
            return is_read

    @contextmanager
    def heartbeats_from_thread(self) -> Iterator[None]:
        with _heartbeat.from_thread(self._heartbeat.seconds, self._send_if_due):
            try:
                yield
            finally:
                self._stop()

    @asynccontextmanager
    async def heartbeats_from_task(self) -> AsyncIterator[None]:
        async with _heartbeat.from_task(self._heartbeat.seconds, self._send_if_due):
            try:
                yield
            finally:
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._has_ended = True

    def _send_if_due(self) -> float:
        """Send a heartbeat if the silence has been long enough; return the seconds until the next.

        While a chunk waits for a slow reader, none is needed.
        """
        if not self._lock.acquire(blocking=False):
            return self._heartbeat.seconds
        try:
            rest = self._last_sent + self._heartbeat.seconds - monotonic()
            if rest > 0:
                return rest
            if self._has_ended or self._reply.is_bodiless:
                return self._heartbeat.seconds
            if not self._started:
                self._start(self._heartbeat.chunk)
            self._call.send_nowait(self._heartbeat.chunk)
            self._last_sent = monotonic()
            return self._heartbeat.seconds
        finally:
            self._lock.release()


def _to_bytes(chunk: Any) -> bytes | bytearray:
    if isinstance(chunk, str):
        return text_bytes(chunk)
    if isinstance(chunk, bytes | bytearray):
        return chunk
    if isinstance(chunk, memoryview):
        # Its items may be larger than a byte, or not contiguous.
        return bytes(chunk)
    kind = type(chunk).__name__
    raise CallError(
        "reply-invalid",
        f"The handler streams a value of type {kind}. Yield text or bytes; "
        "for JSON, yield json.dumps(…).",
    )


@contextmanager
def _closing(chunks: Any) -> Iterator[None]:
    try:
        yield
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


@asynccontextmanager
async def _closing_async(chunks: Any) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if hasattr(chunks, "aclose"):
            await chunks.aclose()
