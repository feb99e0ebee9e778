"""Thread affinity: an adaptor may ask for a thread of its own, or for the main one.

An adaptor asks by a decorator that its code names at module level, or in its metadata block:

    # /// script
    # [tool.owt]
    # thread = "main"
    # ///
"""

from __future__ import annotations

from owt._errors import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeVar

    from owt._source import Parsed

    F = TypeVar("F", bound=Callable[..., Any])
    # None: any thread of the worker.
    Thread = Literal["same", "main"] | None

_DECORATORS: dict[str, Literal["same", "main"]] = {"on_main_thread": "main", "same_thread": "same"}
# CO_COROUTINE and CO_ASYNC_GENERATOR of `inspect`, which is slow to import.
_ASYNC = 0x80 | 0x200


def same_thread(handler: F) -> F:
    """Run all calls of the adaptor on one thread, one after the other, and its module too.

        db = sqlite3.connect("owls.db")

        @owt.same_thread
        def run(request, name):
            return db.execute("SELECT says FROM owls WHERE name = ?", [name]).fetchone()

    A stream keeps the thread until it ends. If a call is cancelled while it waits in C, and stays
    there, it is left alone with the thread: the adaptor is reloaded on another one.

    The same as `thread = "same"` in the section `[tool.owt]` of the adaptor's metadata block.
    """
    _reject_async(handler, "same_thread")
    return handler


def on_main_thread(handler: F) -> F:
    """Run all calls of the adaptor, and its module, on the main thread of the interpreter.

        @owt.on_main_thread
        def run(request, url):
            with sync_playwright() as playwright:
                ...

    For what works only there: handlers of signals, toolkits for windows, some drivers. A worker has
    one main thread, so all adaptors that ask for it take turns. If a call is cancelled while it
    waits in C, and stays there, another worker takes over.

    The same as `thread = "main"` in the section `[tool.owt]` of the adaptor's metadata block.
    """
    _reject_async(handler, "on_main_thread")
    return handler


def _reject_async(handler: object, name: str) -> None:
    code = getattr(handler, "__code__", None)
    if code is not None and code.co_flags & _ASYNC:
        raise TypeError(
            f"owt.{name} is for handlers that are not async: those all run on the thread of "
            "the event loop. Leave it out, and make what belongs to that thread in an async once()."
        )


def requested_by(source: str) -> Thread:
    """Return the thread that the source of an adaptor asks for that is not loaded yet."""
    if not any(name in source for name in _DECORATORS) and "/// script" not in source:
        return None
    from owt._source import parse

    try:
        return named_in(parse(source, "<adaptor>"), source)
    except Exception:
        # Loading it reports the error.
        return None


def named_in(parsed: Parsed, source: str) -> Thread:
    """Return the thread that an adaptor asks for; `code-invalid` if there is no such thread."""
    for name, thread in _DECORATORS.items():
        if name in parsed.code.co_names:
            return thread
    return _named_in_metadata(source)


def _named_in_metadata(source: str) -> Thread:
    if "/// script" not in source:
        return None
    from owt import _script_metadata

    thread = _script_metadata.options(source).get("thread")
    if thread == "same" or thread == "main" or thread is None:
        return thread
    raise CallError(
        "code-invalid",
        f'thread = {thread!r} in [tool.owt] is not a thread: write "main", for the main thread of '
        'the interpreter, or "same", for a thread of its own.',
    )
