"""The server that is soaked: as users start it, with its log and all its traces in one folder."""

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from harness.processes import children
from harness.program import clean_environment, owt_binary
from harness.server import GREETING, TEST_VIRTUALENV, stop

# In the environment of the server, and so of all processes that come from it, whoever is their
# parent by now.
MARK = "OWT_SOAK"

WORKERS = 2
# So few that they are used up at times.
THREADS = 16
QUEUE = 24
GRACE = 2.0
# Of one worker, in MiB.
MOST_MEMORY = 400

OPTIONS = (
    *("--port", "0", "--workers", str(WORKERS), "--threads", str(THREADS), "--queue", str(QUEUE)),
    *("--worker-kill-rss", f"{MOST_MEMORY}M"),
    *("--grace", str(GRACE), "--cache-size", "8M", "--max-adaptors", "64"),
)

DEATH = re.compile(r"^(\S+) .*worker \d+ ended \((.+)\); starting another", re.MULTILINE)


class Host:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], port: int, home: Path, mark: str) -> None:
        self._process = process
        self._mark = f"{MARK}={mark}".encode()
        self._home = home
        self.port = port

    @classmethod
    @contextmanager
    def started(cls, home: Path) -> Iterator["Host"]:
        """Start a server whose files are all in one folder."""
        mark = secrets.token_hex(8)
        _traces(home).mkdir()
        env = {**TEST_VIRTUALENV, MARK: mark, "TMPDIR": str(_traces(home))}
        with _log(home).open("w") as log:
            process = subprocess.Popen(
                [str(owt_binary()), "serve", *OPTIONS],
                env=clean_environment(home, env),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            assert process.stdout is not None
            with process.stdout:
                line = process.stdout.readline()
            if not line.startswith(GREETING):
                raise RuntimeError(f"owt has not started, but said:\n{_log(home).read_text()}")
            yield cls(process, int(line.rpartition(":")[2]), home, mark)
        finally:
            if process.poll() is None:
                stop(process)

    def stop(self) -> int:
        """End the server as its user would; return its exit status."""
        stop(self._process)
        return self._process.returncode

    @property
    def pid(self) -> int:
        """The front's process."""
        return self._process.pid

    def workers(self) -> list[int]:
        """Return the processes of the workers that there are now."""
        return children(self.pid)

    def processes(self) -> set[int]:
        """Return all processes that come from this server, also those that nobody waits for."""
        return {int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_ours(path)}

    def _is_ours(self, process: Path) -> bool:
        try:
            return self._mark in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def log(self) -> str:
        """Return what the server has said so far."""
        return _log(self._home).read_text(errors="replace")

    def deaths(self) -> list[tuple[float, str]]:
        """Return when workers have ended, in seconds since the epoch, and how."""
        return [
            (datetime.fromisoformat(when).timestamp(), how)
            for when, how in DEATH.findall(self.log())
        ]

    def traces(self) -> list[str]:
        """Return what the server has in its folder for temporary files."""
        return sorted(os.listdir(_traces(self._home)))


def _traces(home: Path) -> Path:
    return home / "tmp"


def _log(home: Path) -> Path:
    return home / "owt.log"
