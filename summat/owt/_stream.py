"""Streamed answers: a chunk goes out as it comes, and the source is closed however it ends."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import copy_context
from threading import Lock, Thread
from time import monotonic

from owt import _heartbeat, _log
from owt._body import text_bytes
from owt._describe import located, summary, told
from owt._faults import Fault
from owt._loop import resolve
from owt._upload import ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from typing import Any

    from owt._border import Call, Chunk
    from owt._heartbeat import Heartbeat
    from owt._reply import Reply

GONE = "The client went away before the end of the answer."


def stream(call: Call, reply: Reply, chunks: Iterable[Any]) -> None:
    """Answer with the chunks of an iterator, on this thread; `send` waits for slow readers."""
    beat = _heartbeat.of(chunks)
    outgoing = _Outgoing(call, reply, call.send)
    if beat is not None:
        outgoing = _Beating(call, reply, call.send, beat)
    try:
        with _closing(chunks), outgoing.alive_on_thread():
            for chunk in () if outgoing.is_only_head() else chunks:
                if not outgoing.send(chunk):
                    break
    except BaseException as err:
        outgoing.break_off(err)
    else:
        outgoing.end()


async def astream(
    call: Call, reply: Reply, chunks: AsyncIterator[Any], settle: Callable[[], None]
) -> None:
    """Answer with the chunks of an async iterator, on the event loop, which never waits.

    `settle` is called when the client has gone: from then on, cleaning up is not cancelled.
    """
    beat = _heartbeat.of(chunks)
    outgoing = _Outgoing(call, reply, call.send_nowait)
    if beat is not None:
        outgoing = _Beating(call, reply, call.send_nowait, beat)
    try:
        async with _aclosing(chunks), outgoing.alive_in_loop():
            async for chunk in _no_chunks() if outgoing.is_only_head() else chunks:
                if not outgoing.send(chunk):
                    settle()
                    break
                if not call.writable:
                    await ready(call.when_writable)
    except BaseException as err:
        outgoing.break_off(err)
    else:
        outgoing.end()


async def in_thread(work: Callable[[], None]) -> None:
    """Run blocking work in a thread of its own, with this task's context, until it has ended.

    A cancelled call is interrupted in that thread, if the work has occupied it.
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


async def _no_chunks() -> AsyncIterator[Any]:
    return
    yield


class _Outgoing:
    """An answer that begins with its first chunk: what fails before that is an ordinary error."""

    __slots__ = ("_begun", "_call", "_gone", "_last_chunk", "_reply", "_send")

    def __init__(self, call: Call, reply: Reply, send: Callable[[Chunk], bool]) -> None:
        self._call = call
        self._reply = reply
        self._send = send
        self._begun = False
        self._gone = False
        self._last_chunk: bytes | bytearray = b""

    def is_only_head(self) -> bool:
        """Send the head if nothing else is asked for and it is known; tell whether it was."""
        if self._call.method != "HEAD" or self._reply.known_type is None:
            return False
        self._begin(b"")
        return True

    def send(self, chunk: Any) -> bool:
        """Send a chunk; False once no more are wanted."""
        data = _bytes_of(chunk)
        if self._reply.is_bodiless:
            return False
        if not self._begun:
            self._begin(chunk)
            if self._call.method == "HEAD":
                return False
        # An empty chunk would be read as the end.
        if data:
            self._last_chunk = data
            self._gone = not self._send(data)
        return not self._gone

    def _begin(self, first: Any) -> None:
        self._reply.start(self._call, first)
        self._begun = True

    def end(self) -> None:
        """Say that the answer is whole, or why it is not."""
        if not self._begun:
            self._reply.send_whole(self._call)
        elif self._gone:
            self._call.abort(GONE)
        else:
            self._call.finish()

    def break_off(self, err: BaseException) -> None:
        """Let the client see that no more comes."""
        if not self._begun:
            raise err
        words = told(err)
        if not self._call.disconnected:
            # The client sees only that the answer is not whole: its head has gone out.
            _log.write("WARN", f"the answer broke off: {located(err)}")
            _log.traceback(words)
            self._comment(err)
        self._call.abort(words)

    def _comment(self, err: BaseException) -> None:
        """Say why no more comes where the format has a place for it, which no program reads."""
        kind = self._reply.content_type or self._reply.body.content_type or ""
        if kind.startswith("text/event-stream"):
            # A comment may stand inside an event, which is not to be ended by it.
            begin = b"" if self._last_chunk.endswith(b"\n") else b"\n"
            self._call.send_nowait(begin + text_bytes(f": {summary(err)}\n"))

    def alive_on_thread(self) -> AbstractContextManager[None]:
        """Send heartbeats meanwhile, if the source asks for them; on a thread."""
        return nullcontext()

    def alive_in_loop(self) -> AbstractAsyncContextManager[None]:
        """Send heartbeats meanwhile, if the source asks for them; in the event loop."""
        return nullcontext()


class _Beating(_Outgoing):
    """An answer that sends heartbeats while its source is silent."""

    __slots__ = ("_beat", "_is_over", "_last", "_sending")

    def __init__(
        self, call: Call, reply: Reply, send: Callable[[Chunk], bool], beat: Heartbeat
    ) -> None:
        super().__init__(call, reply, send)
        self._beat = beat
        self._last = monotonic()
        # Held while a chunk goes out, which may be in pieces: a heartbeat must not get between.
        self._sending = Lock()
        self._is_over = False

    def send(self, chunk: Any) -> bool:
        with self._sending:
            is_read = super().send(chunk)
            self._last = monotonic()
            return is_read

    @contextmanager
    def alive_on_thread(self) -> Iterator[None]:
        with _heartbeat.on_thread(self._beat.seconds, self._pulse):
            try:
                yield
            finally:
                self._stop()

    @asynccontextmanager
    async def alive_in_loop(self) -> AsyncIterator[None]:
        async with _heartbeat.in_loop(self._beat.seconds, self._pulse):
            try:
                yield
            finally:
                self._stop()

    def _stop(self) -> None:
        with self._sending:
            self._is_over = True

    def _pulse(self) -> float:
        """Send a heartbeat after long enough a silence; return how long it can be until the next.

        While a chunk waits for a slow reader, the stream needs none.
        """
        if not self._sending.acquire(blocking=False):
            return self._beat.seconds
        try:
            rest = self._last + self._beat.seconds - monotonic()
            if rest > 0:
                return rest
            if self._is_over or self._reply.is_bodiless:
                return self._beat.seconds
            if not self._begun:
                self._begin(self._beat.chunk)
            self._call.send_nowait(self._beat.chunk)
            self._last = monotonic()
            return self._beat.seconds
        finally:
            self._sending.release()


def _bytes_of(chunk: Any) -> bytes | bytearray:
    if isinstance(chunk, str):
        return text_bytes(chunk)
    if isinstance(chunk, bytes | bytearray):
        return chunk
    if isinstance(chunk, memoryview):
        # Its items may be larger than a byte, or lie apart.
        return bytes(chunk)
    kind = type(chunk).__name__
    raise Fault(
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
async def _aclosing(chunks: Any) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if hasattr(chunks, "aclose"):
            await chunks.aclose()
