"""A reader who follows a document: saves its files, starts its servers, types its commands in."""

import os
import re
import shlex
from contextlib import ExitStack
from pathlib import Path

from harness.document import Step, files
from harness.program import owt_binary, run
from harness.server import TEST_VIRTUALENV, Server
from harness.uv import machine

SERVE = re.compile(r"owt serve\b(.*)")
PRINTED_PORT = re.compile(r"\b987\d\b")
DEFAULT_PORT = "9876"


class Reader:
    """Follows one document, in a folder of its own, with what the tests import as packages."""

    def __init__(self, document: Path, folder: Path, servers: ExitStack) -> None:
        self._folder = folder
        self._servers = servers
        # Servers by the ports that the document prints; the real ones are any that are free.
        self._ports: dict[str, str] = {}
        for name, text in files(document).items():
            (folder / name).write_text(text)
        # As on a terminal, where what is printed takes the place of the meter.
        (folder / ".curlrc").write_text("no-progress-meter\n")

    def follow(self, step: Step) -> None:
        """Do what a step says, and compare what comes of it."""
        serve = SERVE.match(step.command)
        step.check(self._serve(serve[1]) if serve else self._type(step))

    def ensure_server(self) -> None:
        """Start a server as a document does that leaves it to others to say how."""
        if not self._ports:
            self._serve("")

    def url(self) -> str:
        """Return the URL of the server that the document began with."""
        return f"http://localhost:{self._ports[DEFAULT_PORT]}"

    def _serve(self, options: str) -> str:
        """Start a server, and return what it prints."""
        words = shlex.split(options)
        printed = DEFAULT_PORT
        if "--port" in words:
            at = words.index("--port")
            _option, printed = words[at : at + 2]
            del words[at : at + 2]
        # Its members may be servers of this document.
        words = [PRINTED_PORT.sub(self._real, word) for word in words]
        home, env = self._folder, {**TEST_VIRTUALENV, **machine()}
        started = Server.started(*words, home=home, env=env, cwd=self._folder)
        server = self._servers.enter_context(started)
        self._ports[printed] = str(server.port)
        return f"Owt serving on {server.host}:{printed}"

    def _type(self, step: Step) -> str:
        """Type a command in, and return what a terminal shows."""
        env = {"PATH": f"{owt_binary().parent}:{os.environ['PATH']}"}
        if self._ports:
            env["OWT_URL"] = self.url()
        script = f"exec 2>&1; {PRINTED_PORT.sub(self._real, step.command)}"
        done = run(["bash", "-c", script], home=self._folder, env=env)
        # What fails has to say so: then the words are compared.
        assert done.returncode == 0 or step.printed, done.stdout
        return self._as_printed(done.stdout)

    def _real(self, printed: re.Match[str]) -> str:
        return self._ports.get(printed[0], printed[0])

    def _as_printed(self, output: str) -> str:
        for printed, real in self._ports.items():
            output = re.sub(rf"\b{real}\b", printed, output)
        return output
