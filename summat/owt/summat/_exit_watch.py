"""Waits for the end of a child process without reaping it."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    import os

    def has_exited(pid: int) -> bool:
        """Tell whether a child has exited; nobody else gets its number before it is reaped."""
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

else:
    import select

    def has_exited(pid: int) -> bool:
        """Tell whether a child has exited; nobody else gets its number before it is reaped."""
        event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        queue = select.kqueue()
        try:
            # Of a child that had exited before, the event is an error.
            return bool(queue.control([event], 1, 0))
        finally:
            queue.close()
