"""Heartbeats: what a stream sends while its source is silent, so that nobody takes it for dead.

A source with an attribute `heartbeat` gets them. It stays on the thread that owns it: while that is
busy with the source, another thread sends them; in the event loop, the loop does.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    # Sends a heartbeat if it is time, and returns the seconds until it may be time again.
    Pulse = Callable[[], float]


class Heartbeat:
    """What to send after how many seconds of silence."""

    __slots__ = ("chunk", "seconds")

    def __init__(self, seconds: float, chunk: bytes) -> None:
        self.seconds = seconds
        self.chunk = chunk


def of(chunks: Any) -> Heartbeat | None:
    """Return the heartbeat that a source asks for."""
    found = getattr(chunks, "heartbeat", None)
    return found if isinstance(found, Heartbeat) else None


@contextmanager
def on_thread(seconds: float, pulse: Pulse) -> Iterator[None]:
    """Call `pulse` from a thread of its own, first after `seconds`, until the block ends."""
    import contextvars
    import threading

    ended = threading.Event()
    # The context tells the log whose call it is.
    context = contextvars.copy_context()

    def run() -> None:
        pause = seconds
        while not ended.wait(pause):
            pause = context.run(pulse)

    threading.Thread(target=run, name="owt-heartbeat", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


@asynccontextmanager
async def in_loop(seconds: float, pulse: Pulse) -> AsyncIterator[None]:
    """Call `pulse` from the event loop, first after `seconds`, until the block ends."""
    import asyncio

    async def run() -> None:
        pause = seconds
        while True:
            await asyncio.sleep(pause)
            pause = pulse()

    task = asyncio.get_running_loop().create_task(run())
    try:
        yield
    finally:
        task.cancel()
