"""A remote executor for agents that write Python: run it with a server on this machine.

owt serve
python3 examples/agent/executor.py
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from owt.client import Owt

URL = os.environ.get("OWT_URL", "http://localhost:9876")
SESSION = Path(__file__).with_name("session.py")


@dataclass
class CodeOutput:
    """What a step came to."""

    output: Any
    logs: str
    is_final_answer: bool


class OwtExecutor:
    """Runs the steps of an agent in a session on a server, as smolagents' executors do."""

    def __init__(self, url: str = URL, **options: Any) -> None:
        """Begin a session; the options are those of `owt.client.Owt`."""
        self._owt = Owt(url, **options)
        self._session = uuid.uuid4().hex

    def send_variables(self, variables: dict[str, Any]) -> None:
        """Define names that the steps find."""
        self._call({"variables": variables})

    def __call__(self, code: str, timeout: float | None = 60) -> CodeOutput:
        """Run a step; what it raises is an `owt.client.OwtError`, with its traceback."""
        return CodeOutput(**self._call({"code": code}, timeout=timeout))

    def cleanup(self) -> None:
        """End the session, and close the connections to the server."""
        with self._owt:
            self._owt.call(SESSION, {"session": self._session}, fn_name="end")

    def _call(self, arguments: dict[str, Any], **options: Any) -> Any:
        reply = self._owt.call(SESSION, {"session": self._session, **arguments}, **options)
        return reply.json()


STEPS = [
    "import statistics\nmean = statistics.mean(prices)\nprint('the mean is', mean)",
    "spread = max(prices) - min(prices)\nspread",
    "final_answer({'mean': mean, 'spread': spread})",
]


if __name__ == "__main__":
    execute = OwtExecutor()
    execute.send_variables({"prices": [3, 5, 10]})
    # Where a model would write each step, having seen what the one before came to.
    for step in STEPS:
        print(execute(step))
    execute.cleanup()
