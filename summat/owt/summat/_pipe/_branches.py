"""The steps that go on with other functions or pipes: one of two, both, or another one."""

from __future__ import annotations

from owt.summat._pipe._later import after
from owt.summat._pipe._run import apply, apply_to
from owt.summat._pipe._sources import Sources
from owt.summat._pipe._state import Nothing
from owt.summat._pipe._typing import M, T, W, overload
from owt.summat._pipe._values import Pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt.summat._pipe._builder import Pipe
    from owt.summat._pipe._state import State
    from owt.summat._pipe._typing import A, AsyncFn, B, Fn, Later, R, Untold


class Branches(Sources[T, W, M]):
    """The methods of a pipe by which it branches, or goes on with another."""

    __slots__ = ()

    @overload
    def cond(
        self, then: Fn[Untold], otherwise: Fn[Untold], *, when: Any = None
    ) -> Pipe[Any, W, M]: ...
    @overload
    def cond(
        self, then: AsyncFn[A], otherwise: AsyncFn[B], *, when: Any = None
    ) -> Pipe[A | B, Later, M]: ...
    @overload
    def cond(  # type: ignore[overload-overlap]
        self, then: Fn[Untold], otherwise: Fn[B], *, when: Any = None
    ) -> Pipe[Any | B, W, M]: ...
    @overload
    def cond(  # type: ignore[overload-overlap]
        self, then: Fn[A], otherwise: Fn[Untold], *, when: Any = None
    ) -> Pipe[A | Any, W, M]: ...
    @overload
    def cond(
        self, then: AsyncFn[A], otherwise: Fn[B], *, when: Any = None
    ) -> Pipe[A | B, Later, M]: ...
    @overload
    def cond(
        self, then: Fn[A], otherwise: AsyncFn[B], *, when: Any = None
    ) -> Pipe[A | B, Later, M]: ...
    @overload
    def cond(self, then: Fn[A], otherwise: Fn[B], *, when: Any = None) -> Pipe[A | B, W, M]: ...
    def cond(self, then: Any, otherwise: Any, *, when: Any = None) -> Any:
        """Take what `then` gives if the last value is true, else what `otherwise` gives.

        `when`, if given, decides instead of the last value's truth. All three are called as by `f`.

        >>> size = pipe().cond(lambda n: "large", lambda n: "small", when=lambda n: n > 9)
        >>> size(__last__=10), size(__last__=9)
        ('large', 'small')
        """

        def value(state: State) -> Any:
            is_so = state.given() if when is None else apply(when, state)
            return after(is_so, lambda so: apply(then if so else otherwise, state))

        fns = (fn for fn in (then, otherwise, when) if fn is not None)
        return self._result("cond", value, *fns)

    @overload
    def fork(self, left: Fn[Untold], right: Fn[Untold]) -> Pipe[tuple[Any, Any], W, M]: ...
    @overload
    def fork(self, left: AsyncFn[A], right: AsyncFn[B]) -> Pipe[tuple[A, B], Later, M]: ...
    @overload
    def fork(  # type: ignore[overload-overlap]
        self, left: Fn[Untold], right: Fn[B]
    ) -> Pipe[tuple[Any, B], W, M]: ...
    @overload
    def fork(  # type: ignore[overload-overlap]
        self, left: Fn[A], right: Fn[Untold]
    ) -> Pipe[tuple[A, Any], W, M]: ...
    @overload
    def fork(self, left: AsyncFn[A], right: Fn[B]) -> Pipe[tuple[A, B], Later, M]: ...
    @overload
    def fork(self, left: Fn[A], right: AsyncFn[B]) -> Pipe[tuple[A, B], Later, M]: ...
    @overload
    def fork(self, left: Fn[A], right: Fn[B]) -> Pipe[tuple[A, B], W, M]: ...
    def fork(self, left: Any, right: Any) -> Any:
        """Call `left` and then `right` on the same last value, and take the pair of what they give.

        As an answer, the pair is a JSON array of two.

        >>> pipe().const("ab").fork(str.upper, len)()
        ('AB', 2)
        """

        def value(state: State) -> Any:
            def then_right(one: Any) -> Any:
                return after(_value_of(right, state), lambda two: Pair((one, two)))

            return after(_value_of(left, state), then_right)

        return self._result("fork", value, left, right)

    @overload
    def to(self, step: Fn[Untold]) -> Pipe[Any, W, M]: ...
    @overload
    def to(self, step: AsyncFn[R]) -> Pipe[R, Later, M]: ...
    @overload
    def to(self, step: Fn[R]) -> Pipe[R, W, M]: ...
    def to(self, step: Any) -> Any:
        """Go on with another pipe, as one step: `f`, as one reads it where a pipe is given.

        The arguments' defaults that the other pipe gives are its own.

        >>> shout = pipe().f(str.upper).f(lambda text: text + "!")
        >>> pipe().const("owt").to(shout)()
        'OWT!'
        """
        return self._applied("to", step)

    def _applied(self, name: str, fn: Any, *, alone: bool = False) -> Any:
        def value(state: State) -> Any:
            return apply_to(fn, state, state.given()) if alone else apply(fn, state)

        return self._result(name, value, fn)


def _value_of(fn: Any, state: State) -> Any:
    return after(apply(fn, state), lambda last: None if type(last) is Nothing else last)
