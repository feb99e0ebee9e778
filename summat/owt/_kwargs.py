"""Reads the text of arguments: as JSON, else as a Python expression, else as plain text."""

from __future__ import annotations

import base64
import builtins
import json
import os
import re
import sys
from ast import literal_eval

from owt._describe import type_and_text
from owt._errors import CallError, Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LAST = "__last__"
"""The name of an argument that was sent without a name: any value but a dict."""

# `json.loads`, without its checks of options.
_decode = json.JSONDecoder().decode
_ANGLED = re.compile(r"\s*<(\s*['\"].*)>\s*", re.DOTALL)
_DATE = re.compile(r"\d{4}([-/])\d{1,2}\1\d{1,2}|\d{1,2}([-/])\d{1,2}\2\d{4}")
_BARE_KEY = re.compile(r"[{,]\s*[^\W\d]\w*\s*:")
_PARSE_ERRORS = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, OverflowError)
_QUOTES_HINT = (
    ": are all names and texts in quotes, as in {'name': 'owt'}? "
    "(A shell takes quotes away, unless there are others around the whole.)"
)
_CONSTANTS = ("True", "False", "None")


def parse(text: str | None, *, evaluate: bool = True) -> dict[str, Any]:
    """Return the keyword arguments in `text`.

    Without `evaluate`, only JSON and Python literals are read, and no code is run.
    """
    text = (text or "").removeprefix("\ufeff")
    if not text.strip():
        return {}
    value = _parse_value(text, evaluate)
    if not isinstance(value, dict):
        return {LAST: value}
    for key in value:
        if not isinstance(key, str):
            kind = type(key).__name__
            raise CallError(
                "arguments", f"The arguments' names must be strings; one is of type {kind}."
            )
    return value


def _parse_value(text: str, evaluate: bool) -> Any:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        pass
    angled = _ANGLED.fullmatch(text)
    if angled:
        return _parse_value(f"{{{angled[1]}}}", evaluate)
    return _parse_python(text, evaluate)


def _parse_python(text: str, evaluate: bool) -> Any:
    expression = text.strip()
    is_name = expression.isidentifier() and expression not in _CONSTANTS
    if is_name or _DATE.fullmatch(expression):
        # A word is text, even if it is a name in Python, such as `help`; so is a date, which Python
        # would read as a subtraction.
        return expression
    is_dict = expression.startswith("{")
    try:
        code = _compile(expression) if evaluate else literal_eval(expression)
    except _PARSE_ERRORS as err:
        if is_dict:
            raise _syntax_error(err, expression, evaluate) from None
        return text.rstrip("\r\n")
    return _evaluate(code, is_dict=is_dict, text=text) if evaluate else code


def _compile(expression: str) -> Any:
    return compile(expression, "<kwargs>", "eval", dont_inherit=True)


def _evaluate(code: Any, *, is_dict: bool, text: str) -> Any:
    try:
        return eval(
            code, {"__builtins__": builtins, "os": os, "sys": sys, "json": json, "base64": base64}
        )
    except Interrupted:
        raise
    except BaseException as err:
        if isinstance(err, NameError) and not is_dict:
            # Unknown names are text: `well-known`, `Dr.Who`.
            return text.rstrip("\r\n")
        raise _evaluation_error(err, _QUOTES_HINT if isinstance(err, NameError) else ".") from None


def _syntax_error(err: BaseException, text: str, evaluate: bool) -> CallError:
    other = "a Python expression" if evaluate else "Python literals, and no more is allowed here"
    reason = err.msg if isinstance(err, SyntaxError) else str(err) or type(err).__name__
    if "malformed node" in reason:
        # The message of literal_eval shows the address of a node.
        reason = "there is something to evaluate in them"
    patterns = ("invalid syntax", "leading zeros")
    is_unquoted = any(pattern in reason for pattern in patterns) or _BARE_KEY.search(text)
    hint = _QUOTES_HINT if is_unquoted else "."
    return CallError(
        "kwargs-invalid", f"The arguments are neither JSON nor {other} ({reason}){hint}"
    )


def _evaluation_error(err: BaseException, hint: str) -> CallError:
    message = f"The arguments could not be evaluated{hint}\n{type_and_text(err)}"
    return CallError("kwargs-invalid", message)
