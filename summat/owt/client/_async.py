"""The same client for `asyncio`, over httpx."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from owt.client import _job
from owt.client._call import Call, Request
from owt.client._error import OwtError
from owt.client._events import EventParser
from owt.client._multipart import Multipart
from owt.client._server import (
    CONNECT_TIMEOUT,
    REQUEST_ID,
    Server,
    answer_status,
    check_events,
    error_of,
    make_id,
    not_owt,
    timed_out,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    import httpx
    from typing_extensions import Self, Unpack

    from owt.client._call import Adaptor, CallOptions
    from owt.client._events import Event
    from owt.client._job import JobStatus, Progress


class AsyncOwt:
    """A client of one server for `asyncio`; see `Owt`. A task that is cancelled ends its call."""

    def __init__(
        self,
        base: str = "http://localhost:9876",
        *,
        auth: tuple[str, str] | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout: float | None = None,
        ssl_context: ssl.SSLContext | None = None,
        unix_socket: str | None = None,
    ) -> None:
        """Make a client of the server at a base URL; see `Owt`.

        Raises `ImportError` where httpx is not installed.
        """
        try:
            import httpx
        except ImportError as err:
            raise ImportError("AsyncOwt needs httpx: pip install httpx") from err
        self._server = Server(base, auth, token, headers)
        self._read_timeout = read_timeout
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=True if ssl_context is None else ssl_context,
                uds=unix_socket,
                limits=httpx.Limits(max_connections=None, keepalive_expiry=30),
            ),
            timeout=httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT),
        )

    async def call(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncReply:
        """Run an adaptor, and return its answer once that begins; see `Owt.call`."""
        tell = options.get("on_progress")
        if tell is None:
            return await self._call(Call(self._server.base, adaptor, kwargs, options))
        headers = dict(options.get("headers", {}))
        request_id = headers.setdefault(REQUEST_ID, make_id())
        options["headers"] = headers
        async with self._followed(request_id, tell):
            return await self._call(Call(self._server.base, adaptor, kwargs, options))

    async def stream(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncIterator[bytes]:
        """Run an adaptor, and yield its answer chunk by chunk; see `Owt.stream`."""
        async with await self.call(adaptor, kwargs, **options) as reply:
            await reply.raise_for_status()
            async for chunk in reply.chunks():
                yield chunk

    async def events(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncIterator[Event]:
        """Run an adaptor that answers with server-sent events; see `Owt.events`."""
        async with await self.call(adaptor, kwargs, **options) as reply:
            await reply.raise_for_status()
            async for event in reply.events():
                yield event

    async def submit(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncJob:
        """Have the server run an adaptor without this client; see `Owt.submit`."""
        tell = options.pop("on_progress", None)
        options["headers"] = {**options.get("headers", {}), "Prefer": "respond-async"}
        async with await self._call(Call(self._server.base, adaptor, kwargs, options)) as reply:
            job = _job.id_of(reply.status, reply.headers)
            return AsyncJob(self, job, tell)

    def job(self, job_id: str) -> AsyncJob:
        """Return the job with this id."""
        return AsyncJob(self, job_id, None)

    async def jobs(self) -> list[JobStatus]:
        """Return all jobs of the server, the oldest first."""
        found: list[JobStatus] = await (await self._ask("GET", "jobs")).json()
        return found

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, call: Call) -> AsyncReply:
        is_known = self._server.knows(call.digest) and call.can_be_repeated
        try:
            reply = await self._send(call.request(with_source=not is_known))
        except OwtError as err:
            if err.code != "code-unknown" or not is_known:
                raise
            self._server.note(call.digest, is_known=False)
            reply = await self._send(call.request(with_source=True))
        self._server.note(call.digest, is_known=True)
        return reply

    async def _ask(self, method: str, path: str) -> AsyncReply:
        return await self._send(Request(method, f"/_owt/{path}", {}, None))

    async def _send(self, request: Request) -> AsyncReply:
        import httpx

        headers = {**self._server.headers, **request.headers}
        body: Any = request.body
        if isinstance(body, Multipart):
            headers["Content-Length"] = str(len(body))
        content = body if body is None or isinstance(body, bytes) else _chunks(body)
        url = self._server.origin + request.target
        sent = self._http.build_request(request.method, url, headers=headers, content=content)
        try:
            response = await self._http.send(sent, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as err:
            raise self._server.unreachable(err) from err
        except httpx.TimeoutException:
            raise timed_out(self._read_timeout) from None
        except httpx.HTTPError as err:
            raise OwtError("answer-broken", f"the answer broke off ({err})") from err
        reply = AsyncReply(response, self._read_timeout)
        if REQUEST_ID not in reply.headers:
            await reply.close()
            raise not_owt(reply.status)
        if "owt-error" in reply.headers:
            error = error_of(reply.status, reply.headers, await reply.content())
            assert error is not None, "the header is there"
            raise error
        return reply

    @contextlib.asynccontextmanager
    async def _followed(
        self, request_id: str, tell: Callable[[Progress], None]
    ) -> AsyncIterator[None]:
        """Tell what a call reports for as long as it is waited for."""
        following = asyncio.ensure_future(self._follow(request_id, tell))
        try:
            yield
        finally:
            following.cancel()

    async def _follow(self, request_id: str, tell: Callable[[Progress], None]) -> None:
        pause = _job.FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                reply = await self._ask("GET", f"calls/{request_id}/events")
            except OwtError as err:
                if err.code != "call-unknown":
                    return
                pause = min(2 * pause, _job.MAX_PAUSE)
                continue
            # Only the call itself says what becomes of it.
            with contextlib.suppress(OwtError):
                async with reply:
                    async for event in reply.events():
                        progress = _job.progress_of(event)
                        if progress is None:
                            break
                        tell(progress)
            return


class AsyncReply:
    """An adaptor's answer, whose body may still be arriving. To close it ends the call."""

    def __init__(self, response: httpx.Response, read_timeout: float | None) -> None:
        self._response = response
        self._read_timeout = read_timeout
        self._content: bytes | None = None
        self.status = response.status_code
        self.headers: httpx.Headers = response.headers

    async def content(self) -> bytes:
        """Return the whole body."""
        if self._content is None:
            self._content = b"".join([chunk async for chunk in self.chunks()])
        return self._content

    async def text(self) -> str:
        """Return the whole body as text; what is no UTF-8 becomes replacement characters."""
        return (await self.content()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """Return the whole body, read as JSON."""
        return json.loads(await self.content())

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives."""
        import httpx

        try:
            async for chunk in self._response.aiter_raw():
                yield chunk
        except httpx.TimeoutException:
            raise timed_out(self._read_timeout) from None
        except httpx.HTTPError as err:
            raise OwtError("answer-broken", "the answer broke off", status=self.status) from err
        finally:
            await self._response.aclose()

    async def events(self) -> AsyncIterator[Event]:
        """Yield the server-sent events of the body as they arrive."""
        check_events(self.status, self.headers)
        parser = EventParser()
        async for chunk in self.chunks():
            for event in parser.feed(chunk):
                yield event

    async def raise_for_status(self) -> Self:
        """Return this answer, unless its status is 400 or more."""
        if self.status >= 400:
            await self.close()
            raise answer_status(self.status)
        return self

    async def close(self) -> None:
        """Read no more of it."""
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncJob:
    """A call that goes on without its client; see `Job`."""

    def __init__(
        self, owt: AsyncOwt, job_id: str, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._owt = owt
        self.id = _job.checked_id(job_id)
        self._on_progress = on_progress

    async def result(self, on_progress: Callable[[Progress], None] | None = None) -> AsyncReply:
        """Wait for its end, and return the answer; see `Job.result`."""
        tell = on_progress or self._on_progress
        if tell is None:
            return await self._wait()
        async with self._owt._followed(self.id, tell):
            return await self._wait()

    async def status(self) -> JobStatus:
        """Return how far it has come."""
        reply = await self._owt._ask("GET", f"jobs/{self.id}/status")
        found: JobStatus = await reply.json()
        return found

    async def cancel(self) -> None:
        """Cancel its call, or have its answer dropped."""
        await (await self._owt._ask("DELETE", f"jobs/{self.id}")).close()

    async def _wait(self) -> AsyncReply:
        while True:
            reply = await self._owt._ask("GET", f"jobs/{self.id}?wait={_job.WAIT}")
            if not _job.is_running(reply.headers):
                return reply
            await reply.close()


async def _chunks(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in body:
        yield chunk
