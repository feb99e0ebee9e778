"""`Pipe`: the methods that add steps, with their types."""

from __future__ import annotations

from owt.summat._pipe import _values
from owt.summat._pipe._awaiting import chain
from owt.summat._pipe._branches import Branches
from owt.summat._pipe._run import apply, apply_to, run
from owt.summat._pipe._sources import argument
from owt.summat._pipe._state import LAST, NO_VALUE, State
from owt.summat._pipe._typing import M, T, W, overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterable,
        Callable,
        Coroutine,
        Generator,
        Iterable,
    )
    from os import PathLike
    from typing import Any, BinaryIO

    from owt.summat._pipe._typing import (
        A,
        AsyncFn,
        B,
        Bytes,
        Fn,
        K_contra,
        Later,
        Many,
        Now,
        One,
        R,
        Subscriptable,
        Untold,
    )


class Pipe(Branches[T, W, M]):
    """An immutable handler made of steps: each method returns a new pipe.

    A step uses the last value, which is the result of the step before it, and the call's arguments.
    Where a step takes a function, `def`, `async def` and other pipes all work. Functions get the
    arguments as described in `f`.

    For type checkers it is a `Pipe[T]`, where T is the type of the last value; a
    `Pipe[T, Later, Many]` has to be awaited, and streams. An exception gets a note with the step in
    which it was raised: `step 2, f(<lambda>): TypeError: …`.
    """

    __slots__ = ()

    @overload
    def __call__(self: Pipe[A, Now, One], request: Any = None, /, **kwargs: Any) -> A: ...
    @overload
    def __call__(
        self: Pipe[A, Later, One], request: Any = None, /, **kwargs: Any
    ) -> Coroutine[Any, Any, A]: ...
    @overload
    def __call__(
        self: Pipe[A, Now, Many], request: Any = None, /, **kwargs: Any
    ) -> Generator[A, None, None]: ...
    @overload
    def __call__(
        self: Pipe[A, Later, Many], request: Any = None, /, **kwargs: Any
    ) -> AsyncGenerator[A, None]: ...
    def __call__(self, request: Any = None, /, **kwargs: Any) -> Any:
        """Run the steps on a request, and return the last value; None if there is none.

        Returns a coroutine if a step gives an awaitable, and a generator or an async generator if
        the pipe has `stream()`.

        >>> pipe().f(lambda name: f"Hello, {name}!")(name="owt")
        'Hello, owt!'
        """
        last = kwargs.pop(LAST, NO_VALUE)
        return chain(run(self._steps, State.first(request, kwargs, last)), State.value)

    def __repr__(self) -> str:
        """Return the pipe as it is written.

        >>> pipe().const("a").f(str.upper)
        pipe().const('a').f(str.upper)
        """
        return ".".join(["pipe()", *map(str, self._steps)])

    @overload
    def f(self, fn: Fn[Untold]) -> Pipe[Any, W, M]: ...
    @overload
    def f(self, fn: AsyncFn[R]) -> Pipe[R, Later, M]: ...
    @overload
    def f(self, fn: Fn[R]) -> Pipe[R, W, M]: ...
    def f(self, fn: Any) -> Any:
        """Take the result of `fn` for the last value and the arguments.

        1. If there are no arguments, `fn` gets the last value by position; nothing if there is
           none. After `clear()`, a function of one parameter gets None.
        2. Otherwise it gets those arguments by name that it has parameters for, or all of them if
           it takes `**kwargs`.
        3. The last value then goes to its parameter `__last__`. If it has none, to its first
           parameter, if that is still free. If it is not, into `**kwargs`, as `__last__`.

        A builtin without a signature gets the last value alone.

        Afterwards the arguments are gone: the next step gets only the result of `fn`. This is also
        so after `cast`, `map`, `foldl`, `foldl1`, `cond`, `fork` and `to`. `kwargs()` and `input()`
        bring arguments back.

        >>> pipe().const(5).f(lambda x: x + 1)()
        6
        >>> pipe().const(5).f(lambda x, n: x + n)(n=2, m=3)
        7
        >>> pipe().const(5).f(lambda n, __last__: __last__ + n)(n=2)
        7
        >>> pipe().f(lambda n: n + 1).f(lambda n: n * 10)(n=1)
        20
        """
        return self._applied("f", fn)

    @overload
    def exec(self, fn: Fn[Untold]) -> Pipe[T, W, M]: ...
    @overload
    def exec(self, fn: AsyncFn[Any]) -> Pipe[T, Later, M]: ...
    @overload
    def exec(self, fn: Fn[Any]) -> Pipe[T, W, M]: ...
    def exec(self, fn: Any) -> Any:
        """Call `fn` as `f` does, for its side effect: the last value and the arguments stay.

        >>> pipe().const(5).exec(print)()
        5
        5
        """
        return self._add_step("exec", lambda state: chain(apply(fn, state), lambda _: state), fn)

    @overload
    def cast(self, fn: Callable[[T], Untold]) -> Pipe[Any, W, M]: ...
    @overload
    def cast(self, fn: Callable[[T], Coroutine[Any, Any, R]]) -> Pipe[R, Later, M]: ...
    @overload
    def cast(self, fn: Callable[[T], R]) -> Pipe[R, W, M]: ...
    def cast(self, fn: Any) -> Any:
        """Convert the last value with `fn`, which gets no arguments.

        >>> pipe().kwarg("n").cast(int)(n="5")
        5
        """
        return self._applied("cast", fn, alone=True)

    def identity(self) -> Pipe[T, W, M]:
        """Do nothing.

        >>> pipe().const(5).identity()()
        5
        """
        return self._add_step("identity", lambda state: state)

    @overload
    def map(self: Pipe[Iterable[A], W, M], fn: Callable[[A], Untold]) -> Pipe[list[Any], W, M]: ...
    @overload
    def map(
        self: Pipe[Iterable[A], W, M], fn: Callable[[A], Coroutine[Any, Any, R]]
    ) -> Pipe[list[R], Later, M]: ...
    @overload
    def map(self: Pipe[Iterable[A], W, M], fn: Callable[[A], R]) -> Pipe[list[R], W, M]: ...
    def map(self, fn: Any) -> Any:
        """Take a list of the results of `fn` for each element of the last value, in turn.

        >>> pipe().const("abc").map(ord)()
        [97, 98, 99]
        """

        def value(state: State) -> Any:
            return _values.map_values(lambda item: apply_to(fn, state, item), state.require_last())

        return self._result("map", value, fn)

    @overload
    def foldl(
        self: Pipe[Iterable[A], W, M], fn: Callable[[B, A], Untold], acc: B
    ) -> Pipe[B, W, M]: ...
    @overload
    def foldl(
        self: Pipe[Iterable[A], W, M], fn: Callable[[B, A], Coroutine[Any, Any, B]], acc: B
    ) -> Pipe[B, Later, M]: ...
    @overload
    def foldl(self: Pipe[Iterable[A], W, M], fn: Callable[[B, A], B], acc: B) -> Pipe[B, W, M]: ...
    def foldl(self, fn: Any, acc: Any) -> Any:
        """Fold the elements from the left: `fn(fn(acc, first), second)` and so on.

        >>> pipe().const([1, 2, 3]).foldl(lambda text, n: f"{text}{n}", "")()
        '123'
        """

        def value(state: State) -> Any:
            return _values.fold(fn, state.require_last(), acc)

        return self._result("foldl", value, fn, args=(acc,))

    @overload
    def foldl1(self: Pipe[Iterable[A], W, M], fn: Callable[[A, A], Untold]) -> Pipe[A, W, M]: ...
    @overload
    def foldl1(
        self: Pipe[Iterable[A], W, M], fn: Callable[[A, A], Coroutine[Any, Any, A]]
    ) -> Pipe[A, Later, M]: ...
    @overload
    def foldl1(self: Pipe[Iterable[A], W, M], fn: Callable[[A, A], A]) -> Pipe[A, W, M]: ...
    def foldl1(self, fn: Any) -> Any:
        """Fold the elements from the left, beginning with the first; a ValueError if there is none.

        >>> pipe().const([1, 2, 3]).foldl1(max)()
        3
        """
        return self._result("foldl1", lambda s: _values.fold(fn, s.require_last()), fn)

    def ix(self: Pipe[Subscriptable[int, A], W, M], i: int) -> Pipe[A, W, M]:
        """Take the element at index `i`; a negative one counts from the end.

        >>> pipe().const("abc").ix(-1)()
        'c'
        """
        return self._value("ix", lambda state: state.require_last()[i], i)

    def get(self: Pipe[Subscriptable[K_contra, A], W, M], key: K_contra) -> Pipe[A, W, M]:
        """Take the value under `key`.

        >>> pipe().const({"a": 1}).get("a")()
        1
        """
        return self._value("get", lambda state: state.require_last()[key], key)

    def last(self: Pipe[Iterable[A], W, M]) -> Pipe[A, W, M]:
        """Take the last element; an IndexError if there is none.

        >>> pipe().const(iter([1, 2])).last()()
        2
        """
        return self._value("last", lambda state: _values.last_of(state.require_last()))

    def bytes(self) -> Pipe[Bytes, W, M]:
        """Convert the last value to bytes.

        Text is encoded in UTF-8; a path, an open file and a generator of text or bytes are read to
        their end; arrays give their memory. For JSON, put `f(json.dumps)` before it.

        >>> pipe().const("é").bytes()()
        b'\\xc3\\xa9'
        """
        return self._value("bytes", lambda state: _values.bytes_of(state.require_last()))

    def open(self, root_dir: str | PathLike[str] | None = None) -> Pipe[BinaryIO, W, M]:
        """Open the file whose path is the last value, for reading bytes; as a response, it streams.

        With `root_dir`, the path is relative to that folder, even if it begins with `/`. If it
        leaves the folder, by `..` or symbolic links, or if the file does not exist, the call ends
        with 404. Always open paths of a client in this way: `path().open("public")`. A list of
        segments, such as the result of `path()`, requires it.

        >>> pipe().const("../../etc/passwd").open("/usr")()
        Traceback (most recent call last):
        owt._response.Abort: (404, "There is no file '../../etc/passwd' here.")
        """
        args = () if root_dir is None else (root_dir,)
        return self._value("open", lambda s: _values.open_file(s.require_last(), root_dir), *args)

    def shell(self, *names: str) -> Pipe[Generator[Bytes, None, None], W, M]:
        """Run the command that is the last value, and take its output as a generator of bytes.

        Text is run by `/bin/sh`, a list of words directly. The arguments `names` of the call are
        environment variables of the command: in `"$text"`, with the quotes, any value is safe. The
        command starts when its output is first read; `bytes()` reads all of it. A status other than
        0 is a `summat.shell.CommandFailed`, with the end of stderr. When the generator is closed,
        the command's process group is killed.

        >>> pipe().const('echo "$text"').shell("text").bytes()(text="a; b")
        b'a; b\\n'
        """

        def value(state: State) -> Any:
            return _values.run_command(state.require_last(), _arguments(state, names))

        return self._value("shell", value, *names)

    @overload
    def stream(self: Pipe[Iterable[A], W, M]) -> Pipe[A, W, Many]: ...
    @overload
    def stream(self: Pipe[AsyncIterable[A], W, M]) -> Pipe[A, Later, Many]: ...
    def stream(self) -> Any:
        """Run the following steps for each item of the last value, as it is yielded.

        The result of the pipe is then a generator; an async generator if the last value or a
        following step is async. Closing it closes the generator that is the last value, on the same
        thread. A stream within a stream becomes one stream.

        >>> list(pipe().const(iter("ab")).stream().f(str.upper)())
        ['A', 'B']
        """
        return self._add_step("stream", None)

    def done(self) -> Pipe[T, W, M]:
        """Do nothing, as an explicit end of a pipe; it is not needed.

        >>> pipe().const(5).done()()
        5
        """
        return self


def pipe() -> Pipe[Any]:
    """Return a pipe without steps; its methods add them.

    >>> pipe().identity()(__last__="what comes in goes out")
    'what comes in goes out'
    """
    return Pipe()


def _arguments(state: State, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: argument(state, name) for name in names}
