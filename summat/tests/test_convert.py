"""What a request has becomes what a parameter's annotation says, or one sentence says why not."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._convert import Mismatch, Text, converter


class Color(enum.Enum):
    RED = "red"
    BLUE = 2


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


@dataclass
class Point:
    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)


@dataclass
class Line:
    start: Point
    end: Point | None = None


class Plain(NamedTuple):
    a: int


# An annotation, what comes (`Text` is that of a query, the others are JSON), what is made of it.
TAKEN: list[tuple[Any, Any, Any]] = [
    (str, Text("hello"), "hello"),
    (str, "hello", "hello"),
    (str, Text("3"), "3"),
    (str, Text(""), ""),
    (int, Text("3"), 3),
    (int, Text(" -3 "), -3),
    (int, Text("+3"), 3),
    (int, 3, 3),
    (int, 3.0, 3),
    (int, "3", 3),
    (int, Text("9" * 400), int("9" * 400)),
    (float, Text("2.5"), 2.5),
    (float, Text("3"), 3.0),
    (float, Text("-1e3"), -1000.0),
    (float, 3, 3.0),
    (float, 2.5, 2.5),
    (bool, Text("true"), True),
    (bool, Text("TRUE"), True),
    (bool, Text("1"), True),
    (bool, Text("yes"), True),
    (bool, Text("on"), True),
    (bool, Text("false"), False),
    (bool, Text("0"), False),
    (bool, Text("no"), False),
    (bool, Text("Off"), False),
    (bool, True, True),
    (bool, 1, True),
    (bytes, Text("é"), b"\xc3\xa9"),
    (bytes, "abc", b"abc"),
    (Literal["a", "b"], Text("b"), "b"),
    (Literal[1, 2], Text("2"), 2),
    (Literal[1, True], True, True),
    (Literal["a", None], None, None),
    (Color, Text("red"), Color.RED),
    (Color, Text("RED"), Color.RED),
    (Color, Text("2"), Color.BLUE),
    (Color, 2, Color.BLUE),
    (Size, Text("LARGE"), Size.LARGE),
    (Optional[int], Text("3"), 3),  # noqa: UP045
    (int | None, None, None),
    (int | None, Text("null"), None),
    (int | None, Text(""), None),
    (Union[int, str], Text("3"), 3),  # noqa: UP007
    (int | str, Text("three"), "three"),
    (int | str, "3", "3"),
    (str | int, 3, 3),
    (int | float, 2.5, 2.5),
    (bool | int, Text("2"), 2),
    (Line | Point, {"x": 1}, Point(1)),
    (list[int] | list[str], ["a"], ["a"]),
    (dict[str, int] | dict[str, str], {"a": "b"}, {"a": "b"}),
    (Color | str, "red", Color.RED),
    (Color | str, Text("red"), Color.RED),
    (Color | str, "green", "green"),
    (str | Color, "red", "red"),
    (list[int], [1, "2"], [1, 2]),
    (list[int], Text("[1, 2]"), [1, 2]),
    (list, ["a", 1], ["a", 1]),
    (list[list[int]], [[1], []], [[1], []]),
    (Sequence[str], ["a"], ["a"]),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[int, str], [1, "b"], (1, "b")),
    (set[int], [1, 1], {1}),
    (frozenset[str], ["a"], frozenset("a")),
    (dict[str, int], {"a": "1"}, {"a": 1}),
    (dict, Text('{"a": 1}'), {"a": 1}),
    (Mapping[str, list[int]], {"a": [1]}, {"a": [1]}),
    (Annotated[int, "words"], Text("3"), 3),
    (Point, {"x": 1}, Point(1)),
    (Point, Text('{"x": "1", "y": 2, "tags": ["a"]}'), Point(1, 2.0, ["a"])),
    (Line, {"start": {"x": 1}, "end": None}, Line(Point(1))),
    (Any, {"a": [1]}, {"a": [1]}),
    (Any, Text("3"), "3"),
    (object, 3, 3),
    (Plain, [1], [1]),
]

REFUSED: list[tuple[Any, Any, str, str]] = [
    (str, 3, "a text", ""),
    (str, None, "a text", ""),
    (int, Text("three"), "a whole number", ""),
    (int, Text(""), "a whole number", ""),
    (int, Text("3.5"), "a whole number", ""),
    (int, Text("1_000"), "a whole number", ""),
    (int, Text("٣"), "a whole number", ""),
    (int, Text("9" * 5000), "a whole number", ""),
    (int, 3.5, "a whole number", ""),
    (int, True, "a whole number", ""),
    (int, None, "a whole number", ""),
    (float, Text("nan"), "a number", ""),
    (float, Text("inf"), "a number", ""),
    (float, Text("1e999"), "a number", ""),
    (float, Text("1_0"), "a number", ""),
    (float, float("nan"), "a number", ""),
    (float, True, "a number", ""),
    (float, 10**400, "a number", ""),
    (bool, Text("maybe"), "true or false", ""),
    (bool, Text(""), "true or false", ""),
    (bool, Text("2"), "true or false", ""),
    (bool, 2, "true or false", ""),
    (bool, 1.0, "true or false", ""),
    (bool, None, "true or false", ""),
    (bytes, 3, "a file or a text", ""),
    (Literal["a", "b"], Text("c"), "one of a, b", ""),
    (Literal["a"], Text("A"), "a", ""),
    (Literal[1, None], Text("2"), "one of 1, null", ""),
    (Color, Text("green"), "one of red, 2", ""),
    (int | None, Text("x"), "a whole number or null", ""),
    (int | bool, Text("x"), "a whole number or true or false", ""),
    (Point | None, {"y": 1}, "an object with the field 'x'", ""),
    (Point | Line, {"y": 1}, "an object", ""),
    (list[int] | None, [1, "x"], "a whole number", "[1]"),
    (list[int], [1, "x"], "a whole number", "[1]"),
    (list[int], Text("1"), "a list, of which each is a whole number", ""),
    (list[int], {"a": 1}, "a list, of which each is a whole number", ""),
    (tuple[int, str], [1], "a list of 2 values", ""),
    (dict[str, int], {"a": "x"}, "a whole number", ".a"),
    (dict[str, int], [1], "an object", ""),
    (Point, {"y": 1}, "an object with the field 'x'", ""),
    (Point, {"x": 1, "z": 1}, "an object with no other fields than 'x', 'y', 'tags'", ""),
    (Point, {"x": "a"}, "a whole number", ".x"),
    (Point, 3, "an object", ""),
    (Line, {"start": {"x": 1, "tags": [1]}}, "a text", ".start.tags[0]"),
]


@pytest.mark.parametrize(("annotation", "value", "expected"), TAKEN)
def test_a_value_is_converted(annotation: Any, value: Any, expected: Any) -> None:
    found = converter(annotation)(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("annotation", "value", "expected", "path"), REFUSED)
def test_a_value_that_does_not_fit_is_refused(
    annotation: Any, value: Any, expected: str, path: str
) -> None:
    with pytest.raises(Mismatch) as caught:
        converter(annotation)(value)
    assert (caught.value.expected, caught.value.path) == (expected, path)


def test_a_model_of_pydantic_converts_by_itself() -> None:
    class Model:
        """What pydantic's models have, without pydantic."""

        @classmethod
        def model_validate(cls, value: Any) -> str:
            if value != {"a": 1}:
                raise ValueError("it is not that")
            return "made"

        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            return {"type": "object", "title": "Model"}

    convert = converter(Model)
    assert convert(Text('{"a": 1}')) == "made"
    assert convert.schema() == {"type": "object", "title": "Model"}
    with pytest.raises(Mismatch, match="what Model takes: it is not that"):
        convert({"a": 2})


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (str | None, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Color, {"enum": ["red", 2]}),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (
            Point,
            {
                "type": "object",
                "title": "Point",
                "properties": {
                    "x": {"type": "integer"},
                    "y": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "additionalProperties": False,
                "required": ["x"],
            },
        ),
        (bytes, {"type": "string", "contentMediaType": "application/octet-stream"}),
        (Any, {}),
    ],
)
def test_an_annotation_has_a_schema(annotation: Any, schema: dict[str, Any]) -> None:
    assert converter(annotation).schema() == schema


def test_a_type_that_contains_itself_has_an_end() -> None:
    converter(Node).schema()


@dataclass
class Node:
    children: list[Node]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON | st.text().map(Text), st.sampled_from([annotation for annotation, _, _ in TAKEN]))
def test_any_value_is_taken_or_refused(value: Any, annotation: Any) -> None:
    with contextlib.suppress(Mismatch):
        converter(annotation)(value)
