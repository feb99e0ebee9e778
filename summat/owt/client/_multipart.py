"""Forms with files, as RFC 7578 has them. Files are read while they are sent."""

from __future__ import annotations

import os
import secrets
from typing import Any, NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BLOCK = 1 << 16


class File(NamedTuple):
    """A file of a form: its content, or its path, under a name and a type of its own."""

    content: bytes | os.PathLike[str]
    name: str
    type: str = "application/octet-stream"


class Multipart:
    """A form as a body that can be sent more than once."""

    def __init__(self, fields: Mapping[str, str], form: Mapping[str, Any]) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._parts: list[tuple[bytes, bytes | os.PathLike[str]]] = []
        for name, value in {**fields, **form}.items():
            for one in value if isinstance(value, list) else [value]:
                self._parts.append(_part(boundary, name, one))
        self._end = f"--{boundary}--\r\n".encode()

    def __len__(self) -> int:
        sizes = (len(head) + _size(content) + 2 for head, content in self._parts)
        return sum(sizes) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        for head, content in self._parts:
            yield head
            yield from _blocks(content)
            yield b"\r\n"
        yield self._end


def _part(boundary: str, name: str, value: Any) -> tuple[bytes, bytes | os.PathLike[str]]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    if isinstance(value, str):
        return f"{head}\r\n\r\n".encode(), value.encode()
    if isinstance(value, (bytes, bytearray)):
        value = File(bytes(value), name)
    elif not isinstance(value, File):
        value = File(value, os.path.basename(os.fspath(value)))
    head += f'; filename="{_quoted(value.name)}"\r\nContent-Type: {value.type}\r\n\r\n'
    return head.encode(), value.content


def _quoted(name: str) -> str:
    """Escape a name as browsers do (https://html.spec.whatwg.org/#multipart-form-data)."""
    return name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")


def _size(content: bytes | os.PathLike[str]) -> int:
    return len(content) if isinstance(content, bytes) else os.stat(content).st_size


def _blocks(content: bytes | os.PathLike[str]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with open(content, "rb") as file:
        while block := file.read(_BLOCK):
            yield block
