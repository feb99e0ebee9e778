"""Runs commands: streams their output, checks their status, and leaves no process behind.

    def run(request, url):
        return shell.run(["ffmpeg", "-i", url, "-f", "mp3", "-"]), {"Content-Type": "audio/mpeg"}

A command runs in its own process group. The whole group is killed when the call is cancelled, when
the generator is closed, when the timeout has passed, and when the worker ends in any way.
"""

from __future__ import annotations

import codecs
import os
import re
import signal
import time
from types import GeneratorType

from owt.summat._process import DeadlineError, Pipes, chunks_of, started, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import TypedDict

    from typing_extensions import Unpack

    from owt.summat._process import Command, Input

    class Options(TypedDict, total=False):
        """The keyword arguments of `run`."""

        cwd: str | os.PathLike[str] | None
        env: Mapping[str, str] | None
        timeout: float | None


__all__ = ["CommandFailed", "CommandTimeout", "lines", "output", "run"]


_ASSIGNMENT = re.compile(r"\w+=")


class CommandFailed(Exception):
    """A command ended with a status other than 0; a negative one is the signal that killed it."""

    def __init__(self, name: str, status: int, stderr: str) -> None:
        super().__init__(name, status, stderr)
        self.name = name
        self.status = status
        self.stderr = stderr

    def __str__(self) -> str:
        how = f"ended with status {self.status}"
        if self.status < 0:
            how = f"was killed by {_signal_name(-self.status)}"
        return f"{self.name} {how}" + (f": {self.stderr.strip()}" if self.stderr.strip() else "")


class CommandTimeout(CommandFailed, TimeoutError):
    """A command was killed because its timeout had passed."""

    def __str__(self) -> str:
        return f"{self.name} was killed because its time was up"


def run(
    command: Command,
    input: Input = b"",
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Generator[bytes, None, None]:
    """Run a command, and yield its standard output as it comes.

    Text is a command line for `sh`; a list is a program and its arguments. `input`, as a whole or
    from an iterator, is its standard input. `cwd` and `env` default to the server's folder and
    environment; `timeout` is in seconds. The command starts at the first `next()`, and waits while
    its output is not read.

    >>> list(run("printf a; printf b >&2"))
    [b'a']

    Errors: `CommandFailed`, with the end of standard error, after the last output;
    `CommandTimeout`; `FileNotFoundError` for a program that does not exist.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with started(command, {"cwd": cwd, "env": env}) as process:
        pipes = Pipes(process, chunks_of(input))
        try:
            yield from pipes.exchange(deadline)
            wait(process.pid, deadline)
        except DeadlineError:
            raise CommandTimeout(_name(command), -signal.SIGKILL, pipes.stderr_end()) from None
        finally:
            pipes.close()
            if isinstance(input, GeneratorType):
                input.close()
    if process.returncode:
        raise CommandFailed(_name(command), process.returncode, pipes.stderr_end())


def lines(
    command: Command, input: Input = b"", **options: Unpack[Options]
) -> Generator[str, None, None]:
    """Run a command as `run` does, and yield the lines of its output as text, without line ends.

    Invalid UTF-8 is replaced by U+FFFD.

    >>> list(lines("printf 'a\\nb'"))
    ['a', 'b']
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    chunks = run(command, input, **options)
    try:
        for chunk in chunks:
            *whole, rest = (rest + decode(chunk)).split("\n")
            yield from whole
        rest += decode(b"", True)
        if rest:
            yield rest
    finally:
        chunks.close()


def output(command: Command, input: Input = b"", **options: Unpack[Options]) -> bytes:
    """Run a command as `run` does, and return its whole output.

    >>> output(["tr", "a-z", "A-Z"], "owt")
    b'OWT'
    """
    return b"".join(run(command, input, **options))


def _name(command: Command) -> str:
    """Return a command's name for an error: its first word, because arguments may be private.

    So may what a shell is to set before it.
    """
    if not isinstance(command, str):
        return os.fspath(next(iter(command), "the command"))
    words = (word for word in command.split() if not _ASSIGNMENT.match(word))
    return next(words, "the command")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
