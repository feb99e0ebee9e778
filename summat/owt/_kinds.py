"""Which kind of value this is, asked of its class and never of the value itself.

Values bring attributes of any name: fields of a dataclass, keys of a dict with `__getattr__`. Only
the class says what a value is. Classes of libraries are told by name, so that none is imported.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")


def find(table: Mapping[str, T], kind: type) -> T | None:
    """Return what a table has for a class or the nearest of its bases, by `package.Class`."""
    for base in kind.__mro__:
        package = str(base.__module__).partition(".")[0]
        found = table.get(f"{package}.{base.__name__}")
        if found is not None:
            return found
    return None


def attribute(kind: type, name: str) -> Any:
    """Return what a class or its bases define under a name; None if they do not."""
    for base in kind.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def has(kind: type, *methods: str) -> bool:
    """Tell whether a class has all of these methods."""
    return all(callable(attribute(kind, method)) for method in methods)
