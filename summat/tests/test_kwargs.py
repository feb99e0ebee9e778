"""The text of arguments, from JSON to plain text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._errors import CallError
from owt._kwargs import parse

QUOTES = (
    ": are all names and texts in quotes, as in {'name': 'owt'}? "
    "(A shell takes quotes away, unless there are others around the whole.)"
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        ("\n", {}),
        ("{}", {}),
        ('{"name": "owt"}', {"name": "owt"}),
        ('{"on": true, "off": null}', {"on": True, "off": None}),
        ("{'name': 'owt'}", {"name": "owt"}),
        ("{'name': 'owt'}\n", {"name": "owt"}),
        ("{'a': 1 + 1, 'b': [x * x for x in range(3)]}", {"a": 2, "b": [0, 1, 4]}),
        ("{**{'a': 1}, 'b': json.loads('[2]')}", {"a": 1, "b": [2]}),
        ("dict(a=1)", {"a": 1}),
        ("<'prompt':'x'>", {"prompt": "x"}),
        ('<"prompt": true>', {"prompt": True}),
        (" <'a': 1, 'b': '<>'>\n", {"a": 1, "b": "<>"}),
        ("3", {"__last__": 3}),
        ("[1, 2]", {"__last__": [1, 2]}),
        ('"text"', {"__last__": "text"}),
        ("(1, 2)", {"__last__": (1, 2)}),
        ("None", {"__last__": None}),
        ("True", {"__last__": True}),
        ("hello", {"__last__": "hello"}),
        ("help", {"__last__": "help"}),
        ("2024-01-02", {"__last__": "2024-01-02"}),
        ("2024-10-12\n", {"__last__": "2024-10-12"}),
        ("2024/10/12", {"__last__": "2024/10/12"}),
        ("12/10/2024", {"__last__": "12/10/2024"}),
        ("2024-10-12T10:20:30Z", {"__last__": "2024-10-12T10:20:30Z"}),
        ("2024 - 10 - 12", {"__last__": 2002}),
        ("10-2-3", {"__last__": 5}),
        ('\ufeff{"name": "owt"}', {"name": "owt"}),
        ("\ufeff{'name': 'owt'}", {"name": "owt"}),
        ("\ufeff<'name': 'owt'>", {"name": "owt"}),
        ("\ufeffhello", {"__last__": "hello"}),
        ("\ufeff", {}),
        ("os\n", {"__last__": "os"}),
        ("hello, world!\n", {"__last__": "hello, world!"}),
        ("well-known", {"__last__": "well-known"}),
        ("it's", {"__last__": "it's"}),
        ("<b>bold</b>", {"__last__": "<b>bold</b>"}),
        ("[" * 10_000, {"__last__": "[" * 10_000}),
        ("9" * 5_000, {"__last__": "9" * 5_000}),
        ("nul\0", {"__last__": "nul\0"}),
        ("\ud800 text", {"__last__": "\ud800 text"}),
        ('{"s": "\\ud800"}', {"s": "\ud800"}),
    ],
)
def test_text_is_parsed_by_its_form(text: str | None, expected: dict[str, Any]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "{'a': ",
            "kwargs-invalid",
            "The arguments are neither JSON nor a Python expression ('{' was never closed).",
        ),
        (
            "{" * 10_000,
            "kwargs-invalid",
            "The arguments are neither JSON nor a Python expression (too many nested parentheses).",
        ),
        (
            "<'a': b c>",
            "kwargs-invalid",
            "The arguments are neither JSON nor a Python expression "
            "(invalid syntax. Perhaps you forgot a comma?)" + QUOTES,
        ),
        (
            "{'day': 2024-01-02}",
            "kwargs-invalid",
            "The arguments are neither JSON nor a Python expression (leading zeros in decimal "
            "integer literals are not permitted; use an 0o prefix for octal integers)" + QUOTES,
        ),
        (
            "{'a': '\0'}",
            "kwargs-invalid",
            "The arguments are neither JSON nor a Python expression "
            "(source code string cannot contain null bytes).",
        ),
        (
            "{'a': unknown}",
            "kwargs-invalid",
            f"The arguments could not be evaluated{QUOTES}\n"
            "NameError: name 'unknown' is not defined",
        ),
        (
            "{features:[1,2]}",
            "kwargs-invalid",
            f"The arguments could not be evaluated{QUOTES}\n"
            "NameError: name 'features' is not defined",
        ),
        (
            "1 / 0",
            "kwargs-invalid",
            "The arguments could not be evaluated.\nZeroDivisionError: division by zero",
        ),
        (
            "exit(3)",
            "kwargs-invalid",
            "The arguments could not be evaluated.\nSystemExit: 3",
        ),
        (
            "{1: 2}",
            "arguments",
            "The arguments' names must be strings; one is of type int.",
        ),
    ],
)
def test_invalid_arguments_are_explained(text: str, code: str, words: str) -> None:
    with pytest.raises(CallError) as raised:
        parse(text)
    assert (raised.value.code, raised.value.text) == (code, words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": true}', {"a": True}),
        ("{'a': (1, None)}", {"a": (1, None)}),
        ("<'a': 1>", {"a": 1}),
        ("len('abc')", {"__last__": "len('abc')"}),
        ("word", {"__last__": "word"}),
    ],
)
def test_without_evaluation_literals_are_read(text: str, expected: dict[str, Any]) -> None:
    assert parse(text, evaluate=False) == expected


@pytest.mark.parametrize(
    ("text", "hint"), [("{'a': open('/etc/passwd')}", "."), ("{features: [1, 2]}", QUOTES)]
)
def test_without_evaluation_expressions_in_a_dict_are_rejected(text: str, hint: str) -> None:
    with pytest.raises(CallError) as raised:
        parse(text, evaluate=False)
    assert raised.value.code == "kwargs-invalid"
    assert raised.value.text == (
        "The arguments are neither JSON nor Python literals, and no more is allowed here "
        f"(there is something to evaluate in them){hint}"
    )


def parsed_or_fault(text: str) -> dict[str, Any] | CallError:
    try:
        return parse(text, evaluate=False)
    except CallError as fault:
        return fault


@given(st.dictionaries(st.text(), JSON))
def test_json_and_repr_of_a_dict_round_trip(values: dict[str, Any]) -> None:
    assert parse(json.dumps(values)) == values
    assert parse(repr(values)) == values
    assert parse(repr(values), evaluate=False) == values


@given(st.text())
def test_any_text_is_parsed_or_fails_cleanly(text: str) -> None:
    assert isinstance(parsed_or_fault(text), dict | CallError)
