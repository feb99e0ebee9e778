"""The port of a server that is about to start: bound before anybody can be told of it."""

from __future__ import annotations

import os
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from types import FrameType
    from typing import Any

_PATIENCE = 5.0
_PAUSE = 0.02
_BACKLOG = 1024
_FREE_DESCRIPTORS = 16


class _Forking:
    """The listeners of processes that are being forked off, by the thread that does it."""

    bound: dict[int, socket] = {}  # noqa: RUF012
    handed_over: socket | None = None


def listen(address: str, port: int) -> socket:
    """Listen on a port, which a server that is just ending may still hold for a moment."""
    import socket
    import time

    family, kind, protocol, _name, where = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    deadline = time.monotonic() + _PATIENCE
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
            time.sleep(_PAUSE)


def handed_over() -> socket | None:
    """Return the listener that the parent bound for this process, if it did."""
    return _Forking.handed_over


def install(main: Callable[..., Any]) -> None:
    """Bind the port in the parent when `multiprocessing` forks a process to run `main`.

    `start()` then returns to a caller for whom the port is there: it may connect at once.
    """
    os.register_at_fork(
        before=lambda: _bind_for(main, sys._getframe(1)),
        after_in_parent=_in_parent,
        after_in_child=lambda: _in_child(sys._getframe(1)),
    )


def _bind_for(main: Callable[..., Any], forking: FrameType | None) -> None:
    from owt._server import args

    process = _launched_by(forking)
    if process is None or getattr(process, "_target", None) is not main:
        return
    try:
        _Forking.bound[threading.get_ident()] = listen(args.address, _port_of(process) or args.port)
    except OSError:
        # The child tries again, and has the words for it: from here, none would reach anybody.
        return


def _port_of(process: Any) -> Any:
    """Return the port with which a process is to call `main`; None if it gives none."""
    given = getattr(process, "_kwargs", {}).get("port")
    return given or next(iter(getattr(process, "_args", ())), None)


def _in_parent() -> None:
    listener = _Forking.bound.pop(threading.get_ident(), None)
    if listener is not None:
        listener.close()


def _in_child(forking: FrameType | None) -> None:
    _Forking.handed_over = _Forking.bound.pop(threading.get_ident(), None)
    for listener in _Forking.bound.values():
        listener.close()
    _Forking.bound.clear()
    if _Forking.handed_over is not None and forking is not None:
        _keep_open(forking.f_locals.get("child_w"))


def _keep_open(alive: int | None) -> None:
    """Keep the pipe by whose closing `multiprocessing` knows that the process has ended.

    Closed by exec, it would say so at once, and `join(timeout)` would wait without end.
    """
    import fcntl

    if alive is not None:
        # A copy that exec leaves alone, out of the way of the descriptors with fixed numbers.
        fcntl.fcntl(alive, fcntl.F_DUPFD, _FREE_DESCRIPTORS)


def _launched_by(frame: FrameType | None) -> Any:
    """Return the process that a frame of `multiprocessing.popen_fork` is about to fork off."""
    if frame is None or frame.f_code.co_name != "_launch":
        return None
    return frame.f_locals.get("process_obj")


def _is_in_use(err: OSError) -> bool:
    import errno

    return err.errno == errno.EADDRINUSE
