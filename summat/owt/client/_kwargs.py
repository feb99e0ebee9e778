"""Arguments as the text that is sent: JSON if it can hold them, and Python literals otherwise.

Both are data, also for a server with `--no-eval`; only NaN among literals has to be evaluated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from owt.client._error import OwtError


def kwargs_text(kwargs: Mapping[str, Any] | None) -> str | None:
    """Return the text of arguments, or nothing if there are none.

    Raises `OwtError` with the code `kwargs-unsendable` if a value is neither of Python's plain
    types nor a mapping.
    """
    if not kwargs:
        return None
    try:
        return _json(kwargs) if _is_json(kwargs) else _literal(kwargs)
    except RecursionError:
        raise OwtError("kwargs-unsendable", "arguments are nested too deep") from None


def _json(kwargs: Mapping[str, Any]) -> str:
    return json.dumps(kwargs, ensure_ascii=False, separators=(",", ":"), default=dict)


def _is_json(value: Any) -> bool:
    """Whether a value arrives as it is when it is written as JSON."""
    if value is None or isinstance(value, (str, int, float)):
        return True
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) for key in value) and all(map(_is_json, value.values()))
    return False


def _literal(value: Any) -> str:
    if isinstance(value, (list, tuple, set)):
        return _sequence(value)
    if isinstance(value, Mapping):
        entries = (f"{_literal(key)}: {_literal(entry)}" for key, entry in value.items())
        return f"{{{', '.join(entries)}}}"
    return _scalar(value)


def _sequence(value: list[Any] | tuple[Any, ...] | set[Any]) -> str:
    items = ", ".join(map(_literal, value))
    if isinstance(value, list):
        return f"[{items}]"
    if isinstance(value, set):
        return f"{{{items}}}" if items else "set()"
    return f"({items},)" if items else "()"


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return repr(value)
    # As plain ones: an enumeration, or a number of NumPy, shows something else.
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, complex):
        return repr(complex(value))
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return repr(bytes(value))
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise OwtError("kwargs-unsendable", f"a value of the type {kind} cannot be sent")


def _float(value: float) -> str:
    if math.isnan(value):
        return 'float("nan")'
    # A number that is too large is infinite, also where only literals are read.
    return repr(value) if math.isfinite(value) else "1e999" if value > 0 else "-1e999"
