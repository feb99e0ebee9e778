"""A request's body as it arrives: `request.stream`."""

from __future__ import annotations

import io

from owt._loop import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._border import Call


class BodyStream(io.RawIOBase):
    """The body of a request, read while the client is still sending it.

    It is a readable binary file that cannot be rewound, and holds no more of the body than a few
    hundred kilobytes. Iterated over, with `for` or `async for`, it gives pieces as they come, not
    lines; for lines, wrap it: `io.BufferedReader(request.stream)`. If the client goes away before
    the end, reading raises `ConnectionResetError`.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        whole = call.body
        # None: the body comes while the call runs.
        self._rest: memoryview | bytes = b"" if whole is None else whole
        self._is_whole = whole is not None

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read up to `len(buffer)` bytes into a buffer; 0 at the end."""
        piece = memoryview(self._next())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(piece))
        view[:size] = piece[:size]
        self._rest = piece[size:]
        return size

    def readall(self) -> bytes:
        """Read all that is left."""
        if self._is_whole:
            return bytes(self._next())
        # Its value is the buffer itself, so the body is in memory once.
        whole = io.BytesIO()
        for piece in self:
            whole.write(piece)
        return whole.getvalue()

    async def aread(self) -> bytes:
        """Read all that is left, in async code: other calls run meanwhile."""
        whole = io.BytesIO()
        async for piece in self:
            whole.write(piece)
        return whole.getvalue()

    def __iter__(self) -> BodyStream:
        return self

    def __next__(self) -> bytes:
        """Return the next piece as it came."""
        piece = bytes(self._next())
        if not piece:
            raise StopIteration
        return piece

    def __aiter__(self) -> BodyStream:
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece as it came; other calls run meanwhile."""
        if self._rest or self._is_whole:
            piece = bytes(self._next())
        else:
            piece = await _receive(self._call)
        if not piece:
            raise StopAsyncIteration
        return piece

    def _next(self) -> memoryview | bytes:
        rest, self._rest = self._rest, b""
        return rest if rest or self._is_whole else self._call.receive()


async def _receive(call: Call) -> bytes:
    while True:
        piece = call.receive_nowait()
        if piece is not None:
            return piece
        await ready(call.when_readable)


async def ready(when: Callable[[Callable[[], None]], bool]) -> None:
    """Wait in the event loop until a call can be read or written, whichever `when` tells."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    again = loop.create_future()

    def wake() -> None:
        loop.call_soon_threadsafe(resolve, again)

    if not when(wake):
        await again
