"""Calls that are interrupted while they run Python on a thread."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

import pytest

from owt import _worker
from owt._state import state
from tests.fake import TEXT, FakeCall, handle, text_of

ENDED = ("fail", "deadline", "The call was ended: its time was up, or its client had gone.")
# These loops wait within a call. CPython 3.11 attributes an interrupt at a backward jump to the
# instruction before the loop, which may be outside of `try`; the same holds for KeyboardInterrupt.
STARTED = "import threading, time\nstarted = threading.Event()\nended = []\n"


def interrupted(source: str) -> FakeCall:
    """Run a call, and interrupt it as the worker does, once it has started."""
    text_of(source, fn_name="ready")
    adaptor = state.adaptors.get(FakeCall(source).digest)
    assert adaptor is not None
    call = FakeCall(source)
    thread = threading.Thread(target=handle, args=(call,))
    thread.start()
    assert adaptor.namespace["started"].wait(10)
    exception = ctypes.py_object(_worker.Interrupted)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
    call.answer()
    thread.join(10)
    assert adaptor.namespace["ended"] == ["clean"]
    return call


@pytest.mark.parametrize(
    "loop",
    [
        "    while True: started.set(); time.sleep(0.001)\n",
        "    while True:\n"
        "      try:\n"
        "        while True: started.set(); time.sleep(0.001)\n"
        "      except Exception: pass\n",
    ],
)
def test_a_busy_call_is_interrupted_and_cleans_up(loop: str) -> None:
    source = (
        STARTED + "def ready(): return 'x'\n"
        "def run(_):\n"
        "  try:\n" + loop + "  finally: ended.append('clean')"
    )
    assert interrupted(source).answer() == [ENDED]


def test_a_stream_is_interrupted_and_cleans_up() -> None:
    source = (
        STARTED + "def ready(): return 'x'\n"
        "def run(_):\n"
        "  try:\n"
        "    yield 'a'\n"
        "    while True: started.set(); time.sleep(0.001)\n"
        "  finally: ended.append('clean')"
    )
    begun, chunk, ended = interrupted(source).answer()
    assert (begun, chunk) == (("start", 200, TEXT, []), ("chunk", b"a"))
    assert (ended[0], ended[1].splitlines()[0]) == ("abort", "Interrupted")


def test_an_importing_thread_is_recognized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(_worker, "test_events", (begun, go_on), raising=False)
    package = "from owt import _worker\nfor event in _worker.test_events[:1]: event.set()\n"
    (tmp_path / "slow_import.py").write_text(package + "_worker.test_events[1].wait(10)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    thread = threading.Thread(target=__import__, args=("slow_import",))
    thread.start()
    assert begun.wait(10)
    assert _worker.is_deferred(thread.ident or 0)
    go_on.set()
    thread.join(10)
    assert not _worker.is_deferred(thread.ident or 0)
    assert not _worker.is_deferred(threading.get_ident())


class HeldUp(threading.Thread):
    """A thread whose start waits for the test."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.begins, self.may_run = threading.Event(), threading.Event()

    def _bootstrap(self) -> None:
        self.begins.set()
        self.may_run.wait()
        super()._bootstrap()  # type: ignore[misc]


def test_a_thread_that_starts_another_is_not_interrupted() -> None:
    new = HeldUp()
    starting = threading.Thread(target=new.start)
    starting.start()
    new.begins.wait()
    assert _worker.is_deferred(starting.ident or 0)
    new.may_run.set()
    starting.join()
    new.join()
    assert not _worker.is_deferred(starting.ident or 0)
