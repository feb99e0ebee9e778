"""Converts values of numpy and pandas to plain ones with the same meaning."""

from __future__ import annotations

from owt._errors import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Kinds of arrays whose items `tolist()` does not make plain: objects, times, records; long doubles.
_KINDS = "OMmV"
_CHARACTERS = "gG"
# What follows the year of an instant, if its unit is too coarse to say.
_REST_OF_INSTANT = "-01-01T00:00:00"
# Seconds of a unit, as a fraction. Years and months have the mean length of the Gregorian
# calendar, as in numpy.
_SECONDS = {
    "Y": (31_556_952, 1),
    "M": (2_629_746, 1),
    "W": (604_800, 1),
    "D": (86_400, 1),
    "h": (3600, 1),
    "m": (60, 1),
    "s": (1, 1),
    "ms": (1, 10**3),
    "us": (1, 10**6),
    "ns": (1, 10**9),
    "ps": (1, 10**12),
    "fs": (1, 10**15),
    "as": (1, 10**18),
    "": (1, 1),
}


def _array(array: Any) -> Any:
    if array.dtype.kind not in _KINDS and array.dtype.char not in _CHARACTERS:
        return array.tolist()
    if array.ndim:
        return list(array)
    return _record(array) if array.dtype.names else array[()]


def _record(record: Any) -> Any:
    """Return a structured scalar as a dict; one of bytes without names as bytes."""
    names = record.dtype.names
    return {name: record[name] for name in names} if names else record.item()


def _instant(value: Any) -> str | None:
    """Return a datetime64 in the format of `datetime.isoformat`, with more digits if needed."""
    text = str(value)
    if text == "NaT":
        return None
    # Years may be longer or negative, so what is missing is found by what follows the year.
    length = len(text) - len(text[1:].partition("-")[0]) - 1
    if length < len(_REST_OF_INSTANT):
        text += _REST_OF_INSTANT[length:]
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if not fraction:
        return whole
    digits = max(6, -(-len(fraction) // 3) * 3)
    return f"{whole}.{fraction:0<{digits}}"


def _duration(value: Any) -> float | None:
    """Return a timedelta64 in seconds, as `timedelta.total_seconds` does."""
    if value != value:
        return None
    # Such as `[25ms]`; empty for a number without a unit.
    name = value.dtype.str[3:].strip("[]")
    unit = name.lstrip("0123456789")
    count = int(name.removesuffix(unit) or 1)
    factor, divisor = _SECONDS[unit]
    return int(value.astype("int64")) * count * factor / divisor


def _series(series: Any) -> Any:
    """Return a series as a dict by label; as a list if labels are only numbers, or repeat."""
    index = series.index
    values = series.tolist()
    if type(index).__name__ == "RangeIndex" or not index.is_unique:
        return values
    return dict(zip(index.tolist(), values, strict=True))


def _frame(frame: Any) -> Any:
    columns = frame.columns
    if not columns.is_unique:
        duplicate = columns[columns.duplicated()][0]
        raise CallError(
            "reply-invalid",
            f"The frame has several columns called {duplicate!r:.80}, and a JSON object holds one. "
            "Rename them.",
        )
    return frame.to_dict("records")


# By `package.Class`; the nearest base counts.
CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "numpy.ndarray": _array,
    # The items of a matrix are matrices.
    "numpy.matrix": lambda matrix: _array(matrix.A),
    "numpy.generic": lambda scalar: scalar.item(),
    "numpy.void": _record,
    "numpy.datetime64": _instant,
    "numpy.timedelta64": _duration,
    "numpy.longdouble": float,
    "numpy.clongdouble": complex,
    "pandas.Series": _series,
    "pandas.DataFrame": _frame,
    "pandas.NAType": lambda _: None,
    "pandas.NaTType": lambda _: None,
    "pandas.Timedelta": lambda delta: _duration(delta.asm8),
    "pandas.Period": str,
    "pandas.Interval": str,
    "pandas.BaseOffset": lambda offset: offset.freqstr,
}
