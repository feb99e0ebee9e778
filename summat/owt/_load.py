"""Loads adaptors, each once by its digest, and drops the least recently used ones."""

from __future__ import annotations

import os
import sys
import weakref
from collections import OrderedDict, deque
from gc import collect
from os import pread
from threading import Lock, Timer

from owt import _log_levels, _module, adaptors
from owt._adaptor import Adaptor
from owt._filename import adaptor_filename
from owt._helper_modules import HelperModules
from owt._locks import InterruptibleLock
from owt._source import parse
from owt._source_store import SourceStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_MAX_FAILED = 64
# Bytes of an adaptor from which on a garbage collection is worth its time.
_LARGE = 1 << 20
# Seconds until the first garbage collection after a drop, and at most between two.
_FIRST_COLLECTION = 0.5
_MAX_COLLECTION_PAUSE = 60.0


class AdaptorCache:
    """The loaded adaptors of this worker."""

    def __init__(self, limit: int, directory: str | None = None) -> None:
        self._limit = limit
        self._sources = SourceStore(directory)
        self.helpers = HelperModules(directory)
        self._adaptors: OrderedDict[str, Adaptor] = OrderedDict()
        # The digest of the most recently used one, or of one that was it a moment ago.
        self._newest = ""
        self._lock = Lock()
        self._load_locks: dict[str, InterruptibleLock] = {}
        # The files of adaptors that failed to load, whose lines tracebacks still show.
        self._failed: deque[str] = deque()
        self._is_collecting = False
        # What `once` made for adaptors that are dropped already.
        self._dropped: list[weakref.ref[_module.OnceValues]] = []
        self._memory = _Memory()

    def get(self, digest: str) -> Adaptor | None:
        """Return a loaded adaptor, and make it the most recently used one."""
        adaptor = self._adaptors.get(digest)
        if adaptor is not None:
            self._touch(digest)
        return adaptor

    def ready(self, digest: str) -> Adaptor | None:
        """Return a loaded adaptor, as `get`, if any thread may call it as it is."""
        adaptor = self._adaptors.get(digest)
        if adaptor is None or adaptor.runs_on is not None:
            return None
        if self.helpers.is_watching and self.helpers.is_outdated(adaptor):
            return None
        if digest != self._newest:
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
        """Return the adaptor; of the threads that ask for it at once, exactly one loads it.

        `name` is that of its file, which tracebacks show until it is reloaded.
        """
        lock = self._load_lock(digest)
        try:
            with lock.hold():
                adaptor = None if reload else self.get(digest)
                if adaptor is None or self.helpers.is_outdated(adaptor):
                    self.helpers.refresh(source, reload=reload)
                    adaptor = self._load(digest, source, fn_name, name)
                    self._insert(adaptor)
                return adaptor
        finally:
            self._leave_load_lock(digest, lock)

    def forget(self, digest: str) -> bool:
        """Drop an adaptor; False if it was not loaded."""
        with self._lock:
            adaptor = self._adaptors.pop(digest, None)
            if adaptor is None:
                return False
            self._drop(adaptor)
            return True

    def summaries(self) -> list[dict[str, Any]]:
        """Return a summary of each adaptor, the least recently used first."""
        return [adaptor.summary() for adaptor in list(self._adaptors.values())]

    def after_fork(self) -> None:
        """Replace the locks, which other threads may have held when this process was forked."""
        self._lock = Lock()
        self._is_collecting = False
        self._load_locks = {}
        self._sources.after_fork()
        self.helpers.after_fork()

    def _touch(self, digest: str) -> None:
        try:
            self._adaptors.move_to_end(digest)
        except KeyError:
            # Another thread has just dropped it; this call may still use it.
            return
        self._newest = digest

    def _load(self, digest: str, source: str, fn_name: str, name: str | None) -> Adaptor:
        filename = adaptor_filename(digest, name)
        parsed = parse(source, filename)
        parsed.check_entry(fn_name)
        module = _module.new_module(digest, source, filename)
        adaptor = Adaptor(digest, source, parsed, module)
        adaptor.generation = self.helpers.generation
        before = self._memory.resident()
        self._run(module, source, adaptor)
        adaptor.memory = max(0, self._memory.resident() - before)
        return adaptor

    def _run(self, module: ModuleType, source: str, adaptor: Adaptor) -> None:
        """Run a module that pickle and dataclasses find; they find the one before if it fails."""
        name = module.__name__
        previous = sys.modules.get(name)
        _set_module(name, module)
        self._sources.put(name, source)
        try:
            adaptor.value = _module.run(module, adaptor.parsed)
        except BaseException:
            _set_module(name, previous)
            if previous is None:
                self._sources.remove(name)
                self._remember_failed(module)
            raise

    def _remember_failed(self, module: ModuleType) -> None:
        """Keep the source lines of a module that failed to load, for the traceback to come."""
        with self._lock:
            self._failed.append(module.__file__ or "")
            if len(self._failed) > _MAX_FAILED:
                _module.remove_source_lines(self._failed.popleft())

    def _insert(self, adaptor: Adaptor) -> None:
        with self._lock:
            previous = self._adaptors.get(adaptor.digest)
            if previous is not None:
                # What `once` made stays while the adaptor is reloaded.
                _module.move_once_values(previous.module, adaptor.module)
                self._drop(previous)
            self._adaptors[adaptor.digest] = adaptor
            self._touch(adaptor.digest)
            while len(self._adaptors) > self._limit:
                self._drop(self._adaptors.popitem(last=False)[1])

    def _drop(self, adaptor: Adaptor) -> None:
        values = _module.once_values(adaptor.module)
        if adaptor.memory >= _LARGE or values is not None:
            self._collect_soon(values)
        name = adaptor.module.__name__
        if sys.modules.get(name) is adaptor.module:
            _set_module(name, None)
            self._sources.remove(name)
            _module.remove_source_lines(adaptor.module.__file__ or "")
            _log_levels.forget(adaptor.digest)

    def _collect_soon(self, values: _module.OnceValues | None) -> None:
        """Collect garbage once the calls that still use the dropped adaptor have ended.

        A module and its functions refer to each other, and a few large objects, such as a model,
        do not make Python collect such cycles by itself.
        """
        if values is not None:
            self._dropped.append(weakref.ref(values))
        if not self._is_collecting:
            self._collect_after(_FIRST_COLLECTION)

    def _collect_after(self, seconds: float) -> None:
        self._is_collecting = True
        timer = Timer(seconds, self._collect, (seconds,))
        timer.daemon = True
        timer.start()

    def _collect(self, waited: float) -> None:
        """Collect garbage; again later, with growing pauses, while calls use values of `once`."""
        collect()
        with self._lock:
            self._dropped = [values for values in self._dropped if values() is not None]
            self._is_collecting = False
            if self._dropped:
                self._collect_after(min(2 * waited, _MAX_COLLECTION_PAUSE))

    def _load_lock(self, digest: str) -> InterruptibleLock:
        """Return what lets one thread at a time load a digest; different digests load at once."""
        with self._lock:
            lock = self._load_locks.setdefault(digest, InterruptibleLock())
            lock.users += 1
            return lock

    def _leave_load_lock(self, digest: str, lock: InterruptibleLock) -> None:
        with self._lock:
            lock.users -= 1
            if not lock.users:
                self._load_locks.pop(digest, None)


def _set_module(name: str, module: ModuleType | None) -> None:
    """Set or remove a module in `sys.modules` and in its package."""
    short_name = name.rpartition(".")[2]
    if module is None:
        sys.modules.pop(name, None)
        vars(adaptors).pop(short_name, None)
    else:
        sys.modules[name] = module
        setattr(adaptors, short_name, module)


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
