"""The interface between the worker, written in Rust, and Python: `Call` and `Settings`.

Nothing here exists at run time. The protocol is all that Python uses of a call, so tests drive the
whole package with a fake call and no server.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypedDict

Chunk = bytes | bytearray | memoryview | str
Headers = Sequence[tuple[str, str]]
# (name, filename, content type, data, path); a part without filename is a form field. The data of a
# part with a path is in that file, which exists as long as the call.
Part = tuple[str, str | None, str | None, bytes, str | None]


class Settings(TypedDict):
    """What the server tells a worker when it starts."""

    address: str
    port: int
    version: str
    exe: str
    max_adaptors: int
    no_eval: bool
    log_tracebacks: bool
    adaptors_dir: str
    args: dict[str, Any]
    fds: list[int]


class Call(Protocol):
    """One request in a worker.

    It is answered exactly once: by `reply` or `reply_plain`, by `fail`, by `need_source`, or by
    `start`, any number of chunks, and `finish` or `abort`. Header names are tokens and values are
    Latin-1 text.
    """

    # What to run.
    @property
    def id(self) -> str:
        """The request's id, as in the log."""

    @property
    def source(self) -> str | None:
        """The source; None if it was sent to this worker before."""

    @property
    def fn_name(self) -> str:
        """The function to call."""

    @property
    def name(self) -> str | None:
        """The file name of the source, for people only."""

    @property
    def kwargs(self) -> str | None:
        """The text of the arguments; None if there are none."""

    @property
    def reload(self) -> bool:
        """Whether to load the adaptor anew."""

    @property
    def endpoint(self) -> list[tuple[str, str]] | None:
        """The parts of a named endpoint's path, decoded; None for a call with its own arguments."""

    @property
    def describe(self) -> bool:
        """Whether the function is to be described, and not called."""

    # The request.
    @property
    def method(self) -> str:
        """The method, in capitals."""

    @property
    def scheme(self) -> str:
        """`http` or `https`."""

    @property
    def host(self) -> str:
        """The Host header."""

    @property
    def raw_path(self) -> str:
        """The path as it was sent, still percent-encoded."""

    @property
    def query(self) -> str:
        """What follows the `?`, still percent-encoded."""

    @property
    def remote_addr(self) -> str:
        """The client's address, without its port."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case, values decoded as Latin-1. A new list at each access."""

    @property
    def body(self) -> bytes | None:
        """The whole body, empty if it is multipart; None if it is received while the call runs."""

    def receive(self) -> bytes:
        """Wait for the next chunk of a body that is received while the call runs; empty at its end.

        Raises ConnectionResetError once the call is cancelled.
        """

    def receive_nowait(self) -> bytes | None:
        """Return the next chunk, empty at the end of the body; None if there is none yet."""

    def when_readable(self, callback: Callable[[], None], /) -> bool:
        """Tell whether there is a chunk or the end; if not, call back once, when there is."""

    @property
    def parts(self) -> list[Part] | None:
        """The parts of a multipart request; None for any other."""

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone or the call was cancelled."""

    # The response.
    def need_source(self) -> None:
        """Ask for the source, which is not known here: the front sends the call again with it."""

    def loaded(self) -> None:
        """Report that loading has ended and running begins."""

    def progress(self, done: float, total: float | None, text: str | None, /) -> None:
        """Report how far the call has come. Cheap: the client is told a few times a second.

        Raises ValueError if `done` is not finite.
        """

    def reply(
        self, status: int, content_type: str | None, headers: Headers, body: Chunk, /
    ) -> None:
        """Send a whole response."""

    def reply_plain(self, value: object, max_bytes: int = ..., /) -> bool:
        """Send a value as `_reply.reply_of` makes a whole response of it, without Python.

        False, and nothing sent, if it is of another type than text, bytes, and plain JSON, or has
        something in it that only Python knows how to send, or more bytes than that.
        """

    def fail(self, code: str, text: str, log_text: str | None = None, /) -> None:
        """Send one of owt's errors: its code, a text for the client, and another for the log."""

    def start(
        self, status: int, content_type: str | None, headers: Headers, length: int | None, /
    ) -> None:
        """Begin a streamed response, with its length in bytes if that is known."""

    def send(self, chunk: Chunk, /) -> bool:
        """Send a chunk, waiting while the reader is slow. False: the client has gone."""

    def send_nowait(self, chunk: Chunk, /) -> bool:
        """Queue a chunk without waiting. False: the client has gone."""

    def send_plain(self, chunk: object, /) -> bool | None:
        """Queue bytes or text that is not empty; None, and nothing queued, if it is another chunk.

        True: the next one may follow at once. False: it may not; `disconnected` and `writable` say
        why.
        """

    @property
    def writable(self) -> bool:
        """Whether the reader keeps up."""

    def when_writable(self, callback: Callable[[], None], /) -> bool:
        """Tell whether the reader keeps up; if not, call back once, from any thread, when it does.

        There is no callback when the client goes: the task of the call is cancelled then.
        """

    def finish(self) -> None:
        """End a streamed response."""

    def abort(self, text: str, /) -> None:
        """Break a streamed response off, so that the client sees that it is incomplete."""

    # Where it runs.
    def attach_thread(self) -> bool:
        """Have this thread run the call instead of the event loop: interrupts are raised here.

        False: the call was cancelled before.
        """

    def shield(self) -> None:
        """Protect this thread from interrupts: it has done its part of the call."""

    def hold(self) -> None:
        """Have what this thread sends of any call wait until `flush`, for a millisecond at most."""

    def flush(self) -> None:
        """Send what was held."""

    def replace_worker(self) -> None:
        """Ask for another worker, which takes over all calls that have not begun."""

    def done(self) -> None:
        """Report the end of a call that went on after `handle` returned."""
