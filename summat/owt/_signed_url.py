"""Signs URLs, as `owt_core::signature` does and docs/signed-urls.md says."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PURPOSE = "owt signed url v1"

_MIN_KEY = 32
"""The fewest bytes of a key."""

_STANDARD = str.maketrans("-_", "+/")


def signed_field(
    path: str, fields: dict[str, str], source: bytes, kwargs: bytes | None, key: str, expires: float
) -> str:
    """Return the field that signs a call, as it stands in the query.

    `fields` are those of the query. What `code_b64` and `kwargs_b64` encode is signed decoded.
    """
    texts = {name: value.encode() for name, value in fields.items()}
    del texts["code_b64"]
    texts["code_sha256"] = hashlib.sha256(source).hexdigest().encode()
    if kwargs is not None:
        texts["kwargs_b64"] = kwargs
    until = str(max(int(expires), 0))
    message = b"".join(_netstrings(path, until, texts))
    digest = hmac.digest(_newest(key), message, "sha256").hex()
    return f"owt_signature=v1.{until}.{digest}"


def _netstrings(path: str, until: str, texts: dict[str, bytes]) -> Iterator[bytes]:
    head = (_PURPOSE, "GET", path, until)
    items = [text.encode() for text in head]
    for name in sorted(texts):
        items += [name.encode(), texts[name]]
    return (b"%d:%b," % (len(item), item) for item in items)


def _newest(text: str) -> bytes:
    """Return the first key of a key file."""
    for line in map(str.strip, text.splitlines()):
        if line and not line.startswith("#"):
            return _key(line)
    raise ValueError("there is no key")


def _key(line: str) -> bytes:
    digits = line.translate(_STANDARD).rstrip("=")
    try:
        key = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError) as err:
        raise ValueError("the key is not base64") from err
    if len(key) < _MIN_KEY:
        raise ValueError(f"the key has fewer than {_MIN_KEY} bytes")
    return key
