"""One `owt serve` of a member: started, asked whether it answers, and ended with its actor."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress

from owt._ray._failure import MemberError
from owt._ray._gpus import variables
from owt._ray._program import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from owt._ray._messages import ServeSettings

# The name in the certificate of all members.
SERVER_NAME = "member.owt.internal"

_GREETING = "Owt serving on "
# The server's status for options that it does not know, and the like.
_USAGE = 2
# Seconds: until it answers, for one answer, and for its end.
_MAX_START = 60.0
_MAX_ANSWER = 5.0
_MAX_END = 3.0
_POLL_INTERVAL = 0.1

# Ties the program to the thread that has started it, and becomes it: Linux kills it when that
# thread ends, however it does. A process of its own, because hardly anything is safe between fork
# and exec of a process with threads, such as an actor.
_LAUNCH = """
import os, signal, sys
parent, program = int(sys.argv[1]), sys.argv[2]
if sys.platform == "linux":
    import ctypes
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != parent:
    os._exit(1)
os.execv(program, sys.argv[2:])
"""


class Serve:
    """A running `owt serve` that answers."""

    def __init__(
        self, process: subprocess.Popen[str], log: Log, is_wanted: Callable[[], bool]
    ) -> None:
        self._process = process
        self._log = log
        self._is_wanted = is_wanted
        self.url = ""

    @classmethod
    def started(
        cls,
        settings: ServeSettings,
        address: str,
        gpus: str | None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Serve:
        """Start one, and wait until it answers, while it is wanted.

        The calling thread has to live as long as it.
        """
        with tempfile.TemporaryDirectory(prefix="owt-member-") as folder:
            command = _command(settings, address, folder)
            # Its folder, which is for this user alone, is not needed once it answers.
            process = subprocess.Popen(
                [sys.executable, "-IS", "-c", _LAUNCH, str(os.getpid()), *command],
                env=_environment(settings, gpus),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            serve = cls(process, Log(process.stderr), is_wanted)
            try:
                serve._await_answer(address, settings, time.monotonic() + _MAX_START)
            except BaseException:
                serve.end()
                raise
        return serve

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def wait(self, seconds: float) -> str | None:
        """Return how it has ended, if it does within so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return self._how_it_ended()

    def end(self) -> None:
        """End it, with its process group."""
        self._signal(signal.SIGTERM)
        if self.wait(_MAX_END) is None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: int) -> None:
        # Its group keeps its number until it is waited for.
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _await_answer(self, address: str, settings: ServeSettings, deadline: float) -> None:
        port = self._port(deadline)
        host = f"[{address}]" if ":" in address else address
        while not _answers(address, port, settings):
            self._check(deadline)
            time.sleep(_POLL_INTERVAL)
        self.url = f"https://{host}:{port}"

    def _port(self, deadline: float) -> int:
        """Read the port in the first line that it prints."""
        assert self._process.stdout is not None
        # Read on its own thread, as the other one: reading a pipe has no end that can be set.
        said = Log(self._process.stdout, echo=False)
        while not (line := said.first()).startswith(_GREETING):
            self._check(deadline)
            time.sleep(_POLL_INTERVAL)
        return int(line.rpartition(":")[2])

    def _check(self, deadline: float) -> None:
        if self._process.poll() is not None:
            raise MemberError(self._how_it_ended(), is_final=self._process.returncode == _USAGE)
        if not self._is_wanted():
            raise MemberError("owt serve was ended while it started")
        if time.monotonic() > deadline:
            raise MemberError(f"owt serve has not answered within {_MAX_START:.0f} s")

    def _how_it_ended(self) -> str:
        status = self._process.returncode
        how = f"status {status}" if status >= 0 else f"signal {-status}"
        words = self._log.error()
        return f"owt serve has ended with {how}" + (f": {words}" if words else "")


class Log:
    """What it writes, passed on to the actor's own log; the last lines are kept for errors."""

    def __init__(self, stream: IO[str] | None, *, echo: bool = True) -> None:
        assert stream is not None
        self._stream, self._echo = stream, echo
        self._lines: deque[str] = deque(maxlen=50)
        self._first = ""
        self._reader = threading.Thread(target=self._read, name="owt-log", daemon=True)
        self._reader.start()

    def first(self) -> str:
        """Return the first line, or what there is of it."""
        return self._first

    def error(self) -> str:
        """Return the error that it has ended with, if it has said one."""
        self._reader.join(1)
        lines = [line.strip() for line in self._lines if line.strip()]
        for at, line in enumerate(lines):
            if line.startswith("owt: error: "):
                return "; ".join([line.removeprefix("owt: error: "), *lines[at + 1 :]])
        return ""

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._first = self._first or line
                self._lines.append(line)
                if self._echo:
                    sys.stderr.write(line)


def _command(settings: ServeSettings, address: str, folder: str) -> list[str]:
    cert, key = (_write(folder, name, getattr(settings, name)) for name in ("cert", "key"))
    command = [find(settings.owt), "serve", "--address", address, "--port", "0"]
    command += ["--tls-cert", cert, "--tls-key", key, "--allow-host", SERVER_NAME]
    command += ["--python", sys.executable]
    if "--config" not in settings.arguments:
        # Not the owt.toml of the server, which may be in the same folder.
        command += ["--config", os.devnull]
    return command + settings.arguments


def _write(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, f"{name}.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def _environment(settings: ServeSettings, gpus: str | None) -> dict[str, str]:
    """Return the actor's environment, without what the server has there for itself."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OWT_", "LISTEN_")) and name != "NOTIFY_SOCKET"
    }
    return {**kept, **variables(gpus, kept), "OWT_TOKEN": settings.token}


def _answers(address: str, port: int, settings: ServeSettings) -> bool:
    trusted = ssl.create_default_context(cadata=settings.cert)
    headers = {"Host": SERVER_NAME, "Authorization": f"Bearer {settings.token}"}
    try:
        plain = socket.create_connection((address, port), _MAX_ANSWER)
        with plain, trusted.wrap_socket(plain, server_hostname=SERVER_NAME) as tcp:
            connection = http.client.HTTPConnection(SERVER_NAME, port)
            connection.sock = tcp
            connection.request("GET", "/_owt/health", headers=headers)
            return connection.getresponse().status == http.client.OK
    except ssl.SSLCertVerificationError as err:
        raise MemberError(f"the members' certificate is not valid: {err.verify_message}") from None
    except (OSError, http.client.HTTPException):
        return False
