"""`main()`: another owt server in the place of the calling process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from owt import _listener, adaptors
from owt._server import EXE_VARIABLE, args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

# Given in the environment, because every user of a machine can read command lines.
_SECRETS = {"auth": "OWT_AUTH", "url_key": "OWT_URL_KEY"}

# By what a worker is known in the environment of what it has started, all of which ends with it.
_MARK_VARIABLE = "OWT_WORKER_ID"

# Where a program finds the first socket that is passed to it: sd_listen_fds(3) of systemd.
_FIRST_PASSED = 3


class _Process:
    """Which process the worker is; 0 where there is none."""

    worker = 0


def install() -> None:
    """Make `Process(target=main).start()` return when the new server's port is listening."""
    _Process.worker = os.getpid()
    _listener.install(main)


def main(port: int | None = None) -> NoReturn:
    """Start a server on `owt.args` in this process, which becomes the server.

    `port` takes the place of that of `owt.args`.

    The port is bound before that: connections wait from then on until the server takes them.
    """
    if os.getpid() == _Process.worker:
        raise RuntimeError(
            "owt.main() turns its process into a server, and this one runs the calls of another. "
            "Start it in a process of its own: multiprocessing.Process(target=owt.main).start()"
        )
    exe = _exe()
    args.port = port or args.port
    listener = _listener.handed_over() or _listener.listen(args.address, args.port)
    _reset_process()
    sys.stdout.flush()
    os.dup2(listener.fileno(), _FIRST_PASSED)
    os.set_inheritable(_FIRST_PASSED, True)
    passed = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    os.execve(exe, [exe, "serve", *options(vars(args))], environment(vars(args)) | passed)


def options(values: dict[str, Any]) -> list[str]:
    """Return the server's arguments as it takes them on its command line."""
    found = []
    for name, value in values.items():
        option = "--" + name.replace("_", "-")
        if name in _SECRETS or value is None or value is False:
            continue
        if value is True:
            found.append(option)
            continue
        for each in value if isinstance(value, list | tuple) else (value,):
            found += [option, str(each)]
    return found


def environment(values: dict[str, Any]) -> dict[str, str]:
    """Return the environment of the new server, without what was meant for this one."""
    known = {"OWT_" + name.upper() for name in values} | {adaptors.DIRECTORY_VARIABLE}
    found = {name: value for name, value in os.environ.items() if name not in known}
    if _MARK_VARIABLE in found:
        # Empty: it stays when the worker goes that it comes from.
        found[_MARK_VARIABLE] = ""
    for name, variable in _SECRETS.items():
        value = values.get(name)
        if value:
            found[variable] = ",".join(value) if isinstance(value, list | tuple) else str(value)
    return found


def _exe() -> str:
    import shutil

    exe = os.environ.get(EXE_VARIABLE) or shutil.which("owt")
    if exe is None:
        raise RuntimeError(
            "The owt program was not found. Put it on the PATH, or name it in OWT_EXE."
        )
    return exe


def _reset_process() -> None:
    """Undo what a worker has set for itself and exec would hand on."""
    import signal

    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            # SIGKILL and its like, or a thread that may not: these stay as they are.
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with suppress(OSError):
        # The worker's group ends with the worker.
        os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
