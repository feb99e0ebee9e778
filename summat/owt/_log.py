"""`print` and `logging` as whole lines of the server's log, each with the id of its request."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from contextvars import ContextVar

_DESCRIPTOR = 2
_LONGEST_LINE = 64 * 1024
_NO_CALL = "-"
_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}

_call_id: ContextVar[str] = ContextVar("owt_call_id", default=_NO_CALL)
# The call that has printed last, in the context in which it did.
_printed: ContextVar[str] = ContextVar("owt_printed", default="")
# The beginnings of lines that are not ended yet, by the writer and by whose they are.
_begun: dict[tuple[int, str], str] = {}


def begin(call_id: str) -> None:
    """Say that what this thread or task writes from now on belongs to a call."""
    _call_id.set(call_id)


def tell_of_nothing(call_id: str) -> None:
    """Say that a call answers with nothing, if it has printed what may have been meant for it."""
    if _printed.get() == call_id:
        write("INFO", "the handler printed and returned None: return what is to be the answer")


def end() -> None:
    """Write out the lines that the call has left without an end."""
    if _begun:
        for key in [key for key in list(_begun) if key[1] == _writer_key()]:
            write("INFO", _begun.pop(key, ""))


def install() -> None:
    """Replace `sys.stdout` and `sys.stderr`, and give the root logger a handler."""
    sys.stdout = Lines()
    sys.stderr = Lines()
    root = logging.getLogger()
    root.addHandler(Records())
    root.setLevel(logging.INFO)
    os.register_at_fork(after_in_child=_begun.clear)


class Lines(io.TextIOBase):
    """A text file that writes its lines to the log."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self) -> None:
        super().__init__()
        self.buffer = _Bytes(self)

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def fileno(self) -> int:
        """Return the log's own descriptor, which C code may write to."""
        return _DESCRIPTOR

    def write(self, text: str, /) -> int:
        """Write out the lines in `text` that are ended, and keep the beginning of the next."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        if self is sys.stdout:
            _printed.set(_call_id.get())
        key = (id(self), _writer_key())
        *lines, rest = (_begun.pop(key, "") + text).split("\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)
            rest = ""
        if lines:
            write("INFO", "\n".join(map(_last_state, lines)))
        if rest:
            _begun[key] = _last_state(rest)
        return len(text)


class _Bytes(io.RawIOBase):
    """What is beneath a text file: programs write bytes to `sys.stdout.buffer`."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        copied = bytes(data)  # type: ignore[call-overload]
        self._lines.write(copied.decode("utf-8", "replace"))
        return len(copied)


class Records(logging.Handler):
    """Writes the records of `logging` to the log."""

    def createLock(self) -> None:  # noqa: N802
        """Go without a lock: a record is one write, and a call that is interrupted frees none."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; one that cannot be put into words is told on the log too."""
        try:
            text = self.format(record)
        except Exception as err:
            text = f"A log message could not be formatted: {type(err).__name__}"
        write(_LEVELS.get(record.levelname, record.levelname), text)


def write(level: str, text: str) -> None:
    """Write lines to the log in one piece. A log that is gone stops nobody."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    # As the front writes its own lines.
    head = f"{stamp}.{int(now % 1 * 1e6):06}Z {level:>5} [{_call_id.get()}] "
    # Each line has the head, so that no text can pass for a line of another request.
    whole = "".join(f"{head}{line}\n" for line in text.split("\n"))
    data = whole.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(_DESCRIPTOR, data) :]
    except OSError:
        pass


def _last_state(line: str) -> str:
    """Return what a terminal would show of a line in which a progress bar went back by `\\r`."""
    return line.rstrip("\r").rpartition("\r")[2]


def _writer_key() -> str:
    call_id = _call_id.get()
    return call_id if call_id != _NO_CALL else f"thread {threading.get_ident()}"
