"""Unblocks the thread of a cancelled call that waits in a system call, which /proc shows.

An exception that is raised in a thread from outside arrives when it next runs Python code, and
Python retries system calls that a signal interrupts (PEP 475). So what the thread waits for is
ended, if nobody else uses it:

- a child process is killed, if it was started since the call began;
- a connected socket is shut down, unless it is the server's own or another thread waits for it too.
  Its protocol was cut off in the middle, so nobody could use it again.

Locks, pipes, files and sleeps are left alone.
"""

from __future__ import annotations

import os
import signal
import stat
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

assert sys.platform == "linux"

# wait4, waitid: their numbers by machine, and which argument is the process.
_WAITS = {"x86_64": {61: 0, 247: 1}, "aarch64": {260: 0, 95: 1}}
_TRANSFERS = {
    # read, sendto, recvfrom, sendmsg, recvmsg, connect, write
    "x86_64": (0, 44, 45, 46, 47, 42, 1),
    "aarch64": (63, 206, 207, 211, 212, 203, 64),
}
# poll, ppoll: their arguments are an array of descriptors and its length.
_POLLS = {"x86_64": (7, 271), "aarch64": (73,)}
_MACHINE = os.uname().machine
_POLLED = struct.Struct("ihh")
_MAX_POLLED = 64
# Field 22 of /proc/PID/stat, counted after the command's name.
_START_TIME = 19


def unblock(thread: int, native: int, age: float, protected: frozenset[int]) -> None:
    """End what a thread waits for in a call that began `age` seconds ago.

    `thread` and `native` are its numbers in Python and in the system. Sockets with the inodes
    `protected` are left alone.
    """
    # Now: the process must not seem older than the call because this took some time.
    began = time.clock_gettime(time.CLOCK_BOOTTIME) - age
    try:
        state = _current_system_call(native)
        if state is None:
            return
        for process in _processes(thread, state):
            if _started_since(process, began):
                os.kill(process, signal.SIGKILL)
        for descriptor in _descriptors(state):
            _shut_down(descriptor, native, state, protected)
    except (OSError, ValueError):
        # The thread has gone on meanwhile, or /proc does not show it.
        return


def _current_system_call(native: int) -> tuple[int, ...] | None:
    """Return the number and arguments of the system call that a thread is in."""
    with open(f"/proc/self/task/{native}/syscall", encoding="ascii") as file:
        number, *rest = file.read().split()
    if not number.isdecimal():
        return None
    return int(number), *(int(argument, 16) for argument in rest)


def _processes(thread: int, state: tuple[int, ...]) -> Iterator[int]:
    """Yield the child processes that a thread waits for."""
    position = _WAITS.get(_MACHINE, {}).get(state[0])
    # Zero and less mean any child, also one that is not this thread's.
    if position is not None and 0 < state[1 + position] < 1 << 31:
        yield state[1 + position]
        return
    pipes = set(_descriptors(state))
    for popen in _popens(sys._current_frames().get(thread)):
        ends = (popen.stdin, popen.stdout, popen.stderr)
        if pipes & {end.fileno() for end in ends if end is not None and not end.closed}:
            yield popen.pid


def _popens(frame: FrameType | None) -> Iterator[Any]:
    """Yield the running `Popen` objects in the local variables of a thread's frames."""
    # Another thread may be half way through the first import of the module.
    popen = getattr(sys.modules.get("subprocess"), "Popen", None)
    while popen is not None and frame is not None:
        for value in tuple(frame.f_locals.values()):
            if type(value) is popen and value.returncode is None:
                yield value
        # The variables of a module are shared by all of its calls.
        back = frame.f_back
        frame = back if back is None or back.f_code.co_name != "<module>" else None


def _started_since(process: int, began: float) -> bool:
    """Tell whether a process was started at a time since the system's boot, or later."""
    with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    return (int(fields[_START_TIME]) + 1) * tick >= began


def _descriptors(state: tuple[int, ...]) -> list[int]:
    number, first, second = state[:3]
    if number in _TRANSFERS.get(_MACHINE, ()):
        return [first]
    if number in _POLLS.get(_MACHINE, ()) and second <= _MAX_POLLED:
        return [descriptor for descriptor in _polled(first, second) if descriptor >= 0]
    return []


def _polled(address: int, count: int) -> Iterator[int]:
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        array = memory.read(count * _POLLED.size)
    whole = len(array) - len(array) % _POLLED.size
    return (polled[0] for polled in _POLLED.iter_unpack(array[:whole]))


def _shut_down(
    descriptor: int, native: int, state: tuple[int, ...], protected: frozenset[int]
) -> None:
    """Shut down the socket behind a descriptor, if its thread still waits for it."""
    info = os.fstat(descriptor)
    if not stat.S_ISSOCK(info.st_mode) or info.st_ino in protected:
        return
    import socket

    # A duplicate: the number may belong to another file before this is done.
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        if os.fstat(copy.fileno()).st_ino != info.st_ino or not _is_connection(copy):
            return
        if _current_system_call(native) == state and not _is_shared(info.st_ino, native):
            copy.shutdown(socket.SHUT_RDWR)


def _is_connection(connection: Any) -> bool:
    """Tell whether a socket is connected, or connecting, to another program."""
    import socket

    if connection.type != socket.SOCK_STREAM:
        return False
    if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        return True
    # A socketpair has no names. Both ends are the adaptor's, and later calls may use them.
    return connection.family == socket.AF_UNIX and bool(connection.getpeername())


def _is_shared(inode: int, native: int) -> bool:
    """Tell whether another thread of this process waits for the same socket."""
    for task in os.listdir("/proc/self/task"):
        if task == str(native):
            continue
        try:
            state = _current_system_call(int(task))
            if any(os.fstat(other).st_ino == inode for other in _descriptors(state or (-1, 0, 0))):
                return True
        except (OSError, ValueError):
            # The thread has ended, or its descriptor is closed.
            continue
    return False
