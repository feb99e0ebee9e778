"""JSON of scalars and records of all libraries: the value counts, not its type."""

from __future__ import annotations

import datetime
import enum
import importlib
import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._errors import CallError
from owt._json import encode
from tests.fake import json_of

# Untyped, because their types have too many overloads.
np: Any = importlib.import_module("numpy")
pd: Any = importlib.import_module("pandas")
EPOCH = datetime.datetime(1970, 1, 1)
# Units of numpy, and how many of each are in a second.
UNITS = {
    "W": Fraction(1, 604_800),
    "D": Fraction(1, 86_400),
    "h": Fraction(1, 3600),
    "m": Fraction(1, 60),
    **{unit: Fraction(1000**power) for power, unit in enumerate(("s", "ms", "us", "ns", "ps"))},
    "fs": Fraction(1000**5),
    "as": Fraction(1000**6),
}
INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
# Values that Python and all units of numpy down to nanoseconds can represent.
SECONDS = st.integers(-9_000_000_000, 9_000_000_000)


def decoded_json(value: Any) -> Any:
    return json.loads(encode(value))


def as_python(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


@pytest.mark.parametrize("kind", [np.dtype(code).type for code in "?bBhHiIlLqQ"])
@given(number=st.data())
def test_integers_of_numpy_are_written_like_pythons(kind: Any, number: st.DataObject) -> None:
    is_bool = kind is np.bool_
    low, high = (0, 1) if is_bool else (np.iinfo(kind).min, np.iinfo(kind).max)
    plain = number.draw(st.integers(int(low), int(high)))
    expected = bool(plain) if is_bool else plain
    value = kind(plain)
    assert decoded_json([value, np.array([value]), np.array(value), {"a": value}]) == [
        expected,
        [expected],
        expected,
        {"a": expected},
    ]
    assert decoded_json(value) == expected


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
@given(plain=st.floats(width=16))
def test_floats_of_numpy_are_written_like_pythons(kind: Any, plain: float) -> None:
    value, expected = kind(plain), as_python(plain)
    assert decoded_json([value, np.array([value]), np.array(value)]) == [
        expected,
        [expected],
        expected,
    ]
    assert decoded_json(pd.Series([value])) == [expected]


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text_of_numpy_and_pandas_is_written_like_pythons(text: str) -> None:
    assert decoded_json([np.str_(text), np.array([text])]) == [text, [text]]
    assert decoded_json(pd.Series([text, None], dtype="string")) == [text, None]


@pytest.mark.parametrize("unit", UNITS)
@given(count=st.integers(-(2**60), 2**60))
def test_datetimes_of_every_unit_are_written_like_pythons(unit: str, count: int) -> None:
    expected = instant_of(Fraction(count) / UNITS[unit])
    value = np.datetime64(count, unit)
    assert decoded_json([value, np.array([value]), np.array(value)]) == [
        expected,
        [expected],
        expected,
    ]


def instant_of(seconds: Fraction) -> str:
    """Return the ISO format of a datetime with any year and any number of digits."""
    whole = math.floor(seconds)
    # The calendar repeats every 400 years.
    cycles, rest = divmod(whole, 146_097 * 86_400)
    at = EPOCH + datetime.timedelta(seconds=rest)
    text = f"{at.year + 400 * cycles:04}{at.isoformat()[4:]}"
    for digits in (0, 6, 9, 12, 15, 18):
        fraction = (seconds - whole) * 10**digits
        if fraction.denominator == 1:
            return f"{text}.{int(fraction):0{digits}}" if digits else text
    raise AssertionError(seconds)


@given(at=st.datetimes())
def test_datetimes_of_python_numpy_and_pandas_are_written_alike(at: datetime.datetime) -> None:
    assert decoded_json([at, np.datetime64(at), pd.Timestamp(at)]) == [at.isoformat()] * 3


@given(seconds=SECONDS)
def test_the_same_datetime_is_written_alike_in_every_unit(seconds: int) -> None:
    units = ("s", "ms", "us", "ns")
    values = [np.datetime64(seconds, "s").astype(f"M8[{unit}]") for unit in units]
    expected = (EPOCH + datetime.timedelta(seconds=seconds)).isoformat()
    assert {decoded_json(value) for value in values} == {expected}
    assert {decoded_json(pd.Timestamp(value)) for value in values} == {expected}
    assert {decoded_json(pd.Series([value]))[0] for value in values} == {expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.datetime64("2026"), "2026-01-01T00:00:00"),
        (np.datetime64("2026-01"), "2026-01-01T00:00:00"),
        (np.datetime64("2026-01-01"), "2026-01-01T00:00:00"),
        (np.datetime64("2026-01-01T00"), "2026-01-01T00:00:00"),
        (np.datetime64("1970-01-01T00:00:00.5", "as"), "1970-01-01T00:00:00.500000"),
        (np.datetime64(5, "7D"), "1970-02-05T00:00:00"),
        (np.datetime64(-3000, "Y"), "-1030-01-01T00:00:00"),
        (np.datetime64(10**12, "Y"), "1000000001970-01-01T00:00:00"),
        (np.datetime64("NaT"), None),
        (np.timedelta64("NaT"), None),
        (np.timedelta64("NaT", "s"), None),
        (np.timedelta64(2, "Y"), 63_113_904.0),
        (np.timedelta64(24, "M"), 63_113_904.0),
        (np.timedelta64(5, "25ms"), 0.125),
        (np.timedelta64(5), 5.0),
        (np.longdouble("0.1"), 0.1),
        (np.longdouble("inf"), None),
        (np.zeros((), "M8[s]"), "1970-01-01T00:00:00"),
        (np.zeros((2, 1), "m8[h]"), [[0.0], [0.0]]),
        (np.array([np.longdouble(1.5)]), [1.5]),
        (np.array([{"a": np.int8(1)}, None]), [{"a": 1}, None]),
        (np.zeros(1, [("a", "i4"), ("b", "M8[s]")]), [{"a": 0, "b": "1970-01-01T00:00:00"}]),
        (np.zeros((), [("a", "f4", (2,))]), {"a": [0.0, 0.0]}),
        (np.zeros(1, [("a", [("b", "?")])])[0], {"a": {"b": False}}),
        (np.rec.array([(1, "x")], names="a,b"), [{"a": 1, "b": "x"}]),
        (np.ma.array([1, 2], mask=[0, 1]), [1, None]),
        (np.ma.array([0, 1], "M8[s]", mask=[0, 1]), ["1970-01-01T00:00:00", None]),
    ],
)
def test_other_values_of_numpy_are_plain(value: Any, expected: Any) -> None:
    assert decoded_json(value) == expected
    assert decoded_json({"a": [value]}) == {"a": [expected]}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_converted_without_infinite_recursion() -> None:
    assert decoded_json(np.asmatrix([["1970-01-01"]], "M8[D]")) == [["1970-01-01T00:00:00"]]
    assert decoded_json(np.asmatrix([[1, 2]])) == [[1, 2]]


@pytest.mark.parametrize("unit", UNITS)
@given(count=INT64)
def test_durations_of_every_unit_are_seconds(unit: str, count: int) -> None:
    expected = float(Fraction(count) / UNITS[unit])
    value = np.timedelta64(count, unit)
    assert decoded_json([value, np.array([value])]) == [expected, [expected]]


@given(delta=st.timedeltas(datetime.timedelta(-90_000), datetime.timedelta(90_000)))
def test_durations_of_python_numpy_and_pandas_are_written_alike(delta: datetime.timedelta) -> None:
    same = [delta, np.timedelta64(delta), pd.Timedelta(delta), pd.Timedelta(delta).as_unit("ns")]
    assert decoded_json(same) == [delta.total_seconds()] * 4
    assert decoded_json(pd.Series([pd.Timedelta(delta), pd.NaT])) == [delta.total_seconds(), None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Period("2026-01", "M"), "2026-01"),
        (pd.Interval(0, 1.5), "(0, 1.5]"),
        (pd.offsets.Day(2), "2D"),
        (pd.Timestamp("2026-01-01", tz="Europe/Zurich"), "2026-01-01T00:00:00+01:00"),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series(["x", None], dtype="category"), ["x", None]),
        (pd.Series([1, 2], ["a", "b"]), {"a": 1, "b": 2}),
        (pd.Series([1, 2], [3, 1]), {"3": 1, "1": 2}),
        (
            pd.Series([1, 2], pd.to_datetime(["2026", "2027"])),
            {
                "2026-01-01T00:00:00": 1,
                "2027-01-01T00:00:00": 2,
            },
        ),
        (pd.Series(["x", "y", "x"]).value_counts(), {"x": 2, "y": 1}),
        # Labels that are only numbers, and labels that cannot be keys.
        (pd.Series([1, 2, 3])[1:], [2, 3]),
        (pd.Series([1, 2], ["a", "a"]), [1, 2]),
        (pd.Index([pd.Period("2026", "Y")]), ["2026"]),
        (pd.interval_range(0, 2), ["(0, 1]", "(1, 2]"]),
        (pd.MultiIndex.from_tuples([(1, "a")]), [[1, "a"]]),
        (
            pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.to_timedelta([1, None], "s")}),
            [{"a": 1, "b": 1.0}, {"a": None, "b": None}],
        ),
        (
            pd.DataFrame({"p": [pd.Period("2026", "Y")], "i": [pd.Interval(0, 1)], "n": [pd.NA]}),
            [{"p": "2026", "i": "(0, 1]", "n": None}],
        ),
        (pd.DataFrame({1: [True]}), [{"1": True}]),
    ],
)
def test_other_values_of_pandas_are_plain(value: Any, expected: Any) -> None:
    assert decoded_json(value) == expected
    assert decoded_json({"a": [value]}) == {"a": [expected]}


def test_duplicate_columns_are_reported() -> None:
    with pytest.raises(CallError) as raised:
        encode(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert (raised.value.code, raised.value.text) == (
        "reply-invalid",
        "The frame has several columns called 'a', and a JSON object holds one. Rename them.",
    )


class Colour(enum.Flag):
    RED = enum.auto()
    BLUE = enum.auto()


class Pair(enum.Enum):
    ONE = (1, 2)


class Word(str, enum.Enum):
    A = "a"


class Bits(enum.IntFlag):
    LOW = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, 1),
        (Colour.RED | Colour.BLUE, 3),
        (Pair.ONE, [1, 2]),
        ({Word.A: Bits.LOW}, {"a": 1}),
        ({Colour.RED: 1}, {"1": 1}),
        (datetime.timezone.utc, "UTC"),
    ],
)
def test_members_of_enums_are_their_values(value: Any, expected: Any) -> None:
    assert decoded_json(value) == expected
    assert decoded_json([value]) == [expected]


@pytest.mark.parametrize(
    "value", [np.complex64(1j), np.clongdouble(1j), np.bytes_(b"x"), np.void(b"x"), 1j, b"x"]
)
def test_unsupported_values_are_reported_with_their_type(value: Any) -> None:
    kind = "complex" if isinstance(value, complex | np.complexfloating) else "bytes"
    with pytest.raises(CallError, match=rf"The reply holds a value of type [a-z]+\.{kind}"):
        encode([value])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import pydantic, datetime\n"
            "class Inner(pydantic.BaseModel):\n  at: datetime.date\n"
            "class Model(pydantic.BaseModel):\n"
            "  inner: Inner\n  secret: pydantic.SecretStr = pydantic.SecretStr('x')\n"
            "def run(_): return Model(inner=Inner(at='2026-01-02'))",
            '{"inner":{"at":"2026-01-02"},"secret":"**********"}',
        ),
        (
            "import pydantic, numpy, datetime\n"
            "class Model(pydantic.BaseModel, arbitrary_types_allowed=True):\n"
            "  array: numpy.ndarray\n  at: datetime.date\n"
            "def run(_): return [Model(array=numpy.arange(2), at='2026-01-02')]",
            '[{"array":[0,1],"at":"2026-01-02"}]',
        ),
        (
            "import pydantic\ndef run(_): return pydantic.RootModel[list[int]]([1])",
            "[1]",
        ),
        (
            "import attrs, datetime\n"
            "@attrs.define\nclass Inner:\n  at: datetime.date\n"
            "@attrs.define\nclass Model:\n  inner: Inner\n  tags: set = attrs.Factory(set)\n"
            "def run(_): return Model(Inner(datetime.date(2026, 1, 2)))",
            '{"inner":{"at":"2026-01-02"},"tags":[]}',
        ),
        (
            "import msgspec, numpy, datetime\n"
            "class Model(msgspec.Struct, rename='camel', tag=True):\n"
            "  taken_at: datetime.timedelta\n  array: object\n"
            "def run(_): return Model(datetime.timedelta(seconds=2), numpy.arange(2))",
            '{"type":"Model","takenAt":2.0,"array":[0,1]}',
        ),
        (
            "import collections\ndef run(_): return [collections.UserString('ab')]",
            '["ab"]',
        ),
    ],
)
def test_records_of_libraries_are_objects(source: str, expected: str) -> None:
    assert json_of(source) == expected
