"""`python -m owt._ray`: reads one line of settings, and writes events, until its input ends."""

from __future__ import annotations

import os
import signal
import sys
import threading

from owt._ray._cluster import Cluster
from owt._ray._driver import Driver
from owt._ray._failure import PoolError
from owt._ray._guard import guarded
from owt._ray._messages import Event, Failed, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

# Seconds after which an end is no longer waited for. What is left ends by itself: actors that
# nobody asks for, and the processes of Ray that fall with this one.
_MAX_END = 9.0


def main() -> int:
    """Run the driver, and return the status of this process."""
    events = _Events()
    stop = threading.Event()
    _stop_on_signals(stop)
    try:
        settings = Settings.parse(sys.stdin.readline())
        threading.Thread(target=_await_end, args=(stop,), name="owt-stdin", daemon=True).start()
        # On this thread, with which Linux ends the processes that Ray starts.
        with guarded(), Cluster.joined(settings) as cluster:
            # Ray has put a handler of its own in their place.
            _stop_on_signals(stop)
            return _drive(Driver(settings, cluster, events.write), events, stop)
    except PoolError as err:
        return _fail(err, events, stop)


def _drive(driver: Driver, events: _Events, stop: threading.Event) -> int:
    try:
        driver.run(stop)
    except PoolError as err:
        return _fail(err, events, stop)
    except BrokenPipeError:
        # The server is gone.
        _end_soon(0)
    finally:
        driver.end()
    return 0


def _fail(err: PoolError, events: _Events, stop: threading.Event) -> int:
    """Say why, before anything is ended that may not answer any more."""
    if stop.is_set():
        return 0
    events.write(Failed(str(err)))
    _end_soon(1)
    return 1


class _Events:
    """Standard output, on which nobody else writes any more: Ray prints what its actors print."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def write(self, event: Event) -> None:
        os.write(self._descriptor, event.line().encode())


def _stop_on_signals(stop: threading.Event) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        _begin_end(stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _await_end(stop: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    _begin_end(stop)


def _begin_end(stop: threading.Event) -> None:
    if not stop.is_set():
        stop.set()
        _end_soon(0)


def _end_soon(status: int) -> None:
    watchdog = threading.Timer(_MAX_END, os._exit, [status])
    watchdog.daemon = True
    watchdog.start()


if __name__ == "__main__":
    sys.exit(main())
