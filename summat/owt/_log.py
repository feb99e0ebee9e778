"""`print` and `logging` as whole lines of the server's log, each with the id of its request."""

from __future__ import annotations

import logging
import os
from contextvars import ContextVar
from os import write as write_to
from threading import get_ident
from time import gmtime, strftime, time

from owt import _log_levels, _stdio, _stray
from owt._stdio import DESCRIPTOR, Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST_LINE = 64 * 1024
_NO_CALL = "-"
_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}

_call_id: ContextVar[str] = ContextVar("owt_call_id", default=_NO_CALL)
# The call that has printed last, in the context in which it did.
_printed: ContextVar[str] = ContextVar("owt_printed", default="")
_shows_tracebacks = False
# The beginnings of lines that are not ended yet, by the writer and by whose they are.
_begun: dict[tuple[int, str], str] = {}


def begin(call_id: str, digest: str) -> None:
    """Say that what this thread or task writes from now on belongs to a call of an adaptor."""
    _call_id.set(call_id)
    _log_levels.begin(digest)


def tell_of_nothing(call_id: str) -> None:
    """Say that a call answers with nothing, if it has printed what may have been meant for it."""
    if _printed.get() == call_id:
        write("INFO", "the handler printed and returned None: return what is to be the answer")


def end() -> None:
    """Write out the lines that the call has left without an end."""
    if _begun:
        for key in [key for key in list(_begun) if key[1] == _writer_key()]:
            write("INFO", _begun.pop(key, ""))


def install(*, tracebacks: bool) -> None:
    """Replace `sys.stdout` and `sys.stderr`, and give the root logger a handler."""
    global _shows_tracebacks
    _shows_tracebacks = tracebacks
    _stdio.install(_OUT, _ERR)
    logging.getLogger().addHandler(Records())
    _log_levels.install()
    _stray.install(tracebacks=tracebacks)
    os.register_at_fork(after_in_child=_begun.clear)


def _take(lines: Lines, text: str) -> None:
    """Write out the lines in `text` that are ended, and keep the beginning of the next."""
    if lines is _OUT:
        _printed.set(_call_id.get())
    key = (id(lines), _writer_key())
    *ended, rest = (_begun.pop(key, "") + text).split("\n")
    if len(rest) > _LONGEST_LINE:
        ended.append(rest)
        rest = ""
    if ended:
        write("INFO", "\n".join(map(_last_state, ended)))
    if rest:
        _begun[key] = _last_state(rest)


_OUT = Lines("<stdout>", _take)
_ERR = Lines("<stderr>", _take)


class Records(logging.Handler):
    """Writes the records of `logging` to the log."""

    def createLock(self) -> None:  # noqa: N802
        """Go without a lock: a record is one write, and a call that is interrupted frees none."""
        self.lock = None

    def filter(self, record: logging.LogRecord) -> Any:
        """Leave out what other adaptors want to see."""
        return super().filter(record) if _log_levels.wants(record) else False

    def format(self, record: logging.LogRecord) -> str:
        """Put a record into words as the adaptor wants it."""
        return _log_levels.formatter().format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; one that cannot be put into words is told on the log too."""
        try:
            text = self.format(record)
        except Exception as err:
            text = f"A log message could not be formatted: {type(err).__name__}"
        write(_LEVELS.get(record.levelname, record.levelname), text)


def traceback(text: str) -> None:
    """Write a traceback, where the log is to show them: they may quote code and arguments."""
    if _shows_tracebacks:
        write("WARN", text)


def write(level: str, text: str) -> None:
    """Write lines to the log in one piece. A log that is gone stops nobody."""
    now = time()
    stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(now))
    # As the front writes its own lines.
    head = f"{stamp}.{int(now % 1 * 1e6):06}Z {level:>5} [{_call_id.get()}] "
    # Each line has the head, so that no text can pass for a line of another request.
    whole = "".join(f"{head}{line}\n" for line in text.split("\n"))
    data = whole.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[write_to(DESCRIPTOR, data) :]
    except OSError:
        pass


def _last_state(line: str) -> str:
    """Return what a terminal would show of a line in which a progress bar went back by `\\r`."""
    return line.rstrip("\r").rpartition("\r")[2]


def _writer_key() -> str:
    call_id = _call_id.get()
    return call_id if call_id != _NO_CALL else f"thread {get_ident()}"


def warning_without_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """Return a warning as one line, as `warnings.formatwarning` is to."""
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"
