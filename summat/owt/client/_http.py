"""HTTP/1.1 by the standard library, over connections that are used again."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
import time
import weakref
from typing import Any

from owt.client._error import OwtError
from owt.client._multipart import Multipart
from owt.client._server import CONNECT_TIMEOUT, timed_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection, HTTPResponse

    from owt.client._call import Request
    from owt.client._server import Server

# Seconds after which a connection is not used again: by default, a server closes it after 75.
_MAX_IDLE = 30.0


class Connections:
    """Connections to one server. From any thread."""

    def __init__(
        self,
        server: Server,
        read_timeout: float | None,
        context: ssl.SSLContext | None,
        unix_socket: str | None,
    ) -> None:
        self._server = server
        self._read_timeout = read_timeout
        self._context = context
        self._unix_socket = unix_socket
        self._idle: list[tuple[float, HTTPConnection]] = []
        self._lock = threading.Lock()
        # Not `__del__`: of a client in a cycle, the collector may take a socket before it.
        weakref.finalize(self, _close_all, self._idle)

    def send(self, request: Request) -> tuple[HTTPConnection, HTTPResponse]:
        """Send a request, and return the answer once it begins."""
        connection = self._take()
        try:
            return connection, self._exchange(connection, request)
        except BaseException as err:
            connection.close()
            if isinstance(err, TimeoutError):
                raise self.timed_out() from None
            if isinstance(err, (OSError, http.client.HTTPException)):
                raise OwtError("answer-broken", f"the answer broke off ({err})") from err
            raise

    def timed_out(self) -> OwtError:
        """Return the error that nothing has come for too long."""
        return timed_out(self._read_timeout)

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection whose answer was read to its end."""
        with self._lock:
            self._idle.append((time.monotonic(), connection))

    def close(self) -> None:
        """Close all that nobody uses."""
        with self._lock:
            _close_all(self._idle)

    def _take(self) -> HTTPConnection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                since, connection = self._idle.pop()
            # One that can be read has been closed: the server sends nothing unasked.
            if time.monotonic() - since < _MAX_IDLE and not _is_readable(connection):
                return connection
            connection.close()
        return self._connect()

    def _connect(self) -> HTTPConnection:
        authority = self._server.authority
        connection: HTTPConnection
        if self._unix_socket is not None:
            connection = _UnixConnection(authority, self._unix_socket)
        elif self._server.scheme == "https":
            connection = http.client.HTTPSConnection(
                authority, timeout=CONNECT_TIMEOUT, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(authority, timeout=CONNECT_TIMEOUT)
        try:
            connection.connect()
        except OSError as err:
            connection.close()
            raise self._server.unreachable(err) from err
        connection.sock.settimeout(self._read_timeout)
        if self._unix_socket is None:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _exchange(self, connection: HTTPConnection, request: Request) -> HTTPResponse:
        headers = {**self._server.headers, **request.headers}
        body: Any = request.body
        is_sized = body is None or isinstance(body, (bytes, Multipart))
        if is_sized:
            headers["Content-Length"] = str(len(body or b""))
        else:
            headers["Transfer-Encoding"] = "chunked"
        # A server that takes no more of a body may have said why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            body = iter(body) if isinstance(body, Multipart) else body
            connection.request(
                request.method, request.target, body, headers, encode_chunked=not is_sized
            )
        return connection.getresponse()


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, authority: str, path: str) -> None:
        super().__init__(authority, timeout=CONNECT_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _close_all(idle: list[tuple[float, HTTPConnection]]) -> None:
    while idle:
        idle.pop()[1].close()


def _is_readable(connection: HTTPConnection) -> bool:
    if not hasattr(select, "poll"):
        # Windows has none, and there `select` takes any descriptor.
        return bool(select.select([connection.sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
