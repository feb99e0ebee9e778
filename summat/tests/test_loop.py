"""Calls that are submitted together wake the event loop once, and are begun whatever happens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from owt._errors import Interrupted
from owt._loop import Loop
from tests.fake import FakeCall

if TYPE_CHECKING:
    from owt._bindings import Call


class Held:
    """A loop that is busy until `release`, and what has begun in it."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.wakes = 0
        self.begun: list[str] = []
        self._released = threading.Event()
        is_held = threading.Event()
        self.asyncio_loop: Any = self.loop._start()
        self._wake = self.asyncio_loop.call_soon_threadsafe
        self.is_broken = False
        vars(self.asyncio_loop)["call_soon_threadsafe"] = self.wake

        def hold() -> None:
            is_held.set()
            self._released.wait(10)

        self._wake(hold)
        assert is_held.wait(10)

    def wake(self, *args: Any, **kwargs: Any) -> Any:
        """Count, and do what the loop does."""
        self.wakes += 1
        if self.is_broken:
            self.is_broken = False
            raise Interrupted
        return self._wake(*args, **kwargs)

    def submit(self, name: str, done: threading.Event | None = None) -> None:
        """Submit a call that does nothing."""
        fake: Call = FakeCall(id=name)

        async def work() -> None:
            self.begun.append(name)

        self.loop.submit(fake, work, done.set if done else lambda: None)

    def release(self) -> None:
        """Let the loop run, until the last of its calls has ended."""
        last = threading.Event()
        self.submit("last", last)
        self._released.set()
        assert last.wait(10)


def test_calls_that_are_submitted_together_wake_the_loop_once() -> None:
    held = Held()
    for name in "abc":
        held.submit(name)
    assert held.wakes == 1
    held.release()
    assert (held.begun, held.wakes) == (["a", "b", "c", "last"], 1)


def test_a_call_after_that_wakes_it_again() -> None:
    held = Held()
    held.release()
    held.release()
    assert (held.begun, held.wakes) == (["last", "last"], 2)


def test_a_call_that_is_interrupted_before_it_wakes_the_loop_does_not_begin() -> None:
    held = Held()
    held.is_broken = True
    with pytest.raises(Interrupted):
        held.submit("interrupted")
    held.submit("next")
    held.release()
    assert held.begun == ["next", "last"]


def test_calls_that_rely_on_an_interrupted_one_begin() -> None:
    held = Held()
    others = iter(["other"])
    wake = held.asyncio_loop.call_soon_threadsafe

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        for name in others:
            held.submit(name)
            raise Interrupted
        return wake(*args, **kwargs)

    vars(held.asyncio_loop)["call_soon_threadsafe"] = interrupted
    with pytest.raises(Interrupted):
        held.submit("interrupted")
    held.release()
    assert held.begun == ["other", "last"]


def test_a_call_that_cannot_begin_does_not_hold_up_the_others() -> None:
    held = Held()
    held.asyncio_loop.set_exception_handler(lambda _loop, _context: None)

    def fails() -> Any:
        raise ValueError

    fake: Call = FakeCall(id="broken")
    held.loop.submit(fake, fails, lambda: None)
    held.submit("next")
    held.release()
    assert held.begun == ["next", "last"]


def test_a_call_that_is_cancelled_at_once_never_begins() -> None:
    held = Held()
    ended = threading.Event()
    held.submit("first")
    held.submit("cancelled", ended)
    held.loop.cancel("cancelled")
    held.release()
    assert ended.wait(10)
    assert held.begun == ["first", "last"]
