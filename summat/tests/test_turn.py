"""Turns: one makes, the others wait, and it is known whether anybody does."""

import threading
from concurrent.futures import ThreadPoolExecutor

from owt import _turn


def test_one_thread_at_a_time_has_its_turn() -> None:
    queue, running, most = _turn.Queue(), set[int](), []

    def take(number: int) -> None:
        with queue.turn():
            running.add(number)
            most.append(len(running))
            running.discard(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(200)))
    assert most == [1] * 200


def test_a_turn_is_wanted_as_long_as_others_wait_for_it() -> None:
    queue, here = _turn.Queue(), threading.get_ident()

    def take() -> None:
        with queue.turn():
            return

    with queue.turn():
        assert not _turn.is_wanted(here)
        other = threading.Thread(target=take)
        other.start()
        while not _turn.is_wanted(here):
            other.join(0.001)
    assert not _turn.is_wanted(here)
    other.join()


def test_turns_within_turns_are_wanted_each() -> None:
    outer, inner, here = _turn.Turn(), _turn.Turn(), threading.get_ident()
    outer.begin()
    inner.begin()

    def wait() -> None:
        while not outer.over.is_set():
            outer.wait()

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not _turn.is_wanted(here):
        waiting.join(0.001)
    inner.end()
    outer.end()
    assert not _turn.is_wanted(here)
    waiting.join()
