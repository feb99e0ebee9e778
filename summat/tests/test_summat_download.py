"""Downloads: cached, resumed, verified, fetched once, and failures that are explained."""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from owt.summat import DownloadFailed, _download, download
from tests.process import cleared

DATA = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


class Site(ThreadingHTTPServer):
    """Serves `data` at every path; its attributes change how."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.tag = '"one"'
        self.sends: int | None = None
        self.status = 200
        self.has_length = True
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str | None] = []
        self.logins: list[str | None] = []
        self.moved_to: str | None = None

    def handle_error(self, *_args: Any) -> None:
        """Ignore clients that have disconnected."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        span = self.headers.get("Range")
        site.asked.append(span)
        site.logins.append(self.headers.get("Authorization"))
        if site.moved_to is not None and self.path != site.moved_to:
            self.send_response(302)
            self.send_header("Location", site.moved_to)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        assert site.gate.wait(10)
        is_rest = span is not None and self.headers.get("If-Range") == site.tag
        start = int(re.findall(r"\d+", span or "")[0]) if is_rest else 0
        if start >= len(site.data) or site.status != 200:
            return self.send_error(416 if site.status == 200 else site.status)
        rest = site.data[start:]
        self.send_response(206 if is_rest else 200)
        self.send_header("ETag", site.tag)
        if site.has_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: site.sends])
        return None

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in folder.iterdir())


def test_a_file_is_fetched_once_and_kept(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    url = f"{site.url}/models/small%20one.bin?key=secret"
    path = download(url, folder, sha256=DIGEST.upper())
    assert path.read_bytes() == DATA
    assert path.name.partition("-")[2] == "small_one.bin"
    assert download(url, folder, sha256=DIGEST) == path
    assert site.asked == [None]
    assert names(folder) == ["small_one.bin", "small_one.bin.lock"]


def test_files_are_identified_by_url_and_digest(site: Site, tmp_path: Path) -> None:
    paths = {download(f"{site.url}/{name}", tmp_path) for name in ("a", "a?b", "")}
    paths.add(download(f"{site.url}/a", tmp_path, sha256=DIGEST))
    assert len(paths) == 4


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_the_cache_is_where_the_system_has_its_caches(
    variable: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    base = tmp_path if variable == "XDG_CACHE_HOME" else tmp_path / ".cache"
    assert download(f"{site.url}/a").parent == base / "owt"


def test_progress_is_reported(site: Site, tmp_path: Path) -> None:
    describe: list[tuple[int, int | None]] = []
    download(site.url, tmp_path, progress=lambda done, total: describe.append((done, total)))
    assert describe[-1] == (len(DATA), len(DATA))
    assert [done for done, _total in describe] == sorted({done for done, _total in describe})


@pytest.mark.parametrize(
    ("has_length", "message"), [(True, "0.3 of 0.3 MB, 100%"), (False, "0.3 MB")]
)
def test_progress_is_logged_without_a_callback(
    has_length: bool,
    message: str,
    site: Site,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_download, "_LOG_INTERVAL", 0.0)
    site.has_length = has_length
    with caplog.at_level(logging.INFO, "owt.download"):
        path = download(f"{site.url}/a", tmp_path)
    assert caplog.messages[-1] == f"{path.name}: {message}"


def test_a_broken_download_is_resumed(site: Site, tmp_path: Path) -> None:
    site.sends = 100_000
    expected = (
        f"the download from {site.url}/a broke off \\(100000 of 256000 bytes came\\): "
        "the next one goes on from there"
    )
    with pytest.raises(DownloadFailed, match=expected):
        download(f"{site.url}/a?secret", tmp_path)
    site.sends = None
    describe: list[tuple[int, int | None]] = []
    path = download(f"{site.url}/a?secret", tmp_path, progress=lambda *now: describe.append(now))
    assert path.read_bytes() == DATA
    assert site.asked == [None, "bytes=100000-"]
    assert describe[0][0] > 100_000
    assert describe[-1] == (len(DATA), len(DATA))


@pytest.mark.parametrize("tag", ['"two"', 'W/"weak"'])
def test_a_part_of_another_file_is_not_used(tag: str, site: Site, tmp_path: Path) -> None:
    site.sends, site.data = 1000, b"x" * len(DATA)
    if tag.startswith("W/"):
        site.tag = tag
    with pytest.raises(DownloadFailed):
        download(f"{site.url}/a", tmp_path)
    site.sends, site.data, site.tag = None, DATA, tag
    assert download(f"{site.url}/a", tmp_path).read_bytes() == DATA


def test_a_part_that_is_longer_than_the_file_is_discarded(site: Site, tmp_path: Path) -> None:
    site.sends = 100_000
    with pytest.raises(DownloadFailed):
        download(f"{site.url}/a", tmp_path)
    site.sends, site.data = None, DATA[:50_000]
    assert download(f"{site.url}/a", tmp_path).read_bytes() == DATA[:50_000]
    assert site.asked == [None, "bytes=100000-", None]


def test_a_file_with_another_digest_is_rejected(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=f"has the SHA-256 {DIGEST}, not {'0' * 64}"):
        download(f"{site.url}/a", tmp_path, sha256="0" * 64)
    assert names(tmp_path) == ["a.lock", "a.part-tag"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_error_of_the_server_is_reported(status: int, site: Site, tmp_path: Path) -> None:
    site.status = status
    with pytest.raises(DownloadFailed, match=f"^{site.url}/a answers {status} "):
        download(f"{site.url}/a?secret", tmp_path)


def test_an_unreachable_server_is_reported(site: Site, tmp_path: Path) -> None:
    url = "http://127.0.0.1:1"
    with pytest.raises(DownloadFailed, match=f"{url}/a cannot be reached: .*refused"):
        download(f"{url}/a", tmp_path)


def test_a_login_in_the_url_is_sent_and_not_to_whom_the_server_redirects(
    site: Site, tmp_path: Path
) -> None:
    site.moved_to = "/b"
    url = site.url.replace("//", "//Aladdin:open%20sesame@")
    assert download(f"{url}/a", tmp_path).read_bytes() == DATA
    # The example of RFC 7617.
    assert site.logins == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://me:cret@host/a",
        "http://me:se/cret@host/a",
        "http://host:cret/a",
        "http:me:cret@host/a",
        "http://me:pa[cret]@host/a",
        "http://me:cr\u2100cret@host/a",
        "http://me:0/cret@host/a",
        "http:///cret@host/a",
    ],
)
def test_an_error_about_a_url_does_not_show_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"download\(\) (cannot read|takes)") as raised:
        download(url, tmp_path)
    assert "cret" not in "".join(traceback.format_exception(raised.value))


def test_a_password_with_a_slash_is_not_shown(site: Site, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:1/cret@{site.url.removeprefix('http://')}/a@1/b"
    with pytest.raises(DownloadFailed, match=r"^http://127.0.0.1:1/…@1/b cannot be reached: "):
        download(url, tmp_path)


@pytest.mark.parametrize("moved_to", [None, "http://127.0.0.1:x/cret", "s3://me:cret@host/a"])
def test_a_url_that_leads_nowhere_is_reported(
    site: Site, moved_to: str | None, tmp_path: Path
) -> None:
    site.moved_to = moved_to
    path = "/a b" if moved_to is None else "/a"
    with pytest.raises(DownloadFailed, match=f"^{site.url}{path} ") as raised:
        download(f"{site.url}{path}", tmp_path)
    assert "cret" not in "".join(traceback.format_exception(raised.value))


def test_a_silent_server_is_reported(site: Site, tmp_path: Path) -> None:
    site.gate.clear()
    with pytest.raises(DownloadFailed, match=r"(cannot be reached|broke off).*timed out"):
        download(f"{site.url}/a", tmp_path, timeout=0.05)
    site.gate.set()


@pytest.mark.parametrize(
    ("url", "sha256", "text"),
    [
        ("file:///etc/passwd", None, "begins with http:// or https://, not with file:$"),
        ("model.bin", None, "takes a URL that begins with http:// or https://$"),
        ("http://x/", "abc", "sha256 is 64 hexadecimal digits, not 'abc'"),
    ],
)
def test_invalid_arguments_are_rejected(
    url: str, sha256: str | None, text: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=text):
        download(url, tmp_path, sha256=sha256)


def test_concurrent_callers_fetch_once(site: Site, tmp_path: Path) -> None:
    site.gate.clear()
    program = (
        "import sys; from owt.summat import download\n"
        f"print(download({site.url!r} + '/a', {str(tmp_path)!r}).stat().st_size)"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=cleared({}))
        for _ in range(2)
    ]
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(download(f"{site.url}/a", tmp_path)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while not site.asked:
        threading.Event().wait(0.01)
    site.gate.set()
    for thread in threads:
        thread.join(10)
    printed = [other.communicate(timeout=60)[0] for other in others]
    assert printed == [f"{len(DATA)}\n".encode()] * 2
    assert (len(paths), len(set(paths)), site.asked) == (4, 1, [None])
