"""HTTP/1.1 as a client of the soak speaks it: it sees each byte, and whether an answer is whole."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from harness import sockets

# Bytes that are read ahead; then the system's buffers fill, and the server has to wait.
AHEAD = 64 * 1024

# How often it is looked whether the server still holds a connection, in seconds.
LOOK = 0.1

# With this, closing a connection resets it.
NO_LINGER = struct.pack("ii", 1, 0)


class CutError(Exception):
    """The connection ended before the answer did."""


class GarbledError(Exception):
    """What came is no HTTP."""


@dataclass(frozen=True)
class Head:
    """The first part of an answer."""

    status: int
    headers: dict[str, str]

    @property
    def code(self) -> str | None:
        """The `Owt-Error` of the answer, if it has one."""
        return self.headers.get("owt-error")

    @property
    def length(self) -> int | None:
        """How many bytes the body has, or None if it comes in chunks."""
        length = self.headers.get("content-length")
        return None if length is None else int(length)


class Connection:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int) -> "Connection":
        """Connect to a server on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=AHEAD))

    async def send(self, data: bytes) -> None:
        """Send bytes. That the server has closed the connection, reading will show."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def given_up(self) -> None:
        """Wait until the server does not hold the connection any more, reading nothing."""
        self._reading().pause_reading()
        own = self._writer.get_extra_info("sockname")[1]
        port = self._writer.get_extra_info("peername")[1]
        # Twice, since a list that changes while it is read may leave one out.
        while own in sockets.states(port) or own in sockets.states(port):
            await asyncio.sleep(LOOK)
        self._reading().resume_reading()

    def _reading(self) -> asyncio.ReadTransport:
        return cast(asyncio.ReadTransport, self._writer.transport)

    async def head(self) -> Head:
        """Read the head of an answer."""
        first, *lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if version != "HTTP/1.1" or not rest[:3].isdigit():
            raise GarbledError(first)
        fields = (line.partition(":") for line in lines if line)
        return Head(int(rest[:3]), {name.lower(): value.strip() for name, _, value in fields})

    async def body(self, head: Head) -> AsyncIterator[bytes]:
        """Read a body to its end, as it comes."""
        if head.length is not None:
            async for piece in self._exactly(head.length):
                yield piece
            return
        if head.headers.get("transfer-encoding") != "chunked":
            raise GarbledError("a body without length")
        while size := await self._chunk_size():
            async for piece in self._exactly(size):
                yield piece
            await self._line_end()
        await self._line_end()

    def close(self, *, resets: bool = False) -> None:
        """Go away, whatever is still under way."""
        if resets:
            sock: socket.socket = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            self._writer.transport.abort()
        self._writer.close()

    async def _chunk_size(self) -> int:
        line = await self._until(b"\r\n")
        try:
            return int(line, 16)
        except ValueError:
            raise GarbledError(f"chunk size {line!r}") from None

    async def _line_end(self) -> None:
        if await self._until(b"\r\n"):
            raise GarbledError("a chunk is longer than it says")

    async def _until(self, end: bytes) -> bytes:
        try:
            return (await self._reader.readuntil(end))[: -len(end)]
        except (asyncio.IncompleteReadError, ConnectionError):
            raise CutError from None
        except asyncio.LimitOverrunError:
            raise GarbledError("a line without end") from None

    async def _exactly(self, size: int) -> AsyncIterator[bytes]:
        while size > 0:
            try:
                piece = await self._reader.read(min(size, AHEAD))
            except ConnectionError:
                raise CutError from None
            if not piece:
                raise CutError
            size -= len(piece)
            yield piece
