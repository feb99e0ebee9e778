"""The request compared with Flask's: each attribute behaves as documented."""

from __future__ import annotations

import io
import re
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from owt._request import Request
from tests.fake import FakeCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Both = Callable[..., tuple[Any, Any]]

PAGE = Path(__file__).parents[2] / "docs" / "request.md"
ROWS: dict[str, str] = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE))
OWN = {"id", "disconnected", "progress"}
SAME = [name for name, here in ROWS.items() if here.startswith("the same")]
METHODS = {"get_data", "get_json"}
# Flask's values of attributes that owt represents differently.
SHOW = {
    "accept_mimetypes": lambda kinds: [
        kinds.best_match(["text/html", "application/json"]),
        kinds.quality("text/plain"),
        "image/png" in kinds,
        kinds.accept_json,
        kinds.accept_html,
        kinds.best,
    ],
    "access_route": list,
    "args": lambda args: args.to_dict(flat=False),
    "authorization": lambda given: [given.type, given.username, given.password, given.token],
    "cookies": dict,
    "files": lambda files: {
        name: [(each.filename, each.mimetype, each.read()) for each in files.getlist(name)]
        for name in files
    },
    "form": lambda form: form.to_dict(flat=False),
    "headers": lambda headers: {name.lower(): value for name, value in headers.items()},
    "user_agent": lambda agent: [agent.string, str(agent)],
    "values": lambda values: values.to_dict(flat=False),
}

HEADERS = [
    ("host", "localhost:9876"),
    ("accept", "text/html;q=0.5, application/json, text/*;q=0.3"),
    ("authorization", "Basic QWRhOnNlOmNyZXQ="),
    ("cookie", "a=1; b=2"),
    ("origin", "http://localhost"),
    ("referer", "http://localhost/before"),
    ("user-agent", "owt/1"),
    ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
]
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n'
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n'
    b"Content-Type: Text/Plain; charset=utf-8\r\n\r\nin it\r\n--x--\r\n"
)
PARTS = [
    ("a", None, None, b"2", None),
    ("f", "f.txt", "Text/Plain; charset=utf-8", b"in it", None),
]
BODIES: dict[str, dict[str, Any]] = {
    "none": {},
    "json": {"body": b'{"a": [1]}', "content_type": "application/json; charset=utf-8"},
    "form": {"body": b"a=2&b=%C3%BC", "content_type": "application/x-www-form-urlencoded"},
    "multipart": {"body": FORM, "parts": PARTS, "content_type": "multipart/form-data; boundary=x"},
    "bytes": {"body": b"\x00\xff", "content_type": "application/octet-stream"},
}


@pytest.fixture
def both() -> Iterator[Both]:
    """Give the same request to a handler of owt and to one of Flask."""
    made = []

    def make(**body: Any) -> tuple[Any, Any]:
        made.append(_both(**body))
        return made[-1]

    yield make
    for _ours, flasks in made:
        flasks.close()


def _both(body: bytes = b"", parts: Any = None, content_type: str | None = None) -> tuple[Any, Any]:
    flask = pytest.importorskip("flask")
    headers = [*HEADERS, ("content-length", str(len(body)))]
    if content_type is not None:
        headers.append(("content-type", content_type))
    sent = {"method": "POST", "headers": headers}
    ours = Request(
        FakeCall(
            "", **sent, raw_path="/a/b", query="a=1&a=3", body=b"" if parts else body, parts=parts
        )
    )
    context = flask.Flask("app").test_request_context(
        "/a/b?a=1&a=3", input_stream=io.BytesIO(body), base_url="http://localhost:9876", **sent
    )
    context.request.environ["REMOTE_ADDR"] = context.request.remote_addr = "127.0.0.1"
    return ours, context.request


def _status(ask: Callable[..., Any], *about: Any) -> int | None:
    """Return the status of an exception, which Flask calls its code."""
    try:
        ask(*about)
    except Exception as err:
        return getattr(err, "code", None) or getattr(err, "status", None)
    return None


def public(request: Any) -> set[str]:
    return {name for name in dir(request) if not name.startswith("_")}


def test_each_attribute_of_flask_has_a_row(both: Both) -> None:
    _ours, flasks = both()
    assert public(flasks) == set(ROWS)


def test_attributes_exist_as_documented(both: Both) -> None:
    ours, _flasks = both()
    there = {name for name, here in ROWS.items() if not here.startswith("no: ")}
    assert public(ours) == there | OWN


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("name", [name for name in SAME if name not in METHODS])
def test_an_equal_attribute_has_the_same_value(both: Both, name: str, kind: str) -> None:
    if (name, kind) in {("data", "form"), ("json", "none")}:
        return
    ours, flasks = both(**BODIES[kind])
    if name == "json" and kind != "json":
        assert [_status(request.get_json) for request in (ours, flasks)] == [415, 415]
        return
    show = SHOW.get(name, lambda value: value)
    assert show(getattr(ours, name)) == show(getattr(flasks, name))


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("cache", [False, True])
def test_the_body_is_read_in_the_same_way(both: Both, cache: bool, as_text: bool) -> None:
    expected = "ü" if as_text else b"\xc3\xbc"
    for request in both(body=b"\xc3\xbc", content_type="text/plain"):
        assert request.get_data(cache, as_text) == expected
    for request in both(body=b"\xc3\xbc", content_type="text/plain"):
        assert request.get_data(as_text=as_text, cache=cache) == expected


@pytest.mark.parametrize("name", ["args", "form", "files", "cookies", "values"])
def test_a_missing_name_is_an_error_of_the_client(both: Both, name: str) -> None:
    for request in both(**BODIES["form"]):
        values = getattr(request, name)
        assert _status(getitem, values, "missing") == 400
        with pytest.raises(KeyError):
            values["missing"]


@pytest.mark.parametrize(
    "header",
    ["", "*/*", "text/*", "application/json;q=0", "text/html;q=x", "a/b;q=2, */*;q=0.1", ";", "a"],
)
def test_media_types_have_the_same_quality(header: str) -> None:
    datastructures = pytest.importorskip("werkzeug.datastructures")
    http = pytest.importorskip("werkzeug.http")
    from owt._header_values import Accept

    flasks = http.parse_accept_header(header, datastructures.MIMEAccept)
    ours, kinds = Accept(header), ["text/html", "application/json", "a/b"]
    assert ours.best_match(kinds, "none") == flasks.best_match(kinds, "none")
