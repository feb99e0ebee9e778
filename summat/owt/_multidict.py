"""Mappings that hold several values for a name, as forms, queries and headers do."""

from __future__ import annotations

from collections.abc import Mapping

from owt._response import Abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Generic, TypeVar

    V = TypeVar("V")

    class _Base(Mapping[str, V], Generic[V]):
        """What type checkers take for the base: importing `typing` would cost milliseconds."""
else:
    _Base = Mapping


class Missing(Abort, KeyError):
    """A name that is not there: a `KeyError` that, if nobody catches it, answers with 400."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(400, f"The request has no {kind} {name!r}.")


class MultiDict(_Base["V"]):
    """Reads as a dict of first values; `getlist` gives all values of a name."""

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
        return self._found(name)[0]

    def _found(self, name: str) -> list[V]:
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
        """Return all values of a name, through `type` if given, without those it refuses."""
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
    """Headers, whose names are the same in any case, and whose repeated values read as one."""

    __slots__ = ()

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(pairs, "header")

    @staticmethod
    def _key(name: str) -> str:
        return name.lower()

    def __getitem__(self, name: str) -> str:
        # As RFC 9110 section 5.2 puts several lines of one name together.
        return ", ".join(self._found(name))

    def get(self, name: str, default: Any = None, type: Callable[[str], Any] | None = None) -> Any:
        """Return the value of a name, through `type` if given; else the default."""
        if name not in self:
            return default
        try:
            return type(self[name]) if type is not None else self[name]
        except (ValueError, TypeError):
            return default
