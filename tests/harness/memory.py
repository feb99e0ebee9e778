"""The memory of a server: its front and its workers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.processes import descendants
from harness.server import Server

PAUSE = 0.02


def resident(pid: int) -> int:
    """Return the bytes of a process that are in memory, each shared page divided by its sharers."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    pss = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(pss.split()[1]) * 1024


class Peak:
    """The most memory that a server has been seen to use."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def watched(server: Server) -> Iterator[Peak]:
    """Watch the memory of a server and its workers, many times a second."""
    peak, ended = Peak(), threading.Event()
    processes = [server.process.pid, *descendants(server.process.pid)]

    def watch() -> None:
        while not ended.wait(PAUSE):
            peak.bytes = max(peak.bytes, sum(resident(pid) for pid in processes))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        ended.set()
        watching.join()
