"""The reply for each kind of value that a handler returns."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake import TEXT, FakeCall, answer_to, error_of, handle, json_of, reply_to

if TYPE_CHECKING:
    from pathlib import Path

HTML = "text/html; charset=utf-8"
BINARY = "application/octet-stream"
JSON = "application/json"
WORKING = (
    "Return text, bytes, None, a dict, list, number, boolean or dataclass (JSON), a generator or "
    "iterator of text or bytes, an open binary file or pathlib.Path, a Pillow image, a matplotlib "
    "figure, a numpy array, a pandas frame, an owt.Response, or (body, status, headers)."
)


STATUS = "it must be a number from 200 to 599."


def run(value: str) -> str:
    return f"import http, io, pathlib\ndef run(_): return {value}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'text'", (200, TEXT, [], b"text")),
        ("''", (200, TEXT, [], b"")),
        ("'<p>page'", (200, HTML, [], b"<p>page")),
        ("' <p>'", (200, TEXT, [], b" <p>")),
        ("'h\\u00e9 \\ud800'", (200, TEXT, [], "hé \\ud800".encode())),
        ("type('S', (str,), {})('sub')", (200, TEXT, [], b"sub")),
        ("b'\\0\\xff'", (200, BINARY, [], b"\0\xff")),
        ("bytearray(b'ab')", (200, BINARY, [], b"ab")),
        ("memoryview(b'abcd')[::2]", (200, BINARY, [], b"ac")),
        ("None", (200, None, [], b"")),
        ("{'a': [1, None]}", (200, JSON, [], b'{"a":[1,null]}')),
        ("[1]", (200, JSON, [], b"[1]")),
        ("1", (200, JSON, [], b"1")),
        ("1.5", (200, JSON, [], b"1.5")),
        ("True", (200, JSON, [], b"true")),
        ("('made', 201)", (201, TEXT, [], b"made")),
        ("('made', http.HTTPStatus.CREATED)", (201, TEXT, [], b"made")),
        ("('made', '201 CREATED')", (201, TEXT, [], b"made")),
        ("('made', '201')", (201, TEXT, [], b"made")),
        ("('made', '201 CREATED', {'X-A': 'b'})", (201, TEXT, [("X-A", "b")], b"made")),
        ("Response('made', '201 CREATED')", (201, TEXT, [], b"made")),
        ("('x', {'Content-Type': 'text/css'})", (200, "text/css", [], b"x")),
        ("('<a>', 404, {'content-type': 'image/svg+xml'})", (404, "image/svg+xml", [], b"<a>")),
        ("({'a': 1}, 422)", (422, JSON, [], b'{"a":1}')),
        ("((1, 2), 200)", (200, JSON, [], b"[1,2]")),
        ("(None, 204)", (204, None, [], b"")),
        # No content, no media type.
        ("('dropped', 204)", (204, None, [], b"")),
        ("({'a': 1}, 304)", (304, None, [], b"")),
        ("('', 304, {'Content-Type': 'text/css'})", (304, "text/css", [], b"")),
        ("Response('x')", (200, TEXT, [], b"x")),
        ("Response()", (200, BINARY, [], b"")),
        ("Response({'a': 1}, 201, {'X-A': 'b'})", (201, JSON, [("X-A", "b")], b'{"a":1}')),
        ("Response('a,b', content_type='text/csv')", (200, "text/csv", [], b"a,b")),
        (
            "(Response('x', 201, {'X-A': 'b'}), 202, {'X-B': 'c'})",
            (202, TEXT, [("X-A", "b"), ("X-B", "c")], b"x"),
        ),
        ("abort(404)", (404, TEXT, [], b"Not Found")),
        ("abort(404, 'words')", (404, TEXT, [], b"words")),
        ("abort(599)", (599, TEXT, [], b"Status 599")),
        ("abort(403, '<h1>No')", (403, HTML, [], b"<h1>No")),
    ],
)
def test_each_type_of_value_has_its_response(value: str, expected: tuple[Any, ...]) -> None:
    assert reply_to(run(value)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{}", []),
        ("{'X-A': 'b'}", [("X-A", "b")]),
        ("[('X-A', 'b'), ('X-A', 'c')]", [("X-A", "b"), ("X-A", "c")]),
        ("{'X-A': ['b', 'c'], 'X-N': 5}", [("X-A", "b"), ("X-A", "c"), ("X-N", "5")]),
        ("{'X-Latin': '\\xe9', 'X-Bytes': b'\\xe9'}", [("X-Latin", "é"), ("X-Bytes", "é")]),
        # These headers are set by the server.
        ("{'Connection': 'close', 'Transfer-Encoding': 'chunked'}", []),
        ("{'Content-Length': '9', 'Owt-Error': 'code', 'X-A': 'b'}", [("X-A", "b")]),
    ],
)
def test_headers_are_sent_as_given(given: str, expected: list[tuple[str, str]]) -> None:
    assert reply_to(run(f"('x', {given})")) == (200, TEXT, [*expected], b"x")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("object()", f"The handler returned a value of type object. {WORKING}"),
        ("run", f"The handler returned a value of type function. {WORKING}"),
        ("io.StringIO", f"The handler returned a value of type type. {WORKING}"),
        ("(object(), 200)", f"The handler returned a value of type object. {WORKING}"),
        (
            "('a', 'b', 'c', 'd')",
            "The handler returned a tuple of 4; it must be (body, status), (body, headers) or "
            "(body, status, headers). Return a list for a JSON array.",
        ),
        ("('x', 99)", "The reply's status is 99; it must be a number from 200 to 599."),
        ("('x', True)", "The reply's status is True; it must be a number from 200 to 599."),
        *(
            (f"('x', {status}, {{}})", f"The reply's status is {status}; {STATUS}")
            for status in ("'ok'", "'20'", "'099 x'", "'201CREATED'", "201.0", "None", "[]")
        ),
        *(
            (f"('x', {status})", f"The reply's status is {status}; {STATUS}")
            for status in ("'20'", "'600 x'", "201.0", "-1")
        ),
        ("Response('x', None)", "The reply's status is None; it must be a number from 200 to 599."),
        (
            "('x', 'text/plain')",
            "The reply's headers are of type str; they must be a dict or a list of pairs.",
        ),
        (
            "('x', {'a b': 'c'})",
            "'a b' is not the name of a header: names are letters, digits and hyphens.",
        ),
        (
            "('x', {'': 'c'})",
            "'' is not the name of a header: names are letters, digits and hyphens.",
        ),
        ("('x', {'X': None})", "The header 'X' is of type NoneType; it must be text."),
        *(
            (
                f"('x', {{'X': {value!r}}})",
                "The header 'X' holds a character that no header can carry: a line break, a "
                "control character, or one beyond Latin-1. Leave it out, or percent-encode it.",
            )
            for value in ("a\r\nSet-Cookie: b", "a\nb", "\0", "\x7f", "日本", "\ud800")
        ),
        (
            "Response('x', content_type='a\\nb')",
            "The header 'Content-Type' holds a character that no header can carry: a line break, a "
            "control character, or one beyond Latin-1. Leave it out, or percent-encode it.",
        ),
        (
            "{'a': object()}",
            "The reply holds a value of type builtins.object, for which JSON has no form. "
            "Convert it to text, a number, a list or a dict.",
        ),
        (
            "{(1, 2): 3}",
            "The reply holds a dict with a key of type tuple. Keys in JSON are text: convert them.",
        ),
        (
            "(lambda x: x.append(x) or x)([])",
            "The reply contains itself, or is nested too deep for JSON. "
            "Return a value without the loop.",
        ),
    ],
)
def test_unsupported_values_are_reported_with_the_supported_types(value: str, text: str) -> None:
    assert error_of(run(value)) == ("reply-invalid", text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("float('nan')", "null"),
        ("[float('inf'), -float('inf'), 1.5]", "[null,null,1.5]"),
        ("{'a': {'b': float('nan')}, 'c': 'é'}", '{"a":{"b":null},"c":"é"}'),
        ("{2: 'a', None: 'b', True: 'c'}", '{"2":"a","null":"b","true":"c"}'),
        ("{uuid.UUID(int=1): 1}", '{"00000000-0000-0000-0000-000000000001":1}'),
        ("{'a': {3, 1, 2}, 'b': frozenset()}", '{"a":[1,2,3],"b":[]}'),
        ("datetime.datetime(2026, 11, 22, 12, 54)", '"2026-11-22T12:54:00"'),
        ("[datetime.date(2026, 1, 2), datetime.time(3, 4)]", '["2026-01-02","03:04:00"]'),
        ("[datetime.timedelta(seconds=90)]", "[90.0]"),
        ("[decimal.Decimal('1.10'), fractions.Fraction(1, 3)]", '["1.10","1/3"]'),
        ("uuid.UUID(int=0)", '"00000000-0000-0000-0000-000000000000"'),
        ("[Colour.RED, Number.ONE]", '["red",1]'),
        ("{'path': pathlib.Path('/tmp/x')}", '{"path":"/tmp/x"}'),
        ("Outer(Point(1, [2.5]))", '{"point":{"x":1,"y":[2.5]},"name":"n"}'),
        ("[Outer(Point(1, float('nan')))]", '[{"point":{"x":1,"y":null},"name":"n"}]'),
        ("collections.namedtuple('P', 'x y')(1, 2)", "[1,2]"),
        ("collections.deque([1, 2])", "[1,2]"),
        ("types.MappingProxyType({'a': 1})", '{"a":1}'),
        ("range(3)", "[0,1,2]"),
        ("{'a': 1}.keys()", '["a"]'),
        ("array.array('d', [1.5])", "[1.5]"),
        ("['\\ud800']", '["\\ud800"]'),
    ],
)
def test_json_is_valid_for_unusual_values(value: str, expected: str) -> None:
    source = (
        "import array, collections, dataclasses, datetime, decimal, enum, fractions, pathlib\n"
        "import types, uuid\n"
        "@dataclasses.dataclass\nclass Point:\n  x: int\n  y: object\n"
        "@dataclasses.dataclass\nclass Outer:\n  point: Point\n  name: str = 'n'\n"
        "class Colour(enum.Enum): RED = 'red'\n"
        "class Number(enum.IntEnum): ONE = 1\n"
        f"def run(_): return {value}"
    )
    assert json_of(source) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sound.wav", "audio/x-wav"),
        ("page.html", "text/html; charset=utf-8"),
        ("image.png", "image/png"),
        ("packed.tar.gz", BINARY),
        ("no_extension", BINARY),
    ],
)
@pytest.mark.parametrize("opened", ["pathlib.Path(path)", "open(path, 'rb')"])
def test_files_are_streamed_with_their_media_type(
    tmp_path: Path, name: str, kind: str, opened: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"ab" * 50_000)
    source = f"import pathlib\ndef run(path): return {opened}"
    call = FakeCall(source, kwargs=repr({"path": str(path)}))
    handle(call)
    begun, *chunks, ended = call.answer()
    # A file at a path has a length and validators; an open file may be anything.
    names = ["ETag", "Last-Modified", "Accept-Ranges"] if "Path" in opened else []
    assert (begun[:3], ended) == (("start", 200, kind), ("finish",))
    assert [name for name, _value in begun[3]] == names
    assert call.length == (100_000 if names else None)
    assert [len(data) for _chunk, data in chunks] == [65_536, 34_464]
    assert b"".join(data for _chunk, data in chunks) == b"ab" * 50_000


LOOKS_LIKE = """
import collections, dataclasses, types
@dataclasses.dataclass
class Page:
  path: str
  status_code: int = 200
  headers: dict = dataclasses.field(default_factory=dict)
class Open(dict):
  def __getattr__(self, name): return self.get(name, name)
class Anything:
  def __init__(self, **given): vars(self).update(given)
  def __getattr__(self, name): return lambda *given: iter("secret")
@dataclasses.dataclass
class Book:
  read: bool = True
  readable: bool = True
  tolist: bool = True
def run(path): return """


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Page(path)", {"path": "{path}", "status_code": 200, "headers": {}}),
        ("[Page(path)]", [{"path": "{path}", "status_code": 200, "headers": {}}]),
        (
            "collections.namedtuple('P', 'path status_code headers')(path, 200, {})",
            ["{path}", 200, {}],
        ),
        ("Open(path=path, status_code=200)", {"path": "{path}", "status_code": 200}),
        ("[Open(path=path)]", [{"path": "{path}"}]),
        ("Book()", {"read": True, "readable": True, "tolist": True}),
        ("Book", None),
        ("Anything()", None),
        ("[Anything()]", None),
        ("Anything(path=path, status_code=200, headers={})", None),
        ("types.SimpleNamespace(path=path, status_code=200, headers={})", None),
        ("types.SimpleNamespace(body=path, status_code=200, headers={})", None),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_values_are_recognized_by_their_class_alone(
    tmp_path: Path, kind: str, value: str, expected: Any
) -> None:
    path = str(tmp_path / "secret")
    (tmp_path / "secret").write_text("secret")
    source = LOOKS_LIKE.replace("def run", f"{kind} run") + value
    (event,) = answer_to(source, kwargs=repr({"path": path}))
    if expected is None:
        assert event[:2] == ("fail", "reply-invalid")
        return
    assert event[:3] == ("reply", 200, JSON)
    reported = json.loads(event[4])
    assert reported == json.loads(json.dumps(expected).replace("{path}", path))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("return 'own', 201", (201, TEXT, [], b"own")),
        ("return {'a': 1}", (200, JSON, [], b'{"a":1}')),
        ("return Response('own', 202, {'X-A': 'b'})", (202, TEXT, [("X-A", "b")], b"own")),
    ],
)
def test_a_class_may_define_its_reply(method: str, expected: tuple[Any, ...]) -> None:
    source = f"class Own:\n  def __owt_reply__(self): {method}\ndef run(_): return Own()"
    assert reply_to(source) == expected


def test_an_instance_attribute_does_not_define_a_reply() -> None:
    source = "import types\ndef run(_): return types.SimpleNamespace(__owt_reply__=lambda: 'own')"
    assert error_of(source)[0] == "reply-invalid"


def test_a_temporary_file_is_a_file() -> None:
    source = (
        "import tempfile\n"
        "def run(_):\n"
        "  file = tempfile.NamedTemporaryFile(suffix='.css')\n"
        "  file.write(b'a {}'); file.seek(0)\n"
        "  return file"
    )
    css = "text/css; charset=utf-8"
    assert answer_to(source) == [("start", 200, css, []), ("chunk", b"a {}"), ("finish",)]


VERSION = [
    ("ETag", '"tag"'),
    ("Last-Modified", "Sun, 09 Sep 2001 01:46:40 GMT"),
    ("Accept-Ranges", "bytes"),
]


def answer_of_path(
    path: Path, value: str = "path", kind: str = "def", method: str = "GET", **headers: str
) -> tuple[Any, ...]:
    """Return the response for a path, with its ETag replaced."""
    os.utime(path, (1_000_000_000, 1_000_000_000))
    source = f"import pathlib\n{kind} run(path):\n  path = pathlib.Path(path)\n  return {value}"
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    (event,) = answer_to(source, kwargs=repr({"path": str(path)}), method=method, headers=given)
    named = [(name, '"tag"' if name == "ETag" else value) for name, value in event[3]]
    return (*event[1:3], named, event[4])


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        ("path", {}, (200, TEXT, VERSION, b"0123456789")),
        (
            "path",
            {"range": "bytes=2-4"},
            (206, TEXT, [*VERSION, ("Content-Range", "bytes 2-4/10")], b"234"),
        ),
        ("path", {"if_none_match": "*"}, (304, None, VERSION, b"")),
        ("path", {"if_modified_since": VERSION[1][1]}, (304, None, VERSION, b"")),
        (
            "path, {'X-A': 'b', 'ETag': '\"mine\"'}",
            {"if_none_match": '"mine"'},
            (304, None, [*VERSION[1:], ("X-A", "b"), VERSION[0]], b""),
        ),
        (
            "Response(path, content_type='text/css')",
            {"range": "bytes=-1"},
            (206, "text/css", [*VERSION, ("Content-Range", "bytes 9-9/10")], b"9"),
        ),
        # With another status, conditions and ranges are ignored.
        ("path, 404", {"range": "bytes=2-4"}, (404, TEXT, [], b"0123456789")),
        ("Response(path, 404)", {"if_none_match": "*"}, (404, TEXT, [], b"0123456789")),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_path_is_sent_according_to_the_request(
    tmp_path: Path, kind: str, value: str, headers: dict[str, str], expected: tuple[Any, ...]
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789")
    assert answer_of_path(path, value, kind, **headers) == expected


def test_a_path_is_sent_whole_for_a_post(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789")
    found = answer_of_path(path, method="POST", range="bytes=2-4", if_none_match="*")
    assert found == (200, TEXT, VERSION, b"0123456789")


def test_a_path_without_a_length_is_streamed() -> None:
    begun, *chunks, ended = answer_to("import pathlib\nrun = lambda: pathlib.Path('/proc/version')")
    assert (begun, ended) == (("start", 200, BINARY, []), ("finish",))
    assert b"".join(data for _chunk, data in chunks).startswith(b"Linux")


def test_a_file_that_is_truncated_meanwhile_breaks_off_the_response(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(200_000))
    call = FakeCall("import pathlib\ndef run(path): return pathlib.Path(path)")
    call.kwargs = repr({"path": str(path)})
    send = call.send

    def shorten(chunk: Any) -> bool:
        os.truncate(path, 100_000)
        return send(chunk)

    call.send = shorten  # type: ignore[method-assign]
    handle(call)
    ended, text = call.answer()[-1]
    assert (ended, text.splitlines()[0]) == (
        "abort",
        "EOFError: the file became 100000 bytes shorter while it was sent",
    )


def test_a_missing_file_is_an_error_of_the_adaptor() -> None:
    code, text = error_of("import pathlib\ndef run(_): return pathlib.Path('/no/such')")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "FileNotFoundError: [Errno 2] No such file or directory: '/no/such'",
    )


@pytest.mark.parametrize(
    ("made", "kind", "chunks"),
    [
        ("io.BytesIO()", BINARY, [b"one", b"two"]),
        ("io.StringIO()", TEXT, ["one\n", "two"]),
        ("tempfile.TemporaryFile()", BINARY, [b"one", b"two"]),
        ("tempfile.NamedTemporaryFile()", BINARY, [b"one", b"two"]),
        ("tempfile.SpooledTemporaryFile()", BINARY, [b"one", b"two"]),
        ("tempfile.TemporaryFile('w+')", TEXT, ["one\n", "two"]),
    ],
)
@pytest.mark.parametrize(("back", "length"), [("", 0), ("file.seek(0)", 0), ("file.seek(2)", 2)])
def test_a_file_that_was_just_written_is_sent_from_its_beginning(
    made: str, kind: str, chunks: list[Any], back: str, length: int
) -> None:
    source = (
        "import io, tempfile\n"
        "def run(_):\n"
        f"  file = {made}\n"
        f"  for chunk in {chunks!r}: file.write(chunk)\n"
        f"  {back}\n"
        "  return file"
    )
    whole = b"".join(part.encode() if isinstance(part, str) else part for part in chunks)
    begun, *sent, ended = answer_to(source)
    assert (begun, ended) == (("start", 200, kind, []), ("finish",))
    assert b"".join(data for _chunk, data in sent) == whole[length:]


def test_a_file_that_was_read_is_sent_from_its_position(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    source = "def run(path):\n  file = open(path, 'rb'); file.read(); return file"
    assert reply_to(source, kwargs=repr({"path": str(tmp_path / "a")})) == (200, BINARY, [], b"")


def test_the_open_file_is_closed() -> None:
    source = "import io\nfile = io.BytesIO(b'abc')\ndef run(_): return file.closed or file"
    assert answer_to(source)[1:] == [("chunk", b"abc"), ("finish",)]
    assert json_of(source) == "true"


def test_abort_rejects_invalid_statuses() -> None:
    code, text = error_of("def run(_): abort(42)")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "ValueError: abort() takes a status from 200 to 599, and got 42",
    )
