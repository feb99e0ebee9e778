"""A handler as a named endpoint: its arguments from path, query and body, by their names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .fake import answer_to

JSON = ("content-type", "application/json")
FORM = ("content-type", "application/x-www-form-urlencoded")


Events = list[tuple[Any, ...]]


def endpoint(code: str, path: dict[str, str] | None = None, **given: Any) -> Events:
    """Call code as a named endpoint."""
    return answer_to(code, endpoint=list((path or {}).items()), **given)


def of_json(value: object) -> dict[str, Any]:
    return {"method": "POST", "headers": [JSON], "body": json.dumps(value).encode()}


def of_form(text: str) -> dict[str, Any]:
    return {"method": "POST", "headers": [FORM], "body": text.encode()}


def said(events: Events) -> str:
    """Return what was answered, as text; of an error, its code and words."""
    kind, *rest = events[-1]
    return f"{rest[0]}: {rest[1]}" if kind == "fail" else rest[-1].decode()


SHOW = """
from typing import Literal
def run({parameters}):
    return repr([{names}])
"""


def show(parameters: str, names: str) -> str:
    return SHOW.format(parameters=parameters, names=names)


@pytest.mark.parametrize(
    ("parameters", "names", "given", "expected"),
    [
        ("text", "text", {"query": "text=a+b"}, "['a b']"),
        ("text, n: int = 1", "text, n", {"query": "text=a&n=3"}, "['a', 3]"),
        ("text, n=1", "text, n", {"query": "text=a&n=3"}, "['a', 3]"),
        ("text, flag=False", "text, flag", {"query": "text=a&flag=yes"}, "['a', True]"),
        ("text, who=None", "text, who", {"query": "text=a"}, "['a', None]"),
        ("n: int", "n", of_json({"n": 3}), "[3]"),
        ("n: int | str", "n", of_json({"n": "3"}), "['3']"),
        ("n: int | str", "n", of_form("n=3"), "[3]"),
        ("n: int | str", "n", {"query": "n=3"}, "[3]"),
        ("a, b", "a, b", {"query": "a=1", **of_json({"a": 2, "b": 3})}, "['1', 3]"),
        ("a, b", "a, b", {"query": "a=1", **of_form("a=2&b=3")}, "['1', '3']"),
        ("a", "a", {"path": {"a": "p"}, "query": "a=1"}, "['p']"),
        ("n: list[int]", "n", {"query": "n=1&n=2"}, "[[1, 2]]"),
        ("n: list[int]", "n", {"query": "n=1"}, "[[1]]"),
        ("n: list[int]", "n", {"query": "n=[1,2]"}, "[[1, 2]]"),
        ("n: list[int]", "n", {}, "[[]]"),
        ("n: list[int]", "n", of_json({"n": [1, 2]}), "[[1, 2]]"),
        ("n: list[list[int]]", "n", of_json({"n": [[1]]}), "[[[1]]]"),
        ("n: list[int] | None", "n", of_json({"n": None}), "[None]"),
        ("n: list[int] | None", "n", of_json({"n": [1]}), "[[1]]"),
        ("n: list[int] | None", "n", {"query": "n=1"}, "[[1]]"),
        ("n: list[int] | None", "n", {"query": "n=1&n=2"}, "[[1, 2]]"),
        ("n: int | list[int]", "n", of_json({"n": 5}), "[5]"),
        ("n: str | list[str]", "n", of_json({"n": "a"}), "['a']"),
        ("n: str | list[str]", "n", {"query": "n=a"}, "['a']"),
        ("n: str | list[str]", "n", {"query": "n=a&n=b"}, "[['a', 'b']]"),
        ("a, /, b, *, c", "a, b, c", {"query": "a=1&b=2&c=3"}, "['1', '2', '3']"),
        ("a=1, /, b=2", "a, b", {"query": "b=3"}, "[1, 3]"),
        ("**more", "more", {"query": "a=1&b=2"}, "[{'a': '1', 'b': '2'}]"),
        ("**more: int", "more", {"query": "a=1"}, "[{'a': 1}]"),
        ("request, a", "request.path, a", {"query": "a=1"}, "['/', '1']"),
        ("a, request", "request.path, a", {"query": "a=1"}, "['/', '1']"),
        ("_, a", "_.path, a", {"query": "a=1"}, "['/', '1']"),
        ("r, a", "r.path, a", {"query": "a=1"}, "['/', '1']"),
        ("web: 'Request', a", "web.path, a", {"query": "a=1"}, "['/', '1']"),
        ("a, *, request", "request.path, a", {"query": "a=1"}, "['/', '1']"),
        ("a: 'NotThere'", "a", {"query": "a=1"}, "['1']"),
    ],
)
def test_arguments_are_found_by_name(
    parameters: str, names: str, given: dict[str, Any], expected: str
) -> None:
    assert said(endpoint(show(parameters, names), **given)) == expected


@pytest.mark.parametrize(
    ("parameters", "given", "expected"),
    [
        ("text", {}, "run() needs 'text', in the query, a form or a JSON object."),
        (
            "n: int",
            {"query": "n=three"},
            "The argument 'n' of run() takes a whole number, and \"three\" came.",
        ),
        (
            "n: list[int]",
            of_json({"n": [1, {"a": 1}]}),
            "The argument 'n[1]' of run() takes a whole number, and {\"a\": 1} came.",
        ),
        ("n: int", {"query": "n=1&n=2"}, "The argument 'n' of run() is given twice."),
        (
            "a, b",
            {"query": "a=1&b=2&c=3"},
            "run() has no parameter 'c'; its parameters are: 'a', 'b'.",
        ),
        ("", {"query": "c=3"}, "run() has no parameter 'c'; its parameters are: none."),
        ("a", of_json([1]), "The body is JSON, but no object: it is [1]."),
        (
            "a",
            {"method": "POST", "headers": [JSON], "body": b"{"},
            "The body is not valid JSON: Expecting property name enclosed in double quotes: line 1 "
            "column 2 (char 1).",
        ),
        (
            "text",
            of_form('{"text": "hello"}'),
            "run() needs 'text', in the query, a form or a JSON object. The body looks like JSON, "
            "and does not say so: send the header Content-Type: application/json (curl --json, or "
            "-H 'Content-Type: application/json').",
        ),
        (
            "text: Literal['a', 'b']",
            {"query": "text=" + "x" * 200},
            "The argument 'text' of run() takes one of a, b, and \"" + "x" * 78 + "… came.",
        ),
        (
            "file: bytes",
            of_json({"file": 3}),
            "The argument 'file' of run() takes a file or a text, and 3 came.",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    parameters: str, given: dict[str, Any], expected: str
) -> None:
    assert said(endpoint(show(parameters, ""), **given)) == f"arguments: {expected}"


@pytest.mark.parametrize(
    "given",
    [
        {"query": "code_b64=eA"},
        {"query": "code_sha256=00"},
        of_json({"code_b64": "eA"}),
        of_form("code_b64=eA"),
    ],
)
def test_code_for_a_named_endpoint_is_refused(given: dict[str, Any]) -> None:
    assert said(endpoint("def run(**kwargs): return 'it ran'", **given)).startswith(
        "path-is-named: "
    )


def test_a_file_of_a_form_is_an_argument() -> None:
    parts = [("data", "a.bin", "image/png", b"\x00\x01", None), ("n", None, None, b"3", None)]
    headers = [("content-type", "multipart/form-data; boundary=x")]
    code = """
from owt import UploadFile
def run(data: {kind}, n: int):
    return repr([{shown}, n])
"""
    for kind, shown in [("bytes", "data"), ("UploadFile", "(data.filename, data.read())")]:
        call = endpoint(code.format(kind=kind, shown=shown), parts=parts, headers=headers)
        expected = {"bytes": b"\x00\x01", "UploadFile": ("a.bin", b"\x00\x01")}[kind]
        assert said(call) == repr([expected, 3])


def test_a_call_with_its_own_arguments_goes_on_as_it_did() -> None:
    call = answer_to("def run(n: int): return repr(n)", kwargs='{"n": "3"}')
    assert said(call) == "'3'"


def test_a_function_is_described_without_being_called() -> None:
    code = '''
from dataclasses import dataclass
@dataclass
class Reply:
    text: str
def run(request, text: str, n: int = 3, photo: bytes = b"", *, loud=False) -> Reply:
    """Say it.

    Loudly, if need be.
    """
    raise AssertionError("it is not called")
'''
    call = answer_to(code, describe=True)
    assert json.loads(said(call)) == {
        "name": "run",
        "doc": "Say it.\n\nLoudly, if need be.",
        "takes_others": False,
        "parameters": [
            {"name": "text", "required": True, "is_file": False, "schema": {"type": "string"}},
            {
                "name": "n",
                "required": False,
                "is_file": False,
                "schema": {"type": "integer", "default": 3},
            },
            {
                "name": "photo",
                "required": False,
                "is_file": True,
                "schema": {"type": "string", "contentMediaType": "application/octet-stream"},
            },
            {
                "name": "loud",
                "required": False,
                "is_file": False,
                "schema": {"type": "boolean", "default": False},
            },
        ],
        "returns": {
            "type": "application/json",
            "schema": {
                "type": "object",
                "title": "Reply",
                "properties": {"text": {"type": "string"}},
                "additionalProperties": False,
                "required": ["text"],
            },
        },
    }
