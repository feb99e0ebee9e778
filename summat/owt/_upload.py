"""`request.stream`: a request's body as it arrives."""

from __future__ import annotations

import io

from owt._loop import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._bindings import Call


class BodyStream(io.RawIOBase):
    """The body of a request, read while the client is still sending it.

    It is a readable binary file that cannot seek, and buffers a few hundred kilobytes at most.
    Iteration, with `for` or `async for`, yields chunks as they come, not lines; for lines, wrap it:
    `io.BufferedReader(request.stream)`. If the client disconnects before the end, reading raises
    `ConnectionResetError`.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        whole = call.body
        # None: the body is received while the call runs.
        self._rest: memoryview | bytes = b"" if whole is None else whole
        self._is_whole = whole is not None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read up to `len(buffer)` bytes into a buffer; 0 at the end."""
        chunk = memoryview(self._next())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(chunk))
        view[:size] = chunk[:size]
        self._rest = chunk[size:]
        return size

    def readall(self) -> bytes:
        """Read all that is left."""
        if self._is_whole:
            return bytes(self._next())
        # `getvalue` shares its buffer, so the body is in memory only once.
        whole = io.BytesIO()
        for chunk in self:
            whole.write(chunk)
        return whole.getvalue()

    async def aread(self) -> bytes:
        """Read all that is left, in async code, without blocking the event loop."""
        whole = io.BytesIO()
        async for chunk in self:
            whole.write(chunk)
        return whole.getvalue()

    def __iter__(self) -> BodyStream:
        return self

    def __next__(self) -> bytes:
        """Return the next chunk, as it was received."""
        chunk = bytes(self._next())
        if not chunk:
            raise StopIteration
        return chunk

    def __aiter__(self) -> BodyStream:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk, as it was received, without blocking the event loop."""
        if self._rest or self._is_whole:
            chunk = bytes(self._next())
        else:
            chunk = await _receive(self._call)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def _next(self) -> memoryview | bytes:
        rest, self._rest = self._rest, b""
        return rest if rest or self._is_whole else self._call.receive()


async def _receive(call: Call) -> bytes:
    while True:
        chunk = call.receive_nowait()
        if chunk is not None:
            return chunk
        await ready(call.when_readable)


async def ready(when: Callable[[Callable[[], None]], bool]) -> None:
    """Wait in the event loop for a call; `when` is its `when_readable` or `when_writable`."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    woken = loop.create_future()

    def wake() -> None:
        loop.call_soon_threadsafe(resolve, woken)

    if not when(wake):
        await woken
