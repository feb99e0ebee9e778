"""Runs Python in another process, as a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).parent.parent)

# Defines `start`, which starts a worker as the server does; `directory` is for source files.
START = """
import os, sys
from owt import _worker
from owt._state import state
from tests.fake import FakeCall, answer_to, error_of, handle, json_of, reply_to, text_of
def start(directory, **changed):
    settings = dict(address="127.0.0.1", port=9876, version="0.1.0", exe="/no/owt", max_adaptors=8,
                    no_eval=False, log_tracebacks=False, adaptors_dir=directory, fds=[],
                    args={"address": "127.0.0.1", "port": 9876, "auth": None})
    _worker.start({**settings, **changed})
"""


def python(program: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program, which must succeed."""
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        capture_output=True,
        text=True,
        env=cleared(environment),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def worker(program: str, directory: Path, **environment: str) -> Any:
    """Run a program that can call `start(directory, …)`."""
    return python(f"{START}\ndirectory = {str(directory)!r}\n{program}", **environment)


def cleared(changed: dict[str, str]) -> dict[str, str]:
    """Return the environment without variables of owt, and with the package on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OWT_")}
    return {**kept, "PYTHONPATH": ROOT, **changed}
