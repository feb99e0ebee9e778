"""Which modules a piece of source imports, as far as its text tells."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def imported(source: str, package: str = "") -> set[str]:
    """Return the names of all modules that source may import, and of the packages they are in.

    Those of `import` anywhere in it, and all texts that could be a module's name, as in
    `import_module("a.b")`. A name too many does no harm.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = {
        each for node in ast.walk(tree) for name in _named(node, package) for each in _up(name)
    }
    return found | set(_up(package))


def imported_by_file(file: str, package: str) -> set[str]:
    """Return the same of a file; nothing if it cannot be read."""
    try:
        with open(file, "rb") as opened:
            return imported(opened.read().decode("utf-8", "replace"), package)
    except OSError:
        return set(_up(package))


def _named(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = _absolute(module or "", level, package)
            yield base
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in names)
        case ast.Constant(value=str(text)):
            name = text.lstrip(".")
            if all(part.isidentifier() for part in name.split(".")):
                yield _absolute(name, len(text) - len(name), package)


def _absolute(module: str, level: int, package: str) -> str:
    """Return the full name of a module that is named from within a package by `level` dots."""
    if not level:
        return module
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *filter(None, [module])])


def _up(name: str) -> Iterator[str]:
    """Yield a module's name, and those of the packages that it is in."""
    while name:
        yield name
        name = name.rpartition(".")[0]
