"""`python -m soak`, in the folder `tests`: what `cargo xtask soak` runs."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from soak.soak import Plan, soak
from soak.table import text

KILLS_A_SECOND = 2


def main() -> int:
    """Soak a server, print what was found, and say by the exit status whether it is well."""
    options = _options()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    seconds = 60 * options.minutes
    kills = round(KILLS_A_SECOND * seconds) if options.kills is None else options.kills
    print(f"seed {seed}, {options.minutes:g} minutes, {kills} kills", file=sys.stderr)
    home = Path(tempfile.mkdtemp(prefix="owt-soak-"))
    report = asyncio.run(soak(Plan(seconds, seed, kills, _progress), home))
    print(text(report))
    print(f"the server's log: {home / 'owt.log'}", file=sys.stderr)
    return 1 if report.tally.offence_count else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to soak")
    parser.add_argument("--seed", type=int, help="the seed of all that is random")
    parser.add_argument("--kills", type=int, help="how often to do harm to a worker")
    return parser.parse_args()


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
