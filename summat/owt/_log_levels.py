"""Which records of `logging` an adaptor sees, and how: `logging.basicConfig` for it alone."""

from __future__ import annotations

import logging
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_digest: ContextVar[str] = ContextVar("owt_log_digest", default="")
_BASE = logging.INFO
_levels: dict[str, int] = {}
_formatters: dict[str, logging.Formatter] = {}
_PLAIN = logging.Formatter()
# What makes basicConfig() set up handlers, which are those of the whole process.
_OF_HANDLERS = ("force", "filename", "handlers")


def begin(digest: str) -> None:
    """Say which adaptor's call begins in this context."""
    _digest.set(digest)


def forget(digest: str) -> None:
    """Forget what an adaptor has set that is dropped."""
    _formatters.pop(digest, None)
    if _levels.pop(digest, None) is not None:
        _apply()


def wants(record: logging.LogRecord) -> bool:
    """Say whether the adaptor that runs sees a record that the root logger's level let through."""
    if not _levels or record.levelno >= _levels.get(_digest.get(), _BASE):
        return True
    # A logger with a level of its own has decided by that.
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None and not logger.level:
        logger = logger.parent
    return logger is not None and logger is not logging.root


def formatter() -> logging.Formatter:
    """Return how the adaptor that runs wants its records to look."""
    return _formatters.get(_digest.get(), _PLAIN) if _formatters else _PLAIN


def install() -> None:
    """Let the root logger's level, and `basicConfig`, be an adaptor's own where one sets them."""
    logging.root.setLevel(_BASE)
    logging.root.__class__ = _Root
    logging.basicConfig = _basic_config


class _Root(logging.RootLogger):
    """The root logger, whose level is as low as any adaptor wants it."""

    def setLevel(self, level: int | str) -> None:  # noqa: N802
        """Set the level for the adaptor that runs; outside of calls, for all."""
        digest = _digest.get()
        if not digest:
            super().setLevel(level)
            return
        _levels[digest] = logging._checkLevel(level)  # type: ignore[attr-defined]
        _apply()


def _apply() -> None:
    logging.RootLogger.setLevel(logging.root, min(_BASE, *_levels.values(), _BASE))


_original = logging.basicConfig


def _basic_config(**kwargs: Any) -> None:
    """Do what `logging.basicConfig` does, for the adaptor that calls it."""
    digest = _digest.get()
    if not digest or any(kwargs.get(name) for name in _OF_HANDLERS):
        _original(**kwargs)
        return
    if kwargs.get("level") is not None:
        logging.root.setLevel(kwargs["level"])
    if kwargs.get("format") is not None:
        style = kwargs.get("style", "%")
        _formatters[digest] = logging.Formatter(kwargs["format"], kwargs.get("datefmt"), style)
