"""`owt.same_thread`: one thread for an adaptor's module, calls and generators."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from owt import _adaptor_threads, _thread_affinity, _worker
from owt._errors import Interrupted
from tests.fake import FakeCall, answer_to, error_of, handle, json_of, text_of

if TYPE_CHECKING:
    from owt._bindings import Call

DATABASE = """
import sqlite3
db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE owls (name TEXT)")

@owt.same_thread
def run(name):
    with db:
        db.execute("INSERT INTO owls VALUES (?)", [name])
    return [row[0] for row in db.execute("SELECT name FROM owls ORDER BY name")]

def names():
    for (name,) in db.execute("SELECT name FROM owls"):
        yield name
"""

THREADS = """
import threading
from owt.summat import once
loaded = threading.get_ident()

@once
def made():
    return threading.get_ident()

@owt.same_thread
def run():
    return len({loaded, made(), threading.get_ident()})

def steps():
    yield str(len({loaded, threading.get_ident()}))
    yield str(len({loaded, threading.get_ident()}))

async def arun():
    return loaded == threading.get_ident()
"""

# The adaptor signals when it has begun, and waits for the test to end it.
SLOW = """
import sys, threading
events = sys.modules["tests.test_same_thread"].EVENTS
here = threading.get_ident()

@owt.same_thread
def run():
    return here == threading.get_ident()

def wait():
    events["begun"].set()
    events["go"].wait(10)
    return "waited"

def loop():
    import time
    events["begun"].set()
    while True:
        time.sleep(0.001)
"""
EVENTS: dict[str, threading.Event] = {}


@pytest.fixture(autouse=True)
def _events() -> None:
    EVENTS.update(begun=threading.Event(), go=threading.Event())


def begin(source: str, **given: object) -> FakeCall:
    fake = FakeCall(source, **given)
    call: Call = fake
    assert not handle(call)
    return fake


def test_a_connection_made_at_module_level_serves_all_calls() -> None:
    assert json_of(DATABASE, kwargs='{"name": "tawny"}') == '["tawny"]'
    elsewhere: list[str] = []
    thread = threading.Thread(
        target=lambda: elsewhere.append(json_of(DATABASE, kwargs='{"name": "barn"}'))
    )
    thread.start()
    thread.join()
    assert elsewhere == ['["barn","tawny"]']
    chunks = [event[1] for event in answer_to(DATABASE, fn_name="names") if event[0] == "chunk"]
    assert sorted(chunks) == [b"barn", b"tawny"]


def test_module_once_calls_and_generators_share_the_thread() -> None:
    assert [json_of(THREADS), json_of(THREADS)] == ["1", "1"]
    chunks = [event[1] for event in answer_to(THREADS, fn_name="steps") if event[0] == "chunk"]
    assert chunks == [b"1", b"1"]
    assert json_of(THREADS, fn_name="arun") == "false"


def test_a_call_may_be_written_as_an_expression() -> None:
    source = "owt.same_thread(lambda: __import__('threading').current_thread().name)"
    assert text_of(source) == "owt-same"


def test_async_handlers_are_rejected() -> None:
    code, text = error_of("@owt.same_thread\nasync def run():\n    return 1")
    assert code == "adaptor-raised"
    assert "owt.same_thread is for handlers that are not async" in text


@pytest.mark.parametrize(
    ("source", "thread"),
    [
        ("@owt.same_thread\ndef run(): ...", "same"),
        ("from owt import same_thread as one\n@one\ndef run(): ...", "same"),
        (".f(owt.same_thread(len))", "same"),
        ("@owt.on_main_thread\ndef run(): ...", "main"),
        ('# /// script\n# [tool.owt]\n# thread = "main"\n# ///\ndef run(): ...', "main"),
        ('# /// script\n# [tool.owt]\n# thread = "same"\n# ///\ndef run(): ...', "same"),
        ('# /// script\n# [tool.owt]\n# thread = "side"\n# ///\ndef run(): ...', None),
        ("def run(): return 'same_thread'", None),
        ("# same_thread\nrun = 1", None),
        ("import threading\nthreading.main_thread()", None),
        ("same_thread =", None),
        ("def run(): ...", None),
    ],
)
def test_an_adaptor_asks_for_a_thread_at_module_level_alone(
    source: str, thread: str | None
) -> None:
    assert _thread_affinity.requested_by(source) == thread


def test_calls_run_one_after_the_other_in_order() -> None:
    first = begin(SLOW, fn_name="wait")
    assert EVENTS["begun"].wait(10)
    others = [begin(SLOW) for _ in range(5)]
    assert not any(other.answered.is_set() for other in others)
    EVENTS["go"].set()
    assert [call.is_done.wait(10) for call in (first, *others)] == [True] * 6
    assert {call.answer()[0][-1] for call in others} == {b"true"}


def test_a_call_that_waits_for_the_thread_can_be_cancelled() -> None:
    first = begin(SLOW, fn_name="wait")
    assert EVENTS["begun"].wait(10)
    second, third = begin(SLOW), begin(SLOW)
    second.disconnected = True
    _worker.cancel(second.id)
    assert second.is_done.wait(10)
    EVENTS["go"].set()
    assert first.is_done.wait(10)
    assert third.answer()[0][-1] == b"true"
    assert not second.answered.is_set()


def test_a_call_that_was_cancelled_before_its_turn_does_not_run() -> None:
    first = begin(SLOW, fn_name="wait")
    assert EVENTS["begun"].wait(10)
    second = begin(SLOW)
    second.disconnected = True
    EVENTS["go"].set()
    assert first.is_done.wait(10)
    assert second.answer()[0][:2] == ("fail", "deadline")


def test_a_stuck_thread_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_adaptor_threads, "_STUCK_AFTER", 0.02)
    stuck = begin(SLOW, fn_name="wait")
    assert EVENTS["begun"].wait(10)
    waits = begin(SLOW)
    _worker.unblock(stuck.attached[0], threading.get_native_id(), 0.0)
    # The adaptor was reloaded on the thread that took over.
    assert waits.answer()[0][-1] == b"true"
    assert json_of(SLOW) == "true"
    EVENTS["go"].set()
    assert stuck.is_done.wait(10)


def test_a_value_of_once_on_a_stuck_thread_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_adaptor_threads, "_STUCK_AFTER", 0.02)
    source = (
        SLOW
        + "\nfrom owt.summat import once\nonce('thread', threading.get_ident)\n"
        + (
            "def is_here():\n"
            "    return once('thread', threading.get_ident) == threading.get_ident()\n"
        )
    )
    stuck = begin(source, fn_name="wait")
    assert EVENTS["begun"].wait(10)
    waits = begin(source, fn_name="is_here")
    _worker.unblock(stuck.attached[0], threading.get_native_id(), 0.0)
    assert waits.answer()[0][-1] == b"true"
    EVENTS["go"].set()
    assert stuck.is_done.wait(10)


def test_a_thread_ends_with_its_adaptor() -> None:
    source = (
        "import threading\nfrom owt.summat import once\n"
        "class Made:\n    def close(self):\n        closed.append(threading.get_ident())\n"
        "import sys\nclosed = sys.modules['tests.test_same_thread'].CLOSED\n"
        "once('made', Made)\n"
        "@owt.same_thread\ndef run():\n    return threading.get_ident()\n"
    )
    fake = FakeCall(source)
    thread = int(json_of(source))
    assert _worker.forget(fake.digest)
    deadline = time.monotonic() + 10
    while thread in {each.ident for each in threading.enumerate()}:
        assert time.monotonic() < deadline, "the thread has not ended"
        time.sleep(0.01)
    assert [thread] == CLOSED


CLOSED: list[int] = []


def test_an_interrupt_after_the_response_does_not_end_the_thread() -> None:
    thread = _adaptor_threads.AdaptorThread()
    done = threading.Event()

    def interrupted() -> None:
        raise Interrupted

    thread.submit(_adaptor_threads.Job(None, interrupted))
    thread.submit(_adaptor_threads.Job(None, done.set))
    assert done.wait(10)
    with pytest.raises(Interrupted):
        thread.call(interrupted, 10)
