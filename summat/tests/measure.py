"""Measures the Python side of a call. Run it as `python -m tests.measure`.

With fake calls, only the package is measured.
"""

from __future__ import annotations

import time

from tests.fake import FakeCall, digest_of, handle

CALLS = 20_000
ROUNDS = 5
SOURCES = {
    "text": "def run(_, name): return name",
    "json": "def run(_, name): return {'name': name}",
    "arguments alone": "def run(name): return name",
}


class QuickCall(FakeCall):
    """Records nothing, to measure nothing of itself."""

    def loaded(self) -> None:
        pass

    def _end(self, *event: object) -> None:
        pass


def quick_call(source: str) -> QuickCall:
    """Return a call with one argument."""
    return QuickCall(
        source, digest=digest_of(source), kwargs='{"name": "owt"}', arguments={"name": "owt"}
    )


def warm(source: str) -> float:
    """Return the seconds that a call of loaded code takes."""
    call = quick_call(source)
    handle(call)
    began = time.perf_counter()
    for _ in range(CALLS):
        handle(call)
    return (time.perf_counter() - began) / CALLS


def cold() -> float:
    """Return the seconds that the first call of new code takes."""
    calls = [quick_call(f"# {number}\n{SOURCES['text']}") for number in range(CALLS // 10)]
    began = time.perf_counter()
    for call in calls:
        handle(call)
    return (time.perf_counter() - began) / len(calls)


def main() -> None:
    """Print the best of several rounds, to reduce noise."""
    for name, source in SOURCES.items():
        print(f"{name:20} {min(warm(source) for _ in range(ROUNDS)) * 1e6:6.2f} µs")
    print(f"{'first call':20} {min(cold() for _ in range(ROUNDS)) * 1e6:6.2f} µs")


if __name__ == "__main__":
    main()
