"""What the worker calls: `start` once, `handle` for each call, from any of its threads.

A call of `handle` is answered when it returns, unless its handler is async: then the event loop
answers it later.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from contextvars import Context, copy_context
from os import _exit, close
from types import CoroutineType

from owt import _log, _main, _own, _same_thread, _server, _turn, _waking
from owt._body import is_awaitable
from owt._describe import located, place, told
from owt._faults import Fault, Interrupted
from owt._helpers import Finder
from owt._invoke import invoke
from owt._kwargs import parse
from owt._load import Store
from owt._loop import Loop
from owt._reply import reply_of, reply_of_raised, send_text
from owt._request import Request
from owt._stream import astream, in_thread, stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

    from owt._border import Call, Settings
    from owt._load import Adaptor
    from owt._reply import Reply

__all__ = [
    "Interrupted",
    "adaptors",
    "blocked_loop",
    "cancel",
    "forget",
    "handle",
    "is_deferred",
    "start",
    "wake",
]

_DEFAULT_LIMIT = 128
# Bytes that are surely taken at once.
_LARGE = 64 * 1024
# Seconds after which a thread that computes has to let another one run. Python's own are ten times
# as long: a call of microseconds would wait that long for each that computes.
_SWITCH_INTERVAL = 0.0005


class _Worker:
    """The state of this process's worker."""

    def __init__(self) -> None:
        self.store = Store(_DEFAULT_LIMIT)
        self.evaluate = True
        self.loop = Loop()
        self.lines = _same_thread.Lines(lambda digest: self.store.forget(digest))
        self.is_forked_child = False
        # owt's own, which nothing here may touch.
        self.sockets: frozenset[int] = frozenset()
        self.is_spoilt = False


_worker = _Worker()


def start(settings: Settings) -> None:
    """Make ready for calls; once, before the first."""
    _log.install(tracebacks=settings["log_tracebacks"])
    _server.configure(settings)
    _worker.store = Store(settings["max_adaptors"], settings["adaptors_dir"])
    Finder(_server.start_directory(), _worker.store.helpers).install()
    _worker.evaluate = not settings["no_eval"]
    _worker.sockets = _waking.inodes(settings["fds"])
    _main.install()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    warnings.simplefilter("ignore", SyntaxWarning)
    # Python would show the line that it warns of, and the log never shows source.
    warnings.formatwarning = _log.warning_without_line
    os.register_at_fork(after_in_child=lambda: _after_fork(settings["fds"]))


def handle(call: Call) -> bool:
    """Run one call and answer it. Nothing that an adaptor raises comes out of here.

    Each call has a context of its own: what it sets of context variables, such as the precision of
    decimals, no other call sees. False: the call goes on in the event loop, or on the one thread of
    its adaptor, which says `call.done()` at its end.

    What is raised here says that this worker should be replaced.
    """
    is_over: bool = Context().run(_handle, call)
    if _worker.is_spoilt:
        _worker.is_spoilt = False
        raise RuntimeError("an adaptor has broken the builtins of this worker")
    return is_over


def _handle(call: Call) -> bool:
    digest = call.digest
    _log.begin(call.id, digest)
    is_over = True
    try:
        is_over = _answer(call, digest)
    except BaseException as err:
        _end_forked_child()
        _fail(call, err)
    finally:
        if is_over:
            _log.end()
    return is_over


def cancel(call_id: str) -> None:
    """Cancel a call that no thread runs, whose deadline has passed or whose client has gone.

    A call that runs on a thread is interrupted by raising `Interrupted` in that thread.
    """
    _worker.loop.cancel(call_id)
    _worker.lines.drop_cancelled()


def is_deferred(thread: int) -> bool:
    """Tell whether a thread must not be interrupted now.

    It imports, loads for others as well, or starts another thread.

    A package that is left half imported stays so: what is in `sys.modules` of it is not run again,
    and every later import of it in this process fails.
    """
    is_wanted = _turn.is_wanted(thread) or _worker.lines.is_wanted(thread)
    return is_wanted or _turn.is_importing(thread) or _turn.is_starting_another(thread)


def blocked_loop(call_id: str) -> tuple[int, int] | None:
    """Return the thread of the event loop, by both its numbers, if a call holds the loop up."""
    thread = _worker.loop.blocked_by(call_id)
    if thread is None or thread.ident is None or thread.native_id is None:
        return None
    if _turn.is_starting_another(thread.ident):
        return None
    return thread.ident, thread.native_id


def wake(thread: int, native: int, age: float) -> None:
    """End what a thread waits for in a cancelled call, which began `age` seconds ago."""
    _waking.wake(thread, native, age, _worker.sockets)
    _worker.lines.replace_if_stuck(thread)


def adaptors() -> list[dict[str, Any]]:
    """Return what is loaded: digest, calls, memory, age and fn_names of each; never source."""
    return _worker.store.summaries()


def forget(digest: str) -> bool:
    """Drop a loaded adaptor; False if it was not loaded."""
    return _worker.store.forget(digest)


def _answer(call: Call, digest: str) -> bool:
    """Answer a call; False if that is still to come, from elsewhere."""
    source = call.source
    adaptor = _worker.store.get(digest)
    if adaptor is not None:
        source = adaptor.source
    if source is None:
        call.need_source()
        return True
    if adaptor.is_same_thread if adaptor is not None else _same_thread.is_asked_for(source):
        _put_in_line(call, digest, source)
        return False
    return _run(call, digest, source, adaptor)


def _run(call: Call, digest: str, source: str, adaptor: Adaptor | None) -> bool:
    # Before loading, which may take minutes: arguments that cannot be read need none of it.
    kwargs = parse(call.kwargs, evaluate=_worker.evaluate)
    fn_name, reload = call.fn_name, call.reload
    if adaptor is None or reload or _worker.store.helpers.outdated(adaptor):
        with _same_thread.loading():
            adaptor = _worker.store.load(digest, source, fn_name, reload=reload, name=call.name)
    call.loaded()
    value = invoke(adaptor, fn_name, Request(call), kwargs)
    _end_forked_child()
    if type(value) is str:
        send_text(call, value)
        return True
    return _deliver(call, value)


def _put_in_line(call: Call, digest: str, source: str) -> None:
    """Have the one thread of its adaptor answer a call."""
    # From here on nothing interrupts this thread: the call is another's.
    call.settle()
    if call.disconnected:
        raise Interrupted
    context = copy_context()
    work = _same_thread.Job(call, lambda: context.run(_run_in_line, call, digest, source))
    _worker.lines.put(digest, work)


def _run_in_line(call: Call, digest: str, source: str) -> None:
    is_over = True
    try:
        try:
            if not call.occupy():
                raise Interrupted
            is_over = _run(call, digest, source, _worker.store.get(digest))
        except BaseException as err:
            _end_forked_child()
            _fail(call, err)
        finally:
            call.settle()
    finally:
        if is_over:
            _log.end()
            call.done()


def _deliver(call: Call, value: Any) -> bool:
    if is_awaitable(value):
        _submit(call, value, lambda: _answer_later(call, value), _done_with(call, value))
        return False
    if value is None:
        _log.tell_of_nothing(call.id)
    reply = reply_of(value, call)
    if reply.body.achunks is not None:
        chunks = reply.body.achunks
        _submit(call, value, lambda: _stream_later(call, chunks, reply), call.done)
        return False
    _send(call, reply)
    return True


def _submit(
    call: Call,
    value: Any,
    work: Callable[[], Coroutine[Any, Any, None]],
    done: Callable[[], None],
) -> None:
    try:
        _worker.loop.submit(call.id, work, done)
    except BaseException:
        _close(value)
        raise


def _done_with(call: Call, value: Any) -> Callable[[], None]:
    def done() -> None:
        _close(value)
        call.done()

    return done


def _close(value: Any) -> None:
    if isinstance(value, CoroutineType):
        # One that was cancelled before it began would complain that nobody awaited it.
        value.close()


def _send(call: Call, reply: Reply) -> None:
    if reply.body.chunks is None:
        reply.send_whole(call)
    else:
        stream(call, reply, reply.body.chunks)
    _go_on(call, reply)


def _go_on(call: Call, reply: Reply) -> None:
    """Do what a reply wants to be done after it, which is no part of the call any more."""
    if reply.after is None:
        return
    # Neither the client nor the deadline ends it.
    call.settle()
    try:
        rest = reply.after()
        if is_awaitable(rest):
            _worker.loop.detach(_awaited(rest))
    except BaseException as err:
        _log_after(err)


async def _awaited(rest: Any) -> None:
    try:
        await rest
    except BaseException as err:
        _log_after(err)
    finally:
        _log.end()


def _log_after(err: BaseException) -> None:
    _log.write("WARN", f"what was to be done after the answer failed: {located(err)}")


async def _answer_later(call: Call, value: Any) -> None:
    try:
        value = await value
        if value is None:
            _log.tell_of_nothing(call.id)
        reply = reply_of(value, call)
        _end_forked_child()
        if reply.body.achunks is not None:
            await astream(call, reply, reply.body.achunks, _settle(call))
            _go_on(call, reply)
        elif reply.body.chunks is not None or len(reply.body.whole) > _LARGE:
            # What waits for its reader, or is an ordinary generator, would hold up the loop.
            await in_thread(lambda: _send_guarded(call, reply))
        else:
            reply.send_whole(call)
            _go_on(call, reply)
    except BaseException as err:
        _end_forked_child()
        _fail(call, err)
    finally:
        _log.end()


async def _stream_later(call: Call, chunks: AsyncIterator[Any], reply: Reply) -> None:
    try:
        await astream(call, reply, chunks, _settle(call))
        _go_on(call, reply)
    except BaseException as err:
        _end_forked_child()
        _fail(call, err)
    finally:
        _log.end()


def _send_guarded(call: Call, reply: Reply) -> None:
    try:
        if not call.occupy():
            raise Interrupted
        _send(call, reply)
    except BaseException as err:
        _fail(call, err)
    finally:
        call.settle()


def _settle(call: Call) -> Callable[[], None]:
    return lambda: _worker.loop.settle(call.id)


def _fail(call: Call, err: BaseException) -> None:
    try:
        reply = reply_of_raised(err)
    except Fault as fault:
        reply, err = None, fault
    if reply is not None:
        reply.send_whole(call)
    elif isinstance(err, Fault):
        call.fail(err.code, told(err))
    elif _is_cancelled(call, err):
        call.fail("deadline", "The call was ended: its time was up, or its client had gone.")
    else:
        words = told(err)
        _log.traceback(words)
        call.fail("adaptor-raised", words, place(err))
        # Whoever has failed: with these builtins, others will, or have.
        _worker.is_spoilt = _own.spoilt() is not None


def _is_cancelled(call: Call, err: BaseException) -> bool:
    # By name: asyncio is not imported until something is async.
    is_async_cancel = type(err).__name__ == "CancelledError" and call.disconnected
    return isinstance(err, Interrupted) or is_async_cancel


def _after_fork(descriptors: list[int]) -> None:
    _worker.is_forked_child = True
    _worker.store.after_fork()
    _worker.loop.after_fork()
    _worker.lines.after_fork()
    # Emptied, because a child of this child may have other files under these numbers.
    while descriptors:
        with suppress(OSError):
            close(descriptors.pop())


def _end_forked_child() -> None:
    """End the child of an adaptor that called os.fork(): the parent has the call."""
    if _worker.is_forked_child:
        _exit(0)
