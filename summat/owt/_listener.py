"""The listening socket of a server that `owt.main()` starts, bound before the server runs."""

from __future__ import annotations

import os
import sys
import threading

from owt._server import args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from types import FrameType
    from typing import Any

_BIND_TIMEOUT = 5.0
_RETRY_PAUSE = 0.02
_BACKLOG = 1024
_FIRST_FREE_DESCRIPTOR = 16


class _Forks:
    """Listeners for processes that are being forked, by the thread that forks."""

    bound: dict[int, socket] = {}  # noqa: RUF012
    inherited: socket | None = None


def listen(address: str, port: int) -> socket:
    """Listen on a port; retried for a while, because a server that ends may still hold it."""
    import socket
    import time

    family, kind, protocol, _name, where = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    deadline = time.monotonic() + _BIND_TIMEOUT
    while True:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(_BACKLOG)
            return listener
        except OSError as err:
            listener.close()
            if not _is_in_use(err) or time.monotonic() > deadline:
                raise OSError(
                    err.errno, f"owt cannot listen on {address} port {port}: {err.strerror}"
                ) from None
            time.sleep(_RETRY_PAUSE)


def inherited() -> socket | None:
    """Return the listener that the parent process bound for this one, if any."""
    return _Forks.inherited


def install(main: Callable[..., Any]) -> None:
    """Bind the port in the parent when `multiprocessing` forks a process to run `main`.

    When `Process.start()` returns, clients can connect already.
    """
    os.register_at_fork(
        before=lambda: _bind_for(main, sys._getframe(1)),
        after_in_parent=_in_parent,
        after_in_child=lambda: _in_child(sys._getframe(1)),
    )


def _bind_for(main: Callable[..., Any], forking: FrameType | None) -> None:
    process = _process_to_fork(forking)
    if process is None or getattr(process, "_target", None) is not main:
        return
    try:
        _Forks.bound[threading.get_ident()] = listen(args.address, _port_of(process) or args.port)
    except OSError:
        # The child tries again, and reports the error; here it would be lost.
        return


def _port_of(process: Any) -> Any:
    """Return the port with which a process calls `main`; None if it gives none."""
    given = getattr(process, "_kwargs", {}).get("port")
    return given or next(iter(getattr(process, "_args", ())), None)


def _in_parent() -> None:
    listener = _Forks.bound.pop(threading.get_ident(), None)
    if listener is not None:
        listener.close()


def _in_child(forking: FrameType | None) -> None:
    _Forks.inherited = _Forks.bound.pop(threading.get_ident(), None)
    for listener in _Forks.bound.values():
        listener.close()
    _Forks.bound.clear()
    if _Forks.inherited is not None and forking is not None:
        _keep_open(forking.f_locals.get("child_w"))


def _keep_open(sentinel: int | None) -> None:
    """Keep the pipe open whose closing tells `multiprocessing` that the process has ended.

    Exec would close it, and `join(timeout)` would then wait for ever.
    """
    import fcntl

    if sentinel is not None:
        # A duplicate that exec does not close, beyond the descriptors with fixed numbers.
        fcntl.fcntl(sentinel, fcntl.F_DUPFD, _FIRST_FREE_DESCRIPTOR)


def _process_to_fork(frame: FrameType | None) -> Any:
    """Return the process that a frame of `multiprocessing.popen_fork` is about to fork."""
    if frame is None or frame.f_code.co_name != "_launch":
        return None
    return frame.f_locals.get("process_obj")


def _is_in_use(err: OSError) -> bool:
    import errno

    return err.errno == errno.EADDRINUSE
