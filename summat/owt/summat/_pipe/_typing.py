"""The types of pipes, for type checkers; they do not exist at run time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, Protocol, TypeVar, final
    from typing import Generic as Generic
    from typing import overload as overload

    import typing_extensions as extended

    class Now:
        """Calling the pipe returns its result."""

    class Later:
        """Calling the pipe returns an awaitable."""

    class One:
        """The result is one value."""

    class Many:
        """The result is a stream of values."""

    @final
    class Untold:
        """A type that no function returns; only untyped functions, which return Any, match it.

        Without it, overloads would take such functions for async ones.
        """

    A = TypeVar("A")
    B = TypeVar("B")
    R = TypeVar("R")
    K_contra = TypeVar("K_contra", contravariant=True)
    V_co = TypeVar("V_co", covariant=True)
    # The type of the last value, Now or Later, and One or Many.
    T = extended.TypeVar("T", covariant=True)
    W = extended.TypeVar("W", covariant=True, default=Now)
    M = extended.TypeVar("M", covariant=True, default=One)

    Fn = Callable[..., R]
    AsyncFn = Callable[..., Coroutine[Any, Any, R]]
    Bytes = bytes

    class Subscriptable(Protocol[K_contra, V_co]):
        """Has elements by index or key."""

        def __getitem__(self, key: K_contra, /) -> V_co:
            """Return an element."""
            ...
else:
    # Importing `typing` would slow down the start of every worker.
    T = W = M = None

    class Generic:
        """Allows `Pipe[int]` at run time, without any effect."""

        __slots__ = ()

        def __class_getitem__(cls, _):  # noqa: ANN001, ANN204
            return cls

    def overload(fn):  # noqa: ANN001, ANN202
        """Do nothing: the last definition replaces this one."""
        return fn
