"""Exceptions of adaptors as text: type, message, and a traceback without owt's own frames."""

from __future__ import annotations

import os

import owt.summat
from owt._errors import CallError
from owt._filename import display_name, is_adaptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import FrameSummary, TracebackException

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# Exceptions may quote all of an adaptor's data.
_MAX_TEXT = 64 * 1024
_MAX_SUMMARY = 500
_SUMMAT = os.path.dirname(os.path.abspath(owt.summat.__file__)) + os.sep
# Frames of pipes are left out: a note names the step.
_PIPE = os.path.join(_SUMMAT, "_pipe") + os.sep


def type_and_text(err: BaseException) -> str:
    """Return `TypeName: message`, also for an exception whose `__str__` raises."""
    kind = type(err).__name__
    try:
        text = str(err)
    except BaseException:
        text = "<text that could not be made: its __str__ raised>"
    return f"{kind}: {text}" if text else kind


def log_summary(err: BaseException) -> str:
    """Return the type and message of an exception and the adaptor's line, as one line."""
    return f"{summary(err)}{_location(err)}"


def type_and_line(err: BaseException) -> str:
    """Return the type of an exception and the adaptor's line, but not its message."""
    return f"{type(err).__name__}{_location(err)}"


def _location(err: BaseException) -> str:
    location, trace = "", err.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if is_adaptor(file):
            location = f" in {display_name(file)}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return location


def summary(err: BaseException) -> str:
    """Return the type of an exception and the beginning of its message, as one line."""
    text = " ".join(type_and_text(err).split())
    return text if len(text) <= _MAX_SUMMARY else f"{text[:_MAX_SUMMARY]}…"


def _with_traceback(err: BaseException) -> str:
    """Return `TypeName: message`, an empty line, and the traceback without owt's own frames."""
    import traceback

    whole = traceback.TracebackException.from_exception(err)
    for part in _parts(whole):
        part.stack[:] = _without_internal_frames(part.stack)
        for frame in part.stack:
            frame.filename = display_name(frame.filename)
    text = "".join(whole.format()).rstrip()
    return f"{type_and_text(err)}\n\n{text}{_notes(err, text)}{_advice(err)}"


def _advice(err: BaseException) -> str:
    if not isinstance(err, ModuleNotFoundError):
        return ""
    from owt._missing_module import advice

    return advice(err)


def _notes(err: BaseException, text: str) -> str:
    """Return notes of an exception that its traceback lacks: before 3.11, Python shows none."""
    notes = map(str, getattr(err, "__notes__", ()))
    return "".join(f"\n{note}" for note in notes if note not in text)


def describe(err: BaseException) -> str:
    """Return the text of an exception that ended a call, for the client."""
    if isinstance(err, CallError):
        return _encodable(err.text)
    try:
        return _encodable(_with_traceback(err))
    except Exception:
        # Formatting it runs code of the adaptor, and may lack stack or memory itself.
        return _encodable(type_and_text(err))


def _encodable(text: str) -> str:
    """Return text that UTF-8 can encode, with lone surrogates escaped, and limit its length."""
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}…"
    return text.encode("utf-8", "backslashreplace").decode()


def _parts(whole: TracebackException) -> Iterator[TracebackException]:
    """Yield an exception with its causes and contexts, and the members of groups."""
    todo = [whole]
    while todo:
        part = todo.pop()
        yield part
        # Exception groups came with Python 3.11.
        todo += getattr(part, "exceptions", None) or []
        todo += [cause for cause in (part.__cause__, part.__context__) if cause is not None]


def _without_internal_frames(stack: list[FrameSummary]) -> list[FrameSummary]:
    frames = [frame for frame in stack if not _is_internal(frame.filename)]
    for index, frame in enumerate(frames):
        if is_adaptor(frame.filename) or frame.filename.startswith(_SUMMAT):
            return frames[index:]
    return frames


def _is_internal(filename: str) -> bool:
    if filename.startswith(_SUMMAT):
        return filename.startswith(_PIPE)
    return filename.startswith(_PACKAGE)
