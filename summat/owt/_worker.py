"""What the worker, written in Rust, calls: `start` once, and `handle` for each call.

`handle` may be called from any thread, and several at once.
"""

from __future__ import annotations

import os
import sys
import warnings

from owt import _importer, _log, _main, _server
from owt._cancellation import blocked_loop, cancel, is_deferred, unblock
from owt._errors import Interrupted
from owt._handle import handle
from owt._helper_modules import Finder
from owt._load import AdaptorCache
from owt._state import register_fork_hook, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._bindings import Settings

__all__ = [
    "Interrupted",
    "adaptors",
    "blocked_loop",
    "cancel",
    "forget",
    "handle",
    "is_deferred",
    "start",
    "unblock",
]

# Seconds after which a thread that computes lets another one run. Python's default is ten times as
# long, and a call of microseconds would wait that long for each thread that computes.
_SWITCH_INTERVAL = 0.0005


def start(settings: Settings) -> None:
    """Prepare this process for calls."""
    _log.install(tracebacks=settings["log_tracebacks"])
    _server.configure(settings)
    state.adaptors = AdaptorCache(settings["max_adaptors"], settings["adaptors_dir"])
    Finder(_server.start_directory(), state.adaptors.helpers).install()
    state.evaluate = not settings["no_eval"]
    state.sockets = frozenset(os.fstat(descriptor).st_ino for descriptor in settings["fds"])
    _main.install()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    warnings.simplefilter("ignore", SyntaxWarning)
    # Python would show the line that it warns of, and the log never shows source.
    warnings.formatwarning = _log.warning_without_line
    register_fork_hook(settings["fds"])
    _importer.keep_sources()


def adaptors() -> list[dict[str, Any]]:
    """Return what is loaded: digest, calls, memory, age and fn_names of each; never source."""
    return state.adaptors.summaries()


def forget(digest: str) -> bool:
    """Drop a loaded adaptor; False if it was not loaded."""
    return state.adaptors.forget(digest)
