"""Commands: streamed output, errors, and that no process is left running."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from owt import _worker
from owt.summat import shell
from tests.fake import FakeCall, answer_to, handle
from tests.process import ROOT, cleared

# Prints the process ids of a shell and of its child, which both run for long.
FOREVER = "sleep 600 & echo $$ $!; wait"


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def have_ended(pids: list[int]) -> bool:
    """Wait until all of the processes have ended."""
    for _ in range(500):
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def pids_in(chunk: bytes) -> list[int]:
    return [int(word) for word in chunk.split()]


@pytest.mark.parametrize(
    ("command", "given", "expected"),
    [
        ("printf owt", b"", b"owt"),
        (["printf", "%s", "a b; c"], b"", b"a b; c"),
        (["cat"], b"\0\xff", b"\0\xff"),
        ("cat", "\u00e9", "\u00e9".encode()),
        ("cat", [b"a", "b", b"", bytearray(b"c")], b"abc"),
        ("true", b"not wanted" * 100_000, b""),
        ("exec <&-; sleep 0.1; echo x", b"not wanted" * 100_000, b"x\n"),
        ("cat", b"x" * 1_000_000, b"x" * 1_000_000),
        ("echo a; echo b >&2", b"", b"a\n"),
    ],
)
def test_a_command_gets_input_and_its_output_is_returned(
    command: Any, given: Any, expected: bytes
) -> None:
    assert shell.output(command, given) == expected


def test_output_comes_as_it_is_written(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    chunks = shell.run("echo first; read line < $FIFO; echo $line", env={"FIFO": str(fifo)})
    assert next(chunks) == b"first\n"
    fifo.write_text("second\n")
    assert list(chunks) == [b"second\n"]


def test_input_is_read_as_the_command_needs_it() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            asked.append(number)
            yield b"x" * 65536

    assert shell.output("head -c 5", pieces()) == b"xxxxx"
    assert len(asked) < 100


def test_the_folder_and_the_environment_are_the_callers(tmp_path: Path) -> None:
    printed = shell.output("pwd; echo $OWT_X", cwd=tmp_path, env={"OWT_X": "y"})
    assert printed == f"{tmp_path}\ny\n".encode()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("printf 'a\\nb\\n'", ["a", "b"]),
        ("printf 'a\\n\\nb'", ["a", "", "b"]),
        ("printf ''", []),
        ("printf '\\303'; sleep 0.05; printf '\\251\\n\\377'", ["\u00e9", "\ufffd"]),
    ],
)
def test_lines_are_text_without_line_ends(script: str, expected: list[str]) -> None:
    assert list(shell.lines(script)) == expected


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        ("echo out; echo why >&2; exit 3", 3, "echo ended with status 3: why"),
        ("exit 4", 4, "exit ended with status 4"),
        ("kill -9 $$", -9, "kill was killed by SIGKILL"),
        ("kill -40 $$", -40, "kill was killed by signal 40"),
        (["sh", "-c", "echo secret; exit 1"], 1, "sh ended with status 1"),
        ("", 0, ""),
    ],
)
def test_a_failing_command_reports_its_status(command: Any, status: int, text: str) -> None:
    if not status:
        assert shell.output(command) == b""
        return
    with pytest.raises(shell.CommandFailed) as caught:
        shell.output(command)
    assert (caught.value.status, str(caught.value)) == (status, text)


def test_the_end_of_long_errors_is_shown() -> None:
    with pytest.raises(shell.CommandFailed) as caught:
        shell.output("seq 100000 >&2; exit 1")
    assert caught.value.stderr.endswith("99999\n100000\n")
    assert len(caught.value.stderr) == 4096


def test_output_before_a_failure_is_not_lost() -> None:
    chunks = shell.run("echo a; exit 1")
    assert next(chunks) == b"a\n"
    with pytest.raises(shell.CommandFailed, match="ended with status 1"):
        next(chunks)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        shell.output(["no-such-program"])


def test_a_failing_input_kills_the_command() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise RuntimeError("no more input")

    with pytest.raises(RuntimeError, match="no more input"):
        shell.output("cat; sleep 600", pieces())


@pytest.mark.parametrize("script", [FOREVER, "exec >&- 2>&-; sleep 600"])
def test_a_command_is_killed_after_its_timeout(script: str) -> None:
    found: list[bytes] = []
    with pytest.raises(shell.CommandTimeout) as caught:
        found.extend(shell.run(script, timeout=0.3))
    assert str(caught.value).endswith("was killed because its time was up")
    assert isinstance(caught.value, TimeoutError)
    assert have_ended(pids_in(b"".join(found)))


def test_closing_the_generator_kills_the_whole_group() -> None:
    chunks = shell.run(FOREVER)
    pids = pids_in(next(chunks))
    assert all(map(is_alive, pids))
    chunks.close()
    assert have_ended(pids)


def test_closing_lines_kills_the_command_and_closes_its_input() -> None:
    ended: list[bool] = []

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            ended.append(True)

    lines = shell.lines("head -c 1; echo; exec cat > /dev/null", pieces())
    assert next(lines) == "x"
    lines.close()
    assert ended == [True]


def test_background_children_are_killed_with_their_command() -> None:
    (chunk,) = shell.run("sleep 600 > /dev/null 2>&1 & echo $!")
    assert have_ended(pids_in(chunk))


SOURCE = (
    "from owt.summat import shell\n"
    f"def run(_): return shell.run({FOREVER!r}), {{'Content-Type': 'text/plain'}}"
)


def test_a_disconnect_kills_the_command() -> None:
    class Leaving(FakeCall):
        pids: tuple[int, ...] = ()

        def send(self, chunk: Any) -> bool:
            self.pids = tuple(pids_in(bytes(chunk)))
            return False

    call = Leaving(SOURCE)
    assert handle(call)
    assert call.answer()[-1][0] == "abort"
    assert len(call.pids) == 2
    assert have_ended(list(call.pids))


def test_an_interrupt_kills_the_command() -> None:
    call, begun = FakeCall(SOURCE), threading.Event()
    send = call.send

    def sent(chunk: Any) -> bool:
        begun.set()
        return send(chunk)

    vars(call)["send"] = sent
    thread = threading.Thread(target=handle, args=(call,))
    thread.start()
    assert begun.wait(10)
    exception = ctypes.py_object(_worker.Interrupted)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
    _start, (_chunk, data), (ended, _text) = call.answer()
    thread.join(10)
    assert ended == "abort"
    assert have_ended(pids_in(data))


def test_commands_are_killed_with_their_worker() -> None:
    program = (
        "from owt.summat import shell\n"
        f"for chunk in shell.run({FOREVER!r}): print(chunk.decode(), end='', flush=True)"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=cleared({}), cwd=ROOT
    )
    assert worker.stdout is not None
    with worker.stdout:
        pids = pids_in(worker.stdout.readline())
    assert all(map(is_alive, pids))
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert have_ended(pids)


def test_a_failing_command_breaks_off_the_response() -> None:
    source = "from owt.summat import shell\ndef run(_): return shell.lines('echo a; exit 1')"
    *begun, (ended, text) = answer_to(source)
    assert begun[1:] == [("chunk", b"a")]
    assert (ended, text.splitlines()[0]) == ("abort", "CommandFailed: echo ended with status 1")


@pytest.mark.parametrize("command", ["TOKEN=hunter2 A=b false", "false --token hunter2"])
def test_an_error_says_nothing_that_may_be_private(command: str) -> None:
    with pytest.raises(shell.CommandFailed) as caught:
        shell.output(command)
    assert str(caught.value) == "false ended with status 1"
