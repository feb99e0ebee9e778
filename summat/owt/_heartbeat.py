"""Heartbeats: what a stream sends while its source is silent, so that the connection stays open.

A source with an attribute `heartbeat` gets them. The source stays on its own thread: another thread
sends heartbeats meanwhile. In the event loop, a task does.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    # Sends a heartbeat if one is due, and returns the seconds until the next may be due.
    SendIfDue = Callable[[], float]


class Heartbeat:
    """What to send after how many seconds of silence."""

    __slots__ = ("chunk", "seconds")

    def __init__(self, seconds: float, chunk: bytes) -> None:
        self.seconds = seconds
        self.chunk = chunk


def requested_by(source: Any) -> Heartbeat | None:
    """Return the heartbeat that a source asks for."""
    found = getattr(source, "heartbeat", None)
    return found if isinstance(found, Heartbeat) else None


@contextmanager
def from_thread(seconds: float, send_if_due: SendIfDue) -> Iterator[None]:
    """Call `send_if_due` from a new thread, first after `seconds`, until the block ends."""
    import contextvars
    import threading

    ended = threading.Event()
    # The context tells the log which call this is.
    context = contextvars.copy_context()

    def run() -> None:
        pause = seconds
        while not ended.wait(pause):
            pause = context.run(send_if_due)

    threading.Thread(target=run, name="owt-heartbeat", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


@asynccontextmanager
async def from_task(seconds: float, send_if_due: SendIfDue) -> AsyncIterator[None]:
    """Do the same from a new task of the event loop."""
    import asyncio

    async def run() -> None:
        pause = seconds
        while True:
            await asyncio.sleep(pause)
            pause = send_if_due()

    task = asyncio.get_running_loop().create_task(run())
    try:
        yield
    finally:
        task.cancel()
