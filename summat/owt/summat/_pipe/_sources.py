"""The steps with which a pipe begins, and those that see to its modules and packages."""

from __future__ import annotations

import sys

from owt.summat._pipe._later import after
from owt.summat._pipe._run import Composed
from owt.summat._pipe._state import CLEARED, Nothing
from owt.summat._pipe._typing import Generic, M, T, W

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._request import Request
    from owt.summat._pipe._builder import Pipe
    from owt.summat._pipe._state import State
    from owt.summat._pipe._typing import R


class Sources(Composed, Generic[T, W, M]):
    """The methods of a pipe that need no last value."""

    __slots__ = ()

    def path(self) -> Pipe[list[str], W, M]:
        """Take the segments of the request's path, percent-decoded, as a list.

        >>> pipe().path()(request("/a%20b/c"))
        ['a b', 'c']
        >>> pipe().path()(request("/"))
        []
        """
        return self._value("path", lambda state: _segments(state.asked()))

    def query(self) -> Pipe[dict[str, str], W, M]:
        """Take the fields of the request's query; of fields with one name, the first.

        >>> pipe().query()(request("/", query="a=1&b=2"))
        {'a': '1', 'b': '2'}
        """
        return self._value("query", lambda state: state.asked().args.to_dict())

    def json(self) -> Pipe[Any, W, M]:
        """Take the request's body read as JSON, whatever its media type; 400 if it is not JSON.

        >>> pipe().json()(request("/", body=b'{"a": [1]}'))
        {'a': [1]}
        """
        return self._value("json", lambda state: state.asked().get_json(force=True))

    def kwarg(self, name: str) -> Pipe[Any, W, M]:
        """Take the argument `name`; a TypeError if it did not come.

        >>> pipe().kwarg("n")(n=1)
        1
        """
        return self._value("kwarg", lambda state: argument(state, name), name)

    def kwargs(self, **defaults: Any) -> Pipe[T, W, M]:
        """Give the steps that follow these arguments; what came with the call counts more.

        >>> pipe().kwargs(n=1, m=2).f(lambda n, m: (n, m))(n=3)
        (3, 2)
        """
        return self._then("kwargs", lambda state: state.with_defaults(defaults))

    def input(self) -> Pipe[Any, W, M]:
        """Take what the pipe began with: the value that was sent without a name, and the arguments.

        If there was no such value, the bytes of the request's body. In a pipe that is a step of
        another, the last value of that one.

        >>> pipe().f(str.upper).fork(pipe(), pipe().input())(__last__="a")
        ('A', 'A')
        >>> pipe().input()(request("/", body=b"RIFF"))
        b'RIFF'
        """
        return self._then("input", lambda state: after(_input(state), state.again))

    def const(self, x: R) -> Pipe[R, W, M]:
        """Take `x`, the same object for each call.

        >>> pipe().const(5)()
        5
        """
        return self._value("const", lambda _state: x, x)

    def clear(self) -> Pipe[Any, W, M]:
        """Forget the last value and the arguments. A function of one parameter then gets None.

        >>> pipe().const(5).clear().f(lambda _: "nothing")(n=1)
        'nothing'
        """
        return self._then("clear", lambda state: state.alone(CLEARED))

    def importing(self, *modules: str) -> Pipe[T, W, M]:
        """Import modules when the pipe is built, and bind their names where that is written.

        As with `import a.b`, a dotted name binds `a`. A module that is missing is a
        ModuleNotFoundError that says how to install it.

        >>> pipe().importing("colorsys").f(lambda: colorsys.hsv_to_rgb(0, 0, 1))()
        (1, 1, 1)
        """
        from owt.summat._pipe import _environment

        _environment.bind(modules, sys._getframe(1).f_globals)
        return self._then("importing", lambda state: state, shown=modules)

    def installing(self, *packages: str) -> Pipe[T, W, M]:
        """Install with pip, when the pipe is built, those of the packages that are missing.

        They go into the environment of the Python that runs this. A package may say its version, as
        for pip: `numpy==2.0`. What pip prints goes to the log; if it fails, its last lines are in
        the RuntimeError.

        >>> pipe().installing("pytest").const("is there")()
        'is there'
        """
        from owt.summat._pipe import _environment

        _environment.install(packages)
        return self._then("installing", lambda state: state, shown=packages)


def argument(state: State, name: str) -> Any:
    """Return an argument of the call, which has to be there."""
    if name not in state.kwargs:
        raise TypeError(f"the pipe needs the argument {name!r}, which was not given")
    return state.kwargs[name]


def _input(state: State) -> Any:
    last = state.begun[0]
    return state.asked().get_data() if type(last) is Nothing else last


def _segments(request: Request) -> list[str]:
    """Return the segments of a path; those at its ends are not there, if they are empty."""
    raw = request._call.raw_path.strip("/")
    if not raw:
        return []
    from urllib.parse import unquote

    # Decoded one by one: a `%2F` is no end of a segment.
    return [unquote(segment, errors="replace") for segment in raw.split("/")]
