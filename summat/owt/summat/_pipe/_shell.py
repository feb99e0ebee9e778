"""Running a command and streaming what it prints; its whole process group ends with the stream."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from subprocess import Popen
    from typing import IO, Any

_CHUNK = 64 * 1024
# Bytes of the end of what a command said on stderr that its error repeats.
_SHOWN = 2000
# How often a silent command is looked at, so that a cancelled call ends.
_POLL = 0.1


def environment(arguments: dict[str, Any]) -> dict[str, str]:
    """Return this process's variables, and the arguments as variables that are text."""
    return {**os.environ, **{name: str(value) for name, value in arguments.items()}}


def run(command: Any, arguments: dict[str, Any]) -> Generator[bytes, None, None]:
    """Run text in a shell, or a list of words directly, and yield its output as it comes."""
    import subprocess
    import tempfile

    if not isinstance(command, str | list | tuple):
        kind = type(command).__name__
        raise TypeError(f"shell() takes a command as text or as a list of words, and got a {kind}")
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            env=environment(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            yield from _output(process)
            status = process.wait()
        finally:
            _end(process)
        if status:
            raise ChildProcessError(_told(command, status, errors))


def _output(process: Popen[bytes]) -> Generator[bytes, None, None]:
    import select

    assert process.stdout is not None
    descriptor, ready = process.stdout.fileno(), select.poll()
    ready.register(descriptor, select.POLLIN | select.POLLHUP)
    while True:
        if not ready.poll(_POLL * 1000):
            continue
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return
        yield chunk


def _end(process: Popen[bytes]) -> None:
    import contextlib
    import signal

    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _told(command: Any, status: int, errors: IO[bytes]) -> str:
    length = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, length - _SHOWN))
    said = errors.read().decode(errors="replace").strip()
    name = command.split(None, 1)[0] if isinstance(command, str) else command[0]
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return f"the command {name} {how}" + (f": {said}" if said else "")
