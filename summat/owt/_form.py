"""The fields of a multipart form as text, each in its own charset."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from owt._border import Part

_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:+-]+)", re.IGNORECASE)


def fields(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Return the names and texts of the parts that are no files."""
    # RFC 7578 section 4.6: what the page of a form was written in.
    charset = next((part[3] for part in parts if part[0] == "_charset_"), b"utf-8")
    otherwise = charset.decode("ascii", "replace")
    return [
        (name, _text(data, content_type, otherwise))
        for name, filename, content_type, data, _path in parts
        if filename is None
    ]


def _text(data: bytes, content_type: str | None, otherwise: str) -> str:
    """Read a field in the charset that it names (RFC 7578 section 4.5), else in the form's."""
    named = _CHARSET.search(content_type or "")
    try:
        return data.decode(named[1] if named else otherwise, "replace")
    except (LookupError, ValueError):
        # No charset that Python knows, or no encoding of text.
        return data.decode("utf-8", "replace")
