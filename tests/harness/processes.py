"""Processes of a server, as Linux lists them."""

import time
from pathlib import Path

PATIENCE = 10.0
PAUSE = 0.01


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    own = children(pid)
    return [*own, *(deeper for child in own for deeper in descendants(child))]


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, and not what these have."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        found = " ".join((task / "children").read_text() for task in tasks)
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in found.split()]


def wait_until_gone(pids: list[int]) -> None:
    """Wait for the end of processes that are no children of this one, and so give no event."""
    deadline = time.monotonic() + PATIENCE
    left = pids
    while left := [pid for pid in left if _is_running(pid)]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(PAUSE)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
