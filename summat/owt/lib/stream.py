"""Server-sent events in the format of the first owt; see `owt.summat.stream` for more."""

from __future__ import annotations

from owt.summat import stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    Chunks = TypeVar("Chunks", bound=Iterable[str | bytes])

__all__ = ["done", "event", "response"]


def event(**fields: object) -> str:
    r"""Return an event whose data is a JSON object of the fields.

    >>> event(data="hey", index=0)
    'data: {"data":"hey","index":0}\n\n'
    """
    return stream.event(fields).decode()


def done() -> str:
    r"""Return the event that ends a stream for pages of the first owt.

    >>> done()
    'data: [DONE]\n\n'
    """
    return stream.event("[DONE]").decode()


def response(
    generator: Callable[P, Chunks], *args: P.args, **kwargs: P.kwargs
) -> tuple[Chunks, dict[str, str]]:
    """Return a response with the events that `generator(*args, **kwargs)` yields."""
    return generator(*args, **kwargs), {"Content-Type": "text/event-stream"}
