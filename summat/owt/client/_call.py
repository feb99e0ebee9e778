"""One call: the request that makes it, with its code or the digest of that."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any, NamedTuple, TypedDict
from urllib.parse import quote

from owt import _owtify
from owt.client._error import OwtError
from owt.client._kwargs import kwargs_text
from owt.client._multipart import File, Multipart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from owt.client._job import Progress

__all__ = ["Adaptor", "Call", "CallOptions", "File", "Request"]

Adaptor = str | os.PathLike[str]
"""An adaptor's source, or the path of its file. Text of one line that ends in `.py` is a path."""

# Methods whose bodies may have the envelope. RFC 9110 gives none a meaning in the others.
_WITH_ENVELOPE = frozenset(("POST", "PUT", "PATCH"))


class CallOptions(TypedDict, total=False):
    """What a call may be given by name. All of it may be left out."""

    fn_name: str
    """The function to call, instead of `run`."""
    use_cache: bool
    """Keep the result at the server, or take one that was kept."""
    cache_kwargs: bool
    """Keep results for each set of arguments, with `use_cache`."""
    cache_key_override: str
    """Keep the result under this key, with `use_cache`."""
    timeout: float
    """How many seconds the call may run: the server interrupts its Python then."""
    reload: bool
    """Load the adaptor anew."""
    retry: bool
    """Make the call again if a member of its pool is lost that may have run it."""
    pool: str
    """The pool that the call runs in."""
    keep_alive: str
    """How long the adaptor stays loaded: `30s`, `5m`, `1h`, or `-1` for ever."""
    method: str
    """The method that the adaptor sees; by default `POST`."""
    path: str
    """The path that it sees, under that of the base; it may have a query."""
    headers: Mapping[str, str]
    """Headers that it sees."""
    body: bytes | str | Iterable[bytes]
    """The body that it sees. Code and arguments are in the URL then."""
    form: Mapping[str, str | bytes | os.PathLike[str] | File | list[Any]]
    """A form: text, bytes, paths, or `File`s, by name. Code and arguments are fields of it."""
    on_progress: Callable[[Progress], None]
    """Is told how far the call has come, while it is waited for."""


_FIELDS = ("fn_name", "cache_key_override", "pool")
_FLAGS = ("use_cache", "cache_kwargs", "reload", "retry")


class Request(NamedTuple):
    """What is sent. A body that is neither bytes nor a form can be sent only once."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | Multipart | Iterable[bytes] | None


class Call:
    """A call that is ready to be sent, once or more often."""

    def __init__(
        self,
        base: str,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None,
        options: CallOptions,
    ) -> None:
        unknown = options.keys() - CallOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"a call has no option {min(unknown)!r}")
        source = _owtify._utf8(_owtify._source(adaptor))
        self.digest = hashlib.sha256(source).hexdigest()
        self._source = source
        self._base = base
        self._options = options
        text = kwargs_text(kwargs)
        self._kwargs = None if text is None else _owtify._utf8(text)
        self._name = _name(adaptor)

    @property
    def can_be_repeated(self) -> bool:
        """Whether its body can be sent more than once."""
        return isinstance(self._options.get("body", b""), (bytes, str))

    def request(self, *, with_source: bool) -> Request:
        """Make its request, with the source or with the digest alone."""
        options = self._options
        method = options.get("method", "POST").upper()
        target = _join(self._base, options.get("path", ""))
        headers = dict(options.get("headers", {}))
        body, form = options.get("body"), options.get("form")
        if form is not None:
            multipart = Multipart(self._fields(base64.b64encode, with_source), form)
            return Request(method, target, _typed(headers, multipart.content_type), multipart)
        if body is None and method in _WITH_ENVELOPE:
            envelope = json.dumps(self._fields(base64.b64encode, with_source)).encode()
            return Request(method, target, _typed(headers, "application/json"), envelope)
        fields = self._fields(base64.urlsafe_b64encode, with_source)
        query = "&".join(f"{key}={_owtify._form(value)}" for key, value in fields.items())
        target += ("&" if "?" in target else "?") + query
        if len(target) > _owtify.MAX_URL:
            text = "code and arguments are too long for a URL; send the body as a form"
            raise OwtError("url-too-long", text)
        return Request(method, target, headers, body.encode() if isinstance(body, str) else body)

    def _fields(self, encode: Callable[[bytes], bytes], with_source: bool) -> dict[str, str]:
        options: dict[str, Any] = dict(self._options)
        code = encode(self._source).decode() if with_source else None
        kwargs = None if self._kwargs is None else encode(self._kwargs).decode()
        timeout, keep_alive = options.get("timeout"), options.get("keep_alive")
        fields: dict[str, str | None] = {
            "code_b64": code,
            "code_sha256": None if with_source else self.digest,
            "kwargs_b64": kwargs,
            "name": self._name,
            "timeout": None if timeout is None else _owtify._seconds(timeout),
            "keep_alive": None if keep_alive is None else _owtify._keep_alive(keep_alive),
            **{name: options.get(name) for name in _FIELDS},
            **{name: _owtify._flag(options.get(name, False)) for name in _FLAGS},
        }
        return {name: value for name, value in fields.items() if value is not None}


def _name(adaptor: Adaptor) -> str | None:
    """Return the name of an adaptor's file, which tracebacks show; nothing if it is source."""
    is_path = not isinstance(adaptor, str) or (adaptor.endswith(".py") and "\n" not in adaptor)
    return os.path.basename(os.fspath(adaptor)) if is_path else None


def _typed(headers: dict[str, str], media_type: str) -> dict[str, str]:
    others = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    return {**others, "Content-Type": media_type}


def _join(base: str, path: str) -> str:
    """Return a path and query under that of a base, whose own query comes first."""
    (base, _, own), (path, _, query) = base.partition("?"), path.partition("?")
    if path:
        base = f"{base.rstrip('/')}/{quote(path.lstrip('/'), safe=_owtify._SAFE)}"
    queries = [part.rstrip("&") for part in (own, quote(query, safe=_owtify._SAFE))]
    joined = "&".join(filter(None, queries))
    return f"{base}?{joined}" if joined else base
