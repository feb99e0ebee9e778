"""A network of namespaces: one for each member, joined to this one by a link that can be cut."""

import os
import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType

# Set in the process that is in a namespace of its own.
INSIDE = "OWT_SOAK_INSIDE"


def enter() -> None:
    """Run this program again where there is no network but its own, if that is not so yet."""
    if os.environ.get(INSIDE):
        ip("link", "set", "lo", "up")
        return
    user = () if os.geteuid() == 0 else ("--map-root-user",)
    command = ["unshare", "--net", *user, sys.executable, "-m", "members_soak", *sys.argv[1:]]
    os.execvpe(command[0], command, {**os.environ, INSIDE: "1"})


def ip(*arguments: str) -> None:
    """Run `ip`, which has to succeed."""
    subprocess.run(["ip", *arguments], check=True, timeout=20)


@dataclass
class Node:
    """A namespace with one address, which this process reaches."""

    number: int
    anchor: subprocess.Popen[bytes]

    @classmethod
    def make(cls, number: int) -> "Node":
        """Make a namespace, and a link to it."""
        anchor = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        node = cls(number, anchor)
        while os.readlink(f"/proc/{anchor.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            assert anchor.poll() is None
        ip(
            *("link", "add", node.link, "type", "veth"),
            *("peer", "name", "eth0", "netns", str(anchor.pid)),
        )
        ip("addr", "add", f"10.99.{number}.1/24", "dev", node.link)
        ip("link", "set", node.link, "up")
        for command in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{node.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
        ):
            subprocess.run([*node.inside, "ip", *command], check=True, timeout=20)
        return node

    @property
    def link(self) -> str:
        """The name of the link, on this side."""
        return f"owt{self.number}"

    @property
    def address(self) -> str:
        """The address of what listens there."""
        return f"10.99.{self.number}.2"

    @property
    def inside(self) -> list[str]:
        """What a command begins with that runs there."""
        return ["nsenter", "--target", str(self.anchor.pid), "--net"]

    def cut(self) -> None:
        """Lose every packet from now on."""
        ip("link", "set", self.link, "down")

    def join(self) -> None:
        """Lose none any more."""
        ip("link", "set", self.link, "up")

    def __enter__(self) -> "Node":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self.anchor.kill()
        self.anchor.wait()
