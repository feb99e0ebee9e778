"""Exceptions outside of calls: in threads, finalizers, child processes, and tasks nobody awaits.

Python would log their messages and lines of source, which the log holds only with tracebacks on.
"""

from __future__ import annotations

import logging
import sys
import threading

from owt._describe import describe, log_summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from threading import ExceptHookArgs
    from types import TracebackType

_logger = logging.getLogger("owt.unhandled")
_shows_tracebacks = False


def install(*, tracebacks: bool) -> None:
    """Have all hooks for exceptions, and asyncio, log an exception's type and line alone."""
    global _shows_tracebacks
    _shows_tracebacks = tracebacks
    sys.excepthook = _process_hook
    threading.excepthook = _thread_hook
    sys.unraisablehook = _unraisable_hook
    logging.getLogger("asyncio").addFilter(_shorten)


def _process_hook(
    _kind: type[BaseException], value: BaseException, _traceback: TracebackType | None
) -> None:
    _logger.error("a child process ended with %s", _text(value))


def _thread_hook(args: ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        _logger.error("a thread ended with %s", _text(args.exc_value))


def _unraisable_hook(args: UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        _logger.error("an exception was ignored: %s", _text(args.exc_value))


def _shorten(record: logging.LogRecord) -> bool:
    """Reduce a record of asyncio to its first line: the others show objects."""
    err = record.exc_info[1] if record.exc_info else None
    first = record.getMessage().partition("\n")[0]
    record.msg = f"{first}: {_text(err)}" if err is not None else first
    record.args, record.exc_info, record.exc_text = (), None, None
    return True


def _text(err: BaseException) -> str:
    return f"{log_summary(err)}\n{describe(err)}" if _shows_tracebacks else log_summary(err)
