"""owt with a terminal as its standard error."""

import os
import pty
import subprocess
from pathlib import Path

from harness.program import clean_environment, owt_binary

Done = subprocess.CompletedProcess[str]


def on_terminal(*arguments: str, home: Path) -> tuple[Done, str]:
    """Run owt to its end; return what it has done, and what the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(owt_binary()), *arguments],
        cwd=home,
        env=clean_environment(home, {"TERM": "xterm"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = _read(ours)
    stdout, _ = process.communicate(timeout=20)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout), shown


def _read(terminal: int) -> str:
    """Read until the other end is closed, which Linux says by an error."""
    text = b""
    with open(terminal, "rb", buffering=0) as opened:
        try:
            while piece := opened.read(65536):
                text += piece
        except OSError:
            pass
    return text.decode()
