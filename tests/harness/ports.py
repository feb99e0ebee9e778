"""Ports for servers that cannot choose their own."""

import random
import socket
from contextlib import ExitStack

FIRST, LAST = 20_000, 32_000


def free_run(length: int) -> int:
    """Return the first of so many free ports in a row, below those that systems give out."""
    candidates = range(FIRST, LAST, length)
    for first in random.sample(candidates, len(candidates)):
        if all_free(range(first, first + length)):
            return first
    raise OSError(f"no {length} free ports in a row from {FIRST} to {LAST}")


def all_free(ports: range) -> bool:
    """Return whether nobody listens on any of the ports."""
    with ExitStack() as sockets:
        try:
            for port in ports:
                probe = sockets.enter_context(socket.socket())
                probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
