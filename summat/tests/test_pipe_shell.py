"""Commands as steps: their output, their failures, and that no process is left."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from owt.summat import pipe
from owt.summat.shell import CommandFailed
from tests.fake import answer_to

BINARY = "application/octet-stream"


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("command", "names", "kwargs", "expected"),
    [
        ("echo a; echo b", (), {}, b"a\nb\n"),
        (["printf", "%s", "$HOME; `x`"], (), {}, b"$HOME; `x`"),
        (
            'printf %s "$text"',
            ("text",),
            {"text": "it's; $(rm) `x` \"\né"},
            "it's; $(rm) `x` \"\né",
        ),
        ("echo $n", ("n",), {"n": 5}, b"5\n"),
        ("echo ${n-unset}", (), {"n": 5}, b"unset\n"),
        ("cat", (), {}, b""),
        ("head -c 300000 /dev/zero", (), {}, bytes(300_000)),
    ],
)
def test_the_output_of_a_command_is_the_last_value(
    command: Any, names: tuple[str, ...], kwargs: dict[str, Any], expected: bytes | str
) -> None:
    wanted = expected.encode() if isinstance(expected, str) else expected
    assert pipe().const(command).shell(*names).bytes()(**kwargs) == wanted


def test_output_is_streamed_as_it_comes(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    chunks = pipe().const(["sh", "-c", f"echo a; cat {fifo}"]).shell()()
    assert next(chunks) == b"a\n"
    fifo.write_text("b\n")
    assert list(chunks) == [b"b\n"]


def test_a_stream_of_output_goes_through_further_steps() -> None:
    assert list(pipe().const("echo a").shell().stream().f(bytes.upper)()) == [b"A\n"]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("exit 3", "ended with status 3"),
        ("echo said so >&2; exit 3", "ended with status 3: said so"),
        ("kill -9 $$", "was killed by SIGKILL"),
        (["sh", "-c", "exit 4"], "ended with status 4"),
    ],
)
def test_a_command_that_fails_is_an_error(command: Any, error: str) -> None:
    with pytest.raises(CommandFailed) as raised:
        pipe().const(command).shell().bytes()()
    assert error in str(raised.value)


def test_only_the_end_of_long_errors_is_reported() -> None:
    with pytest.raises(CommandFailed) as raised:
        pipe().const("seq 100000 >&2; exit 1").shell().bytes()()
    assert str(raised.value).endswith("99999\n100000")
    assert len(str(raised.value)) < 5000


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (5, "shell() takes a command as text or as a list of words, and got a int"),
        (["/no/such/program"], "No such file or directory: '/no/such/program'"),
    ],
)
def test_invalid_commands_are_reported(command: Any, error: str) -> None:
    with pytest.raises((TypeError, FileNotFoundError)) as raised:
        pipe().const(command).shell().bytes()()
    assert error in str(raised.value)


def test_a_missing_argument_is_reported() -> None:
    with pytest.raises(TypeError, match="the pipe needs the argument 'text'"):
        pipe().const("echo $text").shell("text")()


def test_closing_kills_the_command_and_what_it_started() -> None:
    chunks = pipe().const("sleep 600 & echo $$ $!; wait").shell()()
    pids = [int(each) for each in next(chunks).split()]
    assert all(map(is_running, pids))
    chunks.close()
    until = time.monotonic() + 10
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(is_running, pids))


def test_a_command_that_fails_midway_breaks_off_the_response() -> None:
    begun, chunk, ended = answer_to("const('echo a; sleep 0.2; exit 3').shell()")
    assert (begun, chunk) == (("start", 200, BINARY, []), ("chunk", b"a\n"))
    assert (ended[0], "ended with status 3" in ended[1]) == ("abort", True)
