"""A call whose arguments Rust has read is answered as if Python had read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt import _invoke
from owt._state import state
from tests.fake import FakeCall, answer_to, digest_of, error_of, handle, json_of, text_of

if TYPE_CHECKING:
    from owt._bindings import Call

NAMES = ("request", "req", "r", "_", "_x", "a", "b", "name", "__last__")
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers())


@st.composite
def parameters(draw: st.DrawFn) -> str:
    """Return the parameters of a function, of every kind."""
    names = draw(st.permutations(NAMES))
    count = draw(st.integers(0, 4))
    slash, star = draw(st.integers(0, count)), draw(st.integers(0, count))
    parts: list[str] = []
    has_default = False
    for index, name in enumerate(names[:count]):
        if index == star and draw(st.booleans()):
            parts.append(draw(st.sampled_from(("*", "*args"))))
            has_default = False
            star = -1
        has_default = draw(st.booleans()) or (has_default and star != -1)
        annotation = draw(st.sampled_from(("", "", ": Request", ": int")))
        parts.append(f"{name}{annotation}{' = 7' if has_default else ''}")
        if index + 1 == slash and star > slash:
            parts.append("/")
    if draw(st.booleans()):
        parts.append("**kwargs")
    return ", ".join(parts)


def events_of(source: str, arguments: dict[str, Any], *, are_read: bool) -> list[Any]:
    """Return the events of a first call of new code, and of a second one."""
    state.adaptors.forget(digest_of(source))
    found = []
    for _ in range(2):
        fake = FakeCall(source, kwargs=json.dumps(arguments))
        fake.arguments = dict(arguments) if are_read else None
        call: Call = fake
        assert handle(call) or fake.is_done.wait(10)
        # An adaptor that is there already need not say so.
        found.append(fake.answer())
    return found


def read(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what a call is given whose arguments Rust has read."""
    return {"kwargs": json.dumps(arguments), "arguments": arguments}


@given(parameters(), st.dictionaries(st.sampled_from((*NAMES, "c")), VALUES, max_size=4))
def test_any_signature_gets_the_same(parameters: str, arguments: dict[str, Any]) -> None:
    shown = "{k: 'R' if type(v) is Request else v for k, v in locals().items()}"
    source = f"Request = owt.Request\ndef run({parameters}):\n    return repr({shown})"
    try:
        compile(source, "", "exec")
    except SyntaxError:
        # Such as a parameter without a default behind one with a default.
        return
    assert events_of(source, arguments, are_read=True) == events_of(
        source, arguments, are_read=False
    )


@pytest.mark.parametrize(
    "value",
    [
        "'text'",
        "'<b>page'",
        "''",
        "'\\ud800'",
        "'é😀'",
        "type('Text', (str,), {})('sub')",
        "b'bytes'",
        "None",
        "{'a': [1, -0.0, float('nan'), {1: 'x', None: True}]}",
        "type('Dict', (dict,), {})(a=1)",
        "True",
        "('text', 201, {'X-A': 'b'})",
        "Response('x', 404)",
        "iter(['a', 'b'])",
        "object()",
        "1 / 0",
        "abort(403, 'no')",
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_any_result_is_sent_the_same(kind: str, value: str) -> None:
    source = f"{kind} run(a): return {value}"
    as_text = events_of(source, {"a": 1}, are_read=False)
    assert events_of(source, {"a": 1}, are_read=True) == as_text


def test_code_that_is_bound_anew_or_outdated_is_called_anew() -> None:
    source = """
def first(): return 'first'
def second(): return 'second'
run = first
def swap():
    global run
    run = second
    return 'swapped'
"""
    assert text_of(source, **read({})) == "first"
    assert text_of(source, fn_name="swap", **read({})) == "swapped"
    assert text_of(source, **read({})) == "second"


def test_a_function_that_is_not_there_is_an_error_of_either_way() -> None:
    source = "def run(): return 1\nother = 3"
    json_of(source, **read({}))
    for name in ("other", "nothing"):
        expected = error_of(source, fn_name=name, kwargs="{}")
        assert error_of(source, fn_name=name, **read({})) == expected


def test_an_adaptor_with_a_thread_of_its_own_runs_there() -> None:
    source = """
import threading
@owt.same_thread
def run(): return str(threading.get_ident() == THREAD)
THREAD = threading.get_ident()
"""
    assert [text_of(source, **read({})) for _ in range(3)] == ["True"] * 3


def test_a_loaded_adaptor_needs_no_source() -> None:
    source = "def run(a): return a"
    digest = digest_of(source)
    state.adaptors.forget(digest)
    unsent: Any = {"source": None, "digest": digest}
    assert answer_to(**unsent, **read({"a": "x"})) == [("need_source",)]
    text_of(source, **read({"a": "x"}))
    assert answer_to(**unsent, **read({"a": "y"}))[0][4] == b"y"


@given(parameters(), st.lists(st.sampled_from((*NAMES, "c")), max_size=4, unique=True))
def test_an_obvious_way_to_call_is_the_chosen_one(parameters: str, names: list[str]) -> None:
    found: dict[str, Any] = {}
    try:
        exec(f"class Request: pass\ndef run({parameters}): return locals()", found)
    except SyntaxError:
        return
    run = found["run"]
    way = _invoke.obvious(run, tuple(names))
    if way is not None:
        chosen = _invoke.choose(run, "run", names)
        request: Any = "the request"
        assert way(run, request, dict.fromkeys(names)) == chosen(run, request, dict.fromkeys(names))
