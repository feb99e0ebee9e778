"""What a program writes, kept as it comes."""

import threading
from typing import IO

PATIENCE = 10.0


class Log:
    """Everything that a program has written to a stream so far."""

    def __init__(self, stream: IO[str]) -> None:
        self._text = ""
        self._listeners: list[Log] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                for log in (self, *self._listeners):
                    log._add(line)

    def _add(self, line: str) -> None:
        with self._changed:
            self._text += line
            self._changed.notify_all()

    def tell(self, other: "Log") -> None:
        """Have another log hold what comes from now on as well."""
        self._listeners.append(other)

    def to_its_end(self) -> str:
        """Return everything, once no process is left that could write more."""
        self._reader.join(timeout=PATIENCE)
        assert not self._reader.is_alive(), f"a process of owt is left; so far:\n{self._text}"
        return self._text

    def __len__(self) -> int:
        """Return how long the text is by now, as a mark for `since`."""
        return len(self._text)

    def since(self, mark: int) -> str:
        """Return what was written after a mark."""
        return self._text[mark:]

    def wait_for(self, words: str, *, since: int = 0) -> str:
        """Return what was written after a mark, as soon as the words are in it."""
        with self._changed:
            is_there = self._changed.wait_for(lambda: words in self.since(since), timeout=PATIENCE)
        assert is_there, f"{words!r} is not in:\n{self.since(since)}"
        return self.since(since)
