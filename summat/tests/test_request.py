"""The request, with Flask's names."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import wave
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._form import File
from owt._multidict import Headers, MultiDict
from owt._request import Request
from owt._response import Abort
from tests.fake import FakeCall, json_of, reply_to

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = st.lists(st.tuples(st.text(), st.text()))
PLAIN = [("host", "localhost:9876"), ("content-type", "application/json; charset=utf-8")]


def request(**given: Any) -> Request:
    return Request(FakeCall("", **given))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("id", "request-1"),
        ("method", "POST"),
        ("scheme", "https"),
        ("host", "localhost:9876"),
        ("remote_addr", "127.0.0.1"),
        ("path", "/a b/é"),
        ("full_path", "/a b/é?x=1&y=%20"),
        ("url", "https://localhost:9876/a%20b/%C3%A9?x=1&y=%20"),
        ("base_url", "https://localhost:9876/a%20b/%C3%A9"),
        ("query_string", b"x=1&y=%20"),
        ("content_type", "application/json; charset=utf-8"),
        ("mimetype", "application/json"),
        ("content_length", 7),
        ("data", b'{"a":1}'),
        ("json", {"a": 1}),
        ("is_json", True),
        ("disconnected", False),
        ("cookies", {"a": "1", "b": "x=y", "c": "q"}),
    ],
)
def test_each_attribute_has_what_was_sent(name: str, expected: Any) -> None:
    sent = request(
        method="POST",
        scheme="https",
        raw_path="/a%20b/%C3%A9",
        query="x=1&y=%20",
        body=b'{"a":1}',
        headers=[
            *PLAIN,
            ("content-length", "7"),
            ("cookie", 'a=1; b=x=y; ; =no; odd; c="q"'),
            ("cookie", "a=2"),
        ],
    )
    assert getattr(sent, name) == expected
    assert getattr(sent, name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("url", "http://localhost:9876/"),
        ("full_path", "/?"),
        ("content_type", None),
        ("mimetype", ""),
        ("content_length", None),
        ("data", b""),
        ("cookies", {}),
        ("args", {}),
        ("form", {}),
        ("files", {}),
        ("is_json", False),
    ],
)
def test_attributes_of_missing_values_are_empty(name: str, expected: Any) -> None:
    assert getattr(request(), name) == expected


def test_invalid_text_does_not_fail() -> None:
    assert request(raw_path="/%FF").path == "/\ufffd"
    assert request(query="a=%FF").args == {"a": "\ufffd"}
    assert request(body=b"\xff").get_data(as_text=True) == "\ufffd"
    assert request(body=b"\xff").get_data() == b"\xff"


def test_disconnected_is_not_cached() -> None:
    call = FakeCall("")
    sent = Request(call)
    assert sent.disconnected is False
    call.disconnected = True
    assert sent.disconnected is True


def test_headers_ignore_case_and_join_repeats() -> None:
    headers = request(headers=[("x-a", "1"), ("x-b", "2"), ("x-a", "3")]).headers
    assert (headers["X-A"], headers.get("X-a"), headers.getlist("x-A")) == (
        "1, 3",
        "1, 3",
        ["1", "3"],
    )
    assert headers.get("X-B", type=int) == 2
    assert headers.get("X-A", 0, type=int) == 0
    assert headers.get("nothing", "none") == "none"
    assert "X-B" in headers
    assert dict(headers) == {"x-a": "1, 3", "x-b": "2"}


def test_a_form_is_parsed_with_all_values() -> None:
    form = request(
        body=b"a=1&a=two&b=&c=%2B+",
        headers=[("content-type", "application/x-www-form-urlencoded")],
    ).form
    assert form.to_dict() == {"a": "1", "b": "", "c": "+ "}
    assert form.to_dict(flat=False) == {"a": ["1", "two"], "b": [""], "c": ["+ "]}
    assert (form.get("a", type=int), form.get("b", 7, type=int), form.get("d", 8)) == (1, 7, 8)
    assert (form.getlist("a", type=int), form.getlist("d")) == ([1], [])


def test_a_multipart_form_has_fields_and_files(tmp_path: Path) -> None:
    sent = request(
        parts=[
            ("field", None, None, "é".encode(), None),
            ("file", "a.txt", "text/plain", b"one\ntwo\n", None),
            ("file", "", None, b"", None),
        ]
    )
    assert sent.form == {"field": "é"}
    first, second = sent.files.getlist("file")
    assert (first.name, first.filename, first.content_type) == ("file", "a.txt", "text/plain")
    assert (second.filename, second.content_type, second.read()) == ("", None, b"")
    assert (first.read(3), first.stream.read(), list(first)) == (b"one", b"\ntwo\n", [])
    assert repr(first) == "<File 'a.txt' (text/plain)>"
    first.save(tmp_path / "saved")
    kept = io.BytesIO()
    first.save(kept)
    assert (tmp_path / "saved").read_bytes() == kept.getvalue() == b"one\ntwo\n"


def test_a_large_file_is_read_from_disk(tmp_path: Path) -> None:
    (tmp_path / "0").write_bytes(b"one\ntwo\n")
    file = File(("file", "a.txt", None, b"", str(tmp_path / "0")))
    assert (file.read(3), file.stream.read(), list(file)) == (b"one", b"\ntwo\n", [])
    file.stream.close()
    file.save(str(tmp_path / "saved"))
    assert (tmp_path / "saved").read_bytes() == b"one\ntwo\n"


def file_of(content: bytes, path: Path, where: str) -> File:
    """Return a file in memory or on disk."""
    path.write_bytes(content)
    held = (content, None) if where == "memory" else (b"", str(path))
    return File(("file", "a.bin", "Application/X-Bin; version=1", *held))


def packed() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inside.txt", "in it")
    return archive.getvalue()


def array() -> bytes:
    numpy = pytest.importorskip("numpy")
    saved = io.BytesIO()
    numpy.save(saved, numpy.arange(3))
    return saved.getvalue()


def picture() -> bytes:
    image = pytest.importorskip("PIL.Image")
    saved = io.BytesIO()
    image.new("RGB", (2, 3)).save(saved, "PNG")
    return saved.getvalue()


def sound() -> bytes:
    saved = io.BytesIO()
    with wave.open(saved, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 5)
    return saved.getvalue()


@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize(
    ("content", "read", "expected"),
    [
        (packed, lambda file: zipfile.ZipFile(file).read("inside.txt"), b"in it"),
        (sound, lambda file: wave.Wave_read(file).getnframes(), 5),
        (lambda: pickle.dumps([1, "a"]), pickle.load, [1, "a"]),
        (lambda: b'{"a": 1}', json.load, {"a": 1}),
        (
            lambda: b"a,b\n1,2\n",
            lambda file: list(csv.reader(io.TextIOWrapper(file)))[1],
            ["1", "2"],
        ),
        (
            lambda: gzip.compress(b"in it"),
            lambda file: gzip.GzipFile(fileobj=file).read(),
            b"in it",
        ),
        (array, lambda file: __import__("numpy").load(file).tolist(), [0, 1, 2]),
        (picture, lambda file: __import__("PIL.Image").Image.open(file).size, (2, 3)),
        (
            lambda: b"a,b\n1,2\n",
            lambda file: pytest.importorskip("pandas").read_csv(file).to_dict("list"),
            {"a": [1], "b": [2]},
        ),
    ],
)
def test_libraries_read_files_of_a_form(
    content: Any, read: Any, expected: Any, where: str, tmp_path: Path
) -> None:
    file = file_of(content(), tmp_path / "0", where)
    assert read(file) == expected


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_a_file_of_a_form_is_an_open_file(where: str, tmp_path: Path) -> None:
    content = b"one\ntwo\n" * 10_000
    file = file_of(content, tmp_path / "0", where)
    assert isinstance(file, io.BufferedReader)
    assert (file.readable(), file.seekable(), file.writable(), file.closed) == (
        True,
        True,
        False,
        False,
    )
    assert (file.tell(), file.readline(), file.tell(), file.read(2)) == (0, b"one\n", 4, b"tw")
    assert (file.seek(-4, io.SEEK_END), file.read(), file.read()) == (79_996, b"two\n", b"")
    assert (file.seek(0), next(file), file.stream) == (0, b"one\n", file)
    assert (file.mimetype, file.content_length, bool(file)) == ("application/x-bin", 80_000, True)
    file.seek(0)
    assert file.readlines() == content.splitlines(keepends=True)
    file.close()
    assert file.closed
    kept = io.BytesIO()
    file.save(kept)
    assert kept.getvalue() == content


def test_a_file_that_was_not_chosen_is_falsy() -> None:
    assert not File(("file", "", "application/octet-stream", b"", None))


@pytest.mark.parametrize(
    ("content_type", "default", "data", "expected"),
    [
        (None, None, "é".encode(), "é"),
        ("text/plain", None, "é".encode(), "é"),
        ("text/plain; charset=latin-1", None, b"\xe9", "é"),
        ('text/plain; Charset="ISO-8859-1"', None, b"\xe9", "é"),
        ("text/plain;charset=utf-16", None, "é".encode("utf-16"), "é"),
        ("text/plain; charset=nonsense", None, "é".encode(), "é"),
        ("text/plain; charset=zip", None, "é".encode(), "é"),
        ("text/plain; charset=idna", None, "é".encode(), "é"),
        (None, b"latin-1", b"\xe9", "é"),
        ("text/plain; charset=utf-8", b"latin-1", "é".encode(), "é"),
        (None, b"\xff", "é".encode(), "é"),
    ],
)
def test_a_field_is_read_in_its_own_charset(
    content_type: str | None, default: bytes | None, data: bytes, expected: str
) -> None:
    parts: list[Any] = [("field", None, content_type, data, None)]
    if default is not None:
        parts.insert(0, ("_charset_", None, None, default, None))
    assert request(parts=parts).form["field"] == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("args", "The request has no argument in its query 'missing'."),
        ("form", "The request has no form field 'missing'."),
        ("files", "The request has no file 'missing'."),
        ("headers", "The request has no header 'missing'."),
        ("cookies", "The request has no cookie 'missing'."),
        ("values", "The request has no value 'missing'."),
    ],
)
def test_a_missing_name_ends_the_call_with_400(name: str, text: str) -> None:
    source = f"def run(request): return request.{name}['missing']"
    assert reply_to(source)[0::3] == (400, text.encode())
    caught = f"def run(_):\n  try: _.{name}['missing']\n  except KeyError: return 'caught'"
    assert reply_to(caught)[3] == b"caught"


def test_a_body_that_is_not_cached_is_gone_once_read() -> None:
    sent = request(body=None, pieces=[b"a", b"b"])
    assert (sent.get_data(cache=False), sent.get_data()) == (b"ab", b"")
    kept = request(body=None, pieces=[b"a", b"b"])
    assert (kept.get_data(), kept.get_data(cache=False)) == (b"ab", b"ab")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer abc.def", ("bearer", None, None, "abc.def")),
        ("basic QTpiOmM=", ("basic", "A", "b:c", None)),
        ("Basic nonsense!", None),
        ("Basic /w==", None),
        ("", None),
    ],
)
def test_credentials_are_parsed(header: str, expected: tuple[Any, ...] | None) -> None:
    found = request(headers=[("authorization", header)]).authorization
    seen = found and (found.type, found.username, found.password, found.token)
    assert seen == expected


def test_a_file_iterates_by_lines() -> None:
    assert list(File(("f", "a", None, b"one\ntwo", None))) == [b"one\n", b"two"]


@pytest.mark.parametrize(
    ("content_type", "body", "status", "text"),
    [
        (
            "text/plain",
            b"{}",
            415,
            "The body is not JSON: its Content-Type is not application/json.",
        ),
        (
            "application/json",
            b"{",
            400,
            "The body is not valid JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1).",
        ),
        (
            "application/json",
            b"\xff",
            400,
            "The body is not valid JSON: 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte.",
        ),
    ],
)
def test_invalid_json_ends_the_call(content_type: str, body: bytes, status: int, text: str) -> None:
    given: dict[str, Any] = {"headers": [("content-type", content_type)], "body": body}
    with pytest.raises(Abort) as raised:
        _ = request(**given).json
    assert (raised.value.status, raised.value.text) == (status, text)
    assert reply_to("def run(request): return request.json", **given)[0::3] == (
        status,
        text.encode(),
    )
    assert request(**given).get_json(silent=True) is None


def test_json_can_be_forced_and_may_have_a_suffix() -> None:
    assert request(body=b"[1]").get_json(force=True) == [1]
    assert request(body=b"[1]").get_json(silent=True) is None
    vendor = [("content-type", "application/vnd.api+json")]
    assert request(body=b"[1]", headers=vendor).json == [1]
    assert request(body=b"[" * 100_000).get_json(force=True, silent=True) is None


def test_a_request_has_a_short_repr() -> None:
    assert repr(request(raw_path="/a%20b")) == "<Request GET /a b>"


def test_a_handler_reads_its_request() -> None:
    source = "def run(request): return [request.path, request.args['n'], request.args.get('m')]"
    assert json_of(source, raw_path="/x", query="n=1") == '["/x","1",null]'


@given(FIELDS)
def test_a_query_round_trips(fields: list[tuple[str, str]]) -> None:
    args = request(query=urlencode(fields)).args
    names = list(dict(fields))
    assert list(args) == names
    assert {name: args.getlist(name) for name in names} == {
        name: [value for each, value in fields if each == name] for name in names
    }


@given(FIELDS)
def test_a_multidict_is_a_mapping_of_first_values(fields: list[tuple[str, str]]) -> None:
    values = MultiDict(fields)
    first = dict(reversed(fields))
    assert dict(values) == values.to_dict() == first
    assert values == first
    assert (len(values), set(values)) == (len(first), set(first))
    assert all(name in values and values.get(name) == first[name] for name in first)


@given(FIELDS)
def test_a_header_is_found_in_any_case(fields: list[tuple[str, str]]) -> None:
    ascii_fields = [(name.encode("ascii", "ignore").decode(), value) for name, value in fields]
    headers = Headers(ascii_fields)
    for name, _value in ascii_fields:
        assert headers[name.upper()] == headers[name.lower()] == headers.get(name.swapcase())
