"""`sys.stdout` and `sys.stderr`: they write to the log, and each call may replace them for itself.

Calls run concurrently. What one of them assigns to `sys.stdout`, as `contextlib.redirect_stdout`
does, is visible in its own context alone. So both attributes are properties. `print` and other C
code look into the module's dict instead, where an object forwards to the same stream.
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


class _ByteStream(io.RawIOBase):
    """What `sys.stdout.buffer` is, to which programs write bytes."""

    mode = "wb"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.sink: Callable[[str], object] = len

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return DESCRIPTOR

    def write(self, data: object, /) -> int:
        copied = bytes(data)  # type: ignore[call-overload]
        self.sink(copied.decode("utf-8", "replace"))
        return len(copied)

    def close(self) -> None:
        """Stay open, as long as the worker runs."""


class LogStream(io.TextIOWrapper):
    """A text file that passes on at once what is written to it."""

    mode = "w"

    def __init__(self, name: str, sink: Callable[[LogStream, str], object]) -> None:
        raw = _ByteStream(name)
        super().__init__(raw, "utf-8", "backslashreplace", line_buffering=True)
        raw.sink = self.write
        self._sink = sink

    def write(self, text: str, /) -> int:
        """Write text, bypassing the buffer, which threads would share."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        self._sink(self, text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: only the beginning of a line is buffered."""

    def close(self) -> None:
        """Stay open for all other calls."""

    def detach(self) -> Any:
        """Return the underlying byte stream, and keep working."""
        return self.buffer


class _ContextStream:
    """One of the two attributes of `sys`, whose value each context may replace."""

    def __init__(self, name: str, default: LogStream) -> None:
        self._default = default
        self._replaced: ContextVar[Any] = ContextVar(f"owt_{name}", default=_UNSET)
        self.forward = _Forward(self)

    def get(self) -> Any:
        found = self._replaced.get()
        return self._default if found is _UNSET else found

    def set(self, file: Any) -> None:
        is_ours = file is self._default or file is self.forward
        self._replaced.set(_UNSET if is_ours else file)

    def as_property(self) -> property:
        return property(lambda _: self.get(), lambda _, file: self.set(file))


class _Forward:
    """What C code finds as `sys.stdout`: it forwards to what Python code finds."""

    def __init__(self, stream: _ContextStream) -> None:
        self._stream = stream

    def write(self, text: str, /) -> Any:
        file = self._stream.get()
        return len(text) if file is None else file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream.get(), name)


class _AnyModule(type):
    """Keeps `isinstance(module, type(sys))` true for all modules: some libraries ask that."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, ModuleType)


def install(out: LogStream, err: LogStream) -> None:
    """Replace the two attributes."""
    streams = {"stdout": _ContextStream("stdout", out), "stderr": _ContextStream("stderr", err)}
    vars(sys).update({name: stream.forward for name, stream in streams.items()})
    names = {name: stream.as_property() for name, stream in streams.items()}
    # `sys` is pickled by its name, because functions that use it are sent to other processes.
    names["__reduce__"] = lambda _: (__import__, ("sys",))  # type: ignore[assignment]
    sys.__class__ = _AnyModule("module", (ModuleType,), names)  # type: ignore[assignment]
