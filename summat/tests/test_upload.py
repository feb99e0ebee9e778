"""`request.stream`: bodies that came with the call, and bodies received while it runs."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.fake import error_of, json_of, text_of

PIECES = [b"one,1\ntw", b"o,2\n", b"three,3\n"]
WHOLE = b"".join(PIECES)

SENT: list[tuple[str, dict[str, Any]]] = [
    ("comes", {"body": None, "pieces": PIECES}),
    ("is there", {"body": WHOLE}),
]
ways = pytest.mark.parametrize("sent", [given for _, given in SENT], ids=[way for way, _ in SENT])


def body(sent: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, list) else value for key, value in sent.items()}


@ways
@pytest.mark.parametrize(
    "code",
    [
        "def run(request): return request.data.decode()",
        "def run(request): return request.get_data(as_text=True)",
        "def run(request): return request.stream.read().decode()",
        "def run(request): return b''.join(request.stream).decode()",
        "def run(request): return (request.stream.read(3) + request.stream.read()).decode()",
        "async def run(request): return (await request.stream.aread()).decode()",
        "async def run(request): return ''.join([p.decode() async for p in request.stream])",
        "import io\ndef run(request): return io.TextIOWrapper(request.stream, newline='').read()",
    ],
)
def test_the_body_can_be_read_in_every_way(code: str, sent: dict[str, Any]) -> None:
    assert text_of(code, **body(sent)) == WHOLE.decode()


def test_chunks_are_yielded_as_they_come() -> None:
    code = "def run(request): return [p.decode() for p in request.stream]"
    assert json_of(code, body=None, pieces=list(PIECES)) == '["one,1\\ntw","o,2\\n","three,3\\n"]'


@ways
def test_libraries_read_it_as_a_file(sent: dict[str, Any]) -> None:
    code = (
        "import csv, io\n"
        "def run(request): return list(csv.reader(io.TextIOWrapper(request.stream, newline='')))"
    )
    rows = list(csv.reader(io.StringIO(WHOLE.decode())))
    assert json_of(code, **body(sent)) == str(rows).replace("'", '"').replace(" ", "")


@ways
def test_reading_at_the_end_returns_nothing(sent: dict[str, Any]) -> None:
    code = (
        "def run(request):\n"
        "    request.stream.read()\n"
        "    return [request.stream.read().decode(), request.stream.read(5).decode()]"
    )
    assert json_of(code, **body(sent)) == '["",""]'


@ways
def test_a_part_is_read_and_then_the_rest_in_chunks(sent: dict[str, Any]) -> None:
    code = (
        "async def run(request):\n"
        "    first = request.stream.read(4)\n"
        "    return (first + b''.join([p async for p in request.stream])).decode()"
    )
    assert text_of(code, **body(sent)) == WHOLE.decode()


@pytest.mark.parametrize(
    "read", ["request.data", "request.stream.read()", "next(request.stream)", "request.json"]
)
def test_a_disconnect_raises(read: str) -> None:
    gone = ConnectionResetError("the client went away")
    code, text = error_of(
        f"def run(request): return {read}",
        body=None,
        pieces=[gone],
        headers=[("content-type", "application/json")],
    )
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "ConnectionResetError: the client went away",
    )
