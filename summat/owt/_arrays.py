"""Values of numpy and pandas as plain ones: what they mean, whatever type and unit holds them."""

from __future__ import annotations

from owt._faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Kinds of arrays whose items are not plain in a list: objects, times, records; long doubles.
_KINDS = "OMmV"
_CHARACTERS = "gG"
# What follows the year of an instant, where its unit does not tell.
_FULL = "-01-01T00:00:00"
# Seconds of a unit, as a fraction. Years and months are the Gregorian calendar's mean, as numpy's.
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
    """Return a structured scalar as an object; one of bytes without names stays that."""
    names = record.dtype.names
    return {name: record[name] for name in names} if names else record.item()


def _instant(value: Any) -> str | None:
    """Return a datetime64 as Python writes a datetime, with more digits where they are needed."""
    text = str(value)
    if text == "NaT":
        return None
    # Longer years and negative ones are there as well: what follows the year is what is missing.
    length = len(text) - len(text[1:].partition("-")[0]) - 1
    if length < len(_FULL):
        text += _FULL[length:]
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
    # `[25ms]`, or nothing for a number without a unit.
    name = value.dtype.str[3:].strip("[]")
    unit = name.lstrip("0123456789")
    count = int(name.removesuffix(unit) or 1)
    factor, divisor = _SECONDS[unit]
    return int(value.astype("int64")) * count * factor / divisor


def _series(series: Any) -> Any:
    """Return an object of a series with labels; a list if they only count, or repeat."""
    index = series.index
    values = series.tolist()
    if type(index).__name__ == "RangeIndex" or not index.is_unique:
        return values
    return dict(zip(index.tolist(), values, strict=True))


def _frame(frame: Any) -> Any:
    columns = frame.columns
    if not columns.is_unique:
        twice = columns[columns.duplicated()][0]
        raise Fault(
            "reply-invalid",
            f"The frame has several columns called {twice!r:.80}, and a JSON object holds one. "
            "Rename them.",
        )
    return frame.to_dict("records")


# By `package.Class`; the nearest base counts.
PLAIN: dict[str, Callable[[Any], Any]] = {
    "numpy.ndarray": _array,
    # An item of a matrix is a matrix.
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
