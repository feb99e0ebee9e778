"""Runs commands as the first owt did; `owt.summat.shell` also reports failures."""

from __future__ import annotations

import sys

from owt.summat import shell

__all__ = ["run"]


def run(cmd: str) -> bytes:
    r"""Run a command line with bash, and return its output, whatever its status.

    >>> run("echo hey; false")
    b'hey\n'
    """
    chunks: list[bytes] = []
    try:
        chunks.extend(shell.run(["bash", "-c", cmd]))
    except shell.CommandFailed as err:
        sys.stderr.write(err.stderr)
    return b"".join(chunks)
