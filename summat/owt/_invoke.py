"""How a handler is called with a request and arguments: planned once for each set of names."""

from __future__ import annotations

from owt._faults import Fault
from owt._kwargs import LAST
from owt._signature import Signature, shown, signature
from owt._wrapper import dispatches, signature_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._load import Adaptor
    from owt._request import Request

    Handler = Callable[..., Any]
    Kwargs = dict[str, Any]
    Caller = Callable[[Handler, Request, Kwargs], Any]

# What a parameter for the request is called.
_CLEAR_NAMES = frozenset(("request", "req", "_"))
# The place of the request that goes before all arguments.
_FIRST = ""
_MOST_PLANS = 64


class Plan:
    """How to call one handler with arguments of certain names."""

    __slots__ = ("call", "handler")

    def __init__(self, handler: Handler, call: Caller) -> None:
        # Held so that the handler's id, which is the plan's key, stays its own.
        self.handler = handler
        self.call = call


def invoke(adaptor: Adaptor, fn_name: str, request: Request, kwargs: Kwargs) -> Any:
    """Call an adaptor's function, or raise the `arguments` fault that says what does not fit."""
    handler = adaptor.handler(fn_name)
    key = (id(handler), tuple(kwargs))
    plan = adaptor.plans.get(key)
    if plan is None:
        plan = Plan(handler, choose(handler, fn_name, kwargs.keys()))
        if len(adaptor.plans) >= _MOST_PLANS:
            adaptor.plans.clear()
        adaptor.plans[key] = plan
    adaptor.calls += 1
    return plan.call(handler, request, kwargs)


def choose(handler: Handler, fn_name: str, names: Any) -> Caller:
    """Return how to call `handler` with a request and arguments of these names."""
    read = signature(handler)
    if read is None:
        return _last if LAST in names else _alone
    if not read.takes_anything():
        return _fitting(read, handler, fn_name, set(names))
    # A decorator without `functools.wraps`: only Python knows what fits what it makes of a call.
    inner = signature_within(handler, fn_name) or read
    caller, _misfit = _chosen(inner, set(names))
    return _last if caller is _none_fits else caller


def _fitting(read: Signature, handler: Handler, fn_name: str, given: set[str]) -> Caller:
    caller, misfit = _chosen(read, given)
    # What stands before a request that is not first, a decorator may add.
    is_injected = bool(misfit.place) and hasattr(handler, "__wrapped__")
    if caller is _none_fits or (misfit.is_any() and not is_injected):
        raise Fault("arguments", misfit.sentence(fn_name, handler))
    first = read.positional[0] if read.positional else None
    if first in given and dispatches(handler):
        return _ByPosition(first, misfit.place)
    return caller


def _chosen(read: Signature, given: set[str]) -> tuple[Caller, _Misfit]:
    has_last = LAST in given and not (read.any_keyword or LAST in read.by_name())
    given -= {LAST} if has_last else set()
    place = _request_place(read, given)
    if has_last:
        caller, filled = _with_last(read, given, place)
    else:
        caller, filled = _without_last(read, place)
    return caller, _misfit(read, given, filled, place)


def _request_place(read: Signature, given: set[str]) -> str | None:
    """Say where the request goes: first, to the parameter of a name, or nowhere."""
    if _takes_request_first(read, given):
        return _FIRST
    clear = (_CLEAR_NAMES | read.annotated) & read.by_name() - given
    return min(clear, default=None)


def _takes_request_first(read: Signature, given: set[str]) -> bool:
    if not read.positional:
        return read.any_positional
    free = _free_from_first(read, given)
    if not free:
        return False
    name = free[0]
    if name in _CLEAR_NAMES or name in read.annotated:
        return True
    # These may be meant for something else: one that has a default keeps it.
    is_likely = name == "r" or name.startswith("_") or read.position_only > 0
    return is_likely and name in read.required and name != LAST


def _free_from_first(read: Signature, given: set[str]) -> tuple[str, ...]:
    """Return the leading parameters that the arguments do not fill by name."""
    for index, name in enumerate(read.positional):
        if index >= read.position_only and name in given:
            return read.positional[:index]
    return read.positional


def _with_last(
    read: Signature, given: set[str], place: str | None
) -> tuple[Caller, frozenset[str]]:
    """Choose where a value without a name goes, and say which parameters are filled unnamed."""
    free = _free_from_first(read, given)
    if place == _FIRST:
        if len(free) > 1 or read.any_positional:
            return _first_and_last, frozenset(free[:2])
        if read.position_only and free[0] not in _CLEAR_NAMES | read.annotated:
            return _last, frozenset(free)
    elif free and free[0] != place:
        caller = _last if place is None else _LastAndNamed(place)
        return caller, frozenset((free[0], place or free[0]))
    return _none_fits, frozenset(free[:1])


def _without_last(read: Signature, place: str | None) -> tuple[Caller, frozenset[str]]:
    """Choose how the request is given, and say which parameter that fills."""
    if place is None:
        return _alone, frozenset()
    if place == _FIRST:
        return _first, frozenset(read.positional[:1])
    return _Named(place), frozenset((place,))


class _Misfit:
    """What is wrong with the arguments: parameters that are not filled, and names that are none."""

    __slots__ = ("missing", "place", "unknown")

    def __init__(self, missing: list[str], unknown: list[str], place: str | None) -> None:
        self.place = place
        self.missing = missing
        self.unknown = unknown

    def is_any(self) -> bool:
        """Return whether anything is wrong."""
        return bool(self.missing or self.unknown)

    def sentence(self, fn_name: str, handler: Handler) -> str:
        """Say it, and who gets the request where somebody may have counted on that."""
        if self.missing and not self.unknown and self.place is None:
            needs = " and ".join(map(repr, self.missing))
            return (
                f"{fn_name}() needs {needs}. "
                "(The request goes to a first parameter that is called request, req, r or _.)"
            )
        flaws = [f"{name!r} is missing" for name in self.missing]
        flaws += [f"it has no parameter {name!r}" for name in self.unknown]
        flaw = "; ".join(flaws) or "it takes no value that has no name"
        return f"The arguments do not fit {shown(fn_name, handler)}: {flaw}."


def _misfit(read: Signature, given: set[str], filled: frozenset[str], place: str | None) -> _Misfit:
    known = read.by_name()
    missing = [
        name
        for name in (*read.positional, *read.keyword_only)
        if name in read.required and name not in filled and not (name in given and name in known)
    ]
    return _Misfit(missing, [] if read.any_keyword else sorted(given - known), place)


def _first(handler: Handler, request: Request, kwargs: Kwargs) -> Any:
    return handler(request, **kwargs)


def _alone(handler: Handler, _request: Request, kwargs: Kwargs) -> Any:
    return handler(**kwargs)


def _first_and_last(handler: Handler, request: Request, kwargs: Kwargs) -> Any:
    return handler(request, kwargs.pop(LAST), **kwargs)


def _last(handler: Handler, _request: Request, kwargs: Kwargs) -> Any:
    return handler(kwargs.pop(LAST), **kwargs)


def _none_fits(_handler: Handler, _request: Request, _kwargs: Kwargs) -> Any:
    raise AssertionError("a plan that does not fit is never called")


class _Named:
    """Gives the request by the name of its parameter, which is not the first."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, handler: Handler, request: Request, kwargs: Kwargs) -> Any:
        return handler(**{self._name: request}, **kwargs)


class _LastAndNamed:
    """Gives a value without a name first, and the request by the name of its parameter."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, handler: Handler, request: Request, kwargs: Kwargs) -> Any:
        return handler(kwargs.pop(LAST), **{self._name: request}, **kwargs)


class _ByPosition:
    """Gives the argument of a name first: what dispatches on it takes it in no other way."""

    __slots__ = ("_name", "_place")

    def __init__(self, name: str, place: str | None) -> None:
        self._name = name
        self._place = place

    def __call__(self, handler: Handler, request: Request, kwargs: Kwargs) -> Any:
        given = {self._place: request} if self._place else {}
        return handler(kwargs.pop(self._name), **given, **kwargs)
