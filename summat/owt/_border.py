"""What the worker, written in Rust, hands to Python: one `Call` a request, and the `Settings` once.

Nothing here exists at run time. The protocol is what `owt._worker.handle` may use of a call, so the
tests can drive the whole package with a fake one and no server.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypedDict

Chunk = bytes | bytearray | memoryview | str
Headers = Sequence[tuple[str, str]]
# (name, filename, content type, data, path); a part without filename is a form field. The data of a
# part with a path are in that file, as long as the call lasts.
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
    """One request on its way through a worker.

    It is answered exactly once: by `reply`, by `fail`, by `need_source`, or by `start`, any number
    of chunks, and `finish` or `abort`. Header names are tokens and values are Latin-1 text.
    """

    # What to run.
    @property
    def id(self) -> str:
        """The request's id, which the log shows."""

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the source."""

    @property
    def source(self) -> str | None:
        """The source, or None if the worker was told it before."""

    @property
    def fn_name(self) -> str:
        """The function to call."""

    @property
    def name(self) -> str | None:
        """The name of the file that the source is from, which only people read."""

    @property
    def kwargs(self) -> str | None:
        """The arguments' text, or None if there are no arguments."""

    @property
    def reload(self) -> bool:
        """Load the adaptor anew."""

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
        """Names in lower case, values decoded as Latin-1. Built anew at each access."""

    @property
    def body(self) -> bytes | None:
        """The whole body; empty for a multipart request. None: it comes while the call runs."""

    def receive(self) -> bytes:
        """Take the next piece of a body that comes while the call runs; empty at its end.

        Waits until there is one. Raises ConnectionResetError once the call is cancelled.
        """

    def receive_nowait(self) -> bytes | None:
        """Take the next piece if there is one, else None; empty at the end of the body."""

    def when_readable(self, callback: Callable[[], None], /) -> bool:
        """Say whether there is a piece or the end; if not, call back once, when there is."""

    @property
    def parts(self) -> list[Part] | None:
        """The parts of a multipart request, or None for any other."""

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone or the call was cancelled."""

    # The answer.
    def need_source(self) -> None:
        """Say that the source is not known here: the front sends the call again, with source."""

    def loaded(self) -> None:
        """Say that loading is over and running begins."""

    def reply(
        self, status: int, content_type: str | None, headers: Headers, body: Chunk, /
    ) -> None:
        """Answer with a whole body."""

    def fail(self, code: str, text: str, place: str | None = None, /) -> None:
        """Answer with one of owt's own errors: its code, words for a person, and for the log."""

    def start(
        self, status: int, content_type: str | None, headers: Headers, length: int | None, /
    ) -> None:
        """Begin a streamed answer, of so many bytes in all if that is known."""

    def send(self, chunk: Chunk, /) -> bool:
        """Send a chunk, waiting while the reader is slow. False: the client has gone."""

    def send_nowait(self, chunk: Chunk, /) -> bool:
        """Queue a chunk without waiting. False: the client has gone."""

    @property
    def writable(self) -> bool:
        """Whether the reader keeps up."""

    def when_writable(self, callback: Callable[[], None], /) -> bool:
        """Say whether the reader keeps up; if not, call back once, from any thread, when it does.

        When the client goes, it is not: the call's task in the event loop is cancelled then.
        """

    def finish(self) -> None:
        """End a streamed answer."""

    def occupy(self) -> bool:
        """Say that the call goes on on this thread, not in the event loop: interrupts hit it there.

        False: the client has gone before.
        """

    def settle(self) -> None:
        """Say that the occupied thread is done with the call: no interrupt hits it any more."""

    def done(self) -> None:
        """Say that nothing runs any more for a call that went on after `handle` had returned."""

    def abort(self, text: str, /) -> None:
        """Break a streamed answer off, so that the client sees that it is not whole."""
