"""What steps do with the last value: map it, fold it, convert it to bytes, open it, run it."""

from __future__ import annotations

import os

from owt.summat._pipe._awaiting import chain, close, for_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, BinaryIO

_UNSET = object()
_INDEXABLE = (list, tuple, str, bytes, bytearray, range)


class Pair(tuple):  # type: ignore[type-arg]
    """The results of both sides of a fork.

    As a response it is a JSON array: only plain tuples are read as (body, status).
    """

    __slots__ = ()


def map_values(fn: Callable[[Any], Any], values: Any) -> Any:
    """Return a list of the results of `fn` for all elements, or a coroutine of it."""
    done: list[Any] = []
    return chain(for_each(lambda each: chain(fn(each), done.append), values), lambda _: done)


def fold(fn: Callable[[Any, Any], Any], values: Any, acc: Any = _UNSET) -> Any:
    """Fold elements from the left; without `acc`, beginning with the first element."""
    cell = [acc]

    def keep(value: Any) -> None:
        cell[0] = value

    def take(each: Any) -> Any:
        return keep(each) if cell[0] is _UNSET else chain(fn(cell[0], each), keep)

    def end(_: None) -> Any:
        if cell[0] is _UNSET:
            raise ValueError("there is nothing to fold, and foldl1() has no value to begin with")
        return cell[0]

    return chain(for_each(take, values), end)


def last_of(values: Any) -> Any:
    """Return the last element of any iterable."""
    if isinstance(values, _INDEXABLE) and values:
        return values[-1]
    cell = [_UNSET]

    def keep(each: Any) -> None:
        cell[0] = each

    def end(_: None) -> Any:
        if cell[0] is _UNSET:
            raise IndexError("there is no last element: the value is empty")
        return cell[0]

    return chain(for_each(keep, values), end)


def bytes_of(value: Any) -> Any:
    """Return a value as bytes, or a coroutine of it: see `Pipe.bytes`."""
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
        return _join(value)
    try:
        # An array, such as numpy's, with the buffer protocol.
        return memoryview(value).tobytes()
    except TypeError:
        raise _not_bytes(value) from None


def _read(file: Any) -> Any:
    """Read a file to its end, and close it."""
    try:
        content = file.read()
    finally:
        close(file)
    return content.encode() if isinstance(content, str) else bytes(content)


def _join(chunks: Any) -> Any:
    whole = bytearray()

    def add(chunk: Any) -> None:
        if not isinstance(chunk, str | bytes | bytearray | memoryview):
            raise _not_bytes(chunk)
        whole.extend(chunk.encode() if isinstance(chunk, str) else chunk)

    return chain(for_each(add, chunks), lambda _: bytes(whole))


def _not_bytes(value: Any) -> TypeError:
    return TypeError(
        f"bytes() cannot take a value of type {type(value).__name__}: it takes text, bytes, "
        "an open file, a path, a generator of text or bytes, or an array. "
        "For JSON, put f(json.dumps) before it"
    )


def run_command(command: Any, arguments: dict[str, Any]) -> Generator[bytes, None, None]:
    """Return the output of a command, with arguments as variables of its environment."""
    from owt.summat import shell

    if not isinstance(command, str | list | tuple):
        kind = type(command).__name__
        raise TypeError(f"shell() takes a command as text or as a list of words, and got a {kind}")
    variables = {name: str(value) for name, value in arguments.items()}
    return shell.run(command, env={**os.environ, **variables})


def open_file(path: Any, root_dir: Any) -> BinaryIO:
    """Open a file for reading bytes; with `root_dir`, only one in that folder."""
    is_segments = isinstance(path, list | tuple)
    if root_dir is None:
        if is_segments:
            raise TypeError("open() takes segments of a path beneath a folder: open('public')")
        return open(path, "rb")
    from owt.summat._safe_open import safe_open

    return safe_open(root_dir, "/" + "/".join(path) if is_segments else path)
