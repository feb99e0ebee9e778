"""The call in whose context code runs: one context variable, because each costs every call."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weakref import ref

    from owt._bindings import Call

    # The id of the request, the digest of the adaptor, and the call.
    Current = tuple[str, str, ref[Call] | None]

NO_CALL = "-"
"""Stands for the id where no call runs."""

_current: ContextVar[Current] = ContextVar("owt_call", default=(NO_CALL, "", None))


set_current = _current.set
"""Assigns what runs in this context from now on to a call of an adaptor.

The reference to the call is weak: what copies the context may outlive it, and its body.
"""


def call_id() -> str:
    """Return the id of the request, or `NO_CALL`."""
    return _current.get()[0]


def digest() -> str:
    """Return the digest of the adaptor; empty outside of calls."""
    return _current.get()[1]


def call_ref() -> ref[Call] | None:
    """Return a reference to the call, which may have ended."""
    return _current.get()[2]
