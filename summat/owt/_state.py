"""The state of this worker process, and what becomes of it in a forked child."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from os import _exit, close

from owt import _progress
from owt._adaptor_threads import AdaptorThreads
from owt._load import AdaptorCache
from owt._loop import Loop

_DEFAULT_LIMIT = 128


class State:
    """What the calls of one worker share."""

    def __init__(self) -> None:
        self.adaptors = AdaptorCache(_DEFAULT_LIMIT)
        # Whether arguments may be Python expressions.
        self.evaluate = True
        self.loop = Loop()
        self.adaptor_threads = AdaptorThreads(lambda digest: self.adaptors.forget(digest))
        self.is_forked_child = False
        # The inodes of the server's own sockets, which no cancelled call may shut down.
        self.sockets: frozenset[int] = frozenset()
        self.has_damaged_builtins = False


state = State()


def register_fork_hook(descriptors: list[int]) -> None:
    """Have child processes that an adaptor forks drop this worker's state and descriptors."""
    os.register_at_fork(after_in_child=lambda: _after_fork(descriptors))


def _after_fork(descriptors: list[int]) -> None:
    state.is_forked_child = True
    state.adaptors.after_fork()
    state.loop.after_fork()
    state.adaptor_threads.after_fork()
    _progress.after_fork()
    # Emptied: in a child of this child, the numbers may belong to other files.
    while descriptors:
        with suppress(OSError):
            close(descriptors.pop())


def end_forked_child(raised: BaseException | None = None) -> None:
    """End this process if an adaptor forked it: the parent answers the call.

    Its exit status is what Python gives for a program that ends, or that raises an exception.
    """
    if not state.is_forked_child:
        return
    status = 1
    with suppress(BaseException):
        status = _exit_status(raised)
        sys.stdout.flush()
        sys.stderr.flush()
    _exit(status)


def _exit_status(raised: BaseException | None) -> int:
    """Return the exit status, having shown what Python shows of an exception."""
    if raised is None:
        return 0
    if not isinstance(raised, SystemExit):
        sys.excepthook(type(raised), raised, raised.__traceback__)
        return 1
    if raised.code is None or isinstance(raised.code, int):
        return (raised.code or 0) & 0xFF
    print(raised.code, file=sys.stderr)
    return 1
