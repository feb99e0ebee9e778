"""Server-sent events, as the HTML standard has them: https://html.spec.whatwg.org/#parsing-an-event-stream."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A CR may be the first half of a line break, so the last one of a chunk waits for the next.
_BREAK = re.compile(r"\r\n|\n|\r(?!$)")


class Event(NamedTuple):
    """A server-sent event."""

    event: str
    """Its type: `message`, unless the adaptor says otherwise."""
    data: str
    id: str


class EventParser:
    """Makes events of the chunks of a body."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that a chunk completes. One that no empty line ends is never one."""
        self._rest += self._decoder.decode(chunk)
        *lines, self._rest = _BREAK.split(self._rest)
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> Event | None:
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return Event(event or "message", "\n".join(data), self._id) if data else None
