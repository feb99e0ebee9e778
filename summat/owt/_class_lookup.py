"""Decides what a value is by its class alone, never by the value itself.

Values have attributes of any name: fields of a dataclass, or keys of a dict through `__getattr__`.
Classes of libraries are recognized by their names, so that no library is imported for this.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")


def lookup(table: Mapping[str, T], cls: type) -> T | None:
    """Return a table's entry for a class or its nearest base; keys are like `package.Class`."""
    for base in cls.__mro__:
        package = str(base.__module__).partition(".")[0]
        found = table.get(f"{package}.{base.__name__}")
        if found is not None:
            return found
    return None


def class_attribute(cls: type, name: str) -> Any:
    """Return an attribute that a class or one of its bases defines; None if there is none."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def has_methods(cls: type, *methods: str) -> bool:
    """Tell whether a class has all of these methods."""
    return all(callable(class_attribute(cls, method)) for method in methods)
