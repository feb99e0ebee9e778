"""The benchmark's endpoint, written by hand for Granian's RSGI protocol: PORT is the argument."""

import json
import sys
from typing import Any

from granian import Granian


async def app(_scope: Any, protocol: Any) -> None:
    """Greet."""
    call = json.loads(await protocol())
    protocol.response_str(200, [("content-type", "text/plain")], f"Hello, {call['name']}!")


if __name__ == "__main__":
    Granian(f"{__file__}:app", port=int(sys.argv[1]), interface="rsgi", log_enabled=False).serve()
