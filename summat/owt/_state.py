"""The state of this worker process, and what becomes of it in a forked child."""

from __future__ import annotations

import os
from contextlib import suppress
from os import _exit, close

from owt._load import AdaptorCache
from owt._loop import Loop
from owt._same_thread import AdaptorThreads

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
    # Emptied: in a child of this child, the numbers may belong to other files.
    while descriptors:
        with suppress(OSError):
            close(descriptors.pop())


def end_forked_child() -> None:
    """End this process if an adaptor forked it: the parent answers the call."""
    if state.is_forked_child:
        _exit(0)
