"""The figures of a server at rest: what must be after the load as it was before."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from harness import sockets

from soak.host import ALL_WORKERS, THREADS, Host

# How long a server may take after the load to come to rest.
PATIENCE = 15.0
PAUSE = 0.1


@dataclass(frozen=True)
class Vitals:
    """Figures of the front, and the largest of all workers; memory in MiB."""

    processes: int
    workers: int
    front_files: int
    front_threads: int
    front_memory: float
    worker_files: int
    worker_threads: int
    worker_memory: float
    # Connections that the front holds, by what has become of them.
    open_connections: int = 0
    connections_in_close_wait: int = 0
    other_connections: int = 0


@dataclass(frozen=True)
class Slack:
    """By how much a figure may have grown, and why."""

    processes: int = 0
    workers: int = 0
    # A connection of this very moment.
    front_files: int = 1
    # Blocking work has threads that go after a while.
    front_threads: int = 0
    # What the allocator keeps for itself after large bodies.
    front_memory: float = 32.0
    # The event loop's own, and those that Python opens once.
    worker_files: int = 4
    # Those for calls stay; there are no more than may run at a time, and some that lead.
    worker_threads: int = THREADS + 4
    # Loaded adaptors, and what the allocator keeps.
    worker_memory: float = 64.0
    open_connections: int = 0
    connections_in_close_wait: int = 0
    other_connections: int = 0


def measure(host: Host) -> Vitals:
    """Return the figures of now."""
    workers = host.workers()
    states = Counter(sockets.states(host.port).values())
    return Vitals(
        processes=len(host.processes()),
        workers=len(workers),
        front_files=_files(host.pid),
        front_threads=_threads(host.pid),
        front_memory=_memory(host.pid),
        worker_files=max(map(_files, workers), default=0),
        worker_threads=max(map(_threads, workers), default=0),
        worker_memory=max(map(_memory, workers), default=0.0),
        open_connections=states.pop(sockets.ESTABLISHED, 0),
        connections_in_close_wait=states.pop(sockets.CLOSE_WAIT, 0),
        other_connections=states.total(),
    )


async def at_rest(host: Host, is_fine: Callable[[Vitals], bool]) -> Vitals:
    """Return the figures as soon as they are fine, or as they are when patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not is_fine(found := _measure_or_none(host)) and time.monotonic() < deadline:
        await asyncio.sleep(PAUSE)
    return found


def is_complete(vitals: Vitals) -> bool:
    """Return whether there are all workers, no other process, and no connection."""
    connections = (
        vitals.open_connections,
        vitals.connections_in_close_wait,
        vitals.other_connections,
    )
    is_alone = vitals.workers == ALL_WORKERS and vitals.processes == ALL_WORKERS + 1
    return is_alone and not any(connections)


def grown(before: Vitals, after: Vitals, slack: Slack | None = None) -> list[str]:
    """Return which figures have grown by more than they may."""
    allowed = slack or Slack()
    return [
        f"{figure}: {is_now:.4g} after {was:.4g}, and no more than {more:.4g} more may be"
        for figure, was, is_now, more in _rows(before, after, allowed)
        if is_now > was + more
    ]


def _rows(before: Vitals, after: Vitals, slack: Slack) -> list[tuple[str, float, float, float]]:
    names = [field.name for field in fields(Vitals)]
    return [
        (name.replace("_", " "), *(getattr(of, name) for of in (before, after, slack)))
        for name in names
    ]


def _measure_or_none(host: Host) -> Vitals:
    try:
        return measure(host)
    except (FileNotFoundError, ProcessLookupError):
        # A worker has ended in between.
        return Vitals(0, 0, 0, 0, 0, 0, 0, 0)


def _files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _memory(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)
