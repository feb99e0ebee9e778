"""`once`: what is expensive to make, made once in a worker and kept for all later calls."""

from __future__ import annotations

import functools
import sys
import weakref
from typing import TypeVar, overload

from owt._module import ONCE_VALUES, PACKAGE, OnceValues
from owt.summat._once_entry import Entry, registry_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


@overload
def once(name: str, make: Callable[[], Coroutine[Any, Any, T]]) -> Coroutine[Any, Any, T]: ...
@overload
def once(name: str, make: Callable[[], T]) -> T: ...
@overload
def once(name: Callable[P, T]) -> Callable[P, T]: ...
def once(name: Any, make: Any = None) -> Any:
    """Make something once in a worker, and return the same thing to every call from then on.

    As a decorator, once for each set of (hashable) arguments:

        @once
        def model(size="small"):
            return load(size)

        def run(request, text):
            return model().predict(text)

    By name, which all adaptors of the worker share, so that a new version of an adaptor finds what
    the last one has made:

        model = once("my-model", lambda: load("small"))

    One caller makes it while the others wait. Making goes on as long as one of them wants it, even
    if the caller who began is cancelled. If making fails or is interrupted, that caller gets the
    error, and the next one tries again. If the function is async, so is the result:
    `await model()`, `await once("my-model", load)`.

    What was made is closed, by its `aclose()`, `close()` or `__exit__()`, when the worker ends, and
    soon after the last adaptor that has asked for it is dropped and its calls have ended.
    """
    if isinstance(name, str):
        if not callable(make):
            raise TypeError(
                f"once({name!r}, make) takes a function that makes it, not {make!r:.80}"
            )
        return _by_name(name, make)
    if not callable(name) or make is not None:
        raise TypeError("once is a decorator, or called as once(name, make)")
    return _decorated(name)


def _decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    entries: dict[Any, Entry] = {}
    name = getattr(function, "__qualname__", repr(function))
    _values_of(_calling_namespace())

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        key = (args, tuple(sorted(kwargs.items())))
        entry = entries.get(key) or entries.setdefault(key, Entry(name))
        return entry.get(functools.partial(function, *args, **kwargs))

    return made


def _by_name(name: str, make: Callable[[], Any]) -> Any:
    values = _values_of(_calling_namespace())
    entry = values.get(name)
    if entry is None:
        with registry_lock:
            entry = _named.get(name) or Entry(name)
            _named[name] = values[name] = entry
    return entry.get(make)


def _calling_namespace() -> dict[str, Any]:
    """Return the globals of the adaptor that calls this; without one, those of this module."""
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(f"{PACKAGE}."):
            return frame.f_globals
        frame = frame.f_back  # type: ignore[assignment]
    return globals()


def _values_of(namespace: dict[str, Any]) -> OnceValues:
    """Return what an adaptor keeps alive by name.

    It is in the adaptor's globals, so it is freed with them: when the adaptor was dropped and none
    of its calls runs any more.
    """
    values: OnceValues = namespace.setdefault(ONCE_VALUES, OnceValues())
    return values


_named: weakref.WeakValueDictionary[str, Entry] = weakref.WeakValueDictionary()
