"""A table that is grouped, and sent in the form that the client asks for."""

import pytest
from harness.envelope import envelope
from harness.program import ROOT
from harness.server import Server
from requests import Response

TABLE = (ROOT / "examples/table/table.py").read_text()
ROWS = b"town,people\nA,1\nB,5\nA,2\n"


def group(server: Server, by: str, accept: str, rows: bytes = ROWS) -> Response:
    """Return what comes of a table."""
    headers = {"Content-Type": "text/csv", "Accept": accept}
    return server.send("POST", params=envelope(TABLE, {"by": by}), data=rows, headers=headers)


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        ("text/csv", "text/csv; charset=utf-8", "town,people\nA,1.5\nB,5.0\n"),
        (
            "application/json",
            "application/json",
            '[{"town":"A","people":1.5},{"town":"B","people":5.0}]',
        ),
        ("*/*", "application/json", '[{"town":"A","people":1.5},{"town":"B","people":5.0}]'),
    ],
)
def test_the_answer_has_the_form_that_is_asked_for(
    example_server: Server, accept: str, kind: str, body: str
) -> None:
    answer = group(example_server, "town", accept)
    assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (200, kind, body)


def test_a_column_that_is_not_there_is_named_with_those_that_are(example_server: Server) -> None:
    answer = group(example_server, "city", "text/csv")
    assert (answer.status_code, answer.text) == (
        400,
        "There is no column 'city': there are town, people.",
    )


def test_a_table_of_many_megabytes_is_read(example_server: Server) -> None:
    rows = b"town,people\n" + b"A,1\nB,3\n" * 500_000
    answer = group(example_server, "town", "text/csv", rows)
    assert answer.text == "town,people\nA,1.0\nB,3.0\n"
