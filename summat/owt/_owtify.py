"""Makes the URL that runs an adaptor: byte for byte that of `owt_core::owtify`."""

from __future__ import annotations

import base64
import json
import os
import re
from urllib.parse import quote, quote_plus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAX_URL = 64_000
"""The maximum length in bytes of path and query that a server accepts."""

# A length of time: a number, and its unit.
_TIME = re.compile(r"(-?\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

_MESSAGES = {
    "base-scheme": "the base URL is neither http nor https",
    "base-host": "the base URL names no valid host",
    "base-port": "the base URL's port is not a number up to 65535",
    "base-query": "the base URL has a query, and a signed URL has only the fields of its call",
    "kwargs-not-a-map": "arguments are not a map of names to values",
    "kwargs-not-json": "arguments cannot be written as JSON",
    "url-too-long": f"the URL is longer than the {MAX_URL} bytes that a server takes; "
    "send the call with POST instead",
}

# Characters of a base URL that are not escaped, besides letters and digits.
_SAFE = "!#$%&'()*+,-./:;=?@[]^_|~"
_NOT_IN_AUTHORITY = re.compile(r'[\s\x00-\x1f\x7f-\x9f<>"\\]')
_AUTHORITY = re.compile(r"(?:.*@)?(?P<host>.*\]|[^:]*)(?P<port>.*)", re.DOTALL)
_PORT = re.compile(r"(?::0*([0-9]{0,5}))?", re.DOTALL)


class OwtifyError(ValueError):
    """A call that cannot be a URL.

    `code` is one of `base-scheme`, `base-host`, `base-port`, `base-query`, `kwargs-not-a-map`,
    `kwargs-not-json` and `url-too-long`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(_MESSAGES[code])
        self.code = code


def owtify(
    base_url: str,
    adaptor: str | os.PathLike[str],
    kwargs: Mapping[str, Any] | None = None,
    *,
    fn_name: str = "run",
    use_cache: bool = False,
    cache_kwargs: bool = False,
    cache_key_override: str | None = None,
    timeout: float | None = None,
    reload: bool = False,
    retry: bool = False,
    pool: str | None = None,
    keep_alive: str | None = None,
    url_key: str | None = None,
    expires: float | None = None,
) -> str:
    """Return the URL that runs an adaptor with these arguments.

    The adaptor is a path or source; text of one line that ends in `.py` is a path, too. Arguments
    are values that JSON can represent, `timeout` is in seconds, and the other fields are those of
    the envelope.

    With `url_key`, the text of the server's key file, and `expires`, a time as `time.time()` gives
    it, the URL is signed: until then, whoever has it may make this call.

    Raises `OwtifyError` if there is no such URL, and `OSError` if the file cannot be read.

    >>> owtify("localhost:9876", "def run(_, n): return n", {"n": 3})
    'http://localhost:9876/?code_b64=ZGVmIHJ1bihfLCBuKTogcmV0dXJuIG4&kwargs_b64=eyJuIjozfQ'
    """
    if (url_key is None) is not (expires is None):
        raise ValueError("url_key and expires go together")
    source = _utf8(_source(adaptor))
    text = _kwargs_text(kwargs)
    arguments = None if text is None else _utf8(text)
    values = {
        "code_b64": _b64(source),
        "kwargs_b64": None if arguments is None else _b64(arguments),
        "fn_name": None if fn_name == "run" else fn_name,
        "use_cache": _flag(use_cache),
        "cache_kwargs": _flag(cache_kwargs),
        "cache_key_override": cache_key_override,
        "timeout": None if timeout is None else _seconds(timeout),
        "reload": _flag(reload),
        "retry": _flag(retry),
        "pool": pool,
        "keep_alive": None if keep_alive is None else _keep_alive(keep_alive),
    }
    fields = {name: value for name, value in values.items() if value is not None}
    query = "&".join(f"{name}={_form(value)}" for name, value in fields.items())
    if url_key is None or expires is None:
        return _with_query(base_url, query)
    from owt._signed_url import signed_field

    path = _bare_path(base_url)
    signed = signed_field(path, fields, source, arguments, url_key, expires)
    return _with_query(base_url, f"{query}&{signed}")


def _source(adaptor: str | os.PathLike[str]) -> str:
    if not isinstance(adaptor, str) or (adaptor.endswith(".py") and "\n" not in adaptor):
        with open(adaptor, encoding="utf-8", newline="") as file:
            adaptor = file.read()
    # Without a byte order mark, the digest does not depend on the editor.
    return adaptor.lstrip("\ufeff")


def _kwargs_text(kwargs: Mapping[str, Any] | None) -> str | None:
    try:
        text = json.dumps(kwargs, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as err:
        raise OwtifyError("kwargs-not-json") from err
    if text in ("{}", "null"):
        return None
    if not text.startswith("{"):
        raise OwtifyError("kwargs-not-a-map")
    return text


def _utf8(text: str) -> bytes:
    # UTF-8 cannot encode a lone surrogate; JSON and Python write it as \udXXX.
    return text.encode("utf-8", "backslashreplace")


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _flag(flag: bool) -> str | None:
    return "true" if flag else None


def _seconds(seconds: float) -> str:
    if not 0 < seconds < float("inf"):
        raise ValueError("timeout is a positive number of seconds")
    return _number(seconds)


def _keep_alive(text: str) -> str:
    """Return a length of time in seconds, or -1 for ever, as all of owt's programs write it."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError("keep_alive is a length of time such as 0, 30s, 5m or 1h, or -1")
    seconds = float(found[1]) * _UNITS[found[2]]
    return "-1" if seconds < 0 else _number(seconds)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _form(value: str) -> str:
    """Encode as `application/x-www-form-urlencoded` (https://url.spec.whatwg.org) does."""
    return quote_plus(value, safe="*").replace("~", "%7E")


def _with_query(base: str, query: str) -> str:
    origin, path = _split(base)
    _, mark, own = path.partition("?")
    joint = "?" if not mark else "" if not own or own.endswith("&") else "&"
    target = f"{path}{joint}{query}"
    if len(target) > MAX_URL:
        raise OwtifyError("url-too-long")
    return origin + target


def _bare_path(base: str) -> str:
    """Return the path of a base URL that has no query."""
    path, _, query = _split(base)[1].partition("?")
    if query:
        raise OwtifyError("base-query")
    return path


def _split(base: str) -> tuple[str, str]:
    """Return the origin of a base URL, and its path and query, without its fragment."""
    base = base.strip(" \t\n\f\r").partition("#")[0]
    scheme, mark, rest = base.partition("://")
    if not mark or "/" in scheme or "?" in scheme:
        scheme, rest = "http", base
    scheme = scheme.lower()
    if scheme not in ("http", "https"):
        raise OwtifyError("base-scheme")
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    _check(authority)
    path = rest.removeprefix(authority)
    slash = "" if path.startswith("/") else "/"
    return f"{scheme}://{authority}", slash + quote(path, safe=_SAFE)


def _check(authority: str) -> None:
    parts = _AUTHORITY.fullmatch(authority)
    assert parts is not None, "any text fits the pattern"
    host, port = parts["host"], parts["port"]
    is_whole = host.startswith("[") == host.endswith("]")
    if not host or not is_whole or _NOT_IN_AUTHORITY.search(authority):
        raise OwtifyError("base-host")
    number = _PORT.fullmatch(port)
    if number is None or int(number[1] or 0) > 65535:
        raise OwtifyError("base-port")
