"""Calls handlers with a request and arguments, by a plan for each set of argument names."""

from __future__ import annotations

from types import FunctionType

from owt._errors import CallError
from owt._kwargs import LAST
from owt._request import Request
from owt._signature import Signature, display, signature
from owt._unwrap import is_singledispatch, wrapped_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from owt._adaptor import Adaptor
    from owt._bindings import Call

    Handler = Callable[..., Any]
    Kwargs = dict[str, Any]
    Caller = Callable[[Handler, Request, Kwargs], Any]

# Names of parameters that always get the request.
_REQUEST_NAMES = frozenset(("request", "req", "_"))
# The slot of a request that is passed first, by position.
_FIRST = ""
_MAX_PLANS = 64
# CO_VARARGS and CO_VARKEYWORDS of `inspect`, which is slow to import.
_ANY = 0x04 | 0x08
# Without the frame of `Request.__init__`.
_new = object.__new__


class Plan:
    """How to call one handler with arguments of certain names."""

    __slots__ = ("call", "code", "handler")

    def __init__(self, handler: Handler, call: Caller) -> None:
        self.handler = handler
        self.call = call
        # Arguments by position are for this code alone, which tools that reload replace in place.
        is_by_position = call is _by_position or call is _request_then_by_position
        self.code = handler.__code__ if is_by_position else None


def invoke(adaptor: Adaptor, fn_name: str, call: Call, kwargs: Kwargs) -> Any:
    """Call an adaptor's function; an `arguments` error says what does not fit."""
    plan = adaptor.plans.get((fn_name, *kwargs))
    # What the name is bound to now; for code that is an expression, mostly its value.
    handler = adaptor.namespace.get(fn_name, adaptor.value)
    if (
        plan is None
        or plan.handler is not handler
        or (plan.code is not None and plan.code is not handler.__code__)
    ):
        handler, plan = _planned(adaptor, fn_name, kwargs)
    adaptor.calls += 1
    # The frequent ones without a call of their own, and without a request that nobody takes.
    way = plan.call
    if way is _by_position:
        return handler(*kwargs.values())
    if way is _without_request:
        return handler(**kwargs)
    request = _new(Request)
    request._call = call
    if way is _request_then_by_position:
        return handler(request, *kwargs.values())
    if way is _request_first:
        return handler(request, **kwargs)
    return way(handler, request, kwargs)


def _planned(adaptor: Adaptor, fn_name: str, kwargs: Kwargs) -> tuple[Handler, Plan]:
    handler = adaptor.handler(fn_name)
    names = tuple(kwargs)
    way = obvious(handler, names)
    if way is None:
        way = _by_position_if_same(choose(handler, fn_name, names), handler, names)
    plan = Plan(handler, way)
    if len(adaptor.plans) >= _MAX_PLANS:
        adaptor.plans.clear()
    adaptor.plans[(fn_name, *kwargs)] = plan
    return handler, plan


def obvious(handler: Handler, names: tuple[str, ...]) -> Caller | None:
    """Return how to call a plain function that takes arguments of these names and nothing else.

    Before them, it may take a request. None: `choose` knows, and says the same of these.
    """
    if type(handler) is not FunctionType or handler.__dict__:
        return None
    code = handler.__code__
    if code.co_kwonlyargcount or code.co_posonlyargcount or code.co_flags & _ANY:
        return None
    taken = code.co_varnames[: code.co_argcount]
    if taken == names:
        return _by_position
    if taken[1:] == names and taken and taken[0] in _REQUEST_NAMES and taken[0] not in names:
        return _request_then_by_position
    return None


def _by_position_if_same(way: Caller, handler: Handler, names: tuple[str, ...]) -> Caller:
    """Return the way to call a plain function that passes the same by position, if there is one.

    For arguments by name, Python makes a copy of their dict, and looks for each of the names.
    """
    if type(handler) is not FunctionType or way not in (_without_request, _request_first):
        return way
    code, skipped = handler.__code__, int(way is _request_first)
    end = skipped + len(names)
    is_same = code.co_varnames[skipped:end] == names and end <= code.co_argcount
    if code.co_posonlyargcount > skipped or not is_same:
        return way
    return _request_then_by_position if skipped else _by_position


def choose(handler: Handler, fn_name: str, names: Any) -> Caller:
    """Return how to call `handler` with a request and arguments of these names."""
    params = signature(handler)
    if params is None:
        return _unnamed_first if LAST in names else _without_request
    if not params.takes_anything():
        return _matching(params, handler, fn_name, set(names))
    # A decorator without `functools.wraps` may change the arguments: only the call shows what fits.
    inner = wrapped_signature(handler, fn_name) or params
    caller, _ = _choose_caller(inner, set(names))
    return _unnamed_first if caller is _no_match else caller


def _matching(params: Signature, handler: Handler, fn_name: str, given: set[str]) -> Caller:
    caller, mismatch = _choose_caller(params, given)
    # A decorator may add what comes before a request that is not first.
    is_injected = bool(mismatch.slot) and hasattr(handler, "__wrapped__")
    if caller is _no_match or (mismatch.is_any() and not is_injected):
        raise CallError("arguments", mismatch.sentence(fn_name, handler))
    first = params.positional[0] if params.positional else None
    if first in given and is_singledispatch(handler):
        return _FirstByPosition(first, mismatch.slot)
    return caller


def _choose_caller(params: Signature, given: set[str]) -> tuple[Caller, _Mismatch]:
    has_unnamed = LAST in given and not (params.any_keyword or LAST in params.by_name())
    given -= {LAST} if has_unnamed else set()
    slot = _request_slot(params, given)
    if has_unnamed:
        caller, filled = _with_unnamed(params, given, slot)
    else:
        caller, filled = _without_unnamed(params, slot)
    return caller, _mismatch(params, given, filled, slot)


def _request_slot(params: Signature, given: set[str]) -> str | None:
    """Return where the request goes: `_FIRST`, a parameter's name, or None for nowhere."""
    if _takes_request_first(params, given):
        return _FIRST
    named = (_REQUEST_NAMES | params.annotated) & params.by_name() - given
    return min(named, default=None)


def _takes_request_first(params: Signature, given: set[str]) -> bool:
    if not params.positional:
        return params.any_positional
    free = _free_from_first(params, given)
    if not free:
        return False
    name = free[0]
    if name in _REQUEST_NAMES or name in params.annotated:
        return True
    # These may be meant for something else, so one with a default keeps it.
    is_likely = name == "r" or name.startswith("_") or params.position_only > 0
    return is_likely and name in params.required and name != LAST


def _free_from_first(params: Signature, given: set[str]) -> tuple[str, ...]:
    """Return the leading parameters that no argument fills by name."""
    for index, name in enumerate(params.positional):
        if index >= params.position_only and name in given:
            return params.positional[:index]
    return params.positional


def _with_unnamed(
    params: Signature, given: set[str], slot: str | None
) -> tuple[Caller, frozenset[str]]:
    """Choose how a value without a name is passed; also return the parameters that this fills."""
    free = _free_from_first(params, given)
    if slot == _FIRST:
        if len(free) > 1 or params.any_positional:
            return _request_then_unnamed, frozenset(free[:2])
        if params.position_only and free[0] not in _REQUEST_NAMES | params.annotated:
            return _unnamed_first, frozenset(free)
    elif free and free[0] != slot:
        caller = _unnamed_first if slot is None else _UnnamedThenRequest(slot)
        return caller, frozenset((free[0], slot or free[0]))
    return _no_match, frozenset(free[:1])


def _without_unnamed(params: Signature, slot: str | None) -> tuple[Caller, frozenset[str]]:
    """Choose how the request is passed; also return the parameter that this fills."""
    if slot is None:
        return _without_request, frozenset()
    if slot == _FIRST:
        return _request_first, frozenset(params.positional[:1])
    return _RequestByName(slot), frozenset((slot,))


class _Mismatch:
    """Required parameters that are missing, and arguments that no parameter takes."""

    __slots__ = ("missing", "slot", "unknown")

    def __init__(self, missing: list[str], unknown: list[str], slot: str | None) -> None:
        self.slot = slot
        self.missing = missing
        self.unknown = unknown

    def is_any(self) -> bool:
        """Return whether there are any."""
        return bool(self.missing or self.unknown)

    def sentence(self, fn_name: str, handler: Handler) -> str:
        """Return the message; where it may help, it says which parameter gets the request."""
        if self.missing and not self.unknown and self.slot is None:
            needs = " and ".join(map(repr, self.missing))
            return (
                f"{fn_name}() needs {needs}. "
                "(The request goes to a first parameter that is called request, req, r or _.)"
            )
        problems = [f"{name!r} is missing" for name in self.missing]
        problems += [f"it has no parameter {name!r}" for name in self.unknown]
        problem = "; ".join(problems) or "it takes no value that has no name"
        return f"The arguments do not fit {display(fn_name, handler)}: {problem}."


def _mismatch(
    params: Signature, given: set[str], filled: frozenset[str], slot: str | None
) -> _Mismatch:
    known = params.by_name()
    missing = [
        name
        for name in (*params.positional, *params.keyword_only)
        if name in params.required and name not in filled and not (name in given and name in known)
    ]
    return _Mismatch(missing, [] if params.any_keyword else sorted(given - known), slot)


def _by_position(handler: Handler, _request: Request, kwargs: Kwargs) -> Any:
    return handler(*kwargs.values())


def _request_then_by_position(handler: Handler, request: Request, kwargs: Kwargs) -> Any:
    return handler(request, *kwargs.values())


def _request_first(handler: Handler, request: Request, kwargs: Kwargs) -> Any:
    return handler(request, **kwargs)


def _without_request(handler: Handler, _request: Request, kwargs: Kwargs) -> Any:
    return handler(**kwargs)


def _request_then_unnamed(handler: Handler, request: Request, kwargs: Kwargs) -> Any:
    return handler(request, kwargs.pop(LAST), **kwargs)


def _unnamed_first(handler: Handler, _request: Request, kwargs: Kwargs) -> Any:
    return handler(kwargs.pop(LAST), **kwargs)


def _no_match(_handler: Handler, _request: Request, _kwargs: Kwargs) -> Any:
    raise AssertionError("a plan that does not fit is never called")


class _RequestByName:
    """Passes the request by the name of its parameter, which is not the first."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, handler: Handler, request: Request, kwargs: Kwargs) -> Any:
        return handler(**{self._name: request}, **kwargs)


class _UnnamedThenRequest:
    """Passes a value without a name first, and the request by name."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, handler: Handler, request: Request, kwargs: Kwargs) -> Any:
        return handler(kwargs.pop(LAST), **{self._name: request}, **kwargs)


class _FirstByPosition:
    """Passes a named argument first by position, as `functools.singledispatch` requires."""

    __slots__ = ("_name", "_slot")

    def __init__(self, name: str, slot: str | None) -> None:
        self._name = name
        self._slot = slot

    def __call__(self, handler: Handler, request: Request, kwargs: Kwargs) -> Any:
        given = {self._slot: request} if self._slot else {}
        return handler(kwargs.pop(self._name), **given, **kwargs)
