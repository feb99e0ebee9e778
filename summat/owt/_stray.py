"""Exceptions that end no call, because nobody waits for what raised them.

Python would write their texts, and lines of source, to the log, which has neither unless it shows
tracebacks.
"""

from __future__ import annotations

import logging
import sys
import threading

from owt._describe import located, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from threading import ExceptHookArgs

_logger = logging.getLogger("owt.stray")
_shows_tracebacks = False


def install(*, tracebacks: bool) -> None:
    """Have threads, finalizers and asyncio say the kind of an exception and its line alone."""
    global _shows_tracebacks
    _shows_tracebacks = tracebacks
    threading.excepthook = _in_thread
    sys.unraisablehook = _ignored
    logging.getLogger("asyncio").addFilter(_without_text)


def _in_thread(args: ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        _logger.error("a thread ended with %s", _words(args.exc_value))


def _ignored(args: UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        _logger.error("an exception was ignored: %s", _words(args.exc_value))


def _without_text(record: logging.LogRecord) -> bool:
    """Shorten what asyncio says to its first line: the others show objects."""
    err = record.exc_info[1] if record.exc_info else None
    first = record.getMessage().partition("\n")[0]
    record.msg = f"{first}: {_words(err)}" if err is not None else first
    record.args, record.exc_info, record.exc_text = (), None, None
    return True


def _words(err: BaseException) -> str:
    return f"{located(err)}\n{told(err)}" if _shows_tracebacks else located(err)
