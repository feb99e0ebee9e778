"""The client that waits."""

from __future__ import annotations

import http.client
import json
import threading
import weakref
from typing import Any

from owt.client import _job
from owt.client._call import Call, Request
from owt.client._error import OwtError
from owt.client._events import EventParser
from owt.client._http import Connections
from owt.client._server import (
    REQUEST_ID,
    Server,
    answer_status,
    check_events,
    error_of,
    make_id,
    not_owt,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping
    from http.client import HTTPConnection, HTTPResponse

    from typing_extensions import Self, Unpack

    from owt.client._call import Adaptor, CallOptions
    from owt.client._events import Event
    from owt.client._job import JobStatus, Progress

_CHUNK = 1 << 16


class Owt:
    """A client of one server. From any thread.

    An adaptor's source is sent once; later calls send its digest, and the source again if the
    server has forgotten it.
    """

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
        """Make a client of the server at a base URL.

        `auth` is a user and a password, `token` that of `owt serve --token`, and `headers` go with
        every call. `read_timeout` is how many seconds it waits for an answer to begin, and then for
        each chunk; there is no limit by default. `unix_socket` is the path of `owt serve --socket`.

        Raises `owt.OwtifyError` if the base is no HTTP URL.
        """
        self._server = Server(base, auth, token, headers)
        self._connections = Connections(self._server, read_timeout, ssl_context, unix_socket)

    def call(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Reply:
        """Run an adaptor, and return its answer once that begins.

        The adaptor's own answer is no error, whatever its status. Raises `OwtError` if owt itself
        answers, or nobody does; `OSError` if a file cannot be read; `ValueError` for an option that
        cannot be.
        """
        tell = options.get("on_progress")
        if tell is None:
            return self._call(Call(self._server.base, adaptor, kwargs, options))
        headers = dict(options.get("headers", {}))
        request_id = headers.setdefault(REQUEST_ID, make_id())
        options["headers"] = headers
        with _Follower(self, request_id, tell):
            return self._call(Call(self._server.base, adaptor, kwargs, options))

    def stream(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Iterator[bytes]:
        """Run an adaptor, and yield its answer chunk by chunk. Leaving the loop ends the call.

        Raises as `call` does, and `OwtError` with `answer-status` for a status of 400 or more.
        """
        with self.call(adaptor, kwargs, **options) as reply:
            yield from reply.raise_for_status().chunks()

    def events(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Iterator[Event]:
        """Run an adaptor that answers with server-sent events. Leaving the loop ends the call.

        Raises as `stream` does, and `OwtError` with `not-events` for an answer of another type.
        """
        with self.call(adaptor, kwargs, **options) as reply:
            yield from reply.raise_for_status().events()

    def submit(
        self,
        adaptor: Adaptor,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Job:
        """Have the server run an adaptor without this client: its answer is kept there.

        What `on_progress` names is told while `Job.result` waits. Raises as `call` does.
        """
        tell = options.pop("on_progress", None)
        options["headers"] = {**options.get("headers", {}), "Prefer": "respond-async"}
        with self._call(Call(self._server.base, adaptor, kwargs, options)) as reply:
            job = _job.id_of(reply.status, reply.headers)
            return Job(self, job, tell)

    def job(self, job_id: str) -> Job:
        """Return the job with this id."""
        return Job(self, job_id, None)

    def jobs(self) -> list[JobStatus]:
        """Return all jobs of the server, the oldest first."""
        found: list[JobStatus] = self._ask("GET", "jobs").json()
        return found

    def close(self) -> None:
        """Close the connections that no call uses. The client can go on to be used."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, call: Call) -> Reply:
        is_known = self._server.knows(call.digest) and call.can_be_repeated
        try:
            reply = self._send(call.request(with_source=not is_known))
        except OwtError as err:
            if err.code != "code-unknown" or not is_known:
                raise
            self._server.note(call.digest, is_known=False)
            reply = self._send(call.request(with_source=True))
        self._server.note(call.digest, is_known=True)
        return reply

    def _ask(self, method: str, path: str) -> Reply:
        return self._send(Request(method, f"/_owt/{path}", {}, None))

    def _send(self, request: Request) -> Reply:
        reply = Reply(self._connections, *self._connections.send(request))
        if reply.headers.get(REQUEST_ID) is None:
            reply.close()
            raise not_owt(reply.status)
        if "owt-error" in reply.headers:
            error = error_of(reply.status, reply.headers, reply.content)
            assert error is not None, "the header is there"
            raise error
        return reply


class Reply:
    """An adaptor's answer, whose body may still be arriving. To close it ends the call."""

    def __init__(
        self, connections: Connections, connection: HTTPConnection, response: HTTPResponse
    ) -> None:
        self._connections = connections
        self._connection: HTTPConnection | None = connection
        self._response = response
        self._content: bytes | None = None
        self.status = response.status
        self.headers: http.client.HTTPMessage = response.headers
        # Not `__del__`: of an answer in a cycle, the collector may take the socket before it.
        self._end = weakref.finalize(self, _end, connection, response)
        if response.length == 0:
            # The standard library would wait for somebody to read it.
            response.close()
        self._end_if_over()

    @property
    def content(self) -> bytes:
        """The whole body."""
        if self._content is None:
            self._content = b"".join(self.chunks())
        return self._content

    @property
    def text(self) -> str:
        """The whole body as text; what is no UTF-8 becomes replacement characters."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the whole body, read as JSON."""
        return json.loads(self.content)

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives."""
        while self._connection is not None:
            try:
                chunk = self._response.read1(_CHUNK)
            except TimeoutError:
                self.close()
                raise self._connections.timed_out() from None
            except (OSError, http.client.HTTPException) as err:
                self.close()
                raise OwtError("answer-broken", "the answer broke off", status=self.status) from err
            # Of a body of known length, the standard library does not say that it broke off.
            if self._response.length == 0:
                self._response.close()
            elif not chunk and self._response.length is not None:
                self.close()
                raise OwtError("answer-broken", "the answer broke off", status=self.status)
            self._end_if_over()
            if chunk:
                yield chunk

    def events(self) -> Iterator[Event]:
        """Yield the server-sent events of the body as they arrive."""
        check_events(self.status, self.headers)
        parser = EventParser()
        for chunk in self.chunks():
            yield from parser.feed(chunk)

    def raise_for_status(self) -> Self:
        """Return this answer, unless its status is 400 or more."""
        if self.status >= 400:
            self.close()
            raise answer_status(self.status)
        return self

    def close(self) -> None:
        """Read no more of it."""
        self._connection = None
        self._end()

    def _end_if_over(self) -> None:
        connection = self._connection
        if connection is not None and self._response.isclosed():
            self._connection = None
            if self._response.will_close:
                self._end()
            else:
                self._end.detach()
                self._connections.give_back(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(connection: HTTPConnection, response: HTTPResponse) -> None:
    connection.close()
    response.close()


class Job:
    """A call that goes on without its client: to drop this changes nothing of it."""

    def __init__(
        self, owt: Owt, job_id: str, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._owt = owt
        self.id = _job.checked_id(job_id)
        self._on_progress = on_progress

    def result(self, on_progress: Callable[[Progress], None] | None = None) -> Reply:
        """Wait for its end, and return the answer, as `Owt.call` would have.

        Raises as that does; `OwtError` with `job-unknown` where the answer is not kept any more,
        and with `job-lost` where the server was started anew.
        """
        tell = on_progress or self._on_progress
        if tell is None:
            return self._wait()
        with _Follower(self._owt, self.id, tell):
            return self._wait()

    def status(self) -> JobStatus:
        """Return how far it has come."""
        found: JobStatus = self._owt._ask("GET", f"jobs/{self.id}/status").json()
        return found

    def cancel(self) -> None:
        """Cancel its call, or have its answer dropped."""
        self._owt._ask("DELETE", f"jobs/{self.id}")

    def _wait(self) -> Reply:
        while True:
            reply = self._owt._ask("GET", f"jobs/{self.id}?wait={_job.WAIT}")
            if not _job.is_running(reply.headers):
                return reply
            reply.close()


class _Follower:
    """Tells what a call reports, on a thread of its own, for as long as it is waited for.

    Only the call itself says what becomes of it, so nothing that fails here is an error.
    """

    def __init__(self, owt: Owt, request_id: str, tell: Callable[[Progress], None]) -> None:
        self._owt = owt
        self._path = f"calls/{request_id}/events"
        self._tell = tell
        self._is_over = threading.Event()
        self._reply: Reply | None = None

    def __enter__(self) -> None:
        threading.Thread(target=self._follow, name="owt-progress", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()

    def _follow(self) -> None:
        pause = _job.FIRST_PAUSE
        while not self._is_over.wait(pause):
            try:
                reply = self._owt._ask("GET", self._path)
            except OwtError as err:
                if err.code != "call-unknown":
                    return
                pause = min(2 * pause, _job.MAX_PAUSE)
                continue
            with reply:
                self._tell_all(reply)
            return

    def _tell_all(self, reply: Reply) -> None:
        try:
            for event in reply.events():
                progress = _job.progress_of(event)
                if progress is None or self._is_over.is_set():
                    return
                self._tell(progress)
        except OwtError:
            return
