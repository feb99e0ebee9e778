"""A real server: started for tests, called by them, and stopped after them."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import requests

from harness.envelope import envelope
from harness.log import Log
from harness.members import MEMBERS, members_environment, of_front, of_members
from harness.program import clean_environment, owt_binary

GREETING = "Owt serving on "

# The libraries that adaptors of the tests import are beside those of the tests.
TEST_VIRTUALENV = {"VIRTUAL_ENV": sys.prefix}

# Whatever the machine has: calls that meet in the server may come to different threads.
SEVERAL_THREADS = {"OWT_HTTP_THREADS": "2"}


class Server:
    """A server that has said that it answers."""

    running: ClassVar[list["Server"]] = []

    def __init__(self, process: subprocess.Popen[str], log: Log, address: str) -> None:
        self.process = process
        self.log = log
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        # What stands on standard output after the first line.
        self.said = ""

    @classmethod
    @contextmanager
    def started(
        cls,
        *options: str,
        home: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        program: Path | None = None,
    ) -> Iterator["Server"]:
        """Start a server on a free port, unless the options name one; stop it in the end."""
        with ExitStack() as servers:

            def start(options: Sequence[str], env: Mapping[str, str] | None) -> Server:
                started = cls._one_started(*options, home=home, env=env, cwd=cwd, program=program)
                return servers.enter_context(started)

            if not MEMBERS or "--pool" in options:
                yield start(options, env)
                return
            own = (of_members(options), members_environment(env))
            members = [start(*own) for _ in range(MEMBERS)]
            pool = f"default:members={'+'.join(member.url for member in members)}"
            front = start(["--pool", pool, *of_front(options)], env)
            for member in members:
                member.log.tell(front.log)
            yield front

    @classmethod
    @contextmanager
    def _one_started(
        cls,
        *options: str,
        home: Path,
        env: Mapping[str, str] | None,
        cwd: Path | None,
        program: Path | None,
    ) -> Iterator["Server"]:
        port = () if "--port" in options else ("--port", "0")
        process = subprocess.Popen(
            [str(program or owt_binary()), "serve", *port, *options],
            env=clean_environment(home, {**SEVERAL_THREADS, **(env or {})}),
            cwd=cwd or home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        log = Log(process.stderr)
        try:
            with process.stdout:
                line = process.stdout.readline()
                said = process.stdout.readline() if "--token" in options else ""
            assert line.startswith(GREETING), f"owt has not started, but said:\n{log.since(0)}"
            server = cls(process, log, line.removeprefix(GREETING).strip())
            server.said = said
            cls.running.append(server)
            yield server
        finally:
            cls.running = [other for other in cls.running if other.process is not process]
            stop(process)
        whole = log.to_its_end()
        assert "panicked at" not in whole, whole

    @property
    def url(self) -> str:
        """The URL of the root, as this machine reaches it."""
        return f"http://127.0.0.1:{self.port}"

    def send(self, method: str, path: str = "/", **options: Any) -> requests.Response:
        """Send any request."""
        with self.session() as session:
            return session.request(method, self.url + path, timeout=60, **options)

    def session(self) -> requests.Session:
        """Return a client that keeps its connections."""
        session = requests.Session()
        # No proxy between the tests and the server.
        session.trust_env = False
        return session

    def call(
        self,
        code: str,
        kwargs: Any = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> requests.Response:
        """Run code by POST of a JSON envelope."""
        return self.send("POST", path, json=envelope(code, kwargs, **fields), headers=headers)


class Serve(Protocol):
    """Starts a server for one test."""

    def __call__(
        self, *options: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Server:
        """Return a server with these options, environment variables and start directory."""


def stop(process: subprocess.Popen[str]) -> None:
    """End a server as its user would; one that does not end is a failure."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
