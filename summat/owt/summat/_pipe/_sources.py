"""The steps that a pipe starts with, and those for its modules and packages."""

from __future__ import annotations

import sys

from owt.summat._pipe._awaiting import chain
from owt.summat._pipe._run import StepSequence
from owt.summat._pipe._state import CLEARED, NoValue
from owt.summat._pipe._typing import Generic, M, T, W

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._request import Request
    from owt.summat._pipe._builder import Pipe
    from owt.summat._pipe._state import State
    from owt.summat._pipe._typing import R


class Sources(StepSequence, Generic[T, W, M]):
    """The methods of a pipe that do not use the last value."""

    __slots__ = ()

    def path(self) -> Pipe[list[str], W, M]:
        """Take the segments of the request's path, percent-decoded, as a list.

        >>> pipe().path()(request("/a%20b/c"))
        ['a b', 'c']
        >>> pipe().path()(request("/"))
        []
        """
        return self._value("path", lambda state: _path_segments(state.require_request()))

    def query(self) -> Pipe[dict[str, str], W, M]:
        """Take the fields of the request's query; of fields with one name, the first.

        >>> pipe().query()(request("/", query="a=1&b=2"))
        {'a': '1', 'b': '2'}
        """
        return self._value("query", lambda state: state.require_request().args.to_dict())

    def json(self) -> Pipe[Any, W, M]:
        """Take the request's body parsed as JSON, whatever its media type; 400 if it is not JSON.

        >>> pipe().json()(request("/", body=b'{"a": [1]}'))
        {'a': [1]}
        """
        return self._value("json", lambda state: state.require_request().get_json(force=True))

    def kwarg(self, name: str) -> Pipe[Any, W, M]:
        """Take the argument `name`; a TypeError if it was not given.

        >>> pipe().kwarg("n")(n=1)
        1
        """
        return self._value("kwarg", lambda state: argument(state, name), name)

    def kwargs(self, **defaults: Any) -> Pipe[T, W, M]:
        """Set arguments for the following steps, unless the call gave others.

        >>> pipe().kwargs(n=1, m=2).f(lambda n, m: (n, m))(n=3)
        (3, 2)
        """
        return self._add_step("kwargs", lambda state: state.with_defaults(defaults))

    def input(self) -> Pipe[Any, W, M]:
        """Take what the pipe was called with: the value without a name, and the arguments.

        Without such a value, this takes the bytes of the request's body. In a pipe that is a step
        of another, it takes the last value of that one.

        >>> pipe().f(str.upper).fork(pipe(), pipe().input())(__last__="a")
        ('A', 'A')
        >>> pipe().input()(request("/", body=b"RIFF"))
        b'RIFF'
        """
        return self._add_step("input", lambda state: chain(_input(state), state.restart))

    def const(self, x: R) -> Pipe[R, W, M]:
        """Take `x`, the same object in each call.

        >>> pipe().const(5)()
        5
        """
        return self._value("const", lambda _state: x, x)

    def clear(self) -> Pipe[Any, W, M]:
        """Forget the last value and the arguments. A function of one parameter then gets None.

        >>> pipe().const(5).clear().f(lambda _: "nothing")(n=1)
        'nothing'
        """
        return self._add_step("clear", lambda state: state.with_only(CLEARED))

    def importing(self, *modules: str) -> Pipe[T, W, M]:
        """Import modules when the pipe is built, and bind their names in the calling module.

        As with `import a.b`, a dotted name binds `a`. A missing module is a ModuleNotFoundError
        that says how to install it.

        >>> pipe().importing("colorsys").f(lambda: colorsys.hsv_to_rgb(0, 0, 1))()
        (1, 1, 1)
        """
        from owt.summat._pipe import _environment

        _environment.bind(modules, sys._getframe(1).f_globals)
        return self._add_step("importing", lambda state: state, args=modules)

    def installing(self, *packages: str) -> Pipe[T, W, M]:
        """Install with pip, when the pipe is built, those of the packages that are missing.

        They are installed into the environment of this Python. A package may have a version, as in
        pip: `numpy==2.0`. The output of pip goes to the log; if it fails, the RuntimeError has the
        last lines.

        >>> pipe().installing("pytest").const("is there")()
        'is there'
        """
        from owt.summat._pipe import _environment

        _environment.install(packages)
        return self._add_step("installing", lambda state: state, args=packages)


def argument(state: State, name: str) -> Any:
    """Return an argument of the call, or raise a TypeError."""
    if name not in state.kwargs:
        raise TypeError(f"the pipe needs the argument {name!r}, which was not given")
    return state.kwargs[name]


def _input(state: State) -> Any:
    last = state.initial[0]
    return state.require_request().get_data() if type(last) is NoValue else last


def _path_segments(request: Request) -> list[str]:
    """Return the segments of a path, without empty ones at its ends."""
    raw = request._call.raw_path.strip("/")
    if not raw:
        return []
    from urllib.parse import unquote

    # Decoded one by one: a `%2F` does not end a segment.
    return [unquote(segment, errors="replace") for segment in raw.split("/")]
