"""The driver of a pool on Ray, started as the server does it, and the clusters that it joins."""

import importlib.util
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from harness.envelope import envelope
from harness.namespace import Namespace
from harness.program import ROOT, clean_environment, owt_binary

PATIENCE = 60.0
SERVER_NAME = "member.owt.internal"
TOKEN = "a token of more than twenty letters".replace(" ", "-")
HEAD = ("--head", "--port", "6379", "--include-dashboard=false")

Event = dict[str, Any]


def check_ray() -> None:
    """Fail where Ray is not installed, with what installs it."""
    assert importlib.util.find_spec("ray"), "Ray is not installed: cargo xtask setup"


@dataclass(frozen=True)
class Identity:
    """What all members show and want to be shown."""

    token: str
    cert: str
    key: str

    @classmethod
    def made(cls, token: str = TOKEN) -> "Identity":
        """Make a certificate, with its authority, as it is trusted."""
        authority = trustme.CA()
        own = authority.issue_cert(SERVER_NAME)
        chain = [*own.cert_chain_pems, authority.cert_pem]
        cert = "".join(pem.bytes().decode() for pem in chain)
        return cls(token, cert, own.private_key_pem.bytes().decode())


@dataclass
class Driver:
    """A running driver, and what it has said."""

    process: subprocess.Popen[str]
    namespace: Namespace
    identity: Identity
    home: Path
    events: "queue.Queue[Event]" = field(default_factory=queue.Queue)
    members: dict[int, Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what it says on a thread of its own."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.events.put(json.loads(line))
        self.events.put({"event": "end"})

    def next(self) -> Event:
        """Return the next event; at the end, one of that name."""
        event = self.events.get(timeout=PATIENCE)
        if event["event"] == "member":
            self.members[event["index"]] = event
        if event["event"] == "lost":
            del self.members[event["index"]]
        return event

    def until(self, name: str) -> Event:
        """Return the next event of a name."""
        while (event := self.next())["event"] != name:
            assert event["event"] not in ("end", "failed"), f"{event}\n{self.log()}"
        return event

    def log(self) -> str:
        """Return what it has said for people."""
        return (self.home / "driver.log").read_text()

    def call(self, index: int, code: str) -> Any:
        """Call a member as the server does, with its certificate and its token."""
        (self.home / "cert.pem").write_text(self.identity.cert)
        address, _, port = self.members[index]["url"].removeprefix("https://").rpartition(":")
        command = ["curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]
        command += ["--cacert", str(self.home / "cert.pem")]
        command += ["--resolve", f"{SERVER_NAME}:{port}:{address}"]
        command += ["--header", f"Authorization: Bearer {self.identity.token}"]
        command += ["--json", json.dumps(envelope(code)), f"https://{SERVER_NAME}:{port}/"]
        return json.loads(self.namespace.run(*command))

    def close(self) -> float:
        """End it as a server that stops does, and return the seconds that it took."""
        assert self.process.stdin is not None
        began = time.monotonic()
        self.process.stdin.close()
        assert self.process.wait(timeout=15) == 0, self.log()
        return time.monotonic() - began


@contextmanager
def started(
    namespace: Namespace, home: Path, identity: Identity, **settings: Any
) -> Iterator[Driver]:
    """Start a driver in a network; it is killed in the end if it has not ended."""
    line = {
        "pool": "gpu",
        "address": "local",
        "members": 2,
        "num_gpus": 0,
        "num_cpus": 0,
        "resources": {},
        "runtime_env": None,
        "keep": False,
        "owt": str(owt_binary()),
        "arguments": ["--workers", "1"],
        "token": identity.token,
        "cert": identity.cert,
        "key": identity.key,
        **settings,
    }
    with (home / "driver.log").open("a") as log:
        command = [sys.executable, "-m", "owt._ray"]
        process = namespace.popen(command, env=environment(home), stderr=log)
    assert process.stdin is not None
    process.stdin.write(json.dumps(line) + "\n")
    process.stdin.flush()
    try:
        yield Driver(process, namespace, identity, home)
    finally:
        if process.poll() is None:
            process.kill()
        process.stdin.close()
        process.wait()


@contextmanager
def head(namespace: Namespace, home: Path, *options: str) -> Iterator[str]:
    """Start the head of a cluster in a network, and return its address."""
    with node(namespace, home, *HEAD, *options):
        yield "127.0.0.1:6379"


@contextmanager
def node(namespace: Namespace, home: Path, *options: str) -> Iterator[None]:
    """Start a node of a cluster, as its administrator does."""
    ray = Path(sys.executable).with_name("ray")
    what = ["start", *options, "--disable-usage-stats"]
    namespace.run(ray, *what, env=environment(home))
    yield


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder with a short path: Ray makes sockets in it, whose paths may not be long."""
    made = Path(tempfile.mkdtemp(prefix="owt-ray-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def environment(home: Path) -> Mapping[str, str]:
    """Return the environment of all that has to do with Ray."""
    more = {"RAY_TMPDIR": str(home), "PYTHONPATH": str(ROOT / "summat")}
    return clean_environment(home, more)
