"""Exceptions of the building blocks: bad input, and missing libraries."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BadInput(ValueError):
    """The input is not what the building block reads: not a WAV file, not an image, and so on.

    Its message is one sentence for people. If the input came with the request, an adaptor can end
    the call with `abort(415, str(err))`; uncaught, it is an error of the adaptor like any other.
    """


class Missing(ImportError):
    """A library that a building block needs is missing; the message says how to install it."""


def need(module: str, package: str, what: str) -> Any:
    """Import the library that `what` needs, or raise `Missing`.

    >>> need("no_such_library", "No-Such-Library", "owt.summat.image")
    Traceback (most recent call last):
    owt.summat._errors.Missing: owt.summat.image needs No-Such-Library: pip install No-Such-Library
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as err:
        if err.name != module.partition(".")[0]:
            raise
        raise Missing(f"{what} needs {package}: pip install {package}", name=module) from None
