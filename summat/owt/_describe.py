"""An exception of an adaptor in words: its kind, its text, and the traceback of its own frames."""

from __future__ import annotations

import os

import owt.summat
from owt._faults import Fault
from owt._missing import advice
from owt._source_file import is_adaptor, shown_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import FrameSummary, TracebackException

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# As much as a person reads; what an exception says may be as large as what the adaptor works on.
_LONGEST = 64 * 1024
_LONGEST_LINE = 500
_SUMMAT = os.path.dirname(os.path.abspath(owt.summat.__file__)) + os.sep
# Between an adaptor's own frames; which step it was in is said by a note.
_PIPE = os.path.join(_SUMMAT, "_pipe") + os.sep


def one_line(err: BaseException) -> str:
    """Return `TypeName: text`, also for an exception that cannot be turned into text."""
    kind = type(err).__name__
    try:
        text = str(err)
    except BaseException:
        text = "<text that could not be made: its __str__ raised>"
    return f"{kind}: {text}" if text else kind


def located(err: BaseException) -> str:
    """Return the kind of an exception, its text, and the adaptor's line: one line for the log."""
    return f"{summary(err)}{_where(err)}"


def place(err: BaseException) -> str:
    """Return the kind of an exception and the adaptor's line, and nothing of what it says."""
    return f"{type(err).__name__}{_where(err)}"


def _where(err: BaseException) -> str:
    where, trace = "", err.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if is_adaptor(file):
            where = f" in {shown_file(file)}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return where


def summary(err: BaseException) -> str:
    """Return an exception's kind and the beginning of its text, in one line."""
    text = " ".join(one_line(err).split())
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…"


def describe(err: BaseException) -> str:
    """Return `TypeName: text`, an empty line, and the traceback without owt's own frames."""
    import traceback

    whole = traceback.TracebackException.from_exception(err)
    for part in _parts(whole):
        part.stack[:] = _own_frames(part.stack)
        for frame in part.stack:
            frame.filename = shown_file(frame.filename)
    text = "".join(whole.format()).rstrip()
    return f"{one_line(err)}\n\n{text}{_notes(err, text)}{advice(err)}"


def _notes(err: BaseException, text: str) -> str:
    """Return the notes of an exception that its text has not: before 3.11, Python shows none."""
    notes = map(str, getattr(err, "__notes__", ()))
    return "".join(f"\n{note}" for note in notes if note not in text)


def told(err: BaseException) -> str:
    """Return the words for an exception that ended a call, whoever raised it."""
    if isinstance(err, Fault):
        return sendable(err.text)
    try:
        return sendable(describe(err))
    except Exception:
        # Describing runs code of the adaptor, and may itself find no stack or memory left.
        return sendable(one_line(err))


def sendable(text: str) -> str:
    """Return text that has a form in UTF-8: lone surrogates as their escapes; and not too much."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    return text.encode("utf-8", "backslashreplace").decode()


def _parts(whole: TracebackException) -> Iterator[TracebackException]:
    """Yield an exception with all that it came from, and all that it groups."""
    todo = [whole]
    while todo:
        part = todo.pop()
        yield part
        # Groups came with Python 3.11.
        todo += getattr(part, "exceptions", None) or []
        todo += [cause for cause in (part.__cause__, part.__context__) if cause is not None]


def _own_frames(stack: list[FrameSummary]) -> list[FrameSummary]:
    frames = [frame for frame in stack if not _is_border(frame.filename)]
    for index, frame in enumerate(frames):
        if is_adaptor(frame.filename) or frame.filename.startswith(_SUMMAT):
            return frames[index:]
    return frames


def _is_border(filename: str) -> bool:
    if filename.startswith(_SUMMAT):
        return filename.startswith(_PIPE)
    return filename.startswith(_PACKAGE)
