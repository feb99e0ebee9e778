"""`main()`: replaces the calling process by another owt server."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from owt import _listener, adaptors
from owt._server import EXE_VARIABLE, args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

# Passed in the environment, because all users of a machine can read command lines.
_SECRETS = {"auth": "OWT_AUTH", "token": "OWT_TOKEN", "url_key": "OWT_URL_KEY"}

# What `owt.args` has where the server has a secret, which no adaptor gets.
_HIDDEN = "hidden"

# Marks a worker's descendants in their environment: the server ends them with the worker.
_MARK_VARIABLE = "OWT_WORKER_ID"

# The descriptor of the first passed socket: see sd_listen_fds(3).
_FIRST_PASSED = 3


class _Process:
    """The process id of the worker; 0 if there is none."""

    worker = 0


def install() -> None:
    """Make `Process(target=main).start()` return when the new server's port is open."""
    _Process.worker = os.getpid()
    _listener.install(main)


def main(port: int | None = None) -> NoReturn:
    """Replace this process by a server with the arguments in `owt.args`, and `port` if given.

    The port is bound first, so that clients can connect before the server has started.
    """
    if os.getpid() == _Process.worker:
        raise RuntimeError(
            "owt.main() turns its process into a server, and this one runs the calls of another. "
            "Start it in a process of its own: multiprocessing.Process(target=owt.main).start()"
        )
    check_secrets(vars(args))
    exe = _exe()
    args.port = port or args.port
    listener = _listener.inherited() or _listener.listen(args.address, args.port)
    _reset_process()
    sys.stdout.flush()
    os.dup2(listener.fileno(), _FIRST_PASSED)
    os.set_inheritable(_FIRST_PASSED, True)
    passed = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    os.execve(exe, [exe, "serve", *options(vars(args))], environment(vars(args)) | passed)


def check_secrets(values: dict[str, Any]) -> None:
    """Raise where a new server would lack a secret of this one, and so be open to all."""
    hidden = [f"args.{name}" for name in _SECRETS if values.get(name) == _HIDDEN]
    if hidden:
        raise RuntimeError(
            "This server gives its passwords and keys to no adaptor, so owt.main() cannot pass "
            f"them on. Set {' and '.join(hidden)} for the new server: args.auth = ['user:hash'], "
            "as owt hash prints it, says who may call, and None lets everybody on this machine."
        )


def options(values: dict[str, Any]) -> list[str]:
    """Return the server's arguments as command line options."""
    found = []
    for name, value in values.items():
        option = "--" + name.replace("_", "-")
        if name in _SECRETS or name == "socket" or value is None or value is False:
            continue
        if value is True:
            found.append(option)
            continue
        for each in value if isinstance(value, list | tuple) else (value,):
            found += [option, str(each)]
    return found


def environment(values: dict[str, Any]) -> dict[str, str]:
    """Return the environment of the new server, without the variables of this one."""
    known = {"OWT_" + name.upper() for name in values} | {adaptors.DIRECTORY_VARIABLE}
    found = {name: value for name, value in os.environ.items() if name not in known}
    if _MARK_VARIABLE in found:
        # Empty, so that the server outlives the worker that starts it.
        found[_MARK_VARIABLE] = ""
    if getattr(sys.flags, "safe_path", False):
        # Not there in Python 3.10. Perhaps by -P, which the workers would not inherit.
        found["PYTHONSAFEPATH"] = "1"
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
    """Undo what a worker has set and the new program would inherit."""
    import signal

    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            # Signals such as SIGKILL, or a thread that may not change them.
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with suppress(OSError):
        # A new process group: the worker's is killed with the worker.
        os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
