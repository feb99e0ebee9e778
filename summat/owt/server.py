"""Names that programs for the first owt import: `Server`, `main(port=…)` and `_SERVER`."""

from __future__ import annotations

from owt._main import main
from owt._server import Server, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _SERVER: Server | None

__all__ = ["Server", "main"]


def __getattr__(name: str) -> Any:
    # Looked up at each access: a child process may apply its worker's settings later.
    if name == "_SERVER":
        return running()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
