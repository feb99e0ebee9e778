"""The request, with Flask's names."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._multidict import Headers, MultiDict
from owt._request import File, Request
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
def test_each_name_gives_what_was_sent(name: str, expected: Any) -> None:
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
def test_what_was_not_sent_is_empty(name: str, expected: Any) -> None:
    assert getattr(request(), name) == expected


def test_bytes_that_are_no_text_do_not_fail() -> None:
    assert request(raw_path="/%FF").path == "/\ufffd"
    assert request(query="a=%FF").args == {"a": "\ufffd"}
    assert request(body=b"\xff").get_data(as_text=True) == "\ufffd"
    assert request(body=b"\xff").get_data() == b"\xff"


def test_disconnected_is_asked_each_time() -> None:
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


def test_a_form_is_read_with_all_its_values() -> None:
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
def test_json_that_is_none_answers_the_call(
    content_type: str, body: bytes, status: int, text: str
) -> None:
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


def test_a_request_is_short_to_show() -> None:
    assert repr(request(raw_path="/a%20b")) == "<Request GET /a b>"


def test_a_handler_reads_its_request() -> None:
    source = "def run(request): return [request.path, request.args['n'], request.args.get('m')]"
    assert json_of(source, raw_path="/x", query="n=1") == '["/x","1",null]'


@given(FIELDS)
def test_a_query_comes_back_as_it_was_written(fields: list[tuple[str, str]]) -> None:
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
