"""The interpreters of this machine, each version and each build once."""

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# What owt supports: the first is the oldest.
SUPPORTED = ["3.11", "3.12", "3.13"]

_ASK = "import sys; print('%d.%d' % sys.version_info[:2], sys.base_prefix, sep='\\n')"


@cache
def _installed() -> dict[tuple[str, str], Path]:
    """Return each interpreter by its version, such as 3.12, and its prefix."""
    found: dict[tuple[str, str], Path] = {}
    for path in _candidates():
        done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
        version, _, prefix = done.stdout.strip().partition("\n")
        if done.returncode == 0:
            found.setdefault((version, prefix), path)
    return found


def pythons() -> list[tuple[str, Path]]:
    """Return each interpreter that can run workers: its version, such as 3.12, and its path."""
    found = _installed().items()
    return [(version, path) for (version, _), path in found if version in SUPPORTED]


def unsupported() -> list[tuple[str, Path]]:
    """Return the interpreters that are too old."""
    found = _installed().items()
    return [(version, path) for (version, _), path in found if version not in SUPPORTED]


def missing() -> list[str]:
    """Return the supported versions that are not installed here."""
    return [version for version in SUPPORTED if version not in {found for found, _ in pythons()}]


def _candidates() -> Iterator[Path]:
    """Yield what may be an interpreter: of pyenv, and on the path."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(root.glob("versions/*/bin/python3"))
    for folder in map(Path, ["/usr/bin", "/usr/local/bin"]):
        yield from (
            path for path in sorted(folder.glob("python3*")) if path.name[7:].count(".") < 2
        )
