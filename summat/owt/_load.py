"""The adaptors that are loaded: each once, kept by digest; the least recently used go first."""

from __future__ import annotations

import os
import sys
import weakref
from collections import OrderedDict, deque
from contextlib import contextmanager
from gc import collect
from os import pread
from threading import Lock, Timer
from time import monotonic

from owt import _log_levels, _module, _same_thread, _turn, adaptors
from owt._faults import Fault
from owt._helpers import Helpers
from owt._shelf import Shelf
from owt._source import Parsed, parse
from owt._source_file import file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any

    from owt._invoke import Plan

_MISSING = object()
_MOST_FAILED = 64
# Bytes from which on it is worth the time to look for what an adaptor leaves behind.
_LARGE = 1 << 20
_SOON = 0.5
_LATEST = 60.0


class Adaptor:
    """A loaded adaptor: its module, or the value of its expression, and how it is doing."""

    __slots__ = (
        "born",
        "calls",
        "digest",
        "fn_names",
        "generation",
        "imports",
        "is_same_thread",
        "line",
        "memory",
        "module",
        "namespace",
        "parsed",
        "plans",
        "source",
        "value",
    )

    def __init__(self, digest: str, source: str, parsed: Parsed, module: ModuleType) -> None:
        self.digest = digest
        self.source = source
        self.parsed = parsed
        self.is_same_thread = _same_thread.is_named_in(parsed)
        # Lives as long as this does.
        self.line = _same_thread.here()
        self.module = module
        self.namespace = vars(module)
        self.value: object = None
        self.plans: dict[tuple[int, tuple[str, ...]], Plan] = {}
        self.calls = 0
        self.fn_names: set[str] = set()
        self.memory = 0
        # Of the helper modules that it has seen.
        self.generation = 0
        # What its text imports; None: nobody has asked yet.
        self.imports: set[str] | None = None
        self.born = monotonic()

    def handler(self, fn_name: str) -> Callable[..., Any]:
        """Return what a call of `fn_name` runs, as it is bound now."""
        found: object = self._named(fn_name)
        if not callable(found):
            raise self._no_handler(fn_name, found)
        # A client chooses this name: only one that the code binds is kept.
        if fn_name in self.parsed.binds:
            self.fn_names.add(fn_name)
        return found

    def _named(self, fn_name: str) -> Any:
        if fn_name in self.parsed.binds:
            return self.namespace.get(fn_name, _MISSING)
        if self.parsed.is_expression and callable(self.value):
            return self.value
        otherwise = self.value if self.parsed.is_expression else _MISSING
        if self.parsed.may_bind(fn_name):
            return self.namespace.get(fn_name, otherwise)
        return otherwise

    def _no_handler(self, fn_name: str, found: object) -> Fault:
        if found is _MISSING:
            return self.parsed.entry_missing(fn_name)
        return Fault(
            "entry-missing",
            f"What the code gives for {fn_name!r} is of type {type(found).__name__}, which cannot "
            f"be called. {self.parsed.way_out(fn_name)}",
        )

    def summary(self) -> dict[str, Any]:
        """Return what may be known about the adaptor from outside: never its source."""
        return {
            "digest": self.digest,
            "calls": self.calls,
            "memory": self.memory,
            "age": monotonic() - self.born,
            "fn_names": sorted(self.fn_names),
        }


class Store:
    """The loaded adaptors of this worker."""

    def __init__(self, limit: int, directory: str | None = None) -> None:
        self._limit = limit
        self._shelf = Shelf(directory)
        self.helpers = Helpers(directory)
        self._kept: OrderedDict[str, Adaptor] = OrderedDict()
        self._changing = Lock()
        self._loading: dict[str, _turn.Queue] = {}
        self._failed: deque[str] = deque()
        self._is_freeing = False
        # What `once` keeps for adaptors that are dropped already.
        self._dropped: list[weakref.ref[_module.Kept]] = []
        self._memory = _Memory()

    def get(self, digest: str) -> Adaptor | None:
        """Return a loaded adaptor, which makes it the most recently used."""
        adaptor = self._kept.get(digest)
        if adaptor is not None:
            self._touch(digest)
        return adaptor

    def load(
        self,
        digest: str,
        source: str,
        fn_name: str,
        *,
        reload: bool = False,
        name: str | None = None,
    ) -> Adaptor:
        """Return the adaptor, loaded by exactly one of the threads that ask for it at once.

        `name` is that of its file: what tracebacks show until it is loaded anew.
        """
        with self._turn(digest):
            adaptor = None if reload else self.get(digest)
            if adaptor is None or self.helpers.outdated(adaptor):
                self.helpers.refresh(source, anew=reload)
                adaptor = self._load(digest, source, fn_name, name)
                self._keep(adaptor)
            return adaptor

    def forget(self, digest: str) -> bool:
        """Drop an adaptor; False if it was not there."""
        with self._changing:
            adaptor = self._kept.pop(digest, None)
            if adaptor is None:
                return False
            self._drop(adaptor)
            return True

    def summaries(self) -> list[dict[str, Any]]:
        """Return a summary of each adaptor, the least recently used first."""
        return [adaptor.summary() for adaptor in list(self._kept.values())]

    def after_fork(self) -> None:
        """Free the locks that other threads held when this process was forked off."""
        self._changing = Lock()
        self._is_freeing = False
        self._loading = {}
        self._shelf.after_fork()
        self.helpers.after_fork()

    def _touch(self, digest: str) -> None:
        try:
            self._kept.move_to_end(digest)
        except KeyError:
            # Dropped by another thread just now; this call may still use it.
            return

    def _load(self, digest: str, source: str, fn_name: str, name: str | None) -> Adaptor:
        file = file_name(digest, name)
        parsed = parse(source, file)
        parsed.check_entry(fn_name)
        module = _module.new_module(digest, source, file)
        adaptor = Adaptor(digest, source, parsed, module)
        adaptor.generation = self.helpers.generation
        before = self._memory.resident()
        with self._registered(module, source):
            adaptor.value = _module.run(module, parsed)
        adaptor.memory = max(0, self._memory.resident() - before)
        return adaptor

    @contextmanager
    def _registered(self, module: ModuleType, source: str) -> Iterator[None]:
        """Enter a module where pickle and dataclasses look; as it was before if its code raises."""
        name = module.__name__
        previous = sys.modules.get(name)
        _enter(name, module)
        self._shelf.put(name, source)
        try:
            yield
        except BaseException:
            _enter(name, previous)
            if previous is None:
                self._shelf.remove(name)
                self._failed_to_load(module)
            raise

    def _failed_to_load(self, module: ModuleType) -> None:
        """Keep the lines of a module that is not kept for its traceback, which comes soon."""
        with self._changing:
            self._failed.append(module.__file__ or "")
            if len(self._failed) > _MOST_FAILED:
                _module.hide_lines(self._failed.popleft())

    def _keep(self, adaptor: Adaptor) -> None:
        with self._changing:
            previous = self._kept.get(adaptor.digest)
            if previous is not None:
                # What `once` has made outlives the module whose code has asked for it.
                _module.hand_over(previous.module, adaptor.module)
                self._drop(previous)
            self._kept[adaptor.digest] = adaptor
            self._kept.move_to_end(adaptor.digest)
            while len(self._kept) > self._limit:
                self._drop(self._kept.popitem(last=False)[1])

    def _drop(self, adaptor: Adaptor) -> None:
        kept = _module.kept_by(adaptor.module)
        if adaptor.memory >= _LARGE or kept is not None:
            self._free_soon(kept)
        name = adaptor.module.__name__
        if sys.modules.get(name) is adaptor.module:
            _enter(name, None)
            self._shelf.remove(name)
            _module.hide_lines(adaptor.module.__file__ or "")
            _log_levels.forget(adaptor.digest)

    def _free_soon(self, kept: _module.Kept | None) -> None:
        """Free what was dropped, once the calls that it still serves have ended.

        A module and its functions hold each other, and a few large objects, such as a model, never
        make Python look for such cycles by itself.
        """
        if kept is not None:
            self._dropped.append(weakref.ref(kept))
        if not self._is_freeing:
            self._free_in(_SOON)

    def _free_in(self, seconds: float) -> None:
        self._is_freeing = True
        timer = Timer(seconds, self._free, (seconds,))
        timer.daemon = True
        timer.start()

    def _free(self, waited: float) -> None:
        """Free what can be; what `once` keeps and a call still uses is tried again, ever later."""
        collect()
        with self._changing:
            self._dropped = [kept for kept in self._dropped if kept() is not None]
            self._is_freeing = False
            if self._dropped:
                self._free_in(min(2 * waited, _LATEST))

    @contextmanager
    def _turn(self, digest: str) -> Iterator[None]:
        """Let one thread at a time load a digest, and others load others."""
        with self._changing:
            queue = self._loading.setdefault(digest, _turn.Queue())
            queue.takers += 1
        try:
            with queue.turn():
                yield
        finally:
            with self._changing:
                queue.takers -= 1
                if not queue.takers:
                    self._loading.pop(digest, None)


def _enter(name: str, module: ModuleType | None) -> None:
    short = name.rpartition(".")[2]
    if module is None:
        sys.modules.pop(name, None)
        vars(adaptors).pop(short, None)
    else:
        sys.modules[name] = module
        setattr(adaptors, short, module)


class _Memory:
    """Reads how much memory this process has resident, from a file that stays open."""

    def __init__(self) -> None:
        self._page = os.sysconf("SC_PAGE_SIZE")
        try:
            self._statm = os.open("/proc/self/statm", os.O_RDONLY)
        except OSError:
            self._statm = -1

    def resident(self) -> int:
        """Return the bytes; 0 where they cannot be read."""
        if self._statm == -1:
            return 0
        return int(pread(self._statm, 128, 0).split()[1]) * self._page
