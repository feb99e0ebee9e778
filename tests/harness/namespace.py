"""Networks of a test's own: Ray listens on the machine's addresses, whatever it is told."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PATIENCE = 20.0
PAUSE = 0.05

_LOOPBACK = 'ip link set lo up && exec "$@"'
_HOLD = "echo there; read line"


class Namespace:
    """A network that only its own processes can reach, with loopback alone to begin with."""

    def __init__(self, holder: subprocess.Popen[str], descriptor: int) -> None:
        self._holder = holder
        self._inode = os.fstat(descriptor).st_ino

    @classmethod
    @contextmanager
    def made(cls, beside: "Namespace | None" = None) -> Iterator["Namespace"]:
        """Make one, beside another one if both are to be joined; end its processes with it."""
        own = ["unshare", "--net"] if beside or os.geteuid() == 0 else ["unshare", "-r", "--net"]
        command = [*(beside.prefix if beside else []), *own, *_shell(_LOOPBACK), *_shell(_HOLD)]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        with holder, holder.stdout:
            assert holder.stdout.readline() == "there\n", "unshare and ip have made no network"
            # While it is open, no other network has its number.
            descriptor = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
            namespace = cls(holder, descriptor)
            try:
                yield namespace
            finally:
                namespace.end()
                os.close(descriptor)

    @property
    def prefix(self) -> list[str]:
        """What runs a command in it, put before the command. Its process is that of the command."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self._holder.pid), "--net", *user, "--"]

    def popen(
        self, command: Sequence[str | Path], env: Mapping[str, str], stderr: IO[str] | int | None
    ) -> subprocess.Popen[str]:
        """Start a program in it, with pipes for its input and output."""
        return subprocess.Popen(
            [*self.prefix, *map(str, command)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def run(self, *command: str | Path, env: Mapping[str, str] | None = None) -> str:
        """Run a program in it, and return what it prints; it has to succeed."""
        done = subprocess.run(
            [*self.prefix, *map(str, command)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    def join(self, other: "Namespace", own: str, others: str) -> None:
        """Lay a cable to another one, with an address at each end."""
        peer = ["peer", "name", "cable", "netns", str(other._holder.pid)]
        self.run("ip", "link", "add", "cable", "type", "veth", *peer)
        for namespace, address in ((self, own), (other, others)):
            namespace.run("ip", "address", "add", f"{address}/24", "dev", "cable")
            namespace.run("ip", "link", "set", "cable", "up")

    def processes(self) -> dict[int, str]:
        """Return all that runs in it, by number, with command lines."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (path / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
                if os.stat(path / "ns/net").st_ino == self._inode and command:
                    found[int(path.name)] = command
        found.pop(self._holder.pid, None)
        return found

    def matching(self, *words: str) -> dict[int, str]:
        """Return the processes whose command lines have one of these words in them."""
        return {
            pid: command
            for pid, command in self.processes().items()
            if any(word in command for word in words)
        }

    def wait_until_gone(self, *words: str) -> float:
        """Wait until no such process is left, or none at all, and return the seconds it took."""
        began = time.monotonic()
        while left := self.matching(*words) if words else self.processes():
            assert time.monotonic() < began + PATIENCE, f"still running: {left}"
            time.sleep(PAUSE)
        return time.monotonic() - began

    def end(self) -> None:
        """End all that is left in it, and it."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        assert self._holder.stdin is not None
        self._holder.stdin.close()


def _shell(script: str) -> list[str]:
    return ["sh", "-c", script, "sh"]
