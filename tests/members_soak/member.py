"""A member: an owt in a network of its own, and what can befall it."""

import os
import signal
import subprocess
import time
from pathlib import Path

from harness.program import clean_environment, owt_binary
from harness.server import TEST_VIRTUALENV

from members_soak.network import Node

PORT = 9000


class Member:
    """An owt that is started, ended, frozen and cut off."""

    def __init__(self, node: Node, home: Path) -> None:
        self.node = node
        self.home = home
        self.log = (home / f"member-{node.number}.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The name that the front knows it by."""
        return f"{self.node.address}:{PORT}"

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        self.process = subprocess.Popen(
            [
                *self.node.inside,
                *(str(owt_binary()), "serve", "--address", self.node.address),
                *("--port", str(PORT), "--allow-anonymous", "--workers", "1", "--grace", "2"),
            ],
            env=clean_environment(self.home, TEST_VIRTUALENV),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def kill(self) -> None:
        """End it without a word, and start another one a little later."""
        self._signal(signal.SIGKILL)
        self._wait()
        time.sleep(1)
        self.start()

    def drain(self) -> None:
        """End it as an operator would, and start another one."""
        self._signal(signal.SIGTERM)
        self._wait()
        self.start()

    def freeze(self) -> None:
        """Have it stand still for longer than the front waits, or for less."""
        self._signal(signal.SIGSTOP)
        time.sleep(12)
        self._signal(signal.SIGCONT)

    def doze(self) -> None:
        """Have it stand still for so short a time that nothing comes of it."""
        self._signal(signal.SIGSTOP)
        time.sleep(1)
        self._signal(signal.SIGCONT)

    def cut(self) -> None:
        """Lose the network to it for a while."""
        self.node.cut()
        time.sleep(12)
        self.node.join()

    def stop(self) -> None:
        """End it for good."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        self._wait()
        self.log.close()

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, number)

    def _wait(self) -> None:
        if self.process is not None:
            self.process.wait(timeout=20)
