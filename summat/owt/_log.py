"""Writes what `print` and `logging` give to the server's log, in whole lines with request ids."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from contextvars import ContextVar
from os import write as write_to
from threading import get_ident
from time import gmtime, strftime, time

from owt import _context, _log_levels, _stdio, _unhandled
from owt._context import NO_CALL
from owt._stdio import DESCRIPTOR, LogStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_LINE = 64 * 1024
_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}

# The id of the call that has printed in this context.
_printed: ContextVar[str] = ContextVar("owt_printed", default="")
_shows_tracebacks = False
# Lines that have not ended yet, by stream and by call or thread.
partial_lines: dict[tuple[int, str], str] = {}


def warn_of_printed_result(call_id: str) -> None:
    """Log a hint if a call that returned None has printed: that may have been its result."""
    if _printed.get() == call_id:
        write("INFO", "the handler printed and returned None: return what is to be the answer")


def flush() -> None:
    """Write the lines of the call that have not ended."""
    if partial_lines:
        for key in [key for key in list(partial_lines) if key[1] == _writer_key()]:
            write("INFO", partial_lines.pop(key, ""))


def install(*, tracebacks: bool) -> None:
    """Replace `sys.stdout` and `sys.stderr`, and add a handler to the root logger."""
    global _shows_tracebacks
    _shows_tracebacks = tracebacks
    _flush_stdout()
    _stdio.install(_OUT, _ERR)
    logging.getLogger().addHandler(LogHandler())
    _log_levels.install()
    _unhandled.install(tracebacks=tracebacks)
    os.register_at_fork(after_in_child=partial_lines.clear)


def _flush_stdout() -> None:
    """Write what `sitecustomize` and the like have printed, before the stream is replaced."""
    # It may be missing, closed, or a class of theirs.
    with suppress(Exception):
        sys.stdout.flush()


def _write_lines(stream: LogStream, text: str) -> None:
    """Write the lines that end in `text`, and keep the rest for later."""
    if stream is _OUT:
        _printed.set(_context.call_id())
    key = (id(stream), _writer_key())
    *ended, rest = (partial_lines.pop(key, "") + text).split("\n")
    if len(rest) > _MAX_LINE:
        ended.append(rest)
        rest = ""
    if ended:
        write("INFO", "\n".join(map(_final_text, ended)))
    if rest:
        partial_lines[key] = _final_text(rest)


_OUT = LogStream("<stdout>", _write_lines)
_ERR = LogStream("<stderr>", _write_lines)


class LogHandler(logging.Handler):
    """Writes records of `logging` to the log."""

    def createLock(self) -> None:  # noqa: N802
        """Use no lock: each record is one write, and an interrupted call might never release it."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> Any:
        """Do what the base class does, without the lock that it takes from Python 3.13 on."""
        wanted = self.filter(record)
        if wanted:
            self.emit(wanted if isinstance(wanted, logging.LogRecord) else record)
        return wanted

    def filter(self, record: logging.LogRecord) -> Any:
        """Leave out records that only other adaptors want."""
        return super().filter(record) if _log_levels.is_wanted(record) else False

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as the adaptor has set it."""
        return _log_levels.formatter().format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; if it cannot be formatted, log that."""
        try:
            text = self.format(record)
        except Exception as err:
            text = f"A log message could not be formatted: {type(err).__name__}"
        write(_LEVELS.get(record.levelname, record.levelname), text)


def traceback(text: str) -> None:
    """Write a traceback, if enabled: tracebacks may show source and arguments."""
    if _shows_tracebacks:
        write("WARN", text)


def write(level: str, text: str) -> None:
    """Write lines to the log at once. A log that cannot be written is ignored."""
    now = time()
    stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(now))
    # The format of the front's own lines.
    head = f"{stamp}.{int(now % 1 * 1e6):06}Z {level:>5} [{_context.call_id()}] "
    # Each line has the head, so that no text can look like a line of another request.
    whole = "".join(f"{head}{line}\n" for line in text.split("\n"))
    data = whole.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[write_to(DESCRIPTOR, data) :]
    except OSError:
        pass


def _final_text(line: str) -> str:
    """Return what a terminal shows in the end of a line that a progress bar rewrites by `\\r`."""
    return line.rstrip("\r").rpartition("\r")[2]


def _writer_key() -> str:
    call_id = _context.call_id()
    return call_id if call_id != NO_CALL else f"thread {get_ident()}"


def warning_without_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """Format a warning without its line of source; replaces `warnings.formatwarning`."""
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"
