"""A server whose answers are written in the test, and what it was sent."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer:
    """Gives one answer after the other, over as many connections as its clients make."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.seen: list[Seen] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as file:
                self._answer_all(connection, file)

    def _answer_all(self, connection: socket.socket, file: Any) -> None:
        while self._answers:
            request = read_request(file)
            if request is None:
                return
            self.seen.append(request)
            answer = self._answers.pop(0)
            if not answer:
                # It never comes.
                file.read(1)
                return
            connection.sendall(answer)
            if b"connection: close" in answer:
                return


def read_request(file: Any) -> Seen | None:
    line = file.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while header := file.readline().decode().strip():
        name, _, value = header.partition(": ")
        headers[name.lower()] = value
    if headers.get("transfer-encoding") == "chunked":
        return Seen(line, headers, b"".join(iter(lambda: read_chunk(file), b"")))
    return Seen(line, headers, file.read(int(headers.get("content-length", 0))))


def read_chunk(file: Any) -> bytes:
    chunk: bytes = file.read(int(file.readline(), 16))
    file.readline()
    return chunk


def answer(status: int, body: bytes = b"", *headers: str, cut: int = 0) -> bytes:
    """Return an answer as owt gives it, without the last bytes."""
    lines = [f"HTTP/1.1 {status} X", "owt-request-id: 1", f"content-length: {len(body)}", *headers]
    whole = "\r\n".join([*lines, "", ""]).encode() + body
    return whole[:-cut] + b"" if cut else whole
