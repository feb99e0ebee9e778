"""The package of adaptors' modules: `owt.adaptors.a_<digits of the digest>`.

A worker registers them here. In a child process, the finder below loads them from the folder that
the worker names in the environment, so that `multiprocessing` can unpickle an adaptor's functions
and classes.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

DIRECTORY_VARIABLE = "OWT_ADAPTORS_DIR"


def source_path(directory: str, name: str) -> str:
    """Return the file with the source of the module `name`."""
    return os.path.join(directory, name.rpartition(".")[2] + ".py")


class _Loader:
    """Loads an adaptor in a child process, under the name that it has in the worker."""

    def __init__(self, digest: str, source: str) -> None:
        self._digest = digest
        self._source = source

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        from owt import _module, _server

        _server.apply_saved_settings()
        return _module.new_module(self._digest, self._source)

    def exec_module(self, module: ModuleType) -> None:
        from owt import _filename, _module, _source

        _module.run(module, _source.parse(self._source, _filename.adaptor_filename(self._digest)))

    def get_source(self, _name: str) -> str:
        return self._source


class _Finder:
    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        directory = os.environ.get(DIRECTORY_VARIABLE)
        if directory is None or not name.startswith(__name__ + "."):
            return None
        from owt import _filename, _module

        digest = _module.digest_prefix(name)
        if digest is None:
            return None
        try:
            with open(source_path(directory, name), encoding="utf-8", newline="") as file:
                loader = _Loader(digest, file.read())
        except FileNotFoundError:
            return None
        return ModuleSpec(name, loader, origin=_filename.adaptor_filename(digest))  # type: ignore[arg-type]


sys.meta_path.append(_Finder)
