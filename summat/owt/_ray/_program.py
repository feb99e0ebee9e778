"""Finds the program `owt` on the node of a member."""

from __future__ import annotations

import os
import shutil
import sys

from owt._ray._failure import MemberError


def find(wanted: str) -> str:
    """Return the path of the program: as the server knows it, else that of this environment."""
    beside = os.path.join(os.path.dirname(sys.executable), "owt")
    for path in (wanted, shutil.which("owt"), beside):
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise MemberError(
        f"there is no program owt on the node {os.uname().nodename}: install it there with "
        "pip install owt-cli, or with runtime-env for these members alone",
        is_final=True,
    )
