"""Streamed answers: a chunk goes out as it comes, and the source is closed however it ends."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager

from owt import _log
from owt._body import text_bytes
from owt._describe import located, told
from owt._faults import Fault
from owt._upload import ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from owt._border import Call, Chunk
    from owt._reply import Reply

GONE = "The client went away before the end of the answer."


def stream(call: Call, reply: Reply, chunks: Iterator[Any]) -> None:
    """Answer with the chunks of an iterator, on this thread; `send` waits for slow readers."""
    outgoing = _Outgoing(call, reply, call.send)
    try:
        with _closing(chunks):
            for chunk in chunks:
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
    outgoing = _Outgoing(call, reply, call.send_nowait)
    try:
        async with _aclosing(chunks):
            async for chunk in chunks:
                if not outgoing.send(chunk):
                    settle()
                    break
                await ready(call.when_writable)
    except BaseException as err:
        outgoing.break_off(err)
    else:
        outgoing.end()


async def in_thread(work: Callable[[], None]) -> None:
    """Run blocking work in a thread of its own, with this task's context, until it has ended.

    It ends soon after its call is cancelled, because then `send` says that the client has gone.
    """
    import asyncio
    import contextvars
    import threading

    loop = asyncio.get_running_loop()
    ended: Future[None] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            context.run(work)
        finally:
            loop.call_soon_threadsafe(_resolve, ended)

    threading.Thread(target=run, name="owt-stream", daemon=True).start()
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            continue


class _Outgoing:
    """An answer that begins with its first chunk: what fails before that is an ordinary error."""

    __slots__ = ("_begun", "_call", "_gone", "_reply", "_send")

    def __init__(self, call: Call, reply: Reply, send: Callable[[Chunk], bool]) -> None:
        self._call = call
        self._reply = reply
        self._send = send
        self._begun = False
        self._gone = False

    def send(self, chunk: Any) -> bool:
        """Send a chunk; False once the client has gone."""
        data = _bytes_of(chunk)
        if self._reply.is_bodiless:
            return False
        if not self._begun:
            self._reply.start(self._call, chunk)
            self._begun = True
        # An empty chunk would be read as the end.
        if data and not self._send(data):
            self._gone = True
        return not self._gone

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
        if not self._call.disconnected:
            # The client sees only that the answer is not whole: its head has gone out.
            _log.write("WARN", f"the answer broke off: {located(err)}")
        self._call.abort(told(err))


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


def _resolve(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)


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
