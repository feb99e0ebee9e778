"""Helper modules, which adaptors import from the start directory: reloaded when they change.

One rule for all workers: before an adaptor is loaded, and before each call of an adaptor that
imports helper modules, the files of the loaded ones are checked. Modules whose files have another
time or size are reloaded, and so are the modules that import them; adaptors that import any of
these are reloaded at their next call. A call with `reload` does this for all that its adaptor
imports, changed or not.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from threading import Lock
from time import monotonic, sleep, time

from owt._imports import imported, imported_by_file
from owt._reload_notices import ReloadNotices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    from owt._adaptor import Adaptor

    Stamp = tuple[int, int, int]

# A file that was written to so many seconds ago may be half written, and an empty one so many.
_WRITING = 0.01
_MAX_WRITING = 0.05
# How often a file is read that changes meanwhile.
_MAX_READS = 5
# Seconds for each module between two checks. A check takes a twentieth of that.
_CHECK_INTERVAL = 40e-6
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class HelperModules:
    """The helper modules of this worker."""

    def __init__(self, directory: str | None = None) -> None:
        self._notices = ReloadNotices(directory)
        self._lock = Lock()
        # The last version of the notices that was seen, and when to check the files again.
        self._seen = 0
        self._next_check = 0.0
        # Counts how often modules were dropped; and the count at each module's last drop.
        self.generation = 0
        self._dropped: dict[str, int] = {}
        # Whether there are any.
        self.is_watching = False
        # What each module's file was like before it was read.
        self._files: dict[str, str] = {}
        self._stamps: dict[str, Stamp] = {}

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held when this process was forked."""
        self._lock = Lock()

    def register(self, name: str, file: str) -> None:
        """Watch a module that is about to be loaded."""
        if not self.is_watching:
            self._notices.share()
            self._seen = self._notices.version()
            self.is_watching = True
        self._files[name] = file
        self._stamps[name] = self._stamp(name, file)

    def refresh(self, source: str, *, reload: bool) -> None:
        """Drop changed modules before an adaptor is loaded; with `reload`, all that it imports."""
        if self.is_watching:
            if reload:
                self._notices.publish(self._reachable(imported(source)))
            self._check()

    def is_outdated(self, adaptor: Adaptor) -> bool:
        """Tell whether a module that an adaptor imports was dropped after the adaptor loaded."""
        if not self.is_watching:
            return False
        if adaptor.imports is None:
            adaptor.imports = imported(adaptor.source)
        if adaptor.imports.isdisjoint(self._files):
            return False
        if monotonic() >= self._next_check or self._notices.version() != self._seen:
            self._check()
        if adaptor.generation == self.generation:
            return False
        dropped = (self._dropped.get(name, 0) for name in adaptor.imports)
        return max(dropped) > adaptor.generation

    def _check(self) -> None:
        with self._lock:
            # Read first: what is published from now on is checked at the next call.
            self._seen = self._notices.version()
            stamps = list(self._stamps.items())
            self._next_check = monotonic() + len(stamps) * _CHECK_INTERVAL
            changed = {name for name, stamp in stamps if self._has_changed(name, stamp)}
            if changed:
                self._drop_all(self._with_importers(changed))

    def _has_changed(self, name: str, stamp: Stamp) -> bool:
        if name not in sys.modules:
            return False
        found = self._stamp(name, self._files[name])
        if found[:2] != stamp[:2]:
            _wait_until_written(self._files[name])
        return found != stamp

    def _drop_all(self, names: Iterable[str]) -> None:
        names = [name for name in names if name in sys.modules]
        if any(_is_loading(sys.modules.get(name)) for name in names):
            # The import system needs it in `sys.modules` meanwhile: check at the next call.
            self._next_check = 0.0
            return
        # Counted before they go: an adaptor that still imports an old one is reloaded later.
        self.generation += 1
        for name in names:
            self._dropped[name] = self.generation
        for name in names:
            self._stamps.pop(name, None)
            _drop(name)
        PathFinder.invalidate_caches()

    def _stamp(self, name: str, file: str) -> Stamp:
        try:
            status = os.stat(file)
        except OSError:
            # The file is gone; the next import reports that.
            return (0, 0, 0)
        return (status.st_mtime_ns, status.st_size, self._notices.published_at(name))

    def _with_importers(self, names: set[str]) -> set[str]:
        """Return modules and all modules that import them, directly or not."""
        dependencies = {name: self._dependencies(name) for name in list(self._stamps)}
        found, todo = set(names), list(names)
        while todo:
            wanted = todo.pop()
            more = {name for name, needed in dependencies.items() if wanted in needed} - found
            found |= more
            todo += more
        return found

    def _reachable(self, names: set[str]) -> set[str]:
        """Return those of the modules that are helpers, and the helpers that they import."""
        found: set[str] = set()
        todo = names & self._stamps.keys()
        while todo:
            found |= todo
            todo = set().union(*map(self._dependencies, todo)) & self._stamps.keys() - found
        return found

    def _dependencies(self, name: str) -> set[str]:
        """Return what a module imports, and the packages that contain it."""
        file = self._files[name]
        is_package = os.path.basename(file) == "__init__.py"
        package = name if is_package else name.rpartition(".")[0]
        return imported_by_file(file, package) - {name}


class Finder:
    """Finds modules as Python does, and registers helper modules.

    The standard library goes before the start directory: owt and libraries import what they need
    late, and must not get a file of the same name there.
    """

    def __init__(self, start: str, helpers: HelperModules) -> None:
        self._start = start
        self._within = start.rstrip(os.sep) + os.sep
        self._helpers = helpers

    def install(self) -> None:
        """Put this before Python's own finder, which it delegates to."""
        finders = sys.meta_path
        place = finders.index(PathFinder) if PathFinder in finders else len(finders)
        finders.insert(place, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module: see `importlib.abc.MetaPathFinder`."""
        if path is None and name in sys.stdlib_module_names:
            elsewhere = [folder for folder in sys.path if folder not in (self._start, "")]
            spec = PathFinder.find_spec(name, elsewhere, target)
            if spec is not None:
                return spec
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and spec.origin:
            self._watch(spec, spec.origin)
        return spec

    def _watch(self, spec: ModuleSpec, file: str) -> None:
        if file.startswith(self._within) and not _is_installed(file):
            self._helpers.register(spec.name, file)
            spec.loader = _Loader(spec.name, file)


class _Loader(SourceFileLoader):
    """Loads a helper module from source where its cached bytecode may be stale.

    Python compares the source's time in whole seconds and its size: `V = 1` that becomes `V = 2`
    within a second looks the same.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if _may_be_stale(path):
            return self.source_to_code(self.get_data(path), path)
        return super().get_code(fullname)

    def get_data(self, path: str) -> bytes:
        """Return what is in a file, as it was at one moment."""
        for _ in range(_MAX_READS):
            _wait_until_written(path)
            before, data = _version(path), super().get_data(path)
            if _version(path) == before:
                break
        return data


def _version(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _may_be_stale(path: str) -> bool:
    """Tell whether there is bytecode that was written within the same second as the source."""
    from importlib.util import cache_from_source

    try:
        return int(os.stat(cache_from_source(path)).st_mtime) == int(os.stat(path).st_mtime)
    except (OSError, NotImplementedError):
        return False


def _is_installed(file: str) -> bool:
    return file.startswith((_PACKAGE, _STANDARD_LIBRARY)) or any(
        folder in file for folder in _INSTALLED
    )


def _is_loading(module: ModuleType | None) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _wait_until_written(file: str) -> None:
    """Wait while a file is being written: many editors empty it first."""
    end = monotonic() + 2 * _MAX_WRITING
    while monotonic() < end:
        try:
            status = os.stat(file)
        except OSError:
            return
        age, limit = time() - status.st_mtime, _WRITING if status.st_size else _MAX_WRITING
        if not 0 <= age < limit:
            return
        sleep(_WRITING / 2)


def _drop(name: str) -> None:
    """Remove a module from `sys.modules` and from its package, so that it is imported again."""
    module = sys.modules.pop(name, None)
    package, _, short = name.rpartition(".")
    names = getattr(sys.modules.get(package), "__dict__", {})
    if module is not None and names.get(short) is module:
        del names[short]
