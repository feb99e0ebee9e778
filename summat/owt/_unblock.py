"""Unblocks the thread of a cancelled call that waits in a system call, where that can be seen."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from owt._unblock_linux import unblock as unblock
else:

    def unblock(thread: int, native: int, age: float, protected: frozenset[int]) -> None:
        """Leave everything alone: only Linux shows what a thread waits for."""
