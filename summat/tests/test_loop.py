"""Calls that are submitted together wake the event loop once, and are begun whatever happens."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from owt._errors import Interrupted
from owt._loop import Loop
from tests.fake import FakeCall

if TYPE_CHECKING:
    from collections.abc import Callable

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

        async def work(_end: Callable[[], None]) -> None:
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

    def fails(_end: Callable[[], None]) -> Any:
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


def test_a_call_is_done_once_by_itself_or_by_the_loop() -> None:
    held = Held()
    done: list[str] = []

    def submit(name: str, *, says_so: bool) -> None:
        fake: Call = FakeCall(id=name)

        async def work(end: Callable[[], None]) -> None:
            if says_so:
                end()
                done.append("after")

        held.loop.submit(fake, work, lambda: done.append(name))

    submit("by itself", says_so=True)
    submit("by the loop", says_so=False)
    held.submit("next")
    held.release()
    assert done == ["by itself", "after", "by the loop"]


@pytest.mark.parametrize("says_so", [True, False])
def test_a_call_is_done_although_another_has_its_id_meanwhile(says_so: bool) -> None:
    held = Held()
    has_begun: list[str] = []
    first, second = threading.Event(), threading.Event()

    def submit(name: str, done: threading.Event) -> None:
        fake: Call = FakeCall(id="the same")

        async def work(end: Callable[[], None]) -> None:
            has_begun.append(name)
            while len(has_begun) < 2:
                await asyncio.sleep(0)
            if says_so:
                end()

        held.loop.submit(fake, work, done.set)

    submit("first", first)
    submit("second", second)
    held.release()
    assert first.wait(10)
    assert second.wait(10)
    assert has_begun == ["first", "second"]


def test_tasks_of_an_adaptor_may_begin_at_once() -> None:
    held = Held()
    done: list[str] = []
    is_over = threading.Event()

    def begin_at_once(loop: Any, work: Any, **options: Any) -> Any:
        with suppress(StopIteration):
            work.send(None)
        return asyncio.Task(asyncio.sleep(0), loop=loop, **options)

    held.asyncio_loop.set_task_factory(begin_at_once)
    fake: Call = FakeCall(id="eager")

    async def work(end: Callable[[], None]) -> None:
        end()
        done.append("after")

    def finish() -> None:
        done.append("done")
        is_over.set()

    held.loop.submit(fake, work, finish)
    held.release()
    assert is_over.wait(10)
    assert done == ["after", "done"]
