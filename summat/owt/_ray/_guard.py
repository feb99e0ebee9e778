"""Ends the processes of a local Ray cluster when the driver that has started it is killed.

Most of them fall with the driver by themselves, but Ray's agents only after a minute.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Waits for a line, which means that all is well. If the pipe is closed instead, because the driver
# has died, it kills the group.
_GUARD = 'read line || kill -s KILL -- "-$0"'


@contextmanager
def guarded() -> Iterator[None]:
    """Kill what this process has started in its group, if it ends before the block does."""
    with suppress(PermissionError):
        # Not there if it leads a group already.
        os.setsid()
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, str(os.getpgrp())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        guard.communicate(b"\n")
