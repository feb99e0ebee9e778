"""Python in a process of its own, which a worker would be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).parent.parent)

# Starts a worker as the server does; `directory` is where sources for children go.
START = """
import os, sys
from owt import _worker
from owt._state import state
from tests.fake import FakeCall, answer_to, error_of, json_of, reply_to, text_of
def start(directory, **changed):
    settings = dict(address="127.0.0.1", port=9876, version="0.1.0", exe="/no/owt", max_adaptors=8,
                    no_eval=False, log_tracebacks=False, adaptors_dir=directory, fds=[],
                    args={"address": "127.0.0.1", "port": 9876, "auth": None})
    _worker.start({**settings, **changed})
"""


def python(program: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program, which must succeed, and return what it printed."""
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
    """Run a program in which `start(directory, …)` makes a worker."""
    return python(f"{START}\ndirectory = {str(directory)!r}\n{program}", **environment)


def cleared(changed: dict[str, str]) -> dict[str, str]:
    """Return the environment without what owt sets, with the package to be found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OWT_")}
    return {**kept, "PYTHONPATH": ROOT, **changed}
