"""The request as a handler sees it, with Flask's names; parsed only when it is asked for."""

from __future__ import annotations

from owt._multidict import Headers, Missing, MultiDict
from owt._response import abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import cached_property as lazy
    from typing import Any

    from owt._border import Call, Part
    from owt._form_file import File
    from owt._headers import Accept, Authorization, UserAgent
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

    @property
    def access_route(self) -> list[str]:
        """The addresses that the request came by, as `X-Forwarded-For` has them, true or not."""
        forwarded = ",".join(self.headers.getlist("x-forwarded-for"))
        return [each.strip() for each in forwarded.split(",") if each.strip()] or [self.remote_addr]

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

    @property
    def host_url(self) -> str:
        """The URL of this server, with a `/` at its end."""
        return f"{self.scheme}://{self.host}/"

    # An owt has no part of a path to itself.
    root_url = url_root = host_url

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
        return MultiDict(_fields(self._call.query), "argument in its query")

    @lazy
    def headers(self) -> Headers:
        """The headers; their names' case does not matter."""
        return Headers(self._call.headers)

    @lazy
    def user_agent(self) -> UserAgent:
        """The client's program, as it calls itself; empty if it does not."""
        from owt._headers import UserAgent

        return UserAgent(self.headers.get("user-agent", ""))

    @lazy
    def authorization(self) -> Authorization | None:
        """User and password, or token, of the Authorization header."""
        from owt._headers import Authorization

        return Authorization.of(self.headers.get("authorization"))

    @lazy
    def accept_mimetypes(self) -> Accept:
        """The media types that the client takes."""
        from owt._headers import Accept

        return Accept(self.headers.get("accept", ""))

    @lazy
    def cookies(self) -> dict[str, str]:
        """The cookies."""
        return _cookies("; ".join(self.headers.getlist("cookie")))

    @property
    def is_secure(self) -> bool:
        """Whether it came by HTTPS."""
        return self.scheme == "https"

    @property
    def origin(self) -> str | None:
        """The Origin header."""
        value: str | None = self.headers.get("origin")
        return value

    @property
    def referrer(self) -> str | None:
        """The Referer header."""
        value: str | None = self.headers.get("referer")
        return value

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

    def get_data(self, cache: bool = True, as_text: bool = False) -> bytes | str:
        """Return the body, as text if asked.

        Without `cache`, a body that is still on its way is not kept to be read a second time.
        """
        is_kept = cache or "data" in vars(self)
        data = self.data if is_kept else self.stream.readall()
        return data.decode("utf-8", "replace") if as_text else data

    @lazy
    def form(self) -> MultiDict[str]:
        """The fields of a form that was sent as the body."""
        return MultiDict(self._form_fields(), "form field")

    def _form_fields(self) -> list[tuple[str, str]]:
        if self.mimetype == "application/x-www-form-urlencoded":
            return _fields(self.data.decode("utf-8", "replace"))
        from owt._form import fields

        return fields(self._parts)

    @lazy
    def values(self) -> MultiDict[str]:
        """The fields of the query and, but for GET, of the form; the query's first."""
        form = [] if self.method == "GET" else self._form_fields()
        return MultiDict([*_fields(self._call.query), *form], "value")

    @lazy
    def files(self) -> MultiDict[File]:
        """The files of a multipart form."""
        from owt._form_file import File

        files = ((part[0], File(part)) for part in self._parts if part[1] is not None)
        return MultiDict(files, "file")

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

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body read as JSON; `cache` keeps the body, as `get_data` does.

        `force` reads it whatever its media type; `silent` gives None instead of an error.
        """
        if not (force or self.is_json):
            if silent:
                return None
            abort(415, "The body is not JSON: its Content-Type is not application/json.")
        import json

        try:
            return json.loads(self.get_data(cache=cache))
        except (ValueError, RecursionError) as err:
            if silent:
                return None
            abort(400, f"The body is not valid JSON: {err}.")


def _fields(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    from urllib.parse import parse_qsl

    return parse_qsl(text, keep_blank_values=True, errors="replace")


class _Cookies(dict[str, str]):
    """Cookies by name; one that was not sent answers the call with 400."""

    __slots__ = ()

    def __missing__(self, name: str) -> str:
        raise Missing("cookie", name)


def _cookies(header: str) -> dict[str, str]:
    """Read a Cookie header; of cookies with one name, the first, which is the more specific."""
    found = _Cookies()
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals and name:
            found.setdefault(name, value.strip('"'))
    return found
