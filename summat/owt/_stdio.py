"""`sys.stdout` and `sys.stderr`: files of the log, which each call may replace for itself alone.

Calls run side by side. What one of them assigns to `sys.stdout`, as `contextlib.redirect_stdout`
does, holds in its own context and ends with it. So properties are in place of the attributes; and
`print` and other C code, which look into the module's dict, find what forwards to the same.
"""

from __future__ import annotations

import io
import sys
from contextvars import ContextVar
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DESCRIPTOR = 2
_UNSET = object()


class _Bytes(io.RawIOBase):
    """What is beneath a text file: programs write bytes to `sys.stdout.buffer`."""

    mode = "wb"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.take: Callable[[str], object] = len

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return DESCRIPTOR

    def write(self, data: object, /) -> int:
        copied = bytes(data)  # type: ignore[call-overload]
        self.take(copied.decode("utf-8", "replace"))
        return len(copied)

    def close(self) -> None:
        """Stay open: the log is there as long as the worker."""


class Lines(io.TextIOWrapper):
    """A text file that hands on what is written to it, at once."""

    mode = "w"

    def __init__(self, name: str, take: Callable[[Lines, str], object]) -> None:
        raw = _Bytes(name)
        super().__init__(raw, "utf-8", "backslashreplace", line_buffering=True)
        raw.take = self.write
        self._take = take

    def write(self, text: str, /) -> int:
        """Take text, without the buffer that threads would share."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        self._take(self, text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is held back but the beginning of a line."""

    def close(self) -> None:
        """Stay open, for all other calls."""

    def detach(self) -> Any:
        """Return what is beneath, and go on working."""
        return self.buffer


class _Stream:
    """One of the two attributes: what each call has it replaced by."""

    def __init__(self, name: str, lines: Lines) -> None:
        self._lines = lines
        self._replaced: ContextVar[Any] = ContextVar(f"owt_{name}", default=_UNSET)
        self.forward = _Forward(self)

    def get(self) -> Any:
        found = self._replaced.get()
        return self._lines if found is _UNSET else found

    def set(self, file: Any) -> None:
        is_ours = file is self._lines or file is self.forward
        self._replaced.set(_UNSET if is_ours else file)

    def as_property(self) -> property:
        return property(lambda _: self.get(), lambda _, file: self.set(file))


class _Forward:
    """What C code finds in the place of `sys.stdout`: it is whatever Python code finds there."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def write(self, text: str, /) -> Any:
        file = self._stream.get()
        return len(text) if file is None else file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream.get(), name)


class _AnyModule(type):
    """Lets `isinstance(module, type(sys))`, as some libraries ask, be what it was."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, ModuleType)


def install(out: Lines, err: Lines) -> None:
    """Put the two files in place."""
    streams = {"stdout": _Stream("stdout", out), "stderr": _Stream("stderr", err)}
    vars(sys).update({name: stream.forward for name, stream in streams.items()})
    names = {name: stream.as_property() for name, stream in streams.items()}
    # Pickled by its name: functions that use it go to other processes.
    names["__reduce__"] = lambda _: (__import__, ("sys",))  # type: ignore[assignment]
    sys.__class__ = _AnyModule("module", (ModuleType,), names)  # type: ignore[assignment]
