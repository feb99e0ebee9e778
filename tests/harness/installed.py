"""The wheel, installed: by pip in an environment of a user's, or by a tool in one of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.program import ROOT

# What the documents' commands use; there is no cargo among them.
PROGRAMS = ["base64", "bash", "cat", "curl", "dirname", "env", "jo"]


def wheel() -> Path:
    """Return the wheel: `OWT_WHEEL`, else what `cargo xtask wheel` has left in target/wheels."""
    named = os.environ.get("OWT_WHEEL")
    found = [Path(named)] if named else sorted((ROOT / "target/wheels").glob("*.whl"))
    if not found:
        raise FileNotFoundError("there is no wheel; make it with: cargo xtask wheel --dev")
    return found[-1]


def tool(name: str) -> Path:
    """Return a program that installs wheels: of `OWT_WHEEL_TOOLS`, else of target/wheel-venv."""
    folder = Path(os.environ.get("OWT_WHEEL_TOOLS", ROOT / "target/wheel-venv/bin"))
    return folder / name


def programs(folder: Path, *more: Path) -> Path:
    """Make a folder with a few programs of this machine in it, to be the whole path."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    for path in more:
        (folder / path.name).symlink_to(path)
    return folder


def install(wheel: Path, python: Path, folder: Path) -> Path:
    """Make a virtualenv of an interpreter, install the wheel in it, and return its folder."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin/python",
        "install",
    ]
    subprocess.run([*pip, "--quiet", "--no-index", "--no-deps", wheel], check=True)
    return folder


@dataclass(frozen=True)
class Shell:
    """Where a user types: a folder, and a path without cargo and without the checkout."""

    folder: Path
    path: str

    def run(
        self, *command: str | Path, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> str:
        """Run a program, and return what it prints; it has to succeed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of what is typed."""
        home = {"HOME": str(self.folder), "PATH": self.path, "LC_ALL": "C.UTF-8"}
        return {**home, **(more or {})}
