"""The server that is soaked: as users start it, with its log and all its traces in one folder."""

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from harness.processes import children
from harness.program import clean_environment, owt_binary
from harness.server import GREETING, TEST_VIRTUALENV, stop
from harness.uv import on_path, shelf
from harness.venvs import UV

from soak.manner import MOST_PAUSE

# In the environment of the server, and so of all processes that come from it, whoever is their
# parent by now.
MARK = "OWT_SOAK"

WORKERS = 2
# So few that they are used up at times.
THREADS = 16
QUEUE = 24
GRACE = 2.0
# Longer than a client of the soak makes a pause, but for those that read nothing at all.
WRITE_TIMEOUT = 2 * MOST_PAUSE
# Of one worker, in MiB.
MOST_MEMORY = 400

# Where a server may put files, by the variables that say so.
FOLDERS = {"XDG_RUNTIME_DIR": "run", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp"}

OPTIONS = (
    *("--port", "0", "--workers", str(WORKERS), "--threads", str(THREADS), "--queue", str(QUEUE)),
    *("--write-timeout", str(WRITE_TIMEOUT)),
    *("--worker-kill-rss", f"{MOST_MEMORY}M"),
    *("--grace", str(GRACE), "--cache-size", "8M", "--max-adaptors", "64"),
    *("--pool", "turns:workers=2,slots=1", "--pool", "copies:workers=2,replicas=2,idle=2s"),
)

# Those of the default pool, of the two others, and of the environment.
ALL_WORKERS = WORKERS + 2 + 2 + 1

# What a call with a metadata block has installed.
PACKAGE = ("alpha", "1.0")

DEATH = re.compile(r"^(\S+) .*worker \S+ ended \((.+)\); starting another", re.MULTILINE)

FAILED_START = re.compile(
    r"^(\S+) .*worker \S+: (?:\S+ ended while it was starting|Python does not start)", re.MULTILINE
)


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
        for folder in FOLDERS.values():
            (home / folder).mkdir()
        own = {variable: str(home / folder) for variable, folder in FOLDERS.items()}
        env = {**TEST_VIRTUALENV, **own, **on_path(UV), MARK: mark}
        shelf(home, PACKAGE)
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

    def failed_starts(self) -> list[float]:
        """Return when workers have ended while they were starting."""
        found = FAILED_START.findall(self.log())
        return [datetime.fromisoformat(when).timestamp() for when in found]

    def traces(self) -> list[str]:
        """Return what the server has in the folders that it may put something into.

        The package of owt and environments stay in its cache, for the next start.
        """
        places = [self._home / folder for folder in FOLDERS.values()]
        left = [path for place in places for path in place.iterdir() if not _is_cache(path)]
        return sorted(str(path.relative_to(self._home)) for path in left)

    def remove_private_folders(self) -> list[str]:
        """Remove the folders that the server relies on while it runs, and return their kinds."""
        folders = sorted(self._home.glob("*/owt*/*-*"))
        for folder in folders:
            # The server may be writing into it.
            shutil.rmtree(folder, ignore_errors=True)
        return [folder.name.partition("-")[0] for folder in folders]


def _log(home: Path) -> Path:
    return home / "owt.log"


def _is_cache(path: Path) -> bool:
    """Tell whether it is uv's, or there is nothing in it but what the next server uses."""
    if path.name == "uv" or path.name.startswith("uv-"):
        return True
    names = os.listdir(path) if path.is_dir() else []
    return bool(names) and all(
        name.startswith("python-") or name == "environments" for name in names
    )
