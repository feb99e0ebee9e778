"""What building blocks raise: bad input, and libraries that are not there."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BadInput(ValueError):
    """What was given is not what the building block reads: not a WAV, not an image, and so on.

    Its text is one sentence for a person. An adaptor whose input came with the request answers with
    `abort(415, str(err))`; left alone, it is an error of the adaptor like any other.
    """


class Missing(ImportError):
    """A library that a building block needs is not installed; the text says how to install it."""


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
