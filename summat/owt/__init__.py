"""What adaptors use of owt: requests, responses, the server, and building blocks for handlers.

Adaptors have these names without importing them. Installed with pip, the package is for editors and
tests, and for making URLs with `owtify`; the server carries its own copy.
"""

from __future__ import annotations

from owt import _importer

# Before any other module of owt is imported.
_importer.install()

from owt._main import main  # noqa: E402
from owt._progress import progress  # noqa: E402
from owt._request import Request  # noqa: E402
from owt._response import Response, abort  # noqa: E402
from owt._server import Server, args  # noqa: E402
from owt._thread_affinity import on_main_thread, same_thread  # noqa: E402
from owt.summat import pipe  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._form import File as UploadFile
    from owt._owtify import OwtifyError, owtify

__all__ = [
    "OwtifyError",
    "Request",
    "Response",
    "Server",
    "UploadFile",
    "abort",
    "args",
    "main",
    "on_main_thread",
    "owtify",
    "pipe",
    "progress",
    "same_thread",
]


def __getattr__(name: str) -> Any:
    # Few adaptors use these, and importing them would slow down the start of every worker.
    if name == "UploadFile":
        from owt._form import File

        return File
    if name not in ("OwtifyError", "owtify"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from owt import _owtify

    return getattr(_owtify, name)
