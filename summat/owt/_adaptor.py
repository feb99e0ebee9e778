"""A loaded adaptor: its module, or the value of its expression, and counts of its use."""

from __future__ import annotations

from time import monotonic

from owt import _adaptor_threads, _thread_affinity
from owt._errors import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from owt._endpoint import Endpoint
    from owt._invoke import Plan
    from owt._source import Parsed

_MISSING = object()


class Adaptor:
    """A loaded adaptor."""

    __slots__ = (
        "calls",
        "digest",
        "endpoints",
        "fn_names",
        "generation",
        "imports",
        "loaded_at",
        "memory",
        "module",
        "namespace",
        "parsed",
        "plans",
        "runs_on",
        "source",
        "thread",
        "value",
    )

    def __init__(self, digest: str, source: str, parsed: Parsed, module: ModuleType) -> None:
        self.digest = digest
        self.source = source
        self.parsed = parsed
        self.runs_on = _thread_affinity.named_in(parsed, source)
        # Held, because the thread ends when nothing refers to it.
        self.thread = _adaptor_threads.current()
        self.module = module
        self.namespace = vars(module)
        # The value of the code, if that is an expression.
        self.value: object = None
        # By the name of the function.
        self.endpoints: dict[str, Endpoint] = {}
        # By the name of the function, and those of the arguments.
        self.plans: dict[tuple[str, ...], Plan] = {}
        self.calls = 0
        self.fn_names: set[str] = set()
        self.memory = 0
        # The generation of the helper modules when this was loaded.
        self.generation = 0
        # What its source imports; None until it is needed.
        self.imports: set[str] | None = None
        self.loaded_at = monotonic()

    def handler(self, fn_name: str) -> Callable[..., Any]:
        """Return what a call of `fn_name` runs, as it is bound now."""
        is_bound = self.parsed.binds(fn_name)
        found: object = self.namespace.get(fn_name, _MISSING) if is_bound else self._lookup(fn_name)
        if not callable(found):
            raise self._no_handler(fn_name, found)
        # Clients choose this name, so only names that the code binds are kept.
        if is_bound:
            self.fn_names.add(fn_name)
        return found

    def endpoint(self, fn_name: str) -> Endpoint:
        """Return how a function is called as a named endpoint, as it is bound now."""
        from owt._endpoint import Endpoint

        handler = self.handler(fn_name)
        known = self.endpoints.get(fn_name)
        if known is None or known.handler is not handler:
            known = self.endpoints[fn_name] = Endpoint(handler, fn_name)
        return known

    def _lookup(self, fn_name: str) -> Any:
        if self.parsed.is_expression and callable(self.value):
            return self.value
        default = self.value if self.parsed.is_expression else _MISSING
        if self.parsed.may_bind(fn_name):
            return self.namespace.get(fn_name, default)
        return default

    def _no_handler(self, fn_name: str, found: object) -> CallError:
        if found is _MISSING:
            return self.parsed.entry_missing(fn_name)
        return CallError(
            "entry-missing",
            f"What the code gives for {fn_name!r} is of type {type(found).__name__}, which cannot "
            f"be called. {self.parsed.suggestion(fn_name)}",
        )

    def summary(self) -> dict[str, Any]:
        """Return what may be shown of the adaptor: never its source."""
        return {
            "digest": self.digest,
            "calls": self.calls,
            "memory": self.memory,
            "age": monotonic() - self.loaded_at,
            "fn_names": sorted(self.fn_names),
        }
