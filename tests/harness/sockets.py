"""The connections that a server holds, as Linux lists them."""

import time
from pathlib import Path

from harness.server import Server

PATIENCE = 10.0
PAUSE = 0.02

ESTABLISHED = "01"
CLOSE_WAIT = "08"
LISTENING = "0A"
# What the system ends by itself after a process has closed it belongs to no process.
NOBODYS = "0"


def states(port: int) -> dict[int, str]:
    """Return the states of the sockets that a server holds, by the ports of their clients.

    The states are named as in `/proc/net/tcp`.
    """
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {
        int(row[2].rpartition(":")[2], 16): row[3]
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] != LISTENING and row[9] != NOBODYS
    }


def held(server: Server) -> list[str]:
    """Return the states of the sockets that a server holds."""
    return list(states(server.port).values())


def wait_until_none_is_held(server: Server) -> None:
    """Wait until the server has closed every connection, which gives no event."""
    deadline = time.monotonic() + PATIENCE
    while left := held(server):
        assert time.monotonic() < deadline, f"{len(left)} sockets are left, in states {left[:10]}"
        time.sleep(PAUSE)
