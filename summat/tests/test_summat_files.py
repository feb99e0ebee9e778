"""Serving files: ranges, conditions, media types, and no path to the outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fake import TEXT, FakeCall, answer_to, handle

SOURCE = (
    "from owt.summat import files\ndef run(request): return files.serve(request, {root!r}{more})"
)
MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"
TAG = '"the tag"'
MISSING = "There is no file {!r} here."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a.txt").write_bytes(b"0123456789")
    (folder / "nothing.css").write_bytes(b"")
    (folder / "sub" / "index.html").write_bytes(b"<p>sub</p>")
    (folder / "a b.json").write_bytes(b"{}")
    (folder / "out").symlink_to(tmp_path)
    (tmp_path / "secret").write_bytes(b"secret")
    for path in folder.rglob("*.*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return folder


def get(root: Path, path: str, more: str = "", **given: Any) -> list[tuple[Any, ...]]:
    """Request a path, and return the response with the file's ETag replaced."""
    headers = [(name.lower(), value) for name, value in given.pop("headers", [])]
    source = SOURCE.format(root=str(root), more=more)
    answer = answer_to(source, raw_path=path, headers=headers, **given)
    return [tuple(_without_tag(part) for part in event) for event in answer]


def _without_tag(part: Any) -> Any:
    if not isinstance(part, list):
        return part
    return [(name, TAG if name == "ETag" else value) for name, value in part]


def head(cache: str = "no-cache", content_range: str = "") -> list[tuple[str, str]]:
    pairs = [
        ("ETag", TAG),
        ("Last-Modified", MODIFIED),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", cache),
    ]
    return pairs + ([("Content-Range", content_range)] if content_range else [])


def tag_of(root: Path, name: str) -> str:
    (event,) = answer_to(SOURCE.format(root=str(root), more=""), raw_path=f"/{name}")
    return str(dict(event[3])["ETag"])


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/a.txt", TEXT, b"0123456789"),
        ("/sub/", "text/html; charset=utf-8", b"<p>sub</p>"),
        ("/sub/../a.txt", TEXT, b"0123456789"),
        ("/a%20b.json", "application/json", b"{}"),
        ("/nothing.css", "text/css; charset=utf-8", b""),
    ],
)
def test_a_file_is_served_with_its_type(root: Path, path: str, kind: str, body: bytes) -> None:
    assert get(root, path) == [("reply", 200, kind, head(), body)]


def test_a_path_can_be_given(root: Path) -> None:
    (event,) = get(root, "/any/path", ", 'a.txt', cache_control='max-age=60'")
    assert event == ("reply", 200, TEXT, head("max-age=60"), b"0123456789")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/../secret", "/../secret"),
        ("/sub/../../secret", "/sub/../../secret"),
        ("/%2e%2e/secret", "/../secret"),
        ("/out/secret", "/out/secret"),
        ("//etc/passwd", "//etc/passwd"),
        ("/a.txt%00", "/a.txt\0"),
        ("/not-there", "/not-there"),
        ("/empty/", "/empty/index.html"),
        ("/empty", "/empty"),
        ("/", "/index.html"),
    ],
)
def test_missing_and_outside_files_are_not_found(root: Path, path: str, shown: str) -> None:
    assert get(root, path) == [("reply", 404, TEXT, [], MISSING.format(shown).encode())]


def test_folders_are_not_listed(root: Path) -> None:
    text = b"There is no list of files here."
    assert get(root, "/sub/", ", index=None") == [("reply", 404, TEXT, [], text)]


@pytest.mark.parametrize(
    ("query", "location"), [("", "./sub/"), ("code_b64=YQ", "./sub/?code_b64=YQ")]
)
def test_a_folder_without_its_slash_is_redirected(root: Path, query: str, location: str) -> None:
    (event,) = get(root, "/sub", query=query)
    assert event[1:4:2] == (308, [("Location", location)])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_rejected(root: Path, method: str) -> None:
    text = b"Files are only read here.\n"
    refused = ("reply", 405, TEXT, [("Allow", "GET, HEAD, POST")], text)
    assert get(root, "/a.txt", method=method) == [refused]


def test_a_post_gets_the_whole_file(root: Path) -> None:
    headers = [("Range", "bytes=0-1"), ("If-None-Match", "*")]
    whole = ("reply", 200, TEXT, head(), b"0123456789")
    assert get(root, "/a.txt", method="POST", headers=headers) == [whole]


@pytest.mark.parametrize(
    ("asked", "body", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes= 1-2 ", b"12", "bytes 1-2/10"),
    ],
)
def test_only_the_range_is_sent(root: Path, asked: str, body: bytes, content_range: str) -> None:
    expected = ("reply", 206, TEXT, head(content_range=content_range), body)
    assert get(root, "/a.txt", headers=[("Range", asked)]) == [expected]


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_served(root: Path, asked: str) -> None:
    text = b"The file has 10 bytes, and the range begins behind them.\n"
    expected = ("reply", 416, TEXT, head(content_range="bytes */10"), text)
    assert get(root, "/a.txt", headers=[("Range", asked)]) == [expected]


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=",
        "bytes=-",
        "bytes=4-2",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-1,3-4",
        "bytes=" + "9" * 99,
    ],
)
def test_a_range_that_is_malformed_or_several_is_ignored(root: Path, asked: str) -> None:
    expected = ("reply", 200, TEXT, head(), b"0123456789")
    assert get(root, "/a.txt", headers=[("Range", asked)]) == [expected]


def test_a_range_of_a_head_is_ignored(root: Path) -> None:
    (event,) = get(root, "/a.txt", method="HEAD", headers=[("Range", "bytes=0-1")])
    assert event[1] == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [("{tag}", 206), (MODIFIED, 206), ('"other"', 200), ("Sun, 09 Sep 2001 01:46:39 GMT", 200)],
)
def test_if_range_asks_for_the_rest_of_the_same_file(
    root: Path, condition: str, status: int
) -> None:
    given = condition.format(tag=tag_of(root, "a.txt"))
    (event,) = get(root, "/a.txt", headers=[("Range", "bytes=0-1"), ("If-Range", given)])
    assert event[1] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("If-None-Match", "{tag}")], 304),
        ([("If-None-Match", 'W/"x", W/{tag}')], 304),
        ([("If-None-Match", "*")], 304),
        ([("If-None-Match", '"other"')], 200),
        ([("If-None-Match", '"other"'), ("If-Modified-Since", MODIFIED)], 200),
        ([("If-Modified-Since", MODIFIED)], 304),
        ([("If-Modified-Since", "Sun, 09 Sep 2001 01:46:41 GMT")], 304),
        ([("If-Modified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")], 200),
        ([("If-Modified-Since", "yesterday")], 200),
        ([("If-None-Match", "{tag}"), ("Range", "bytes=0-1")], 304),
        # Repeated headers are one list.
        ([("If-None-Match", '"other"'), ("If-None-Match", "{tag}")], 304),
        # The obsolete format of asctime, in UTC.
        ([("If-Modified-Since", "Sun Sep  9 01:46:40 2001")], 304),
        ([("If-Match", "{tag}")], 200),
        ([("If-Match", '"other", {tag}')], 200),
        ([("If-Match", "*")], 200),
        ([("If-Match", "{tag}"), ("If-None-Match", "{tag}")], 304),
        # With ETags, dates are ignored.
        ([("If-Match", "{tag}"), ("If-Unmodified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")], 200),
        ([("If-Unmodified-Since", MODIFIED)], 200),
        ([("If-Unmodified-Since", "yesterday")], 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_fresh_copy_is_not_sent_again(
    root: Path, headers: list[tuple[str, str]], status: int, method: str
) -> None:
    tag = tag_of(root, "a.txt")
    given = [(name, value.format(tag=tag)) for name, value in headers]
    (event,) = get(root, "/a.txt", method=method, headers=given)
    kind, body = (None, b"") if status == 304 else (TEXT, b"0123456789")
    assert event[1:] == (status, kind, head(), body)


@pytest.mark.parametrize(
    "headers",
    [
        [("If-Match", '"other"')],
        # A weak ETag does not identify bytes.
        [("If-Match", "W/{tag}")],
        [("If-Match", '"other"'), ("Range", "bytes=0-1")],
        [("If-Match", '"other"'), ("If-None-Match", "{tag}")],
        [("If-Unmodified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")],
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_failed_precondition_sends_no_file(
    root: Path, headers: list[tuple[str, str]], method: str
) -> None:
    tag = tag_of(root, "a.txt")
    given = [(name, value.format(tag=tag)) for name, value in headers]
    text = b"The file is another one than the request is about.\n"
    answer = get(root, "/a.txt", method=method, headers=given)
    assert answer == [("reply", 412, TEXT, head(), text)]


def test_a_replaced_file_has_another_etag(root: Path) -> None:
    before = tag_of(root, "a.txt")
    (root / "new").write_bytes(b"abcdefghij")
    os.utime(root / "new", (1_000_000_000, 1_000_000_000))
    (root / "new").rename(root / "a.txt")
    assert tag_of(root, "a.txt") != before


@pytest.mark.parametrize(("asked", "start", "status"), [("", 0, 200), ("bytes=1000-", 1000, 206)])
def test_a_large_file_is_streamed(root: Path, asked: str, start: int, status: int) -> None:
    data = os.urandom(3 << 20)
    (root / "large.bin").write_bytes(data)
    source = SOURCE.format(root=str(root), more="")
    call = FakeCall(source, raw_path="/large.bin", headers=[("range", asked)])
    handle(call)
    begun, *chunks, end = call.answer()
    assert (begun[1], call.length, end) == (status, len(data) - start, ("finish",))
    assert b"".join(chunk for _kind, chunk in chunks) == data[start:]
    assert len(chunks) > 10


def test_a_head_request_gets_no_body(root: Path) -> None:
    (root / "large.bin").write_bytes(bytes(3 << 20))
    source = SOURCE.format(root=str(root), more="")
    call = FakeCall(source, raw_path="/large.bin", method="HEAD")
    handle(call)
    (begun, ended) = call.answer()
    assert (begun[:3], ended, call.length) == (
        ("start", 200, "application/octet-stream"),
        ("finish",),
        3 << 20,
    )


def test_headers_may_be_added_to_what_is_served(root: Path) -> None:
    source = (
        "from owt.summat import files\n"
        "def run(request):\n"
        f"  found = files.serve(request, {str(root)!r})\n"
        "  found.headers['X-A'] = 'b'\n"
        "  return found"
    )
    (event,) = answer_to(source, raw_path="/a.txt")
    assert event[3][-1] == ("X-A", "b")


def test_a_missing_root_is_an_error_of_the_adaptor(tmp_path: Path) -> None:
    (event,) = get(tmp_path / "none", "/a.txt")
    assert event[:2] == ("fail", "adaptor-raised")
    assert event[2].startswith("FileNotFoundError")
