"""`python -m members_soak`, in the folder `tests`: what `cargo xtask soak --members` runs."""

import argparse
import hashlib
import math
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from harness.envelope import digest
from harness.server import Server

from members_soak.load import ADAPTORS, Tally, call_on, repeated
from members_soak.member import Member
from members_soak.network import Node, enter

MEMBERS = 3
CLIENTS = 12
PAUSE = 1.5


def main() -> int:
    """Soak a front with its members, and say by the exit status whether all was well."""
    options = argparse.ArgumentParser(prog="python -m members_soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=1.0, help="how long to soak")
    options.add_argument("--seed", type=int, default=0, help="the seed of all that is random")
    chosen = options.parse_args()
    enter()
    home = Path(tempfile.mkdtemp(prefix="owt-members-"))
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node.make(number)) for number in range(1, MEMBERS + 2)]
        members = [Member(node, home) for node in nodes]
        for member in members:
            stack.callback(member.stop)
        # The last one is added while calls run.
        for member in members[:-1]:
            member.start()
        urls = "+".join(f"http://{member.name}" for member in members)
        front = stack.enter_context(Server.started("--pool", f"default:members={urls}", home=home))
        until_up(front, members[:-1])
        return soak(front, members, home / "notes", chosen)


def soak(front: Server, members: list[Member], notes: Path, options: argparse.Namespace) -> int:
    """Call and do harm at the same time, and print what was found."""
    tally, until = Tally(), time.monotonic() + 60 * options.minutes
    clients = [
        threading.Thread(target=call_on, args=(front.url, notes, tally, number, until))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    harm = do_harm(members, random.Random(options.seed), until)
    for client in clients:
        client.join()
    for member in members:
        member.start()
    until_up(front, members)
    twice = repeated(notes, tally)
    moved = misplaced(front, members)
    print(f"harm: {dict(harm)}")
    print(f"answers: {dict(tally.answers)}, {len(notes.read_text().split())} runs")
    print(f"run twice though nobody allowed it: {len(twice)} {twice[:5]}")
    print(f"adaptors that are not where rendezvous hashing has them: {moved}")
    for offence in tally.offences[:10]:
        print(f"OFFENCE {offence.partition(chr(10))[0]}")
    print(f"offences: {len(tally.offences)}")
    return 1 if tally.offences or twice or moved else 0


def do_harm(members: list[Member], choice: random.Random, until: float) -> Counter[str]:
    """Harm one member after the other: all others are well meanwhile."""
    done: Counter[str] = Counter()
    kinds = ["kill", "drain", "freeze", "doze", "cut"]
    half = time.monotonic() + (until - time.monotonic()) / 2
    there = members[:-1]
    while time.monotonic() < until - 15:
        if there is not members and time.monotonic() > half:
            members[-1].start()
            there = members
            done["add"] += 1
        kind = choice.choice(kinds)
        getattr(choice.choice(there), kind)()
        done[kind] += 1
        time.sleep(PAUSE)
    return done


def until_up(front: Server, members: list[Member]) -> None:
    """Wait until the front takes all of them for well."""
    names, deadline = {member.name for member in members}, time.monotonic() + 60
    while True:
        (pool,) = front.send("GET", "/_owt/pools").json()
        up = {member["name"] for member in pool["members"] if member["state"] == "up"}
        if names <= up:
            return
        assert time.monotonic() < deadline, pool
        time.sleep(0.2)


def misplaced(front: Server, members: list[Member]) -> int:
    """Return how many adaptors run elsewhere than the hash says, by a second hand."""
    names = [member.name for member in members]
    wrong = 0
    for code in ADAPTORS:
        answer = front.call(f"{code}\ndef probe(): return 1", fn_name="probe")
        at = answer.headers["Server-Timing"].partition('desc="')[2].rstrip('"')
        home = max(names, key=lambda name: score(name, digest(f"{code}\ndef probe(): return 1")))
        wrong += at != home
    return wrong


def score(member: str, code: str) -> float:
    """Return how much code is at home at a member."""
    hashed = hashlib.sha256()
    for part in (b"default", member.encode(), bytes.fromhex(code)):
        hashed.update(len(part).to_bytes(8, "little") + part)
    uniform = ((int.from_bytes(hashed.digest()[:8], "little") >> 11) + 0.5) / (1 << 53)
    return 1 / -math.log(uniform)


if __name__ == "__main__":
    sys.exit(main())
