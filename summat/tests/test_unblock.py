"""Unblocking a thread: what it waits for is ended, unless somebody else uses it."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from owt import _unblock_linux

NONE: frozenset[int] = frozenset()


class Waiter:
    """A thread that waits like a call."""

    def __init__(self, pool: ThreadPoolExecutor, wait: Callable[[], object]) -> None:
        self._began = time.monotonic()
        self._thread: Future[tuple[int, int]] = Future()

        def run() -> object:
            self._thread.set_result((threading.get_ident(), threading.get_native_id()))
            return wait()

        self.outcome = pool.submit(run)

    def unblock(self, protected: frozenset[int] = NONE, *, age: float | None = None) -> None:
        ident, native = self._thread.result(10)
        if age is None:
            age = time.monotonic() - self._began
        _unblock_linux.unblock(ident, native, age, protected)

    def unblock_until_done(self) -> object:
        while not self.outcome.done():
            self.unblock()
            time.sleep(0.01)
        return self.outcome.result()

    def stays(self, protected: frozenset[int] = NONE, *, age: float | None = None) -> bool:
        for _ in range(10):
            self.unblock(protected, age=age)
            time.sleep(0.01)
        return not self.outcome.done()


def connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_a_connection_is_shut_down(timeout: float | None) -> None:
    client, server = connected()
    client.settimeout(timeout)
    with client, server, ThreadPoolExecutor() as pool:
        assert Waiter(pool, lambda: client.recv(1)).unblock_until_done() == b""


def test_a_child_process_is_killed() -> None:
    with ThreadPoolExecutor() as pool:
        waiter = Waiter(pool, lambda: subprocess.call(["sleep", "60"]))
        assert waiter.unblock_until_done() == -9


def test_a_child_process_whose_output_is_read_is_killed() -> None:
    def read() -> bytes:
        with subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            return process.stdout.read()

    with ThreadPoolExecutor() as pool:
        assert Waiter(pool, read).unblock_until_done() == b""


def test_an_older_child_process_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as process, ThreadPoolExecutor() as pool:
        time.sleep(0.1)
        waiter = Waiter(pool, process.wait)
        assert waiter.stays(age=0.0)
        process.kill()
        assert waiter.outcome.result() == -9


def test_a_child_process_is_killed_however_long_that_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    current_system_call = _unblock_linux._current_system_call

    def slow(native: int) -> tuple[int, ...] | None:
        time.sleep(0.1)
        return current_system_call(native)

    monkeypatch.setattr(_unblock_linux, "_current_system_call", slow)
    with ThreadPoolExecutor() as pool:
        waiter = Waiter(pool, lambda: subprocess.call(["sleep", "60"]))
        assert not waiter.stays()
        assert waiter.outcome.result() == -9


def test_a_protected_connection_is_left_alone() -> None:
    client, server = connected()
    # A duplicate has another number, but the same inode.
    copy = socket.socket(fileno=os.dup(client.fileno()))
    with client, server, copy, ThreadPoolExecutor() as pool:
        waiter = Waiter(pool, lambda: copy.recv(1))
        assert waiter.stays(frozenset((os.fstat(client.fileno()).st_ino,)))
        server.sendall(b"a")
        assert waiter.outcome.result() == b"a"


def test_a_connection_that_two_wait_for_is_left_alone() -> None:
    client, server = connected()
    with client, server, ThreadPoolExecutor() as pool:
        one = Waiter(pool, lambda: client.recv(1))
        other = Waiter(pool, lambda: client.recv(1))
        time.sleep(0.1)
        assert one.stays()
        server.sendall(b"aa")
        assert (one.outcome.result(), other.outcome.result()) == (b"a", b"a")


def test_descriptors_without_another_program_are_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor() as pool:
        waiter = Waiter(pool, lambda: ours.recv(1))
        assert waiter.stays()
        theirs.sendall(b"a")
        assert waiter.outcome.result() == b"a"


def test_a_listener_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        waiter = Waiter(pool, lambda: listener.accept()[0].close())
        assert waiter.stays()
        socket.create_connection(listener.getsockname()).close()
        assert waiter.outcome.result() is None


def test_a_thread_that_has_ended_is_ignored() -> None:
    with ThreadPoolExecutor() as pool:
        waiter = Waiter(pool, lambda: None)
        waiter.outcome.result()
    waiter.unblock()
