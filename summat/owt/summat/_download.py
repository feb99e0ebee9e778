"""`download`: files by URL: cached, resumed, verified, and fetched once for concurrent callers."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import logging
import os
import re
import time
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException, InvalidURL
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from urllib.request import Request, urlopen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    # Called with the bytes received, and the total if the server gives it.
    Progress = Callable[[int, int | None], None]

_CHUNK = 1 << 20
# Seconds between two attempts to get a lock, and between two lines of progress in the log.
_POLL_INTERVAL = 0.05
_LOG_INTERVAL = 5.0
_MAX_NAME = 100
_UNREADABLE = (
    "download() cannot read the host of its URL: percent-encode a user and a password in it"
)
_log = logging.getLogger("owt.download")


class DownloadFailed(OSError):
    """A file could not be fetched, or is not the expected one; the message says why."""


def download(
    url: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Return the path of the file at an `http` or `https` URL, fetched if it is not cached yet.

    It is cached in `folder` (by default `owt` in `$XDG_CACHE_HOME` or `~/.cache`). If several
    threads and processes ask at once, one fetches it and the others wait. A download that broke off
    is resumed, if the server supports it and the file has not changed. With `sha256` (in hex), the
    file is verified before it appears under its name. `progress(done, total)` is called meanwhile;
    by default, it logs lines. `timeout` is the longest silence in seconds. A user and password in
    the URL (`https://user:password@host/…`, percent-encoded) are sent to it as RFC 7617 has it, and
    not to where it redirects.

    Errors: `DownloadFailed`; what has been fetched is kept for the next attempt.
    """
    _check(url)
    wanted = _digest(sha256)
    target = Path(folder or _cache()) / _file_name(url, wanted)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f"{target.name}.lock")):
        if not target.exists():
            part = target.with_name(f"{target.name}.part")
            _fetch(url, part, progress or _ProgressLog(target.name), timeout)
            _verify(part, wanted, url)
            part.rename(target)
            _etag_file(part).unlink(missing_ok=True)
    return target


def _check(url: str) -> None:
    """Refuse what is no URL, without showing it: a part of a password may be in any part of it."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(_UNREADABLE) from None
    if parts.scheme not in ("http", "https"):
        other = f", not with {parts.scheme}:" if parts.scheme else ""
        raise ValueError(f"download() takes a URL that begins with http:// or https://{other}")
    if not has_host:
        raise ValueError(_UNREADABLE)


def _digest(given: str | None) -> str:
    lower = (given or "").lower()
    if given is not None and not re.fullmatch("[0-9a-f]{64}", lower):
        raise ValueError(f"sha256 is 64 hexadecimal digits, not {given!r:.80}")
    return lower


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "owt" if base else Path.home() / ".cache" / "owt"


def _file_name(url: str, sha256: str) -> str:
    """Return a unique name that ends like the URL's, for programs that look at extensions."""
    key = hashlib.sha256(f"{url} {sha256}".encode()).hexdigest()[:16]
    last = unquote(urlsplit(url).path).rpartition("/")[2]
    return f"{key}-{re.sub('[^A-Za-z0-9._-]', '_', last)[-_MAX_NAME:] or 'file'}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between threads and processes; the system releases it when a process dies."""
    with open(path, "wb") as file:
        while not _lock(file.fileno()):
            # In short waits, because an interrupt is raised between them.
            time.sleep(_POLL_INTERVAL)
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fetch(url: str, part: Path, progress: Progress, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    try:
        with urlopen(_request(url, part, have), timeout=timeout) as response:
            _save(response, part, have if response.status == 206 else 0, progress)
    except HTTPError as err:
        err.close()
        if err.code == 416 and have:
            # What we have is longer than the file: it has changed.
            part.unlink()
            return _fetch(url, part, progress, timeout)
        raise DownloadFailed(f"{_shown(url)} answers {_status(err.code)}") from None
    except URLError as err:
        raise DownloadFailed(f"{_shown(url)} cannot be reached: {err.reason}") from err
    except InvalidURL:
        raise DownloadFailed(
            f"{_shown(url)} cannot be reached: this, or where it leads, has characters that no URL "
            "has, such as spaces; percent-encode them"
        ) from None
    except (HTTPException, TimeoutError, ConnectionError) as err:
        raise _broken_off(url, str(err) or type(err).__name__) from err


def _request(url: str, part: Path, have: int) -> Request:
    """Request the rest of a file, if it has not changed (RFC 9110, section 13.1.5)."""
    headers = {"User-Agent": "owt", "Accept-Encoding": "identity"}
    etag = _etag_file(part)
    if have and etag.exists():
        headers |= {"Range": f"bytes={have}-", "If-Range": etag.read_text()}
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return Request(url, headers=headers)
    request = Request(parts._replace(netloc=host).geturl(), headers=headers)
    user, _, password = login.partition(":")
    decoded = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    token = base64.b64encode(decoded).decode()
    # Not to whom the server redirects.
    request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _etag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}-tag")


def _save(response: Any, part: Path, have: int, progress: Progress) -> None:
    length = response.headers.get("Content-Length")
    total = None if length is None else have + int(length)
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):
        _etag_file(part).write_text(etag)
    else:
        # A weak ETag does not identify bytes, so parts cannot be joined.
        _etag_file(part).unlink(missing_ok=True)
    with open(part, "r+b" if have else "wb") as file:
        file.seek(have)
        while chunk := response.read1(_CHUNK):
            file.write(chunk)
            have += len(chunk)
            progress(have, total)
    if total is not None and have < total:
        raise _broken_off(response.url, f"{have} of {total} bytes came")


def _broken_off(url: str, why: str) -> DownloadFailed:
    return DownloadFailed(
        f"the download from {_shown(url)} broke off ({why}): the next one goes on from there"
    )


def _verify(part: Path, wanted: str, url: str) -> None:
    if not wanted:
        return
    found = hashlib.sha256()
    with open(part, "rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    if found.hexdigest() != wanted:
        part.unlink()
        raise DownloadFailed(
            f"the file from {_shown(url)} has the SHA-256 {found.hexdigest()}, not {wanted}"
        )


def _shown(url: str) -> str:
    """Return a URL without its query and credentials, which may be private.

    A slash in a password that is not encoded makes it a part of the path.
    """
    parts = urlsplit(url)
    before, at, path = parts.path.rpartition("@")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{'/…' if before else ''}{at}{path}"


def _status(code: int) -> str:
    """Return a status with its name by the standard: a server's own may say anything."""
    with suppress(ValueError):
        return f"{code} {HTTPStatus(code).phrase}"
    return str(code)


class _ProgressLog:
    """Logs the progress every few seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = time.monotonic() + _LOG_INTERVAL

    def __call__(self, done: int, total: int | None) -> None:
        if time.monotonic() < self._next and done != total:
            return
        self._next = time.monotonic() + _LOG_INTERVAL
        share = f" of {total / 1e6:.1f} MB, {done / total:.0%}" if total else " MB"
        _log.info("%s: %.1f%s", self._name, done / 1e6, share)
