"""HTTP header values, parsed and evaluated without any IO.

Conditions and ranges are those of RFC 9110 (sections 13 and 14), cookies those of RFC 6265.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # Returns the value of a header, with repeated ones joined by commas; None if it is missing.
    HeaderGetter = Callable[[str], str | None]

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")
_ETAG = re.compile(r'(W/)?("[^"]*")')
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:+-]+)", re.IGNORECASE)


def media_type(content_type: str | None) -> str:
    """Return a media type in lower case, without its parameters.

    >>> media_type("Text/HTML; charset=utf-8")
    'text/html'
    """
    return (content_type or "").partition(";")[0].strip().lower()


def charset(content_type: str | None) -> str | None:
    """Return the parameter `charset` of a media type.

    >>> charset('text/plain; charset="latin-1"')
    'latin-1'
    """
    match = _CHARSET.search(content_type or "")
    return match[1] if match else None


def parse_cookies(header: str) -> list[tuple[str, str]]:
    """Return the names and values in a Cookie header.

    Not by `http.cookies`, whose parser drops other cookies as well if one is malformed.

    >>> parse_cookies('a=1; b="2"; {}; c=x=y')
    [('a', '1'), ('b', '2'), ('c', 'x=y')]
    """
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return [(name, value.strip('"')) for name, equals, value in pairs if equals and name]


def parse_date(date: str | None) -> int | None:
    """Return a date in seconds since 1970; None if it is invalid.

    >>> parse_date("Sun, 06 Nov 1994 08:49:37 GMT")
    784111777
    """
    from datetime import timezone
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(date or "")
        # The format of asctime has no time zone; it is UTC.
        return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


def format_date(seconds: float) -> str:
    """Return a time in seconds since 1970 as a date.

    >>> format_date(784111777)
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    from email.utils import formatdate

    return formatdate(int(seconds), usegmt=True)


def precondition_status(header: HeaderGetter, etag: str, modified: int) -> int | None:
    """Return the status that answers a conditional GET or HEAD, 412 or 304; None: go on.

    The order is that of section 13.2.2. `modified` is in seconds since 1970.
    """
    if not _may_proceed(header, etag, modified):
        return 412
    return 304 if _is_fresh(header, etag, modified) else None


def _may_proceed(header: HeaderGetter, etag: str, modified: int) -> bool:
    """Evaluate If-Match, or else If-Unmodified-Since."""
    etags = header("if-match")
    if etags is not None:
        return etags.strip() == "*" or ("", etag) in _ETAG.findall(etags)
    since = parse_date(header("if-unmodified-since"))
    return since is None or modified <= since


def _is_fresh(header: HeaderGetter, etag: str, modified: int) -> bool:
    """Evaluate If-None-Match, or else If-Modified-Since: the client's copy is still valid."""
    etags = header("if-none-match")
    if etags is not None:
        opaque = etag.removeprefix("W/")
        return etags.strip() == "*" or opaque in (found for _weak, found in _ETAG.findall(etags))
    since = parse_date(header("if-modified-since"))
    return since is not None and modified <= since


def requested_range(
    header: HeaderGetter, etag: str, modified: int, size: int
) -> tuple[int, int] | None:
    """Return the start and end of the range that a GET asks for; None: everything.

    An empty range lies beyond the end. As section 14.2 allows, malformed and multiple ranges are
    ignored. So is one whose `If-Range` names another version.
    """
    if not _is_same_version(header("if-range"), etag, modified):
        return None
    match = _RANGE.fullmatch((header("range") or "").strip())
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


def _is_same_version(if_range: str | None, etag: str, modified: int) -> bool:
    if if_range is None:
        return True
    if '"' in if_range:
        return if_range.strip() == etag and not etag.startswith("W/")
    return parse_date(if_range) == modified
