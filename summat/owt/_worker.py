"""What the worker, written in Rust, calls: `start` once, and `handle` for each call.

`handle` may be called from any thread, and several at once.
"""

from __future__ import annotations

import atexit
import os
import sys
import warnings

from owt import _importer, _log, _main, _server, _tqdm
from owt._cancellation import blocked_loop, cancel, is_deferred, unblock
from owt._errors import Interrupted
from owt._handle import handle
from owt._helper_modules import Finder
from owt._load import AdaptorCache
from owt._state import register_fork_hook, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from owt._bindings import Settings

__all__ = [
    "Interrupted",
    "adaptors",
    "blocked_loop",
    "cancel",
    "forget",
    "handle",
    "is_deferred",
    "run_exit_functions",
    "run_main_thread",
    "start",
    "unblock",
]

# Seconds after which a thread that computes lets another one run. Python's default is ten times as
# long, and a call of microseconds would wait that long for each thread that computes.
_SWITCH_INTERVAL = 0.0005
# Seconds to wait for exit functions; the front ends the process before.
_EXIT_TIMEOUT = 10.0


def start(settings: Settings) -> None:
    """Prepare this process for calls."""
    _log.install(tracebacks=settings["log_tracebacks"])
    _server.configure(settings)
    state.adaptors = AdaptorCache(settings["max_adaptors"], settings["adaptors_dir"])
    Finder(_server.start_directory(), state.adaptors.helpers).install()
    state.evaluate = not settings["no_eval"]
    state.sockets = frozenset(os.fstat(descriptor).st_ino for descriptor in settings["fds"])
    _main.install()
    _tqdm.install()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    warnings.simplefilter("ignore", SyntaxWarning)
    # Python would show the line that it warns of, and the log never shows source.
    warnings.formatwarning = _log.warning_without_line
    register_fork_hook(settings["fds"])
    _importer.keep_sources()


def run_main_thread() -> NoReturn:
    """Run what needs the main thread of the interpreter, which calls this, for ever."""
    state.adaptor_threads.main.run()


def run_exit_functions() -> None:
    """Run what adaptors registered with `atexit`, on the main thread, as Python does."""
    state.adaptor_threads.main.call(atexit._run_exitfuncs, _EXIT_TIMEOUT)


def adaptors() -> list[dict[str, Any]]:
    """Return what is loaded: digest, calls, memory, age and fn_names of each; never source."""
    return state.adaptors.summaries()


def forget(digest: str) -> bool:
    """Drop a loaded adaptor; False if it was not loaded."""
    return state.adaptors.forget(digest)
