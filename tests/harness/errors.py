"""Errors as clients see them, and what they must not do to anybody else."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from harness.envelope import b64, envelope
from harness.server import Server
from harness.wire import exchange, request_bytes

# In whatever a client sends here, so that it can be looked for in the log.
MARK = "never-in-the-log"

HOST = ("Host", "localhost")
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")

HEALTHY = "def run(): return 'well'"


@dataclass(frozen=True)
class Request:
    """A request, byte for byte."""

    target: str = "/"
    headers: Sequence[tuple[str, str]] = (HOST,)
    body: bytes = b""

    def bytes(self, *more: tuple[str, str]) -> bytes:
        """Return it as it is sent, with more headers."""
        return request_bytes("POST", self.target, [*self.headers, *more], self.body)


def of_json(body: object) -> Request:
    """Return a request with a body that says that it is JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Request(headers=(HOST, JSON), body=text.encode("utf-8", "surrogatepass"))


def of_code(code: str, kwargs: object = None, **more: object) -> Request:
    """Return a call that is well-formed as far as the envelope goes."""
    return of_json(envelope(code, kwargs, **more))


def of_kwargs(kwargs: str) -> Request:
    """Return a call with this text for arguments."""
    return of_code(f"def run(request, **kwargs): return '{MARK}'", kwargs)


@dataclass(frozen=True)
class Expected:
    """An error in all its parts."""

    status: int
    code: str
    title: str
    words: str


def case(name: str, request: Request, status: int, code: str, title: str, words: str) -> object:
    """Return a row of a table: a request, and the error that it has."""
    return pytest.param(request, Expected(status, code, title, words), id=name)


def check_error(server: Server, request: Request, expected: Expected) -> None:
    """Check an error as words and as problem details (RFC 9457), and that the server goes on."""
    mark = len(server.log)

    plain = exchange(server, request.bytes())
    assert steady(plain.body.decode()) == expected.words + "\n"
    assert (plain.status, plain.headers["owt-error"]) == (expected.status, expected.code)
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"

    problem = exchange(server, request.bytes(("Accept", "application/json")))
    assert json.loads(steady(problem.body.decode())) == {
        "type": f"urn:owt:error:{expected.code}",
        "title": expected.title,
        "status": expected.status,
        "detail": expected.words,
        "code": expected.code,
    }
    assert (problem.status, problem.headers["owt-error"]) == (expected.status, expected.code)
    assert problem.headers["content-type"] == "application/problem+json"

    check_serves_on(server, mark)


def steady(words: str) -> str:
    """Return words without a number that is another one at each call: how deep a recursion went."""
    return re.sub(r"repeated \d+ more times", "repeated N more times", words)


def check_serves_on(server: Server, mark: int) -> None:
    """Check that the next call is answered, and that the log tells nothing of what was sent."""
    answer = server.call(HEALTHY)
    assert (answer.status_code, answer.text) == (200, "well")
    log = server.log.since(mark)
    assert MARK not in log
    assert b64(MARK)[:-4] not in log
    assert "panicked" not in log
