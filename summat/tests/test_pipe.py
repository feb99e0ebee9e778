"""Pipes as handlers: what each step does, in each way of writing an adaptor."""

from __future__ import annotations

import functools
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._errors import Interrupted
from owt._request import Request
from owt._response import Abort
from owt.summat import Pipe, pipe
from tests.fake import TEXT, FakeCall, answer_to, error_of, json_of, reply_to, text_of

# The four forms in which an adaptor may be a pipe.
FORMS = {
    "bound": lambda steps: "run = pipe()." + ".".join(steps),
    "bare": lambda steps: "pipe()." + ".".join(steps),
    "terse": lambda steps: ".".join(steps),
    "dotted": lambda steps: "".join(f"\n  .{step}  # a step" for step in steps),
    "lines": lambda steps: "\n  .".join(steps),
}
N: dict[str, Any] = {"kwargs": '{"n": 1}'}
BODY = {"body": b"RIFF"}

STEPS = [
    (["path()"], {"raw_path": "/a%20b/c"}, ["a b", "c"]),
    (["path()", "ix(0)"], {"raw_path": "/a/b"}, "a"),
    (["path()", "last()"], {"raw_path": "/a/b"}, "b"),
    (["path()", "map(str.upper)"], {"raw_path": "/a/b"}, ["A", "B"]),
    (["query()"], {"query": "a=1&a=2&b="}, {"a": "1", "b": ""}),
    (["json()"], {"body": b"[1]"}, [1]),
    (["kwarg('n')"], N, 1),
    (["kwargs(n=2, m=3)", "f(lambda n, m: [n, m])"], N, [1, 3]),
    (["const(0)", "f(lambda n: n)", "kwargs(n=2, m=3)", "f(lambda n, m: [n, m])"], N, [1, 3]),
    (["input()"], {"kwargs": "7"}, 7),
    (["f(lambda n: n)", "input()", "f(lambda x, n: [x.decode(), n])"], N | BODY, ["RIFF", 1]),
    (["input()", "f(bytes.decode)"], {"body": b"RIFF"}, "RIFF"),
    (["f(lambda x: x + 1)", "fork(pipe().input(), pipe())"], {"kwargs": "7"}, [8, 8]),
    (["const(5)"], {}, 5),
    (["const(5)", "clear()", "f(lambda n: n)"], N, None),
    (["const(5)", "clear()", "f(lambda: 'none')"], {}, "none"),
    (["clear()", "f(lambda _: 'no kwargs')"], N, "no kwargs"),
    (["clear()", "f(lambda x='default': x)"], N, "default"),
    (["clear()", "f(dict)"], N, {}),
    (["clear()", "kwargs(n=2, m=3)", "f(lambda n, m: [n, m])"], N, [1, 3]),
    (["f(lambda: 5)"], {}, 5),
    (["const([1])", "exec(lambda x: x.append(2))"], {}, [1, 2]),
    (["const('5')", "cast(int)"], N, 5),
    (["const(5)", "identity()", "done()"], {}, 5),
    (["const([1, 2])", "map(lambda x: x + 1)"], {}, [2, 3]),
    (["const([1, 2])", "map(pipe().f(lambda x, n: x + n))"], N, [2, 3]),
    (["const({'a': 1})", "map(str.upper)"], {}, ["A"]),
    (["const([1, 2, 3])", "foldl(lambda acc, x: [*acc, x], [0])"], {}, [0, 1, 2, 3]),
    (["const([])", "foldl(max, 5)"], {}, 5),
    (["const([1, 3, 2])", "foldl1(max)"], {}, 3),
    (["const([1])", "foldl1(max)"], {}, 1),
    (["const([1, 2])", "ix(-1)"], {}, 2),
    (["const({'a': 1})", "get('a')"], {}, 1),
    (["const([1, 2])", "last()"], {}, 2),
    (["const(iter('ab'))", "last()"], {}, "b"),
    (["const({'a': 1, 'b': 2})", "last()"], {}, "b"),
    (["const('é')", "bytes()", "f(list)"], {}, [195, 169]),
    (["const(['echo', 'a  b'])", "shell()", "bytes()", "f(bytes.decode)"], {}, "a  b\n"),
    (["const('x')", "cond(lambda x: x * 2, lambda _: 'none')"], {}, "xx"),
    (["const('')", "cond(lambda x: x * 2, lambda _: 'none')"], {}, "none"),
    (["const(5)", "cond(str, float, when=lambda x: x > 5)"], {}, 5.0),
    (["cond(lambda n: -n, lambda n: n, when=lambda n: n > 0)"], N, -1),
    (["const('ab')", "fork(str.upper, len)"], {}, ["AB", 2]),
    (["const('ab')", "to(pipe().f(str.upper).ix(0))"], {}, "A"),
    (["const('ab')", "to(str.upper)"], {}, "AB"),
    (["to(pipe().kwargs(m=2).f(lambda n, m: [n, m]))", "f(lambda n: n)"], N, [1, 2]),
    (["const(9)", "importing('math', 'os.path')", "f(lambda x: math.sqrt(x))"], {}, 3.0),
    (["installing('pytest')", "const('there')"], {}, "there"),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("steps", "given", "expected"), STEPS)
def test_each_step_works_in_each_form(
    form: str, steps: list[str], given: dict[str, Any], expected: object
) -> None:
    source = FORMS[form]([*steps, "cast(json.dumps)"])
    assert json.loads(text_of(source, **given)) == expected


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_is_sent_item_by_item_in_each_form(form: str) -> None:
    source = FORMS[form](["const(iter('ab'))", "stream()", "f(str.upper)"])
    assert answer_to(source) == [
        ("start", 200, TEXT, []),
        ("chunk", b"A"),
        ("chunk", b"B"),
        ("finish",),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_sent_in_each_form(form: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("in a file")
    source = FORMS[form](["path()", f"open(root_dir={str(tmp_path)!r})"])
    assert answer_to(source, raw_path="/a.txt") == [
        ("start", 200, TEXT, []),
        ("chunk", b"in a file"),
        ("finish",),
    ]
    assert reply_to(source, raw_path="/%2e%2e/a.txt") == (
        404,
        TEXT,
        [],
        b"There is no file '/../a.txt' here.",
    )


SEGMENTS = [
    ("/", []),
    ("/a", ["a"]),
    ("/a/b", ["a", "b"]),
    ("/a/b/", ["a", "b"]),
    ("//a", ["a"]),
    ("/a//b", ["a", "", "b"]),
    ("/a%2Fb/c%20d", ["a/b", "c d"]),
    ("/%C3%A9", ["é"]),
    ("/%ff", ["\ufffd"]),
    ("/%", ["%"]),
    ("/a+b", ["a+b"]),
]


@pytest.mark.parametrize(("path", "segments"), SEGMENTS)
def test_a_path_is_the_list_of_its_segments(path: str, segments: list[str]) -> None:
    assert pipe().path()(Request(FakeCall(raw_path=path))) == segments


@given(segments=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)))
def test_any_segments_round_trip(segments: list[str]) -> None:
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    assert pipe().path()(Request(FakeCall(raw_path=path))) == segments


def test_segments_are_opened_only_with_a_root() -> None:
    with pytest.raises(TypeError) as raised:
        pipe().const(["etc", "passwd"]).open()()
    assert str(raised.value) == "open() takes segments of a path beneath a folder: open('public')"


ARGUMENTS_AFTER = [
    ("f(lambda n: 5)", {}),
    ("const(5).cast(str)", {}),
    ("const([5]).map(str)", {}),
    ("const([5]).foldl(max, 0)", {}),
    ("const([5]).foldl1(max)", {}),
    ("const(5).cond(str, str)", {}),
    ("const(5).fork(str, str)", {}),
    ("const(5).to(pipe().identity())", {}),
    ("clear()", {}),
    ("const(5)", {"n": 1}),
    ("path()", {"n": 1}),
    ("query()", {"n": 1}),
    ("kwarg('n')", {"n": 1}),
    ("const(5).identity()", {"n": 1}),
    ("const(5).exec(lambda n: 5)", {"n": 1}),
    ("const([5]).ix(0)", {"n": 1}),
    ("const({1: 5}).get(1)", {"n": 1}),
    ("const([5]).last()", {"n": 1}),
    ("const('5').bytes()", {"n": 1}),
    ("f(lambda n: 5).input()", {"n": 1}),
    ("f(lambda n: 5).kwargs(n=2)", {"n": 1}),
]


@pytest.mark.parametrize(("steps", "arguments"), ARGUMENTS_AFTER)
def test_arguments_are_gone_after_a_function(steps: str, arguments: dict[str, Any]) -> None:
    seen: list[Any] = []

    def see(*_: Any, **kwargs: Any) -> None:
        kwargs.pop("__last__", None)
        seen.append(kwargs)

    built = eval(f"pipe().{steps}", {"pipe": pipe})
    built.exec(see)(Request(FakeCall()), n=1)
    assert seen == [arguments]


class Adder:
    """A callable object."""

    def __call__(self, x: Any, n: int) -> Any:
        return [x, n]


def wrapped(fn: Any) -> Any:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


# A step: the function, the last value (if there is one), the arguments, the result.
RULE = [
    (lambda x: x, (5,), {}, 5),
    (lambda: "none", (), {}, "none"),
    (lambda x="none": x, (), {}, "none"),
    (lambda x: x, (None,), {}, None),
    (lambda __last__: __last__, (5,), {}, 5),
    (lambda n: n, (), {"n": 1}, 1),
    (lambda n: n, (5,), {"n": 1}, 1),
    (lambda: "none", (5,), {"n": 1}, "none"),
    (lambda x, n: [x, n], (5,), {"n": 1, "m": 2}, [5, 1]),
    (lambda n, x: [n, x], (), {"n": 1, "x": 2}, [1, 2]),
    (lambda n, __last__: [n, __last__], (5,), {"n": 1}, [1, 5]),
    (lambda *, __last__, n: [n, __last__], (5,), {"n": 1}, [1, 5]),
    (lambda x=0, *, n: [x, n], (5,), {"n": 1}, [5, 1]),
    (lambda **k: k, (), {"n": 1}, {"n": 1}),
    (lambda **k: k, (5,), {"n": 1}, {"n": 1, "__last__": 5}),
    (lambda n, **k: [n, k], (5,), {"n": 1, "m": 2}, [1, {"m": 2, "__last__": 5}]),
    (lambda x, **k: [x, k], (5,), {"n": 1}, [5, {"n": 1}]),
    (lambda x, __last__, **k: [x, __last__, k], (5,), {"x": 1, "m": 2}, [1, 5, {"m": 2}]),
    (lambda *a, **k: [a, k], (5,), {"n": 1}, [(5,), {"n": 1}]),
    (lambda *a: a, (5,), {"n": 1}, (5,)),
    (lambda x, /: x, (5,), {"x": 1}, 5),
    (lambda x, /, n: [x, n], (5,), {"n": 1}, [5, 1]),
    (lambda x, /, **k: [x, k], (5,), {"x": 1}, [5, {"x": 1}]),
    # Builtins and classes, some without a signature.
    (str.upper, ("a",), {"n": 1}, "A"),
    (str, (5,), {"n": 1}, "5"),
    (int, ("5",), {"base": 8}, 5),
    (len, ("abc",), {"n": 1}, 3),
    (max, ([1, 2],), {"n": 1}, 2),
    (sorted, ([2, 1],), {"reverse": True}, [2, 1]),
    (dict, ([("a", 1)],), {"n": 1}, {"a": 1}),
    ("a{}".format, (5,), {"n": 1}, "a5"),
    # Partials: parameters bound by position are gone, those bound by name have a default.
    (functools.partial(lambda a, b: [a, b], 0), (5,), {"a": 1}, [0, 5]),
    (functools.partial(lambda x, n: [x, n], n=0), (5,), {"m": 1}, [5, 0]),
    (functools.partial(lambda x, n: [x, n], n=0), (5,), {"n": 1}, [5, 1]),
    # Callable objects, bound methods, wrappers.
    (Adder(), (5,), {"n": 1, "m": 2}, [5, 1]),
    (Adder().__call__, (5,), {"n": 1, "m": 2}, [5, 1]),
    (wrapped(lambda x, n: [x, n]), (5,), {"n": 1, "m": 2}, [5, 1]),
    # Pipes as steps.
    (pipe().f(lambda x, n: [x, n]), (5,), {"n": 1}, [5, 1]),
]


@pytest.mark.parametrize(("fn", "last", "kwargs", "expected"), RULE)
def test_a_function_gets_arguments_for_its_parameters(
    fn: Any, last: tuple[Any, ...], kwargs: dict[str, Any], expected: object
) -> None:
    start = pipe().const(last[0]) if last else pipe()
    assert start.f(fn)(**kwargs) == expected
    assert start.exec(fn)(**kwargs) == (last[0] if last else None)


def test_a_step_cannot_change_the_arguments_of_another() -> None:
    def spoil(**kwargs: Any) -> None:
        kwargs.clear()

    assert pipe().exec(spoil).f(lambda n: n)(n=1) == 1


def test_only_cast_map_and_folds_see_the_value_alone() -> None:
    seen = pipe().const([1]).cast(lambda *a, **k: [(a, k)])
    assert seen(n=1) == [(([1],), {})]
    assert pipe().const([1]).map(lambda *a, **k: (a, k))(n=1) == [((1,), {})]


@given(values=st.lists(st.integers(), min_size=1), start=st.integers())
def test_steps_on_elements_match_python(values: list[int], start: int) -> None:
    def minus(a: int, b: int) -> int:
        return a - b

    given_values = pipe().const(values)
    assert given_values.map(str)() == list(map(str, values))
    assert given_values.foldl(minus, start)() == functools.reduce(minus, values, start)
    assert given_values.foldl1(minus)() == functools.reduce(minus, values)
    assert given_values.last()() == given_values.ix(-1)() == values[-1]
    assert pipe().const(iter(values)).last()() == values[-1]
    assert list(given_values.stream().f(str)()) == list(map(str, values))


def test_a_pipe_never_changes() -> None:
    start = pipe().const(1)
    doubled = start.f(lambda x: x * 2)
    assert (start(), doubled(), start()) == (1, 2, 1)
    assert pipe().identity()() is None
    assert isinstance(doubled, Pipe)
    assert repr(start) == "pipe().const(1)"
    with pytest.raises(AttributeError):
        start.steps = ()  # type: ignore[attr-defined]


def test_a_pipe_is_shown_as_it_is_written() -> None:
    inner = pipe().kwarg("n").f(functools.partial(int, base=8))
    opened: Any = pipe().const("x" * 100).to(inner).f(Adder()).open("/srv")
    built = opened.get(("a", 1)).stream()
    assert repr(built) == (
        "pipe().const('xxxxxxxxxxxx...xxxxxxxxxxxxx').to(pipe().kwarg('n').f(partial)).f(Adder)"
        ".open('/srv').get(('a', 1)).stream()"
    )


def test_a_pipe_is_shared_by_threads() -> None:
    shared = pipe().kwarg("n").map(lambda x: x + 1).foldl(lambda a, b: a + b, 0)
    found: dict[int, Any] = {}

    def call(n: int) -> None:
        found[n] = [shared(n=range(n)) for _ in range(50)]

    threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n * (n + 1) // 2] * 50 for n in range(8)}


def test_a_fork_is_json_and_a_constant_tuple_is_a_reply() -> None:
    assert json_of("pipe().fork(pipe().const('a'), pipe().const(201))") == '["a",201]'
    assert reply_to("pipe().const(('a', 201))") == (201, TEXT, [], b"a")


@pytest.mark.parametrize(
    ("steps", "line", "place"),
    [
        ("kwarg('n')", "TypeError: the pipe needs the argument 'n', which was not given", "step 1"),
        (
            "identity().ix(0)",
            "TypeError: the pipe has no value here yet: begin it with a source, such as json()",
            "step 2, ix(0)",
        ),
        ("const({}).get('a')", "KeyError: 'a'", "step 2, get('a')"),
        ("const([]).last()", "IndexError: there is no last element: the value is empty", "step 2"),
        ("const(iter([])).last()", "IndexError: there is no last element", "step 2, last()"),
        ("const([]).foldl1(max)", "ValueError: there is nothing to fold", "step 2, foldl1(max)"),
        ("const(iter([])).f(next)", "StopIteration", "step 2, f(next)"),
        ("const(5).stream()", "TypeError: 'int' object is not iterable", "step 2, stream()"),
        ("const(5).bytes()", "TypeError: bytes() cannot take a value of type int", "step 2"),
        ("const(['a', 5]).stream().bytes()", "TypeError: bytes() cannot", "step 3, bytes()"),
        ("const(iter([5])).bytes()", "TypeError: bytes() cannot take a value", "step 2, bytes()"),
        ("const('/none').open()", "FileNotFoundError: [Errno 2] No such file", "step 2, open()"),
        (
            "const(1).cond(pipe().f(lambda x: x / 0), str)",
            "ZeroDivisionError: division by zero",
            "step 2, cond(pipe().f(<lambda>), str): step 1, f(<lambda>): "
            "ZeroDivisionError: division by zero",
        ),
    ],
)
def test_an_error_says_in_which_step_it_was(steps: str, line: str, place: str) -> None:
    answers = answer_to(f"pipe().{steps}")
    text = answers[-1][-1]
    assert text.splitlines()[0].startswith(line)
    assert text.splitlines()[-1].startswith(place)


def without_marks(text: str) -> str:
    """Remove the lines with which Python 3.11 and later mark a part of the line above."""
    return "\n".join(line for line in text.splitlines() if not line or line.strip(" ~^"))


def test_errors_show_the_frames_of_the_adaptor() -> None:
    code, text = error_of(".const('a')\n.f(lambda x: x + 1)")
    assert (code, without_marks(text)) == (
        "adaptor-raised",
        'TypeError: can only concatenate str (not "int") to str\n'
        "\n"
        "Traceback (most recent call last):\n"
        '  File "<adaptor c4dd93acb656>", line 2, in <lambda>\n'
        "    .f(lambda x: x + 1)\n"
        'TypeError: can only concatenate str (not "int") to str\n'
        'step 2, f(<lambda>): TypeError: can only concatenate str (not "int") to str',
    )


def raiser(err: BaseException) -> Any:
    def fail(_: Any) -> None:
        raise err

    return fail


@pytest.mark.parametrize(
    "err",
    [
        Interrupted(),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        Abort(404, "gone"),
    ],
)
def test_abort_and_interrupts_pass_through_unchanged(err: BaseException) -> None:
    with pytest.raises(type(err)) as raised:
        pipe().const(1).to(pipe().f(raiser(err)))()
    assert raised.value is err
    assert not hasattr(err, "__notes__")


def test_an_exception_keeps_its_identity() -> None:
    err = KeyError("a")
    built = pipe().const(1).to(pipe().f(raiser(err)))
    note = "step 2, to(pipe().f(fail)): step 1, f(fail): KeyError: 'a'"
    for _ in range(3):
        with pytest.raises(KeyError) as raised:
            built()
        assert raised.value is err
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None
        assert err.__notes__ == [note]


def test_an_exception_keeps_its_own_notes() -> None:
    err = ValueError("x")
    err.__notes__ = ["mine"]
    with pytest.raises(ValueError, match="x"):
        pipe().const(1).f(raiser(err))()
    assert err.__notes__ == ["mine", "step 2, f(fail): ValueError: x"]


def test_an_exception_without_settable_attributes_is_still_raised() -> None:
    class Sealed(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    with pytest.raises(Sealed):
        pipe().const(1).f(raiser(Sealed()))()


@pytest.mark.parametrize("name", ["f", "exec", "cast", "map", "foldl1", "to"])
def test_values_that_are_not_functions_are_rejected_at_once(name: str) -> None:
    with pytest.raises(TypeError) as raised:
        getattr(pipe(), name)(5)
    assert str(raised.value) == f"{name}() takes a function or another pipe, and got a int"


def test_abort_in_a_step_ends_the_call() -> None:
    source = "const(1).f(lambda x: abort(404, 'not here'))"
    assert reply_to(source) == (404, TEXT, [], b"not here")
    assert reply_to("json()", body=b"{")[0] == 400


@pytest.mark.parametrize("source", ["path()", "query()", "json()", "input()"])
def test_a_source_without_a_request_says_so(source: str) -> None:
    with pytest.raises(TypeError) as raised:
        getattr(pipe(), source[:-2])()()
    assert str(raised.value) == "this step needs a request, and the pipe was called without one"
    assert raised.value.__notes__ == [f"step 1, {source}: TypeError: {raised.value}"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'é'", "é".encode()),
        ("b'a'", b"a"),
        ("bytearray(b'a')", b"a"),
        ("memoryview(b'abcd')[::2]", b"ac"),
        ("iter(['é', b'\\xff', bytearray(b'b'), memoryview(b'c')])", b"\xc3\xa9\xffbc"),
        ("__import__('io').BytesIO(b'file')", b"file"),
        ("__import__('io').StringIO('é')", "é".encode()),
        ("__import__('pathlib').Path('/dev/null')", b""),
        ("__import__('array').array('h', [1, 2])", b"\1\0\2\0"),
    ],
)
def test_bytes_accepts_everything_with_bytes(value: str, expected: bytes) -> None:
    assert reply_to(f"const({value}).bytes()") == (200, "application/octet-stream", [], expected)
