"""The `owt` program under test, and the clean environment that it runs in."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def owt_binary() -> Path:
    """Return the program: `OWT_BIN`, else what `cargo build` has left in target/debug."""
    binary = Path(os.environ.get("OWT_BIN", ROOT / "target/debug/owt"))
    if not binary.is_file():
        raise FileNotFoundError(f"{binary} is not there; build and test with: cargo xtask test")
    return binary.absolute()


def clean_environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that holds nothing of the person who runs the tests."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(more or {})}


def run_owt(
    *arguments: str,
    home: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return run([str(owt_binary()), *arguments], home=home, env=env, cwd=cwd, stdin=stdin)


def run_bash(script: str, *, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as a user types it."""
    return run(["bash", "-c", script], home=home, cwd=cwd)


def run(
    command: Sequence[str],
    *,
    home: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run any program in a clean environment, to its end."""
    return subprocess.run(
        command,
        env=clean_environment(home, env),
        cwd=cwd or home,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
