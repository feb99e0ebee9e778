"""Helper modules, which adaptors import from the start directory: loaded anew once they change.

One rule, for all workers: before an adaptor is loaded, and before each call of one that imports
helper modules, those that are loaded are looked at. The modules whose files have another time or
size, and those that import them, are imported anew; the adaptors that import any of these are
loaded anew at their next call. A call with `reload` does the same to all that its adaptor imports.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from threading import Lock
from time import monotonic

from owt._helper_board import Board
from owt._imports import imported, imported_by_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    from owt._load import Adaptor

    Stamp = tuple[int, int, int]

# Seconds for each module until files are looked at again: to look takes a twentieth of it.
_PAUSE = 40e-6
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Helpers:
    """The helper modules that this worker has imported."""

    def __init__(self, directory: str | None = None) -> None:
        self._board = Board(directory)
        self._checking = Lock()
        # What was known of the board, and when to look at the files again.
        self._seen = 0
        self._next_look = 0.0
        # How often modules were dropped, and when each was for the last time.
        self.generation = 0
        self._dropped: dict[str, int] = {}
        # What each module's file was like when it was found: before it was read.
        self._files: dict[str, str] = {}
        self._stamps: dict[str, Stamp] = {}

    def after_fork(self) -> None:
        """Free the lock that another thread held when this process was forked off."""
        self._checking = Lock()

    def found(self, name: str, file: str) -> None:
        """Take note of a module that is about to be loaded."""
        if not self._files:
            self._board.open()
            self._seen = self._board.read()
        self._files[name] = file
        self._stamps[name] = self._stamp(name, file)

    def refresh(self, source: str, *, anew: bool) -> None:
        """Drop what has changed before an adaptor is loaded; `anew`: and all that it imports."""
        if self._files:
            if anew:
                self._board.renew(self._reachable(imported(source)))
            self._check()

    def outdated(self, adaptor: Adaptor) -> bool:
        """Say whether an adaptor imports what was dropped after it began to load."""
        if not self._files:
            return False
        if adaptor.imports is None:
            adaptor.imports = imported(adaptor.source)
        if adaptor.imports.isdisjoint(self._files):
            return False
        if monotonic() >= self._next_look or self._board.read() != self._seen:
            self._check()
        if adaptor.generation == self.generation:
            return False
        dropped = (self._dropped.get(name, 0) for name in adaptor.imports)
        return max(dropped) > adaptor.generation

    def _check(self) -> None:
        with self._checking:
            # Read first: what is told from now on is looked at again.
            self._seen = self._board.read()
            stamps = list(self._stamps.items())
            self._next_look = monotonic() + len(stamps) * _PAUSE
            changed = {name for name, stamp in stamps if self._has_changed(name, stamp)}
            if changed:
                self._drop_all(self._with_importers(changed))

    def _has_changed(self, name: str, stamp: Stamp) -> bool:
        return name in sys.modules and self._stamp(name, self._files[name]) != stamp

    def _drop_all(self, names: Iterable[str]) -> None:
        names = [name for name in names if name in sys.modules]
        if any(_is_loading(sys.modules.get(name)) for name in names):
            # The import system wants to find it again at its end. The next call looks again.
            self._next_look = 0.0
            return
        # Before they go: an adaptor that finds one of them still there is loaded again later.
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
            # It is gone, and whoever imports it again is told so.
            return (0, 0, 0)
        return (status.st_mtime_ns, status.st_size, self._board.renewed(name))

    def _with_importers(self, names: set[str]) -> set[str]:
        """Return modules with all those that import them, directly or not."""
        needs = {name: self._needs(name) for name in list(self._stamps)}
        found, todo = set(names), list(names)
        while todo:
            wanted = todo.pop()
            more = {name for name, needed in needs.items() if wanted in needed} - found
            found |= more
            todo += more
        return found

    def _reachable(self, names: set[str]) -> set[str]:
        """Return those of the modules that are helpers, with the helpers that they import."""
        found: set[str] = set()
        todo = names & self._stamps.keys()
        while todo:
            found |= todo
            todo = set().union(*map(self._needs, todo)) & self._stamps.keys() - found
        return found

    def _needs(self, name: str) -> set[str]:
        """Return what a module needs: what it imports, and the packages that it is in."""
        file = self._files[name]
        is_package = os.path.basename(file) == "__init__.py"
        package = name if is_package else name.rpartition(".")[0]
        return imported_by_file(file, package) - {name}


class Finder:
    """Finds modules as Python does, but that helper modules are taken note of.

    A name of the standard library is that of the standard library, whatever lies in the start
    directory: owt imports what it needs when it first needs it, and so do libraries.
    """

    def __init__(self, start: str, helpers: Helpers) -> None:
        self._start = start
        self._within = start.rstrip(os.sep) + os.sep
        self._helpers = helpers

    def install(self) -> None:
        """Take the place before Python's own finder, which it asks."""
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
            self._helpers.found(spec.name, file)
            spec.loader = _Loader(spec.name, file)


class _Loader(SourceFileLoader):
    """Loads a helper module from its text, unless there is bytecode that must be of that text.

    Python tells bytecode from older text by whole seconds and the size, and `V = 1` may become
    `V = 2` within one.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if _may_have_old_bytecode(path):
            return self.source_to_code(self.get_data(path), path)
        return super().get_code(fullname)


def _may_have_old_bytecode(path: str) -> bool:
    """Say whether there is bytecode that was written in the second in which the text was."""
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


def _drop(name: str) -> None:
    """Let the next import of a module find nothing, neither by its name nor in its package."""
    module = sys.modules.pop(name, None)
    package, _, short = name.rpartition(".")
    names = getattr(sys.modules.get(package), "__dict__", {})
    if module is not None and names.get(short) is module:
        del names[short]
