"""Names that programs for the first owt import."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

import pytest

import owt
from owt import server
from owt.lib import shell, stream
from tests.fake import answer_to, json_of, text_of
from tests.process import worker

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def test_the_server_has_its_own_module() -> None:
    assert (server.Server, server.main) == (owt.Server, owt.main)
    with pytest.raises(AttributeError, match=r"module 'owt.server' has no attribute 'app'"):
        server.app  # noqa: B018


def test_the_server_is_a_global_of_adaptors(tmp_path: Path) -> None:
    program = """
start(directory, args={"port": 99}, port=99)
source = '''
from owt import server
def run():
    global _SERVER
    return [_SERVER.port, _SERVER is Server.sing(), server._SERVER is _SERVER]
'''
os.write(1, json_of(source).encode())
"""
    assert worker(program, tmp_path).stdout == "[99,true,true]"


def test_without_a_server_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OWT_ADAPTORS_DIR", raising=False)
    assert server._SERVER is None
    assert json_of("def run(): return [_SERVER is None]") == "[true]"


@pytest.mark.parametrize("module", [shell, stream], ids=["shell", "stream"])
def test_documented_attributes_behave_as_documented(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)


def test_events_are_streamed_as_they_are() -> None:
    source = """
from owt.lib import stream

def run(n):
    def events(count):
        for index in range(count):
            yield stream.event(index=index)
        yield stream.done()
    return stream.response(events, count=n)
"""
    kind, *chunks, end = answer_to(source, kwargs='{"n": 2}')
    assert kind == ("start", 200, "text/event-stream", [])
    assert [chunk[1] for chunk in chunks] == [
        b'data: {"index":0}\n\n',
        b'data: {"index":1}\n\n',
        b"data: [DONE]\n\n",
    ]
    assert end == ("finish",)


def test_a_command_returns_its_output_whatever_its_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shell.run("echo hey; echo why >&2; exit 3") == b"hey\n"
    assert capsys.readouterr().err == "why\n"
    assert (
        text_of("from owt.lib import shell\nrun = lambda: shell.run('printf hey').decode()")
        == "hey"
    )
