"""A process group: started, guarded, and killed as a whole; its input and output on one thread."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager, suppress

from owt.summat._exit_watch import has_exited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import IO, Any

    Command = str | Sequence[str | os.PathLike[str]]
    Input = bytes | str | Iterable[bytes | str]

_CHUNK = 64 * 1024
# Bytes of the end of standard error that an error shows.
_MAX_STDERR = 4096
# Seconds between two moments at which a waiting thread can be interrupted.
_POLL_INTERVAL = 0.05
# Waits for a line, which means that all is well. If the pipe is closed instead, because the worker
# has died, it kills the group.
_GUARD = 'read line || kill -s KILL -- "-$0"'


class DeadlineError(Exception):
    """The timeout of a command has passed."""


@contextmanager
def started(command: Command, options: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in its own process group, and kill the group at the end of the block.

    It is started on another thread: an interrupt of this one, while the process starts, would leave
    a process that is never killed.
    """
    starting: Future[subprocess.Popen[bytes]] = Future()
    threading.Thread(target=_start, args=(starting, command, options), name="owt-shell").start()
    try:
        while not starting.done():
            futures.wait([starting], _POLL_INTERVAL)
        process = starting.result()
        with _guarded(process.pid):
            yield process
    finally:
        starting.add_done_callback(_end)


def _start(
    starting: Future[subprocess.Popen[bytes]], command: Command, options: dict[str, Any]
) -> None:
    pipe = subprocess.PIPE
    try:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            start_new_session=True,
            cwd=options["cwd"],
            env=options["env"],
        )
    except BaseException as err:
        starting.set_exception(err)
    else:
        starting.set_result(process)


def _end(starting: Future[subprocess.Popen[bytes]]) -> None:
    if starting.exception() is None:
        process = starting.result()
        _kill_group(process.pid)
        process.wait()


@contextmanager
def _guarded(group: int) -> Iterator[None]:
    """Kill a group if this process ends before the block does, even by SIGKILL.

    A guard process does that. It is not in this process's group, which the server kills, and it
    waits for a pipe that the system closes when this process ends.
    """
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        _kill_group(group)
        guard.communicate(b"\n")


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def wait(pid: int, deadline: float | None) -> None:
    """Wait until a process has ended, without reaping it: its group keeps its number until then."""
    pause = 0.0005
    while not has_exited(pid):
        _check(deadline)
        time.sleep(pause)
        pause = min(2 * pause, _POLL_INTERVAL)


def _check(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise DeadlineError


class Pipes:
    """Writes a process's input and reads its output at the same time, on one thread."""

    def __init__(self, process: subprocess.Popen[bytes], chunks: Iterator[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._chunks = chunks
        self._unsent = b""
        self._errors = b""
        self._selector = selectors.DefaultSelector()
        os.set_blocking(self._stdin.fileno(), False)
        self._selector.register(self._stdin, selectors.EVENT_WRITE)
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)

    def exchange(self, deadline: float | None) -> Iterator[bytes]:
        """Yield the output until stdout and stderr have ended."""
        while self._reads():
            for key, _events in self._selector.select(_POLL_INTERVAL):
                if key.fileobj is self._stdin:
                    self._write()
                elif key.fileobj is self._stderr:
                    self._errors = (self._errors + self._read(self._stderr))[-_MAX_STDERR:]
                elif chunk := self._read(self._stdout):
                    yield chunk
            _check(deadline)

    def stderr_end(self) -> str:
        return self._errors.decode(errors="replace")

    def close(self) -> None:
        self._selector.close()
        for file in (self._stdin, self._stdout, self._stderr):
            with suppress(BrokenPipeError):
                file.close()

    def _reads(self) -> bool:
        watched = self._selector.get_map()
        return self._stdout in watched or self._stderr in watched

    def _read(self, file: IO[bytes]) -> bytes:
        chunk = os.read(file.fileno(), _CHUNK)
        if not chunk:
            self._selector.unregister(file)
        return chunk

    def _write(self) -> None:
        try:
            self._unsent = self._unsent or next(self._chunks)
            sent = os.write(self._stdin.fileno(), self._unsent)
            self._unsent = self._unsent[sent:]
        except (StopIteration, BrokenPipeError):
            # All is sent, or the command has closed its input.
            self._selector.unregister(self._stdin)
            self._stdin.close()


def chunks_of(given: Input) -> Iterator[bytes]:
    for chunk in (given,) if isinstance(given, bytes | str) else given:
        # In small chunks, because each write copies the rest of a chunk.
        data = memoryview(chunk.encode() if isinstance(chunk, str) else chunk)
        yield from (bytes(data[at : at + _CHUNK]) for at in range(0, len(data), _CHUNK))
