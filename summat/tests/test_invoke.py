"""Which parameters get the request and the arguments, and the messages for mismatches."""

from __future__ import annotations

import pytest

from tests.fake import error_of, json_of, text_of

# R stands for the request in the results of the handlers below.
SHOW = (
    "import functools\n"
    "from owt._request import Request\n"
    "def show(*values): return ['R' if isinstance(v, Request) else v for v in values]\n"
)


@pytest.mark.parametrize(
    ("handler", "kwargs", "expected"),
    [
        # The request first, if a parameter can take it.
        ("def run(request): return show(request)", None, '["R"]'),
        ("def run(_, name): return show(_, name)", "{'name': 1}", '["R",1]'),
        ("def run(r, name): return show(r, name)", "{'name': 1}", '["R",1]'),
        ("def run(_unused, name): return show(_unused, name)", "{'name': 1}", '["R",1]'),
        ("def run(q: Request, n): return show(q, n)", "{'n': 1}", '["R",1]'),
        ("def run(q: 'owt.Request | None', n): return show(q, n)", "{'n': 1}", '["R",1]'),
        ("def run(n, q: owt.Request | None = None): return show(n, q)", "{'n': 1}", '[1,"R"]'),
        (
            "class flask:\n  class Request: pass\ndef run(q: flask.Request): return show(q)",
            None,
            '["R"]',
        ),
        ("def run(it, /, n): return show(it, n)", "{'n': 1}", '["R",1]'),
        ("def run(request=None, n=0): return show(request, n)", "{'n': 1}", '["R",1]'),
        (
            "def run(request, /, **kw): return show(request, kw)",
            "{'request': 1}",
            '["R",{"request":1}]',
        ),
        ("def run(*a, **kw): return show(*a, kw)", "{'n': 1}", '["R",{"n":1}]'),
        ("def run(_, *, name='x'): return show(_, name)", None, '["R","x"]'),
        ("def run(name, request): return show(name, request)", "{'name': 1}", '[1,"R"]'),
        ("def run(name, *, req): return show(name, req)", "{'name': 1}", '[1,"R"]'),
        # Arguments alone, if none can, or if its name means something else.
        ("def run(r): return show(r)", "{'r': 2}", "[2]"),
        ("def run(r=1): return show(r)", None, "[1]"),
        ("def run(_kept=1): return show(_kept)", None, "[1]"),
        ("def run(n=1, /): return show(n)", None, "[1]"),
        ("def run(request): return show(request)", "{'request': 2}", "[2]"),
        ("def run(): return show()", None, "[]"),
        ("def run(name): return show(name)", "{'name': 1}", "[1]"),
        ("def run(name='x'): return show(name)", None, '["x"]'),
        ("def run(*, name): return show(name)", "{'name': 1}", "[1]"),
        ("def run(**kw): return show(kw)", "{'name': 1}", '[{"name":1}]'),
        ("def run(name, *rest): return show(name, *rest)", "{'name': 1}", "[1]"),
        # A value without a name.
        ("def run(x): return show(x)", "7", "[7]"),
        ("def run(x=1): return show(x)", "7", "[7]"),
        ("def run(x=1, y=2): return show(x, y)", "7", "[7,2]"),
        ("def run(_, x): return show(_, x)", "7", '["R",7]'),
        ("def run(a, b=2): return show(a, b)", "7", "[7,2]"),
        ("def run(a, request): return show(a, request)", "7", '[7,"R"]'),
        ("def run(a, *, q: Request): return show(a, q)", "7", '[7,"R"]'),
        ("def run(a, *rest): return show(a, *rest)", "7", "[7]"),
        ("def run(r, a): return show(r, a)", "7", '["R",7]'),
        ("def run(*a): return show(*a)", "7", '["R",7]'),
        ("def run(__last__): return show(__last__)", "7", "[7]"),
        ("def run(_, __last__): return show(_, __last__)", "7", '["R",7]'),
        ("def run(_, **kw): return show(_, kw)", "7", '["R",{"__last__":7}]'),
        ("def run(_, x, y): return show(_, x, y)", "{'__last__': 7, 'y': 8}", '["R",7,8]'),
        # Callables of every kind.
        ("run = functools.partial(lambda req, b: show(req, b), b=1)", None, '["R",1]'),
        ("class run:\n  def __new__(cls, name): return show(name)", "{'name': 1}", "[1]"),
        (
            "class C:\n  def __call__(self, r, n): return show(r, n)\nrun = C()",
            "{'n': 1}",
            '["R",1]',
        ),
        ("class C:\n  def m(self, _): return show(_)\nrun = C().m", None, '["R"]'),
        ("class C:\n  @classmethod\n  def m(cls, n): return show(n)\nrun = C.m", "{'n': 1}", "[1]"),
        ("run = dict", "{'a': 1}", '{"a":1}'),
        ("run = int", "'12'", "12"),
        ("run = len", "hello", "5"),
        ("run = sorted", "[2, 1]", "[1,2]"),
        (
            "def keep(f):\n"
            "  @functools.wraps(f)\n"
            "  def kept(*a, **k): return f(*a, **k)\n"
            "  return kept\n"
            "@keep\n"
            "def run(name): return show(name)",
            "{'name': 1}",
            "[1]",
        ),
    ],
)
def test_a_handler_gets_the_parameters_of_its_signature(
    handler: str, kwargs: str | None, expected: str
) -> None:
    assert json_of(SHOW + handler, kwargs=kwargs) == expected


PLAIN = "def plain(f):\n  def w(*a, **k): return f(*a, **k)\n  return w\n"
# What decorators do without `functools.wraps`.
DECORATORS = {
    "@plain": PLAIN,
    "@plain @plain": PLAIN,
    "@timed(print)": (
        "def timed(log, also=lambda: 0):\n"
        "  def around(f):\n"
        "    def w(*a, **k):\n"
        "      log, also\n"
        "      return f(*a, **k)\n"
        "    return w\n"
        "  return around\n"
    ),
    "@Kept": (
        "class Kept:\n"
        "  def __init__(self, f): self.f = f\n"
        "  def __call__(self, *a, **k): return self.f(*a, **k)\n"
    ),
    "@functools.partial": "",
    "@functools.cache": "",
    "@functools.singledispatch": "",
}


@pytest.mark.parametrize("decorators", DECORATORS)
@pytest.mark.parametrize(
    ("handler", "kwargs", "expected"),
    [
        ("def run(name): return show(name)", "{'name': 1}", "[1]"),
        ("def run(request): return show(request)", None, '["R"]'),
        ("def run(_, name): return show(_, name)", "{'name': 1}", '["R",1]'),
        ("def run(name, *, request): return show(name, request)", "{'name': 1}", '[1,"R"]'),
        ("def run(name, size=2): return show(name, size)", "7", "[7,2]"),
        ("def run(_, name, *more, **rest): return show(_, name)", "{'name': 1}", '["R",1]'),
    ],
)
def test_a_decorated_handler_is_called_like_the_function_inside(
    decorators: str, handler: str, kwargs: str | None, expected: str
) -> None:
    above = "\n".join(decorators.split(" "))
    source = f"{SHOW}{DECORATORS[decorators]}{above}\n{handler}"
    assert json_of(source, kwargs=kwargs) == expected


@pytest.mark.parametrize(
    ("handler", "kwargs", "expected"),
    [
        (PLAIN + "class C:\n  @plain\n  def m(self, n): return n\nrun = C().m", "{'n': 1}", "1"),
        (
            "def add(f):\n  def w(*a, **k): return f('db', *a, **k)\n  return w\n"
            "@add\ndef run(db, request, n): return show(db, request, n)",
            "{'n': 1}",
            '["db","R",1]',
        ),
        (
            "def add(f):\n  def w(*a, **k): return f('db', *a, **k)\n  return w\n"
            "@add\ndef run(db, n): return show(db, n)",
            "{'n': 1}",
            '["db",1]',
        ),
        (
            "def add(f):\n"
            "  @functools.wraps(f)\n"
            "  def w(*a, **k): return f('db', *a, **k)\n"
            "  return w\n"
            "@add\ndef run(db, request, n): return show(db, request, n)",
            "{'n': 1}",
            '["db","R",1]',
        ),
        (
            "def w(f):\n  return lambda *a, **k: show(*a, k)\nrun = w(1)",
            "{'n': 1}",
            '["R",{"n":1}]',
        ),
        (
            "@functools.singledispatch\n"
            "def run(x, y=0): return 'any'\n"
            "@run.register\n"
            "def _(x: int, y=0): return ['int', y]\n",
            "{'x': 1, 'y': 2}",
            '["int",2]',
        ),
        ("run = functools.partial(lambda a, *, b: [a, b], 1, b=2)", None, "[1,2]"),
        ("run = functools.partial(lambda a, *, b: [a, b], 1, b=2)", "{'b': 3}", "[1,3]"),
        (
            "run = functools.partial(lambda req, a, b: show(req, a, b), a=1)",
            "{'b': 3}",
            '["R",1,3]',
        ),
    ],
)
def test_other_callables_are_called_as_python_would(
    handler: str, kwargs: str | None, expected: str
) -> None:
    assert json_of(SHOW + handler, kwargs=kwargs) == expected


def test_a_mismatch_behind_a_decorator_is_an_error_of_python() -> None:
    code, text = error_of(PLAIN + "@plain\ndef run(name): return name")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "TypeError: run() missing 1 required positional argument: 'name'",
    )


@pytest.mark.parametrize(
    ("handler", "kwargs", "words"),
    [
        ("def run(_, name: str): pass", None, "run(_, name: str): 'name' is missing"),
        (
            "def run(name): pass",
            "{'nam': 1}",
            "run(name): 'name' is missing; it has no parameter 'nam'",
        ),
        ("def run(_, a, b): pass", "{'a': 1}", "run(_, a, b): 'b' is missing"),
        ("def run(_, *, a, b): pass", None, "run(_, *, a, b): 'a' is missing; 'b' is missing"),
        ("def run(_): pass", "{'x': 1}", "run(_): it has no parameter 'x'"),
        (
            "def run(): pass",
            "{'x': 1, 'a': 2}",
            "run(): it has no parameter 'a'; it has no parameter 'x'",
        ),
        ("def run(a, /): pass", "{'a': 1}", "run(a, /): it has no parameter 'a'"),
        (
            "def run(_, name): pass",
            "{'nam': 1}",
            "run(_, name): 'name' is missing; it has no parameter 'nam'",
        ),
        ("def run(request): pass", "7", "run(request): it takes no value that has no name"),
        ("def run(): pass", "7", "run(): it takes no value that has no name"),
        ("def run(_, x, y): pass", "7", "run(_, x, y): 'y' is missing"),
        (
            "class run:\n  def __init__(self, a): pass",
            "{'b': 1}",
            "run(a): 'a' is missing; it has no parameter 'b'",
        ),
        (
            "class Odd:\n  def __repr__(self): 1 / 0\ndef run(a=Odd()): pass",
            "{'b': 1}",
            "run(…): it has no parameter 'b'",
        ),
    ],
)
def test_mismatched_arguments_are_named(handler: str, kwargs: str | None, words: str) -> None:
    assert error_of(handler, kwargs=kwargs) == (
        "arguments",
        f"The arguments do not fit {words}.",
    )


@pytest.mark.parametrize(
    ("handler", "kwargs", "needs"),
    [
        ("def run(name): return f'Hi {name}'", None, "run() needs 'name'"),
        ("lambda x: x", None, "run() needs 'x'"),
        ("def run(a, b): pass", "{'a': 1}", "run() needs 'b'"),
        ("def run(a, b, *, c): pass", None, "run() needs 'a' and 'b' and 'c'"),
        ("def run(a, b): pass", "7", "run() needs 'b'"),
        ("def run(name, *rest): pass", None, "run() needs 'name'"),
        ("def run(name, r): pass", "{'name': 1}", "run() needs 'r'"),
        ("def run(__last__): pass", None, "run() needs '__last__'"),
        ("class run:\n  def __init__(self, a): pass", None, "run() needs 'a'"),
        ("def run(a: 'Requests'): pass", None, "run() needs 'a'"),
        ("def run(a: list['Request']): pass", None, "run() needs 'a'"),
    ],
)
def test_a_forgotten_argument_is_never_the_request(
    handler: str, kwargs: str | None, needs: str
) -> None:
    assert error_of(handler, kwargs=kwargs) == (
        "arguments",
        f"{needs}. (The request goes to a first parameter that is called request, req, r or _.)",
    )


@pytest.mark.parametrize(
    "handler",
    [
        "def run(_): raise TypeError(\"run() missing 1 required positional argument: 'x'\")",
        "def inner(x): pass\ndef run(_): inner()",
        "run = int",
    ],
)
def test_a_type_error_in_the_handler_is_not_a_mismatch(handler: str) -> None:
    kwargs = "{'no': 1}" if handler == "run = int" else None
    code, text = error_of(handler, kwargs=kwargs)
    assert (code, text.partition(":")[0]) == ("adaptor-raised", "TypeError")


@pytest.mark.parametrize("request_name", ["", "request, "])
def test_arguments_find_their_parameters_after_the_code_of_a_function_was_replaced(
    request_name: str,
) -> None:
    source = (
        f"def run({request_name}a, b): return [a, b]\n"
        "def other(b, a): return [a, b]\n"
        "def replace():\n  run.__code__ = other.__code__\n  return 'replaced'\n"
    )
    assert json_of(source, kwargs="{'a': 1, 'b': 2}") == "[1,2]"
    assert text_of(source, fn_name="replace") == "replaced"
    assert json_of(source, kwargs="{'a': 1, 'b': 2}") == "[1,2]"


def test_plans_are_kept_for_a_bounded_number_of_names() -> None:
    source = "def run(_, **kw): return str(len(kw))"
    for number in range(200):
        assert text_of(source, kwargs=f"{{'name{number}': 1}}") == "1"
    from owt import _worker
    from owt._state import state

    (summary,) = _worker.adaptors()
    adaptor = state.adaptors.get(summary["digest"])
    assert adaptor is not None
    assert len(adaptor.plans) <= 64
