"""The inferred types of pipes: checked by `test_pipe_types.py`, never run."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, BinaryIO

from typing_extensions import assert_type

from owt.summat import Pipe, pipe
from owt.summat._pipe._typing import Later, Many, Now


def length(text: str) -> int:
    return len(text)


async def length_later(text: str) -> int:
    return len(text)


def words(text: str) -> Generator[str, None, None]:
    yield from text.split()


async def words_later(text: str) -> AsyncGenerator[str, None]:
    yield text


def add(a: int, b: int) -> int:
    return a + b


async def add_later(a: int, b: int) -> int:
    return a + b


text = pipe().const("a b")
numbers = pipe().const([1, 2])

# The last value.
assert_type(pipe(), Pipe[Any])
assert_type(pipe().path(), Pipe[list[str]])
assert_type(pipe().path().last(), Pipe[str])
assert_type(pipe().query(), Pipe[dict[str, str]])
assert_type(pipe().query().get("a"), Pipe[str])
assert_type(pipe().json(), Pipe[Any])
assert_type(pipe().kwarg("n").cast(int), Pipe[int])
assert_type(text.kwargs(n=1).identity().done(), Pipe[str])
assert_type(text.input(), Pipe[Any])
assert_type(text.clear(), Pipe[Any])
assert_type(text.f(length), Pipe[int])
assert_type(text.exec(length), Pipe[str])
assert_type(text.cast(length), Pipe[int])
assert_type(text.map(length), Pipe[list[int]])
assert_type(numbers.map(str), Pipe[list[str]])
assert_type(numbers.foldl(lambda acc, n: acc + n, 0.5), Pipe[float])
assert_type(numbers.foldl1(add), Pipe[int])
assert_type(numbers.ix(0), Pipe[int])
assert_type(numbers.last(), Pipe[int])
assert_type(pipe().const({"a": 1}).get("a"), Pipe[int])
assert_type(text.bytes(), Pipe[bytes])
assert_type(text.open("/"), Pipe[BinaryIO])
assert_type(text.shell(), Pipe[Generator[bytes, None, None]])
assert_type(text.cond(length, str.upper), Pipe[int | str])
assert_type(text.fork(length, str.upper), Pipe[tuple[int, str]])
assert_type(text.to(pipe().f(length)), Pipe[int])
assert_type(text.importing("json").installing("numpy"), Pipe[str])

# The result of calling.
assert_type(text.f(length)(), int)
assert_type(text.f(length)(None, n=1), int)
assert_type(text.f(length_later), Pipe[int, Later])
to_await = assert_type(text.f(length_later)(), Coroutine[Any, Any, int])
assert_type(text.f(length_later).cast(str), Pipe[str, Later])
assert_type(text.exec(length_later), Pipe[str, Later])
assert_type(text.cast(length_later), Pipe[int, Later])
assert_type(text.map(length_later), Pipe[list[int], Later])
assert_type(numbers.foldl(add_later, 0), Pipe[int, Later])
assert_type(numbers.foldl1(add_later), Pipe[int, Later])
assert_type(text.cond(length_later, str.upper), Pipe[int | str, Later])
assert_type(text.cond(str.upper, length_later), Pipe[str | int, Later])
assert_type(text.cond(length_later, length_later), Pipe[int, Later])
assert_type(text.fork(length, length_later), Pipe[tuple[int, int], Later])
assert_type(text.fork(length_later, length), Pipe[tuple[int, int], Later])
assert_type(text.fork(length_later, length_later), Pipe[tuple[int, int], Later])
assert_type(text.to(pipe().f(length_later)), Pipe[int, Later])

# An untyped function counts as one that is not async.
parsed: Pipe[Any] = text.f(json.loads)
kept: Pipe[str] = text.exec(json.loads)
converted: Pipe[Any] = text.cast(json.loads)
each: Pipe[list[Any]] = text.map(json.loads)
further: Pipe[Any] = text.to(json.loads)
both: Pipe[tuple[Any, int]] = text.fork(json.loads, length)
either: Pipe[Any] = text.cond(json.loads, json.loads)

# Streams.
assert_type(text.f(words).stream(), Pipe[str, Now, Many])
assert_type(text.f(words).stream().f(length)(), Generator[int, None, None])
assert_type(text.f(words).stream().f(length_later)(), AsyncGenerator[int, None])
assert_type(text.f(words_later).stream().f(length)(), AsyncGenerator[int, None])

# Errors: the checker must reject each of these lines.
text.cast(add)  # type: ignore[arg-type]
numbers.map(length)  # type: ignore[arg-type]
numbers.ix("a")  # type: ignore[arg-type]
pipe().const(5).last()  # type: ignore[misc]
pipe().const(5).stream()  # type: ignore[misc]
