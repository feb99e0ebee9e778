"""Requests' envelopes: what to run."""

import base64
import hashlib
import json
from textwrap import dedent
from typing import Any

Fields = dict[str, Any]


def b64(data: str | bytes) -> str:
    """Return standard base64 of bytes, or of text in UTF-8."""
    data = data.encode() if isinstance(data, str) else data
    return base64.b64encode(data).decode()


def envelope(code: str, kwargs: Any = None, **more: Any) -> Fields:
    """Return the fields of a call. Text is sent as the arguments' text, other values as JSON."""
    fields: Fields = {"code_b64": b64(dedent(code)), **more}
    if kwargs is not None:
        fields["kwargs_b64"] = b64(kwargs if isinstance(kwargs, str) else json.dumps(kwargs))
    return fields


def digest(code: str) -> str:
    """Return the digest by which a server knows code that `envelope` has sent."""
    return hashlib.sha256(dedent(code).encode()).hexdigest()
