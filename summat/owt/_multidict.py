"""Mappings with several values for a name: forms, queries and headers."""

from __future__ import annotations

from collections.abc import Mapping

from owt._response import Abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Generic, TypeVar

    V = TypeVar("V")

    class _Base(Mapping[str, V], Generic[V]):
        """The base for type checkers; importing `typing` would take milliseconds."""
else:
    _Base = Mapping


class Missing(Abort, KeyError):
    """A missing name: a `KeyError` that ends the call with 400, unless it is caught."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(400, f"The request has no {kind} {name!r}.")


class MultiDict(_Base["V"]):
    """A mapping to the first values; `getlist` returns all values of a name."""

    __slots__ = ("_kind", "_lists")

    def __init__(self, pairs: Iterable[tuple[str, V]] = (), kind: str = "field") -> None:
        self._kind = kind
        self._lists: dict[str, list[V]] = {}
        for name, value in pairs:
            self._lists.setdefault(self._key(name), []).append(value)

    @staticmethod
    def _key(name: str) -> str:
        return name

    def __getitem__(self, name: str) -> V:
        return self._values(name)[0]

    def _values(self, name: str) -> list[V]:
        try:
            return self._lists[self._key(name)]
        except KeyError:
            raise Missing(self._kind, name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._key(name) in self._lists

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._lists!r})"

    def get(self, name: str, default: Any = None, type: Callable[[V], Any] | None = None) -> Any:
        """Return the first value of a name, through `type` if given; else the default."""
        values = self._lists.get(self._key(name))
        if values is None:
            return default
        if type is None:
            return values[0]
        try:
            return type(values[0])
        except (ValueError, TypeError):
            return default

    def getlist(self, name: str, type: Callable[[V], Any] | None = None) -> list[Any]:
        """Return all values of a name, through `type` if given, without those that it rejects."""
        values = self._lists.get(self._key(name), [])
        if type is None:
            return list(values)
        converted = []
        for value in values:
            try:
                converted.append(type(value))
            except (ValueError, TypeError):
                continue
        return converted

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        """Return a dict of first values, or of lists of values if not `flat`."""
        if flat:
            return {name: values[0] for name, values in self._lists.items()}
        return {name: list(values) for name, values in self._lists.items()}


class Headers(MultiDict["str"]):
    """Headers: names in any case, and repeated values joined by commas."""

    __slots__ = ()

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(pairs, "header")

    @staticmethod
    def _key(name: str) -> str:
        return name.lower()

    def __getitem__(self, name: str) -> str:
        # RFC 9110 section 5.2.
        return ", ".join(self._values(name))

    def get(self, name: str, default: Any = None, type: Callable[[str], Any] | None = None) -> Any:
        """Return the value of a name, through `type` if given; else the default."""
        if name not in self:
            return default
        try:
            return type(self[name]) if type is not None else self[name]
        except (ValueError, TypeError):
            return default
