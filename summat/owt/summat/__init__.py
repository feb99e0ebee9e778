"""Building blocks for adaptors, each imported when it is first used.

| name | what it does |
|---|---|
| `pipe` | a handler made of steps |
| `stream` | server-sent events and lines of JSON, with heartbeats |
| `audio` | WAV from samples, and samples from WAV |
| `image` | PNG, JPEG and WebP; uploads read safely |
| `text` | sentences |
| `template` | Jinja2, escaped for HTML |
| `files` | a folder served, with ranges and conditions |
| `once` | state that is made once in a worker |
| `batch` | concurrent calls combined into one |
| `shell` | commands with streamed output |
| `download` | files by URL, cached and verified |

Bad input is a `BadInput`, which is a `ValueError`; a library that is not installed is a `Missing`,
which is an `ImportError` and says what to install. If the input came with the request, report it:

    try:
        samples, rate = audio.read(request.get_data())
    except BadInput as err:
        abort(415, str(err))
"""

from __future__ import annotations

from owt.summat._pipe import Pipe, pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt.summat import audio as audio
    from owt.summat import files as files
    from owt.summat import image as image
    from owt.summat import shell as shell
    from owt.summat import stream as stream
    from owt.summat import template as template
    from owt.summat import text as text
    from owt.summat._batch import BatchMismatch as BatchMismatch
    from owt.summat._batch import batch as batch
    from owt.summat._download import DownloadFailed as DownloadFailed
    from owt.summat._download import download as download
    from owt.summat._errors import BadInput as BadInput
    from owt.summat._errors import Missing as Missing
    from owt.summat._once import once as once

# The modules of names that are not modules themselves.
_MODULES = {
    "BadInput": "_errors",
    "BatchMismatch": "_batch",
    "DownloadFailed": "_download",
    "Missing": "_errors",
    "batch": "_batch",
    "download": "_download",
    "once": "_once",
}

__all__ = [
    "BadInput",
    "BatchMismatch",
    "DownloadFailed",
    "Missing",
    "Pipe",
    "audio",
    "batch",
    "download",
    "files",
    "image",
    "once",
    "pipe",
    "shell",
    "stream",
    "template",
    "text",
]


def __getattr__(name: str) -> Any:
    """Import a building block when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = import_module(f"{__name__}.{_MODULES.get(name, name)}")
    value = globals()[name] = getattr(found, name) if name in _MODULES else found
    return value


def __dir__() -> list[str]:
    """List all names, imported or not."""
    return sorted({*globals(), *__all__})
