"""What the steps do with the last value: take it apart, fold it, turn it into bytes."""

from __future__ import annotations

import os

from owt.summat._pipe._later import after, close, for_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, BinaryIO

_UNSET = object()
_HAVE_AN_END = (list, tuple, str, bytes, bytearray, range)


class Pair(tuple):  # type: ignore[type-arg]
    """What both sides of a fork gave.

    As an answer it is JSON, like a list: only a plain tuple is read as (body, status).
    """

    __slots__ = ()


def mapped(fn: Callable[[Any], Any], values: Any) -> Any:
    """Return a list of what `fn` gives for each element, or a coroutine of it."""
    done: list[Any] = []
    return after(for_each(lambda each: after(fn(each), done.append), values), lambda _: done)


def folded(fn: Callable[[Any, Any], Any], values: Any, acc: Any = _UNSET) -> Any:
    """Return what `fn` makes of all elements, from the left; without `acc`, from the first on."""
    box = [acc]

    def keep(value: Any) -> None:
        box[0] = value

    def take(each: Any) -> Any:
        return keep(each) if box[0] is _UNSET else after(fn(box[0], each), keep)

    def end(_: None) -> Any:
        if box[0] is _UNSET:
            raise ValueError("there is nothing to fold, and foldl1() has no value to begin with")
        return box[0]

    return after(for_each(take, values), end)


def last_of(values: Any) -> Any:
    """Return the last element of anything that has elements."""
    if isinstance(values, _HAVE_AN_END) and values:
        return values[-1]
    box = [_UNSET]

    def keep(each: Any) -> None:
        box[0] = each

    def end(_: None) -> Any:
        if box[0] is _UNSET:
            raise IndexError("there is no last element: the value is empty")
        return box[0]

    return after(for_each(keep, values), end)


def bytes_of(value: Any) -> Any:
    """Return what a value is in bytes, or a coroutine of it: see `Pipe.bytes`."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, os.PathLike):
        with open(value, "rb") as file:
            return file.read()
    if hasattr(value, "read"):
        return _read(value)
    if hasattr(value, "__next__") or hasattr(value, "__aiter__"):
        return _joined(value)
    try:
        # An array of numbers, as numpy's, which lets its memory be seen.
        return memoryview(value).tobytes()
    except TypeError:
        raise _no_bytes(value) from None


def _read(file: Any) -> Any:
    """Read a file to its end, and close it."""
    try:
        content = file.read()
    finally:
        close(file)
    return content.encode() if isinstance(content, str) else bytes(content)


def _joined(chunks: Any) -> Any:
    whole = bytearray()

    def add(chunk: Any) -> None:
        if not isinstance(chunk, str | bytes | bytearray | memoryview):
            raise _no_bytes(chunk)
        whole.extend(chunk.encode() if isinstance(chunk, str) else chunk)

    return after(for_each(add, chunks), lambda _: bytes(whole))


def _no_bytes(value: Any) -> TypeError:
    return TypeError(
        f"bytes() cannot take a value of type {type(value).__name__}: it takes text, bytes, "
        "an open file, a path, a generator of text or bytes, or an array. "
        "For JSON, put f(json.dumps) before it"
    )


def printed(command: Any, arguments: dict[str, Any]) -> Generator[bytes, None, None]:
    """Return what a command will print, with the arguments as variables of its environment."""
    from owt.summat import shell

    if not isinstance(command, str | list | tuple):
        kind = type(command).__name__
        raise TypeError(f"shell() takes a command as text or as a list of words, and got a {kind}")
    variables = {name: str(value) for name, value in arguments.items()}
    return shell.run(command, env={**os.environ, **variables})


def opened(path: Any, root_dir: Any) -> BinaryIO:
    """Open a file for reading bytes; beneath `root_dir`, which no path leaves, if given."""
    is_segments = isinstance(path, list | tuple)
    if root_dir is None:
        if is_segments:
            raise TypeError("open() takes segments of a path beneath a folder: open('public')")
        return open(path, "rb")
    from owt.summat._beneath import open_beneath

    return open_beneath(root_dir, "/" + "/".join(path) if is_segments else path)
