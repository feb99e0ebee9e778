"""Cancels calls: all that the server does besides raising `Interrupted` in a call's thread."""

from __future__ import annotations

import sys
import threading

from owt import _locks, _unblock
from owt._state import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


def cancel(call_id: str) -> None:
    """Cancel a call that no thread runs, because of its deadline or because its client has gone.

    A call that a thread runs is cancelled by raising `Interrupted` in that thread.
    """
    state.loop.cancel(call_id)
    state.adaptor_threads.drop_cancelled()


def is_deferred(thread: int) -> bool:
    """Tell whether a thread must not be interrupted now.

    It imports, loads something that others wait for, or starts another thread.

    An interrupted import leaves a broken package: what is in `sys.modules` is not run again, and
    every later import of it in this process fails.
    """
    is_loading = _locks.blocks_others(thread) or state.adaptor_threads.is_loading_for_others(thread)
    return is_loading or is_importing(thread) or is_starting_thread(thread)


def blocked_loop(call_id: str) -> tuple[int, int] | None:
    """Return the event loop's thread, as Python's and the system's number, if a call blocks it."""
    thread = state.loop.blocked_by(call_id)
    if thread is None or thread.ident is None or thread.native_id is None:
        return None
    if is_starting_thread(thread.ident):
        return None
    return thread.ident, thread.native_id


def unblock(thread: int, native: int, age: float) -> None:
    """End what a thread waits for in a cancelled call, which began `age` seconds ago."""
    _unblock.unblock(thread, native, age, state.sockets)
    state.adaptor_threads.replace_if_stuck(thread)


def is_importing(thread: int) -> bool:
    """Tell whether a thread is in the middle of an import."""
    frames = _frames(thread)
    return any(frame.f_code.co_filename.startswith("<frozen importlib.") for frame in frames)


def is_starting_thread(thread: int) -> bool:
    """Tell whether a thread starts another one, which has the same number until it runs.

    An exception for that number would end the new thread before it says that it runs, and `start`
    would wait for that for ever.
    """
    start = threading.Thread.start.__code__
    return any(frame.f_code is start for frame in _frames(thread))


def _frames(thread: int) -> Iterator[FrameType]:
    frame = sys._current_frames().get(thread)
    while frame is not None:
        yield frame
        frame = frame.f_back
