"""The interruptible lock: one thread at a time holds it, and it is known whether others wait."""

import threading
from concurrent.futures import ThreadPoolExecutor

from owt import _locks


def test_one_thread_at_a_time_holds_the_lock() -> None:
    lock, running, counts = _locks.InterruptibleLock(), set[int](), []

    def hold(number: int) -> None:
        with lock.hold():
            running.add(number)
            counts.append(len(running))
            running.discard(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(200)))
    assert counts == [1] * 200


def test_a_holder_blocks_others_as_long_as_they_wait() -> None:
    lock, this_thread = _locks.InterruptibleLock(), threading.get_ident()

    def hold() -> None:
        with lock.hold():
            return

    with lock.hold():
        assert not _locks.blocks_others(this_thread)
        other = threading.Thread(target=hold)
        other.start()
        while not _locks.blocks_others(this_thread):
            other.join(0.001)
    assert not _locks.blocks_others(this_thread)
    other.join()


def test_a_waiter_for_the_outer_of_two_holds_counts() -> None:
    outer, inner, this_thread = _locks.Hold(), _locks.Hold(), threading.get_ident()
    outer.begin()
    inner.begin()

    def wait() -> None:
        while not outer.has_ended:
            outer.wait()

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not _locks.blocks_others(this_thread):
        waiting.join(0.001)
    inner.end()
    outer.end()
    assert not _locks.blocks_others(this_thread)
    waiting.join()
