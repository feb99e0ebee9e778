"""Pipes as handlers."""

from __future__ import annotations

import json

import pytest

from owt.summat import Pipe, pipe
from tests.fake import fault_of, json_of


@pytest.mark.parametrize(
    ("steps", "given", "expected"),
    [
        ("path()", {"raw_path": "/a"}, "/a"),
        ("query()", {"query": "a=1&a=2"}, {"a": "1"}),
        ("json()", {"body": b"[1]"}, [1]),
        ("kwarg('n')", {"kwargs": '{"n": 1}'}, 1),
        ("const(5)", {}, 5),
        ("const(5).identity().done()", {}, 5),
        ("const([1, 2]).map(lambda x: x + 1)", {}, [2, 3]),
        ("const([1, 2]).ix(0)", {}, 1),
        ("const([1, 2]).last()", {}, 2),
        ("const({'a': 1}).get('a')", {}, 1),
        ("const('5').cast(int)", {"kwargs": '{"n": 1}'}, 5),
        # The last value alone goes by position.
        ("const(5).f(lambda x: x + 1)", {}, 6),
        ("f(lambda: 5)", {}, 5),
        ("f(lambda x: x)", {"kwargs": "7"}, 7),
        # Otherwise arguments go by name.
        ("f(lambda n: n)", {"kwargs": '{"n": 1}'}, 1),
        ("f(lambda **k: k)", {"kwargs": '{"n": 1}'}, {"n": 1}),
        ("const(5).f(lambda n, __last__: [n, __last__])", {"kwargs": '{"n": 1}'}, [1, 5]),
        ("const(5).f(lambda **k: k)", {"kwargs": '{"n": 1}'}, {"n": 1, "__last__": 5}),
        ("const(5).f(lambda x, n: [x, n])", {"kwargs": '{"n": 1}'}, [5, 1]),
        ("const('a').f(str.upper)", {"kwargs": '{"n": 1}'}, "A"),
        ("kwargs(n=2, m=3).f(lambda n, m: [n, m])", {"kwargs": '{"n": 1}'}, [1, 3]),
        ("const([1]).exec(lambda x: x.append(2))", {}, [1, 2]),
        ("f(lambda n: n).f(lambda x: x * 2)", {"kwargs": '{"n": 4}'}, 8),
    ],
)
def test_each_step_works_on_what_the_one_before_left(
    steps: str, given: dict[str, object], expected: object
) -> None:
    assert json.loads(json_of(f"pipe().{steps}.f(lambda x: [x])", **given)) == [expected]


def test_a_pipe_never_changes() -> None:
    start = pipe().const(1)
    doubled = start.f(lambda x: x * 2)
    assert (start(), doubled(), start()) == (1, 2, 1)
    assert pipe().identity()() is None
    assert isinstance(doubled, Pipe)
    assert repr(doubled) == "<Pipe of 2 steps>"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("kwarg('n')", "the pipe needs the argument 'n', which was not given"),
        ("ix(0)", "the pipe has no value here yet: begin it with a source, such as json()"),
    ],
)
def test_a_pipe_that_lacks_something_says_what(steps: str, words: str) -> None:
    code, text = fault_of(f"pipe().{steps}")
    assert (code, text.splitlines()[0]) == ("adaptor-raised", f"TypeError: {words}")
