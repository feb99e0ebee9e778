"""Modules and packages for an adaptor: bound to their names, and installed if they are missing."""

from __future__ import annotations

import importlib
import os
import sys
import time
from contextlib import contextmanager

from owt._missing import PACKAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

# PEP 508: a name, and what it says of the version.
_REQUIREMENT = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(.*)"
_SHOWN_LINES = 15
# How often a server that waits for another's pip looks whether it has ended.
_POLL = 0.2


def bind(modules: tuple[str, ...], namespace: dict[str, Any]) -> None:
    """Import modules into a namespace, as `import a.b` does: all of a dotted name, bound as `a`."""
    for name in modules:
        top = name.partition(".")[0]
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as err:
            raise _with_advice(err, name) from None
        namespace[top] = sys.modules[top]


def _with_advice(err: ModuleNotFoundError, module: str) -> ModuleNotFoundError:
    missing = err.name or module
    top = missing.partition(".")[0]
    if top in sys.modules:
        # The package is there, and it has no such module: pip would change nothing.
        return err
    command = f"{sys.executable} -m pip install {PACKAGES.get(top, top)}"
    return ModuleNotFoundError(f"No module named {missing!r}: {command}", name=err.name)


def install(requirements: tuple[str, ...]) -> None:
    """Install with pip what is missing, into the environment that this Python runs in."""
    if not any(map(_is_missing, requirements)):
        return
    with _turn():
        # Somebody may have installed it while this waited for its turn.
        missing = [each for each in requirements if _is_missing(each)]
        if missing:
            _pip(missing)
            importlib.invalidate_caches()


def _is_missing(requirement: str) -> bool:
    """Say whether pip has something to do; what only pip can compare, pip is asked about."""
    import re
    from importlib import metadata

    read = re.fullmatch(_REQUIREMENT, requirement.strip(), re.DOTALL)
    if read is None:
        raise ValueError(
            "installing() takes names of packages, such as 'numpy' or 'numpy==2.0', "
            f"and got {requirement!r}"
        )
    name, wanted = read.groups()
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return True
    return bool(wanted) and "".join(wanted.split()) != f"=={version}"


@contextmanager
def _turn() -> Iterator[None]:
    """Let one pip at a time change this environment, of all threads and servers that share it."""
    import fcntl

    folder = os.open(sys.prefix, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Waiting in the kernel could not be interrupted when the call is cancelled.
                time.sleep(_POLL)
        yield
    finally:
        os.close(folder)


def _pip(requirements: list[str]) -> None:
    import logging
    import subprocess
    from collections import deque

    options = ("--no-input", "--disable-pip-version-check", "--")
    command = [sys.executable, "-m", "pip", "install", *options, *requirements]
    said: deque[str] = deque(maxlen=_SHOWN_LINES)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                said.append(line.rstrip())
                logging.getLogger("owt.summat").info("pip: %s", said[-1])
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _failed(requirements, said)


def _failed(requirements: list[str], said: Iterable[str]) -> RuntimeError:
    lines = "\n".join(said)
    advice = ""
    if "No module named pip" in lines:
        advice = f" It has no pip: {sys.executable} -m ensurepip"
    names = " ".join(requirements)
    return RuntimeError(f"pip could not install {names} for {sys.executable}.{advice}\n{lines}")
