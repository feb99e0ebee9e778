"""The modules that source code may import, according to its syntax tree."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def imported(source: str, package: str = "") -> set[str]:
    """Return the names of all modules that source may import, and of their parent packages.

    These are the names in `import` statements, and all strings that could be a module's name, as
    in `import_module("a.b")`. Too many names do no harm.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {name for node in ast.walk(tree) for name in _named(node, package)}
    return {each for name in (*names, package) for each in _with_parents(name)}


def imported_by_file(file: str, package: str) -> set[str]:
    """Return the same for a file; for an unreadable one, only its package."""
    try:
        with open(file, "rb") as opened:
            return imported(opened.read().decode("utf-8", "replace"), package)
    except OSError:
        return set(_with_parents(package))


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
    """Return the absolute name of a relative import with `level` dots in a package."""
    if not level:
        return module
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *filter(None, [module])])


def _with_parents(name: str) -> Iterator[str]:
    """Yield the name of a module and those of its parent packages."""
    while name:
        yield name
        name = name.rpartition(".")[0]
