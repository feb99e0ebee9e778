"""The report, as tables in Markdown."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields

from soak.soak import Report
from soak.tally import SHOWN, Tally
from soak.verdict import CUT, LEFT, RIGHT
from soak.vitals import Vitals


def text(report: Report) -> str:
    """Return all that a run has shown."""
    tables = [
        _calls(report.tally),
        _counts("what was done to workers", report.harm),
        _counts("folders that were removed", report.removed),
        _counts("how workers ended", report.deaths),
        _vitals(report.vitals),
        _offences(report.tally),
    ]
    return "\n".join(tables)


def _calls(tally: Tally) -> str:
    codes = sorted({outcome for _, outcome in tally.outcomes} - {RIGHT, CUT, LEFT})
    columns = [RIGHT, *codes, CUT, LEFT]
    kinds = sorted({kind for kind, _ in tally.outcomes})
    rows = [[kind, *(tally.outcomes[kind, column] for column in columns)] for kind in kinds]
    total = ["all", *(tally.total(column) for column in columns)]
    return _table(["calls", *columns], [*rows, total])


def _counts(title: str, counts: Counter[str]) -> str:
    return _table([title, "times"], [*counts.most_common(), ("all", counts.total())])


def _vitals(vitals: dict[str, Vitals]) -> str:
    rows = [
        [
            field.name.replace("_", " "),
            *(f"{getattr(of, field.name):.4g}" for of in vitals.values()),
        ]
        for field in fields(Vitals)
    ]
    return _table(["at rest (memory in MiB)", *(f"after {name}" for name in vitals)], rows)


def _offences(tally: Tally) -> str:
    if not tally.offence_count:
        return f"{tally.total()} calls, and every one came to what it had to.\n"
    more = tally.offence_count - len(tally.offences)
    tail = f"\nand {more} more" if more else ""
    shown = "\n\n".join(tally.offences[:SHOWN])
    return f"{tally.offence_count} offences:\n\n{shown}{tail}\n"


def _table(head: list[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [head, [":--", *("--:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
