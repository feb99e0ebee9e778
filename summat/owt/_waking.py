"""What a thread of a cancelled call waits for is ended, where nobody else has a part in it.

An exception that was raised in a thread from outside comes at its next step of Python, and Python
waits on when a signal breaks a system call off (PEP 475). So the wait itself has to end:

- a child process for which the thread waits is killed, if it was started since the call began;
- a socket that is connected to another host or program is shut down, unless it is owt's own, or
  another thread waits for it at the same time. What was under way on it could not go on anyway.

Locks, pipes, files and time are left alone.
"""

from __future__ import annotations

import os
import signal
import stat
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType
    from typing import Any

# Numbers of system calls by machine, and which argument is the process or the descriptor.
_WAITS = {"x86_64": {61: 0, 247: 1}, "aarch64": {260: 0, 95: 1}}
_TRANSFERS = {
    # read, sendto, recvfrom, sendmsg, recvmsg, connect, write
    "x86_64": (0, 44, 45, 46, 47, 42, 1),
    "aarch64": (63, 206, 207, 211, 212, 203, 64),
}
# poll, ppoll: an array of descriptors and its length.
_POLLS = {"x86_64": (7, 271), "aarch64": (73,)}
_MACHINE = os.uname().machine
_POLLED = struct.Struct("ihh")
_MOST_POLLED = 64
# Field 22 of /proc/PID/stat, counted after the command's name.
_START_TIME = 19


def inodes(descriptors: Iterable[int]) -> frozenset[int]:
    """Return what the files behind these descriptors are known by, whatever copies there are."""
    return frozenset(os.fstat(descriptor).st_ino for descriptor in descriptors)


def wake(thread: int, native: int, age: float, own: frozenset[int]) -> None:
    """End what a thread waits for in a call that began `age` seconds ago; no socket of `own`."""
    try:
        state = _system_call(native)
        if state is None:
            return
        for process in _processes(thread, state):
            if _began_within(process, age):
                os.kill(process, signal.SIGKILL)
        for descriptor in _descriptors(state):
            _shut_down(descriptor, native, state, own)
    except (OSError, ValueError):
        # It has gone on meanwhile, or the system does not tell.
        return


def _system_call(native: int) -> tuple[int, ...] | None:
    """Return the number and arguments of the system call that a thread is in."""
    with open(f"/proc/self/task/{native}/syscall", encoding="ascii") as file:
        number, *rest = file.read().split()
    if not number.isdecimal():
        return None
    return int(number), *(int(argument, 16) for argument in rest)


def _processes(thread: int, state: tuple[int, ...]) -> Iterator[int]:
    """Yield the children for which a thread waits."""
    position = _WAITS.get(_MACHINE, {}).get(state[0])
    # Zero and less is any child, of whomever.
    if position is not None and 0 < state[1 + position] < 1 << 31:
        yield state[1 + position]
        return
    pipes = set(_descriptors(state))
    for popen in _popens(sys._current_frames().get(thread)):
        ends = (popen.stdin, popen.stdout, popen.stderr)
        if pipes & {end.fileno() for end in ends if end is not None and not end.closed}:
            yield popen.pid


def _popens(frame: FrameType | None) -> Iterator[Any]:
    """Yield the running `Popen` objects among the variables of a thread's functions."""
    # Another thread may be half way through the first import of the module.
    popen = getattr(sys.modules.get("subprocess"), "Popen", None)
    while popen is not None and frame is not None:
        for value in tuple(frame.f_locals.values()):
            if type(value) is popen and value.returncode is None:
                yield value
        # Names of a module are shared by all its calls.
        back = frame.f_back
        frame = back if back is None or back.f_code.co_name != "<module>" else None


def _began_within(process: int, age: float) -> bool:
    with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    import time

    running = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[_START_TIME]) * tick
    return running <= age + tick


def _descriptors(state: tuple[int, ...]) -> list[int]:
    number, first, second = state[:3]
    if number in _TRANSFERS.get(_MACHINE, ()):
        return [first]
    if number in _POLLS.get(_MACHINE, ()) and second <= _MOST_POLLED:
        return [descriptor for descriptor in _polled(first, second) if descriptor >= 0]
    return []


def _polled(address: int, count: int) -> Iterator[int]:
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        array = memory.read(count * _POLLED.size)
    whole = len(array) - len(array) % _POLLED.size
    return (polled[0] for polled in _POLLED.iter_unpack(array[:whole]))


def _shut_down(descriptor: int, native: int, state: tuple[int, ...], own: frozenset[int]) -> None:
    """Shut the socket down behind a descriptor, while its thread still waits for it."""
    info = os.fstat(descriptor)
    if not stat.S_ISSOCK(info.st_mode) or info.st_ino in own:
        return
    import socket

    # A copy: the number may be another file's before we are done.
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        if os.fstat(copy.fileno()).st_ino != info.st_ino or not _leads_out(copy):
            return
        if _system_call(native) == state and not _is_shared(info.st_ino, native):
            copy.shutdown(socket.SHUT_RDWR)


def _leads_out(connection: Any) -> bool:
    """Tell whether a socket is a connection to somebody else, or about to be one."""
    import socket

    if connection.type != socket.SOCK_STREAM:
        return False
    if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        return True
    # A pair of sockets has no names: both ends are the adaptor's, for later calls as well.
    return connection.family == socket.AF_UNIX and bool(connection.getpeername())


def _is_shared(inode: int, native: int) -> bool:
    """Tell whether another thread of this process waits for the same socket."""
    for task in os.listdir("/proc/self/task"):
        if task == str(native):
            continue
        try:
            state = _system_call(int(task))
            if any(os.fstat(other).st_ino == inode for other in _descriptors(state or (-1, 0, 0))):
                return True
        except (OSError, ValueError):
            # A thread that has ended, or waits for what is closed.
            continue
    return False
