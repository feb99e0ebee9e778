"""Conditions and ranges of a request (RFC 9110, sections 13 and 14); nothing here is a file."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # Gives a header of the request by its name in lower case; several of a name are one list.
    Header = Callable[[str], str | None]

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")
_TAG = re.compile(r'(W/)?("[^"]*")')


def refusal(header: Header, tag: str, modified: int) -> int | None:
    """Return the status with which a GET or HEAD ends at once: 412, 304, or None for neither.

    The order is that of section 13.2.2. `modified` is in seconds since 1970.
    """
    if not _is_match(header, tag, modified):
        return 412
    return 304 if _is_known(header, tag, modified) else None


def _is_match(header: Header, tag: str, modified: int) -> bool:
    """Tell whether what there is is what the client works on."""
    tags = header("if-match")
    if tags is not None:
        return tags.strip() == "*" or ("", tag) in _TAG.findall(tags)
    since = seconds_of(header("if-unmodified-since"))
    return since is None or modified <= since


def _is_known(header: Header, tag: str, modified: int) -> bool:
    """Tell whether the client has what there is."""
    tags = header("if-none-match")
    if tags is not None:
        opaque = tag.removeprefix("W/")
        return tags.strip() == "*" or opaque in (found for _weak, found in _TAG.findall(tags))
    since = seconds_of(header("if-modified-since"))
    return since is not None and modified <= since


def range_of(header: Header, tag: str, modified: int, size: int) -> tuple[int, int] | None:
    """Return the range that a GET asks for; an empty one lies beyond the end. None: everything.

    A range that is malformed is ignored, and so are several at once: both as section 14.2 allows;
    and one of something else than what there is now (`If-Range`).
    """
    if not _is_same(header("if-range"), tag, modified):
        return None
    match = _RANGE.fullmatch((header("range") or "").strip())
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


def _is_same(condition: str | None, tag: str, modified: int) -> bool:
    """Tell whether the rest of what the client has is asked for, and it is still that."""
    if condition is None:
        return True
    if '"' in condition:
        return condition.strip() == tag and not tag.startswith("W/")
    return seconds_of(condition) == modified


def seconds_of(date: str | None) -> int | None:
    """Return a date of HTTP in seconds since 1970; None if it is none."""
    from datetime import timezone
    from email.utils import parsedate_to_datetime

    try:
        at = parsedate_to_datetime(date or "")
        # Those of C's asctime do not say that they are of Greenwich.
        return int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
