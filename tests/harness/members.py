"""A front with two members in the place of one server, to see that it answers the same."""

import os
from collections.abc import Iterable, Sequence

# How many members run the calls of each server of the tests; none if it runs them itself.
MEMBERS = int(os.environ.get("OWT_TEST_MEMBERS", "0"))

# The options that are about workers, and how many values each takes.
OF_WORKERS = {
    "--dependencies": 1,
    "--environment-age": 1,
    "--install-timeout": 1,
    "--max-abandoned": 1,
    "--max-adaptors": 1,
    "--python": 1,
    "--queue": 1,
    "--threads": 1,
    "--worker-drain": 1,
    "--worker-kill-rss": 1,
    "--worker-max-age": 1,
    "--worker-max-calls": 1,
    "--worker-max-rss": 1,
    "--workers": 1,
}

# Those that are about both.
OF_BOTH = {
    "--grace": 1,
    "--log-tracebacks": 0,
    "--max-body": 1,
    "--no-eval": 0,
    "--only-digests": 1,
    "--body-timeout": 1,
    "--max-buffered": 1,
}


def of_members(options: Sequence[str]) -> list[str]:
    """Return the options of a server that its members have."""
    return list(_taken(options, OF_WORKERS | OF_BOTH))


def of_front(options: Sequence[str]) -> list[str]:
    """Return the options of a server that its front has."""
    members = set(_places(options, OF_WORKERS))
    return [option for at, option in enumerate(options) if at not in members]


def _taken(options: Sequence[str], table: dict[str, int]) -> Iterable[str]:
    return (options[at] for at in _places(options, table))


def _places(options: Sequence[str], table: dict[str, int]) -> Iterable[int]:
    for at, option in enumerate(options):
        name, _, value = option.partition("=")
        if name in table:
            yield from range(at, at + 1 + (0 if value else table[name]))
