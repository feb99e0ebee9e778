"""What the types of a pipe say beside its last value; at run time they are not there."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, Protocol, TypeVar, final
    from typing import Generic as Generic
    from typing import overload as overload

    import typing_extensions as extended

    class Now:
        """Calling the pipe gives its result."""

    class Later:
        """Calling the pipe gives something to await."""

    class One:
        """The result is one value."""

    class Many:
        """The result is a stream of values."""

    @final
    class Untold:
        """What no function returns: only one that is not typed, and may return anything, fits it.

        Without it, such a function would be taken for one that is async.
        """

    A = TypeVar("A")
    B = TypeVar("B")
    R = TypeVar("R")
    K_contra = TypeVar("K_contra", contravariant=True)
    V_co = TypeVar("V_co", covariant=True)
    # The last value, when it is there, and how many there are.
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
    # Importing `typing` would cost each worker's start more than all of this package does.
    T = W = M = None

    class Generic:
        """Lets `Pipe[int]` be written at run time, too, where it means nothing."""

        __slots__ = ()

        def __class_getitem__(cls, _):  # noqa: ANN001, ANN204
            return cls

    def overload(fn):  # noqa: ANN001, ANN202
        """Do nothing: the definition that follows replaces this one."""
        return fn
