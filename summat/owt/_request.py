"""The request as a handler sees it, with Flask's names; each part is parsed when it is used."""

from __future__ import annotations

from owt import _progress
from owt._multidict import Headers, Missing, MultiDict
from owt._response import abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import cached_property as lazy
    from typing import Any, SupportsFloat

    from owt._bindings import Call, Part
    from owt._form import File
    from owt._header_values import Accept, Authorization, UserAgent
    from owt._upload import BodyStream
else:

    class lazy:  # noqa: N801
        """Does what `functools.cached_property` does, without its lock."""

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
        """The request's id, as in the log and in the response's `Owt-Request-Id`."""
        return self._call.id

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone or the call was cancelled: nobody waits for the response."""
        return self._call.disconnected

    def progress(
        self, done: SupportsFloat, total: SupportsFloat | None = None, text: object = None
    ) -> None:
        """Report how far the call has come: `done` of `total`, in whatever it counts.

        Clients see it while they wait. `text` says what is being done, in 200 characters at most.
        """
        _progress.report(self._call, done, total, text)

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
        """The Host header: a name or an address, and the port if it was given."""
        return self._call.host

    @lazy
    def remote_addr(self) -> str:
        """The client's address."""
        return self._call.remote_addr

    @property
    def access_route(self) -> list[str]:
        """The addresses in `X-Forwarded-For`, which may be forged; else the client's address."""
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

    # The server has no path prefix.
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
        """The User-Agent header; empty if none was sent."""
        from owt._header_values import UserAgent

        return UserAgent(self.headers.get("user-agent", ""))

    @lazy
    def authorization(self) -> Authorization | None:
        """The user and password, or the token, in the Authorization header."""
        from owt._header_values import Authorization

        return Authorization.parse(self.headers.get("authorization"))

    @lazy
    def accept_mimetypes(self) -> Accept:
        """The media types that the client accepts."""
        from owt._header_values import Accept

        return Accept(self.headers.get("accept", ""))

    @lazy
    def cookies(self) -> dict[str, str]:
        """The cookies; of several with one name, the first."""
        return _Cookies("; ".join(self.headers.getlist("cookie")))

    @property
    def is_secure(self) -> bool:
        """Whether the scheme is HTTPS."""
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
        from owt._http import media_type

        return media_type(self.content_type)

    @lazy
    def content_length(self) -> int | None:
        """The length of the body, as the client sent it."""
        value: int | None = self.headers.get("content-length", type=int)
        return value

    @lazy
    def data(self) -> bytes:
        """The body; empty if it was multipart.

        This waits for a body that is still being received, and holds it in memory; `stream` reads
        it as it comes. (In async code, `await request.stream.aread()` does not block the loop.)
        """
        whole = self._call.body
        return self.stream.readall() if whole is None else whole

    @lazy
    def stream(self) -> BodyStream:
        """The body as it arrives: a binary file, and an iterator over chunks."""
        from owt._upload import BodyStream

        return BodyStream(self._call)

    def get_data(self, cache: bool = True, as_text: bool = False) -> bytes | str:
        """Return the body; with `as_text`, as text.

        Without `cache`, a body that is still being received is not kept for a second read.
        """
        is_kept = cache or "data" in vars(self)
        data = self.data if is_kept else self.stream.readall()
        return data.decode("utf-8", "replace") if as_text else data

    @lazy
    def form(self) -> MultiDict[str]:
        """The fields of a form in the body."""
        return MultiDict(self._form_fields(), "form field")

    def _form_fields(self) -> list[tuple[str, str]]:
        if self.mimetype == "application/x-www-form-urlencoded":
            return _fields(self.data.decode("utf-8", "replace"))
        from owt._form import fields

        return fields(self._parts)

    @lazy
    def values(self) -> MultiDict[str]:
        """The fields of the query and, except for GET, of the form; those of the query first."""
        form = [] if self.method == "GET" else self._form_fields()
        return MultiDict([*_fields(self._call.query), *form], "value")

    @lazy
    def files(self) -> MultiDict[File]:
        """The files of a multipart form."""
        from owt._form import File

        files = ((part[0], File(part)) for part in self._parts if part[1] is not None)
        return MultiDict(files, "file")

    @lazy
    def _parts(self) -> list[Part]:
        return self._call.parts or []

    @property
    def is_json(self) -> bool:
        """Whether the body's media type is JSON."""
        kind = self.mimetype
        return kind == "application/json" or (
            kind.startswith("application/") and kind.endswith("+json")
        )

    @lazy
    def json(self) -> Any:
        """The body parsed as JSON; ends the call with 415 or 400 if it is not JSON."""
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body parsed as JSON; `cache` keeps the body, as in `get_data`.

        `force` ignores the media type; `silent` returns None instead of an error.
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
    """Cookies by name; a missing one ends the call with 400."""

    __slots__ = ()

    def __init__(self, header: str) -> None:
        from owt._http import parse_cookies

        for name, value in parse_cookies(header):
            self.setdefault(name, value)

    def __missing__(self, name: str) -> str:
        raise Missing("cookie", name)
