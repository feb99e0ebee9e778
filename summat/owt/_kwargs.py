"""The arguments' text: JSON first, then a Python expression, then the text itself."""

from __future__ import annotations

import base64
import builtins
import json
import os
import re
import sys
from ast import literal_eval

from owt._faults import Fault, Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LAST = "__last__"
"""The name under which a value that is no dict arrives."""

# The same as `json.loads`, without what that looks up in its own module.
_decode = json.JSONDecoder().decode
_ANGLED = re.compile(r"\s*<(\s*['\"].*)>\s*", re.DOTALL)
_DATE = re.compile(r"\d{4}([-/])\d{1,2}\1\d{1,2}|\d{1,2}([-/])\d{1,2}\2\d{4}")
_BARE_KEY = re.compile(r"[{,]\s*[^\W\d]\w*\s*:")
_UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, OverflowError)
_ABOUT_QUOTES = (
    ": are all names and texts in quotes, as in {'name': 'owt'}? "
    "(A shell takes quotes away, unless there are others around the whole.)"
)
_CONSTANTS = ("True", "False", "None")


def parse(text: str | None, *, evaluate: bool = True) -> dict[str, Any]:
    """Return the keyword arguments that `text` stands for.

    With `evaluate` false, text is JSON or Python literals, and nothing in it is run.
    """
    text = (text or "").removeprefix("\ufeff")
    if not text.strip():
        return {}
    value = _value(text, evaluate)
    if not isinstance(value, dict):
        return {LAST: value}
    for key in value:
        if not isinstance(key, str):
            kind = type(key).__name__
            raise Fault(
                "arguments", f"The arguments' names must be strings; one is of type {kind}."
            )
    return value


def _value(text: str, evaluate: bool) -> Any:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        pass
    angled = _ANGLED.fullmatch(text)
    if angled:
        return _value(f"{{{angled[1]}}}", evaluate)
    return _python(text, evaluate)


def _python(text: str, evaluate: bool) -> Any:
    expression = text.strip()
    is_word = expression.isidentifier() and expression not in _CONSTANTS
    if is_word or _DATE.fullmatch(expression):
        # A word is itself, also when Python happens to know it, as it does `help` or `os`; so is a
        # date, though Python may take it for a subtraction.
        return expression
    is_dict = expression.startswith("{")
    try:
        code = _compiled(expression) if evaluate else literal_eval(expression)
    except _UNREADABLE as err:
        if is_dict:
            raise _broken(err, expression, evaluate) from None
        return text.rstrip("\r\n")
    return _evaluated(code, is_dict=is_dict, text=text) if evaluate else code


def _compiled(expression: str) -> Any:
    return compile(expression, "<kwargs>", "eval", dont_inherit=True)


def _evaluated(code: Any, *, is_dict: bool, text: str) -> Any:
    try:
        return eval(
            code, {"__builtins__": builtins, "os": os, "sys": sys, "json": json, "base64": base64}
        )
    except Interrupted:
        raise
    except BaseException as err:
        if isinstance(err, NameError) and not is_dict:
            # Words that Python does not know are words: `well-known`, `Dr.Who`.
            return text.rstrip("\r\n")
        raise _raised(err, _ABOUT_QUOTES if isinstance(err, NameError) else ".") from None


def _broken(err: BaseException, text: str, evaluate: bool) -> Fault:
    other = "a Python expression" if evaluate else "Python literals, and no more is allowed here"
    reason = err.msg if isinstance(err, SyntaxError) else str(err) or type(err).__name__
    if "malformed node" in reason:
        # literal_eval shows the node by its address.
        reason = "there is something to evaluate in them"
    flaws = ("invalid syntax", "leading zeros")
    is_unquoted = any(flaw in reason for flaw in flaws) or _BARE_KEY.search(text)
    hint = _ABOUT_QUOTES if is_unquoted else "."
    return Fault("kwargs-invalid", f"The arguments are neither JSON nor {other} ({reason}){hint}")


def _raised(err: BaseException, hint: str) -> Fault:
    from owt._describe import one_line

    return Fault("kwargs-invalid", f"The arguments could not be evaluated{hint}\n{one_line(err)}")
