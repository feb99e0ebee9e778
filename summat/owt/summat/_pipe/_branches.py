"""The steps that continue with other functions or pipes: one of two, both, or one more."""

from __future__ import annotations

from owt.summat._pipe._awaiting import chain
from owt.summat._pipe._run import apply, apply_to
from owt.summat._pipe._sources import Sources
from owt.summat._pipe._state import NoValue
from owt.summat._pipe._typing import M, T, W, overload
from owt.summat._pipe._values import Pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt.summat._pipe._builder import Pipe
    from owt.summat._pipe._state import State
    from owt.summat._pipe._typing import A, AsyncFn, B, Fn, Later, R, Untold


class Branches(Sources[T, W, M]):
    """The methods of a pipe that branch, or continue with another pipe."""

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
        """Take the result of `then` if the last value is true, else that of `otherwise`.

        If `when` is given, its result decides instead. All three are called as by `f`.

        >>> size = pipe().cond(lambda n: "large", lambda n: "small", when=lambda n: n > 9)
        >>> size(__last__=10), size(__last__=9)
        ('large', 'small')
        """

        def value(state: State) -> Any:
            condition = state.require_last() if when is None else apply(when, state)
            return chain(condition, lambda true: apply(then if true else otherwise, state))

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
        """Call `left` and then `right` on the same last value, and take the pair of their results.

        As a response, the pair is a JSON array of two.

        >>> pipe().const("ab").fork(str.upper, len)()
        ('AB', 2)
        """

        def value(state: State) -> Any:
            def then_right(one: Any) -> Any:
                return chain(_result_of(right, state), lambda two: Pair((one, two)))

            return chain(_result_of(left, state), then_right)

        return self._result("fork", value, left, right)

    @overload
    def to(self, step: Fn[Untold]) -> Pipe[Any, W, M]: ...
    @overload
    def to(self, step: AsyncFn[R]) -> Pipe[R, Later, M]: ...
    @overload
    def to(self, step: Fn[R]) -> Pipe[R, W, M]: ...
    def to(self, step: Any) -> Any:
        """Continue with another pipe as one step; the same as `f`, but clearer for pipes.

        Defaults of arguments in the other pipe apply only there.

        >>> shout = pipe().f(str.upper).f(lambda text: text + "!")
        >>> pipe().const("owt").to(shout)()
        'OWT!'
        """
        return self._applied("to", step)

    def _applied(self, name: str, fn: Any, *, alone: bool = False) -> Any:
        def value(state: State) -> Any:
            return apply_to(fn, state, state.require_last()) if alone else apply(fn, state)

        return self._result(name, value, fn)


def _result_of(fn: Any, state: State) -> Any:
    return chain(apply(fn, state), lambda last: None if type(last) is NoValue else last)
