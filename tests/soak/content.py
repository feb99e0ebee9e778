"""What a body has to hold, compared as it comes, so that a body that is cut is checked as well."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol


class Content(Protocol):
    """Compares one body, piece by piece."""

    def take(self, data: bytes) -> bool:
        """Return whether these are the next bytes."""

    def is_whole(self) -> bool:
        """Return whether no byte is missing."""


class Sequence:
    """Content that is known beforehand, made part by part."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._ahead = b""

    def take(self, data: bytes) -> bool:
        """Return whether these are the next bytes."""
        while len(self._ahead) < len(data):
            part = next(self._parts, None)
            if part is None:
                return False
            self._ahead += part
        expected, self._ahead = self._ahead[: len(data)], self._ahead[len(data) :]
        return data == expected

    def is_whole(self) -> bool:
        """Return whether no byte is missing."""
        return not self._ahead and not any(self._parts)


class Headed:
    """Content that its own first line determines, as of a result that may come from the cache."""

    def __init__(self, parts: Callable[[bytes], Iterator[bytes] | None]) -> None:
        self._parts = parts
        self._line = b""
        self._rest: Sequence | None = None

    def take(self, data: bytes) -> bool:
        """Return whether these are the next bytes."""
        if self._rest is not None:
            return self._rest.take(data)
        self._line += data
        if b"\n" not in self._line:
            return True
        line, _, data = self._line.partition(b"\n")
        parts = self._parts(line)
        if parts is None:
            return False
        self._rest = Sequence(parts)
        return self._rest.take(data)

    def is_whole(self) -> bool:
        """Return whether no byte is missing."""
        return self._rest is not None and self._rest.is_whole()


def numbered(name: object, parts: int, size: int) -> Iterator[bytes]:
    """Return parts that differ from each other and from those of any other call."""
    return (f"{name} {number} ".ljust(size, ".").encode() for number in range(parts))
