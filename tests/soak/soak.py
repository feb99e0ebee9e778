"""The run: load without a kill, then with kills, and a look at the server before and after each."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from soak import slots
from soak.call import call
from soak.cleaner import Cleaner
from soak.client import Client, Weather
from soak.host import Host
from soak.kinds import plain
from soak.manner import Manner
from soak.saboteur import Saboteur
from soak.tally import Lost, Tally
from soak.vitals import Vitals, at_rest, grown, is_complete
from soak.wire import Connection

CLIENTS = 24

# Parts of the time. What is warm does not grow any more; without kills, workers live long enough to
# show whether they do.
WARM_UP = 0.15
CALM = 0.25

# Seconds before and after a worker's death in which it may have cost a call.
NEAR = 1.0

# After so many starts that fail, calls are told so; seconds in which all of them have been.
FAILED_STARTS, IN_A_ROW = 3, 15.0

# Lines of the log that must never be there, but for workers that were killed while they started.
FAULT = re.compile(
    r"^(?!.*worker \S+: (?:\S+ ended while it was starting \(signal: |cannot start a worker)"
    r").*(?:panicked at| ERROR ).*$",
    re.MULTILINE,
)

# What a worker says that was starting when the folder with its modules was removed; the next one
# has it again. Seconds that a start may take.
UNREADABLE = re.compile(
    r"^(\S+) ERROR worker \S+: (?:Python does not start|\S+ ended while it was starting .*"
    r"|\S+ cannot load owt's own package): "
    r"(?:ModuleNotFoundError: No module named '_?owt|FileNotFoundError: .*/owt/run-|"
    r"ImportError: cannot import name '\w+' from (?:partially initialized module )?'owt)"
)
START = 5.0


@dataclass(frozen=True)
class Plan:
    """How long to soak, and how hard."""

    seconds: float
    seed: int
    # How often a worker is to be killed or frozen.
    kills: int
    progress: Callable[[str], None] = lambda _line: None
    # Whether the folders of the running server are removed now and then. Calls that need one of
    # owt's own modules for the first time fail then, until it is there again.
    removes_folders: bool = True


@dataclass
class Report:
    """What was found."""

    tally: Tally = field(default_factory=Tally)
    harm: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    removals: list[float] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)
    vitals: dict[str, Vitals] = field(default_factory=dict)


async def soak(plan: Plan, home: Path) -> Report:
    """Soak a server of its own, and look at what is left of it."""
    report = Report()
    with Host.started(home) as host:
        await _Run(plan, host, report).all_phases()
        status = host.stop()
        if status != 0:
            report.tally.accuse(f"the server has ended with status {status}")
        _check_traces(host, report.tally)
        _check_log(host, report)
    return report


class _Run:
    """One run against one server."""

    def __init__(self, plan: Plan, host: Host, report: Report) -> None:
        self._plan = plan
        self._host = host
        self._report = report

    async def all_phases(self) -> None:
        """Go through the phases, and compare the server's figures."""
        await self._send_known_code()
        seconds = self._plan.seconds
        warm = await self._phase("warm-up", seconds * WARM_UP)
        calm = await self._phase("calm", seconds * CALM, before=warm)
        storm_seconds = seconds * (1 - WARM_UP - CALM)
        await self._phase("storm", storm_seconds, before=calm, kills=self._plan.kills)
        for lack in await slots.missing(self._host.port, Random(self._plan.seed)):
            self._report.tally.accuse(lack)

    async def _send_known_code(self) -> None:
        """Send the code that calls by digest name, which the server has to have seen."""
        connection = await Connection.to(self._host.port)
        await call(connection, plain(Random(0)), Manner())
        connection.close()

    async def _phase(
        self, name: str, seconds: float, before: Vitals | None = None, kills: int = 0
    ) -> Vitals:
        weather = Weather(workers_die=kills > 0)
        rnd = Random(f"{self._plan.seed} {name}")
        jobs = [self._client(weather, rnd).live() for _ in range(CLIENTS)]
        if kills:
            saboteur = Saboteur(self._host, rnd, kills, seconds)
            jobs.append(saboteur.work())
            self._report.harm = saboteur.done
        if kills and self._plan.removes_folders:
            cleaner = Cleaner(self._host, rnd)
            jobs.append(cleaner.work(weather.is_over))
            self._report.removed, self._report.removals = cleaner.removed, cleaner.moments
        jobs.append(self._until_over(name, seconds, weather))
        await asyncio.gather(*jobs)
        return await self._vitals(name, before)

    def _client(self, weather: Weather, rnd: Random) -> Client:
        own = Random(rnd.random())
        return Client(self._host.port, own, self._report.tally, weather)

    async def _until_over(self, name: str, seconds: float, weather: Weather) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while (left := end - clock()) > 0:
            tally, harm = self._report.tally, self._report.harm.total()
            self._plan.progress(
                f"{name}: {left:.0f} s left, {tally.total()} calls, {harm} kills, "
                f"{tally.offence_count} offences"
            )
            await asyncio.sleep(min(1.0, left))
        weather.is_over.set()

    async def _vitals(self, name: str, before: Vitals | None) -> Vitals:
        def is_fine(now: Vitals) -> bool:
            return is_complete(now) and (before is None or not grown(before, now))

        now = self._report.vitals[name] = await at_rest(self._host, is_fine)
        if not is_complete(now):
            self._report.tally.accuse(f"after {name}: {now}")
        for growth in grown(before, now) if before is not None else []:
            self._report.tally.accuse(f"after {name}: {growth}")
        return now


def _check_traces(host: Host, tally: Tally) -> None:
    if left := host.processes():
        tally.accuse(f"processes are left after the server's end: {sorted(left)}")
    if files := host.traces():
        tally.accuse(f"files are left after the server's end: {files}")


def _check_log(host: Host, report: Report) -> None:
    deaths = host.deaths()
    report.deaths = Counter(how for _, how in deaths)
    times = [when for when, _ in deaths]
    for lost in report.tally.lost:
        if not _has_cause(lost, times):
            report.tally.accuse(
                f"a lost call of kind {lost.kind}: no worker died near {lost.ended}"
            )
    failed_starts = host.failed_starts()
    for unserved in report.tally.unserved:
        if not _is_unservable(unserved, failed_starts):
            report.tally.accuse(
                f"an unserved call of kind {unserved.kind}: "
                f"no worker was killed while it started, near {unserved.ended}"
            )
    for line in FAULT.findall(host.log()):
        if not _is_of_a_removal(line, report.removals):
            report.tally.accuse(f"in the log: {line}")


def _has_cause(lost: Lost, deaths: list[float]) -> bool:
    return any(lost.began - NEAR <= death <= lost.ended + NEAR for death in deaths)


def _is_unservable(call: Lost, failed_starts: list[float]) -> bool:
    near = [start for start in failed_starts if 0 <= call.ended + NEAR - start <= IN_A_ROW]
    return len(near) >= FAILED_STARTS


def _is_of_a_removal(line: str, removals: list[float]) -> bool:
    found = UNREADABLE.match(line)
    if found is None:
        return False
    when = datetime.fromisoformat(found[1]).timestamp()
    return any(0 <= when - removal <= START for removal in removals)
