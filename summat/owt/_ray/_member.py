"""The actor: keeps one `owt serve` running on its node while its driver asks for it."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict, dataclass

from owt._ray._failure import MemberError
from owt._ray._gpus import devices
from owt._ray._lease import Lease
from owt._ray._messages import ServeSettings
from owt._ray._serve import Serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# Seconds that an actor goes on when its driver is silent.
LEASE = 10.0

_TICK = 0.2
# Seconds that the end of an `owt serve` is waited for.
_MAX_END = 4.0
_MAX_BACKOFF = 30.0
# What has run for so many seconds was no failed start.
_STABLE = 60.0


@dataclass(frozen=True)
class Place:
    """Where an actor is, and how it ends itself for good."""

    address: str
    node: str
    gpu_ids: Sequence[int | str]
    end: Callable[[], None]


@dataclass(frozen=True)
class Report:
    """How a member is."""

    # Whose it is, for which place it was made, and with which settings it serves.
    holder: str
    placement: str
    settings: str
    node: str
    gpus: str | None
    # None while it does not answer.
    url: str | None
    pid: int
    # Why it does not answer, and whether that stays so.
    problem: str
    is_final: bool


class Member:
    """Runs an `owt serve`, starts it again when it ends, and ends it with the lease."""

    def __init__(self, placement: str, place: Place) -> None:
        self._placement = placement
        self._place = place
        self._gpus = devices(place.gpu_ids)
        self._lease = Lease(LEASE)
        self._changed = threading.Condition()
        self._settings: ServeSettings | None = None
        self._serve: Serve | None = None
        self._problem, self._is_final = "", False
        self._stopped = threading.Event()
        # The system ends each `owt serve` with this thread.
        self._keeper = threading.Thread(target=self._keep, name="owt-keeper", daemon=True)
        self._keeper.start()
        threading.Thread(target=self._watch_lease, name="owt-lease", daemon=True).start()

    def beat(self, holder: str, keep: bool) -> dict[str, Any]:
        """Hear that a driver is there, and say how this member is."""
        holder = self._lease.renew(holder, keep=keep)
        with self._changed:
            settings, serve = self._settings, self._serve
            report = Report(
                holder=holder,
                placement=self._placement,
                settings=settings.fingerprint if settings else "",
                node=self._place.node,
                gpus=self._gpus,
                url=serve.url if serve else None,
                pid=serve.pid if serve else 0,
                problem=self._problem,
                is_final=self._is_final,
            )
        return asdict(report)

    def serve(self, settings: dict[str, Any]) -> None:
        """Serve with these settings, those of `ServeSettings`, from now on."""
        with self._changed:
            self._settings = ServeSettings(**settings)
            self._problem, self._is_final = "", False
            self._changed.notify_all()

    def release(self, holder: str) -> None:
        """Let the next driver have this member."""
        self._lease.release(holder)

    def stop(self) -> None:
        """End the `owt serve`, and start no other."""
        with self._changed:
            self._stopped.set()
            self._changed.notify_all()
        self._keeper.join(_MAX_END)

    def _keep(self) -> None:
        failures = 0
        while settings := self._wanted(failures):
            began = time.monotonic()
            try:
                self._run(settings)
                failures = 0
            except (MemberError, OSError) as err:
                failures = 1 if time.monotonic() - began > _STABLE else failures + 1
                self._fail(settings, err)

    def _wanted(self, failures: int) -> ServeSettings | None:
        """Wait until something is to be started, and return it; None at the end."""
        with self._changed:
            if failures and not self._is_final:
                failed = self._settings
                self._changed.wait_for(
                    lambda: self._stopped.is_set() or self._settings is not failed,
                    min(2.0 ** (failures - 1), _MAX_BACKOFF),
                )
            self._changed.wait_for(
                lambda: self._stopped.is_set() or (self._settings and not self._is_final)
            )
            return None if self._stopped.is_set() else self._settings

    def _run(self, settings: ServeSettings) -> None:
        """Run one until it is no longer wanted; raise if it ends before."""

        def is_wanted() -> bool:
            return self._settings is settings and not self._stopped.is_set()

        serve = Serve.started(settings, self._place.address, self._gpus, is_wanted)
        with self._changed:
            self._serve, self._problem = serve, ""
        try:
            while is_wanted():
                if how := serve.wait(_TICK):
                    raise MemberError(how)
        finally:
            with self._changed:
                self._serve = None
            serve.end()

    def _fail(self, settings: ServeSettings, err: Exception) -> None:
        with self._changed:
            if self._settings is settings:
                self._problem = str(err)
                self._is_final = isinstance(err, MemberError) and err.is_final

    def _watch_lease(self) -> None:
        while not self._lease.is_over():
            time.sleep(_TICK)
        self.stop()
        self._place.end()
        # Ray has not done it, so it will start this actor again, which ends in the same way.
        time.sleep(LEASE)
        os._exit(1)
