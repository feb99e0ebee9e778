"""Log levels and formats for each adaptor: `logging.basicConfig` applies to its caller alone."""

from __future__ import annotations

import logging

from owt import _context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEFAULT_LEVEL = logging.INFO
_levels: dict[str, int] = {}
_formatters: dict[str, logging.Formatter] = {}
_DEFAULT_FORMATTER = logging.Formatter()
# With these, basicConfig() sets up handlers, which belong to the whole process.
_HANDLER_OPTIONS = ("force", "filename", "handlers")


def forget(digest: str) -> None:
    """Forget the settings of an adaptor that is dropped."""
    _formatters.pop(digest, None)
    if _levels.pop(digest, None) is not None:
        _apply()


def is_wanted(record: logging.LogRecord) -> bool:
    """Tell whether the current adaptor wants a record that passed the root logger's level."""
    if not _levels or record.levelno >= _levels.get(_context.digest(), _DEFAULT_LEVEL):
        return True
    # A logger with a level of its own has decided already.
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None and not logger.level:
        logger = logger.parent
    return logger is not None and logger is not logging.root


def formatter() -> logging.Formatter:
    """Return the formatter of the current adaptor."""
    return (
        _formatters.get(_context.digest(), _DEFAULT_FORMATTER)
        if _formatters
        else _DEFAULT_FORMATTER
    )


def install() -> None:
    """Make the root logger's level and `basicConfig` apply to the adaptor that sets them."""
    logging.root.setLevel(_DEFAULT_LEVEL)
    logging.root.__class__ = _Root
    logging.basicConfig = _basic_config


class _Root(logging.RootLogger):
    """The root logger, with the lowest level that any adaptor has set."""

    def setLevel(self, level: int | str) -> None:  # noqa: N802
        """Set the level for the current adaptor; outside of calls, for all."""
        digest = _context.digest()
        if not digest:
            super().setLevel(level)
            return
        _levels[digest] = logging._checkLevel(level)  # type: ignore[attr-defined]
        _apply()


def _apply() -> None:
    lowest = min((_DEFAULT_LEVEL, *_levels.values()))
    logging.RootLogger.setLevel(logging.root, lowest)


_original = logging.basicConfig


def _basic_config(**kwargs: Any) -> None:
    """Do what `logging.basicConfig` does, for the adaptor that calls it."""
    digest = _context.digest()
    if not digest or any(kwargs.get(name) for name in _HANDLER_OPTIONS):
        _original(**kwargs)
        return
    if kwargs.get("level") is not None:
        logging.root.setLevel(kwargs["level"])
    if kwargs.get("format") is not None:
        style = kwargs.get("style", "%")
        _formatters[digest] = logging.Formatter(kwargs["format"], kwargs.get("datefmt"), style)
