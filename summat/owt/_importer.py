"""Imports owt's own modules: with private builtins, and from memory if their files are gone.

The package of a server is in a folder that something may clean up while workers run, and many
modules are imported only when a call needs them.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

from owt import _builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

_PACKAGE = __name__.partition(".")[0]
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_INIT = "__init__.py"

# By name, the paths of modules that were not imported when the worker started; and their sources.
_paths: dict[str, str] = {}
_sources: dict[str, bytes] = {}


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = _builtins.COPY
        super().exec_module(module)

    def get_data(self, path: str) -> bytes:
        try:
            return super().get_data(path)
        except OSError:
            if path not in _sources:
                raise
            return _sources[path]


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{_PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None:
            return _spec_from_memory(name)
        if type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def _spec_from_memory(name: str) -> ModuleSpec | None:
    path = _paths.get(name)
    if path is None:
        return None
    folder, file = os.path.split(path)
    spec = ModuleSpec(name, _Loader(name, path), origin=path, is_package=file == _INIT)
    spec.has_location = True
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(folder)
    return spec


def install() -> None:
    """Import all modules of owt in this way from now on."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def keep_sources() -> None:
    """Read the sources of the modules that are not imported yet, in case their files go."""
    with suppress(OSError):
        for name, path in _modules(_PACKAGE, _FOLDER):
            if name not in sys.modules:
                with open(path, "rb", buffering=0) as file:
                    _sources[path] = file.read()
                _paths[name] = path


def _modules(package: str, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the names and paths of all modules in a package, and of the package itself."""
    for entry in os.scandir(folder):
        if entry.name == _INIT:
            yield package, entry.path
        elif entry.name.endswith(".py"):
            yield f"{package}.{entry.name.removesuffix('.py')}", entry.path
        elif entry.name.isidentifier() and entry.name != "__pycache__":
            yield from _modules(f"{package}.{entry.name}", entry.path)
