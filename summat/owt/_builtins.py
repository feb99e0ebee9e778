"""A private copy of the builtins for owt's own modules, which no adaptor can damage.

A function looks up builtins in the `__builtins__` of its module. The modules of owt get a copy:
`builtins.isinstance = None` in an adaptor breaks the adaptors of its process, but not the code of
owt that reports their errors.
"""

from __future__ import annotations

import builtins
import sys
from importlib.machinery import PathFinder, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PACKAGE = __name__.partition(".")[0] + "."
_BUILTINS = dict(vars(builtins))


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = _BUILTINS
        super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(_PACKAGE):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Give the copy to all modules of owt that are imported from now on."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def damaged() -> str | None:
    """Return the name of a builtin of the process that is no longer callable, if any."""
    now = vars(builtins)
    for name, original in _BUILTINS.items():
        if callable(original) and not callable(now.get(name)):
            return name
    return None
