"""Modules and packages for an adaptor: imports modules, and installs missing packages."""

from __future__ import annotations

import importlib
import os
import sys
import time
from contextlib import contextmanager

from owt._missing_module import PACKAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

# PEP 508: a name, and its version specifier.
_REQUIREMENT = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(.*)"
_MAX_LINES = 15
# Seconds between two attempts to get the lock while another server runs pip.
_POLL_INTERVAL = 0.2


def bind(modules: tuple[str, ...], namespace: dict[str, Any]) -> None:
    """Import modules into a namespace as `import a.b` does, which binds `a`."""
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
        # The package is installed, but has no such module.
        return err
    command = f"{sys.executable} -m pip install {PACKAGES.get(top, top)}"
    return ModuleNotFoundError(f"No module named {missing!r}: {command}", name=err.name)


def install(requirements: tuple[str, ...]) -> None:
    """Install missing packages with pip, into the environment of this Python."""
    if not any(map(_is_missing, requirements)):
        return
    with _pip_lock():
        # Another thread or server may have installed it meanwhile.
        missing = [each for each in requirements if _is_missing(each)]
        if missing:
            _pip(missing)
            importlib.invalidate_caches()


def _is_missing(requirement: str) -> bool:
    """Tell whether pip has to run; for version specifiers other than `==`, it always does."""
    import re
    from importlib import metadata

    match = re.fullmatch(_REQUIREMENT, requirement.strip(), re.DOTALL)
    if match is None:
        raise ValueError(
            "installing() takes names of packages, such as 'numpy' or 'numpy==2.0', "
            f"and got {requirement!r}"
        )
    name, wanted = match.groups()
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return True
    return bool(wanted) and "".join(wanted.split()) != f"=={version}"


@contextmanager
def _pip_lock() -> Iterator[None]:
    """Hold a lock between all threads and servers that share this environment."""
    import fcntl

    folder = os.open(sys.prefix, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A blocking wait could not be interrupted when the call is cancelled.
                time.sleep(_POLL_INTERVAL)
        yield
    finally:
        os.close(folder)


def _pip(requirements: list[str]) -> None:
    import logging
    import subprocess
    from collections import deque

    options = ("--no-input", "--disable-pip-version-check", "--")
    command = [sys.executable, "-m", "pip", "install", *options, *requirements]
    said: deque[str] = deque(maxlen=_MAX_LINES)
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
