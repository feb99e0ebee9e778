"""How a handler is called with a request and arguments: planned once for each set of names."""

from __future__ import annotations

from owt._faults import Fault
from owt._kwargs import LAST
from owt._signature import Signature, shown, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._load import Adaptor
    from owt._request import Request

    Handler = Callable[..., Any]
    Kwargs = dict[str, Any]
    Caller = Callable[[Handler, Request, Kwargs], Any]

REQUEST_NAMES = frozenset(("request", "req", "_"))
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
    given = set(names)
    if LAST in given and not (read.any_keyword or LAST in read.by_name()):
        given.remove(LAST)
        caller, filled = _with_last(read, given)
    else:
        caller, filled = _without_last(read, given)
    misfit = _misfit(read, given, filled)
    if caller is _none_fits or misfit:
        misfit = misfit or "it takes no value that has no name"
        raise Fault("arguments", f"The arguments do not fit {shown(fn_name, handler)}: {misfit}.")
    return caller


def _with_last(read: Signature, given: set[str]) -> tuple[Caller, frozenset[str]]:
    """Choose where a value without a name goes, and say which parameters are filled unnamed."""
    free = _free_from_first(read, given)
    if _takes_request_first(read, given) and (len(free) > 1 or read.any_positional):
        return _first_and_last, frozenset(free[:2])
    if free and free[0] not in REQUEST_NAMES:
        return _last, frozenset(free[:1])
    return _none_fits, frozenset(free[:1])


def _without_last(read: Signature, given: set[str]) -> tuple[Caller, frozenset[str]]:
    """Choose where the request goes, and say which parameter that fills."""
    if _takes_request_first(read, given):
        return _first, frozenset(read.positional[:1])
    for name in sorted(REQUEST_NAMES & read.by_name() - given):
        return _Named(name), frozenset((name,))
    return _alone, frozenset()


def _takes_request_first(read: Signature, given: set[str]) -> bool:
    if not read.positional:
        return read.any_positional
    free = _free_from_first(read, given)
    return bool(free) and (free[0] in read.required or free[0] in REQUEST_NAMES)


def _free_from_first(read: Signature, given: set[str]) -> tuple[str, ...]:
    """Return the leading parameters that the arguments do not fill by name."""
    for index, name in enumerate(read.positional):
        if index >= read.position_only and name in given:
            return read.positional[:index]
    return read.positional


def _misfit(read: Signature, given: set[str], filled: frozenset[str]) -> str:
    known = read.by_name()
    missing = [
        name
        for name in (*read.positional, *read.keyword_only)
        if name in read.required and name not in filled and not (name in given and name in known)
    ]
    unknown = [] if read.any_keyword else sorted(given - known)
    return "; ".join(
        [f"{name!r} is missing" for name in missing]
        + [f"it has no parameter {name!r}" for name in unknown]
    )


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
