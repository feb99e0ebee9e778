"""The request as a handler sees it, with Flask's names; parsed only when it is asked for."""

from __future__ import annotations

from owt._multidict import Headers, MultiDict
from owt._response import abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from functools import cached_property as lazy
    from os import PathLike
    from typing import IO, Any, BinaryIO

    from owt._border import Call, Part
    from owt._upload import BodyStream
else:

    class lazy:  # noqa: N801
        """A property that is computed once; without the lock of `functools.cached_property`."""

        def __init__(self, compute):  # noqa: ANN001, ANN204
            self._compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, _owner, name):  # noqa: ANN001, ANN204
            self._name = name

        def __get__(self, request, _owner):  # noqa: ANN001, ANN204
            if request is None:
                return self
            value = self._compute(request)
            vars(request)[self._name] = value
            return value


# Bytes that are copied at a time.
_PIECE = 1 << 20


class Request:
    """One HTTP request."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"

    @lazy
    def id(self) -> str:
        """The request's id, which the log and the answer's `Owt-Request-Id` show."""
        return self._call.id

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone or the call was cancelled: nobody waits for the answer."""
        return self._call.disconnected

    @lazy
    def method(self) -> str:
        """The method, such as `GET`."""
        return self._call.method

    @lazy
    def scheme(self) -> str:
        """`http` or `https`."""
        return self._call.scheme

    @lazy
    def host(self) -> str:
        """The Host header: a name or address, and the port if it was named."""
        return self._call.host

    @lazy
    def remote_addr(self) -> str:
        """The client's address."""
        return self._call.remote_addr

    @lazy
    def path(self) -> str:
        """The path, percent-decoded."""
        raw = self._call.raw_path
        if "%" not in raw:
            return raw
        from urllib.parse import unquote

        return unquote(raw, errors="replace")

    @lazy
    def full_path(self) -> str:
        """The path, a `?`, and the query as it was sent."""
        return f"{self.path}?{self._call.query}"

    @lazy
    def base_url(self) -> str:
        """The URL without its query."""
        return f"{self.scheme}://{self.host}{self._call.raw_path}"

    @lazy
    def url(self) -> str:
        """The whole URL, as it was sent."""
        query = self._call.query
        return f"{self.base_url}?{query}" if query else self.base_url

    @lazy
    def query_string(self) -> bytes:
        """The query as it was sent."""
        return self._call.query.encode("latin-1", "replace")

    @lazy
    def args(self) -> MultiDict[str]:
        """The fields of the query."""
        return MultiDict(_fields(self._call.query))

    @lazy
    def headers(self) -> Headers:
        """The headers; their names' case does not matter."""
        return Headers(self._call.headers)

    @lazy
    def cookies(self) -> dict[str, str]:
        """The cookies."""
        return _cookies("; ".join(self.headers.getlist("cookie")))

    @lazy
    def content_type(self) -> str | None:
        """The Content-Type header, with its parameters."""
        value: str | None = self.headers.get("content-type")
        return value

    @lazy
    def mimetype(self) -> str:
        """The media type in lower case, without parameters; empty if none was sent."""
        return (self.content_type or "").partition(";")[0].strip().lower()

    @lazy
    def content_length(self) -> int | None:
        """The length of the body as the client gave it."""
        value: int | None = self.headers.get("content-length", type=int)
        return value

    @lazy
    def data(self) -> bytes:
        """The body; empty if it was multipart.

        A body that is still on its way is waited for, and held in memory: `stream` reads it as it
        comes. (In async code, `await request.stream.aread()` lets other calls run meanwhile.)
        """
        whole = self._call.body
        return self.stream.readall() if whole is None else whole

    @lazy
    def stream(self) -> BodyStream:
        """The body as it arrives: a binary file, and an iterator over pieces."""
        from owt._upload import BodyStream

        return BodyStream(self._call)

    def get_data(self, as_text: bool = False) -> bytes | str:
        """Return the body, as text if asked."""
        return self.data.decode("utf-8", "replace") if as_text else self.data

    @lazy
    def form(self) -> MultiDict[str]:
        """The fields of a form that was sent as the body."""
        if self.mimetype == "application/x-www-form-urlencoded":
            return MultiDict(_fields(self.data.decode("utf-8", "replace")))
        return MultiDict(
            (name, data.decode("utf-8", "replace"))
            for name, filename, _type, data, _path in self._parts
            if filename is None
        )

    @lazy
    def files(self) -> MultiDict[File]:
        """The files of a multipart form."""
        return MultiDict((part[0], File(part)) for part in self._parts if part[1] is not None)

    @lazy
    def _parts(self) -> list[Part]:
        return self._call.parts or []

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        kind = self.mimetype
        return kind == "application/json" or (
            kind.startswith("application/") and kind.endswith("+json")
        )

    @lazy
    def json(self) -> Any:
        """The body read as JSON; a body that is not answers the call with 415 or 400."""
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False) -> Any:
        """Return the body read as JSON.

        `force` reads it whatever its media type; `silent` gives None instead of an error.
        """
        if not (force or self.is_json):
            if silent:
                return None
            abort(415, "The body is not JSON: its Content-Type is not application/json.")
        import json

        try:
            return json.loads(self.data)
        except (ValueError, RecursionError) as err:
            if silent:
                return None
            abort(400, f"The body is not valid JSON: {err}.")


class File:
    """A file that came with a multipart form."""

    def __init__(self, part: Part) -> None:
        self.name, self.filename, self.content_type, self._data, self._path = part

    def __repr__(self) -> str:
        return f"<File {self.filename!r} ({self.content_type})>"

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    @lazy
    def stream(self) -> BinaryIO:
        """The file's bytes as an open file, in memory or, if it is large, on disk."""
        return self._open()

    def _open(self) -> BinaryIO:
        if self._path is not None:
            return open(self._path, "rb")
        from io import BytesIO

        return BytesIO(self._data)

    def read(self, size: int = -1) -> bytes:
        """Read on in the file: all that is left, or up to `size` bytes."""
        return self.stream.read(size)

    def save(self, dst: str | PathLike[str] | IO[bytes]) -> None:
        """Write the file to a path or into an open binary file."""
        from shutil import copyfileobj

        with self._open() as source:
            if isinstance(dst, str) or hasattr(dst, "__fspath__"):
                with open(dst, "wb") as file:
                    copyfileobj(source, file, _PIECE)
            else:
                copyfileobj(source, dst, _PIECE)


def _fields(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    from urllib.parse import parse_qsl

    return parse_qsl(text, keep_blank_values=True, errors="replace")


def _cookies(header: str) -> dict[str, str]:
    """Read a Cookie header; of cookies with one name, the first, which is the more specific."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals and name:
            found.setdefault(name, value.strip('"'))
    return found
