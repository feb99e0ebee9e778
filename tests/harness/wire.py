"""Requests that no client library sends: bytes over a socket."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPResponse

from harness.envelope import Fields
from harness.server import Server


@dataclass(frozen=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(server: Server) -> socket.socket:
    """Open a connection; reading from it gives up after a while."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def request_bytes(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> bytes:
    """Return a request with exactly these headers, and a Content-Length if there is a body."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(server: Server, request: bytes, method: str = "GET") -> Answer:
    """Send bytes, and read one answer."""
    with connect(server) as connection:
        connection.sendall(request)
        return read_answer(connection, method)


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """Read one answer to its end."""
    with HTTPResponse(connection, method=method) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def json_request(fields: Fields, *headers: tuple[str, str]) -> bytes:
    """Return a POST of an envelope as JSON."""
    headers = (("Host", "localhost"), ("Content-Type", "application/json"), *headers)
    return request_bytes("POST", "/", headers, json.dumps(fields).encode())
