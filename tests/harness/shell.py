"""Commands typed in as the documents print them: in the repository, with owt on the path."""

import os
import re
from pathlib import Path
from typing import Protocol

from harness.program import ROOT, owt_binary, run
from harness.server import Server

PRINTED = "http://localhost:9876"

SH_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Type(Protocol):
    """Types a command in."""

    def __call__(self, command: str, server: Server) -> str:
        """Return what the command prints, with a server in the place of the printed one."""


def typing_in(home: Path, cwd: Path = ROOT) -> Type:
    """Return what types commands in, with what they write to /tmp put into a test's folder."""

    def type_in(command: str, server: Server) -> str:
        command = command.replace(PRINTED, server.url).replace("/tmp/", f"{home}/")
        # Scripts that are given no URL call the printed one.
        env = {"PATH": f"{owt_binary().parent}:{os.environ['PATH']}", "OWT_URL": server.url}
        done = run(["bash", "-c", command], home=home, env=env, cwd=cwd)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    return type_in


def commands_of(readme: Path) -> list[str]:
    """Return the commands in the `sh` blocks of a document."""
    text = "".join(SH_BLOCK.findall(readme.read_text()))
    return [line for line in text.replace("\\\n", "").splitlines() if line]
