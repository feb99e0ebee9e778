"""Sends what a handler returned or raised: at once, from the event loop, or chunk by chunk."""

from __future__ import annotations

from types import CoroutineType

from owt import _builtins, _log
from owt._body import is_awaitable
from owt._describe import describe, log_summary, type_and_line
from owt._errors import CallError, Interrupted
from owt._log import partial_lines
from owt._reply import reply_of, reply_of_raised
from owt._state import end_forked_child, state
from owt._stream import in_thread, stream, stream_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from owt._bindings import Call
    from owt._loop import Work
    from owt._reply import Reply

# Up to this many bytes, sending never waits for the reader.
_MAX_UNWAITED = 64 * 1024


def deliver(call: Call, value: Any) -> bool:
    """Send what a handler returned; False if the event loop goes on with it."""
    if is_awaitable(value):
        done = _close_then_done(call, value)
        _submit(call, value, lambda end: _await_and_send(call, value, end), done)
        return False
    if value is None:
        _log.warn_of_printed_result(call.id)
    reply = reply_of(value, call)
    if reply.body.async_chunks is not None:
        chunks = reply.body.async_chunks
        _submit(call, value, lambda end: _stream_in_loop(call, chunks, reply, end), call.done)
        return False
    _send(call, reply)
    return True


def fail(call: Call, err: BaseException) -> None:
    """Answer a call that raised an exception."""
    try:
        reply = reply_of_raised(err)
    except CallError as call_error:
        reply, err = None, call_error
    if reply is not None:
        reply.send_whole(call)
    elif isinstance(err, CallError):
        call.fail(err.code, describe(err))
    elif _is_cancelled(call, err):
        call.fail("deadline", "The call was ended: its time was up, or its client had gone.")
    else:
        text = describe(err)
        _log.traceback(text)
        call.fail("adaptor-raised", text, type_and_line(err))
        # Whichever adaptor damaged them: others have failed or will fail in this process.
        state.has_damaged_builtins = _builtins.damaged() is not None


def _is_cancelled(call: Call, err: BaseException) -> bool:
    # By name: asyncio is not imported until something is async.
    is_async_cancel = type(err).__name__ == "CancelledError" and call.disconnected
    return isinstance(err, Interrupted) or is_async_cancel


def _send(call: Call, reply: Reply) -> None:
    if reply.body.chunks is None:
        reply.send_whole(call)
    else:
        stream(call, reply, reply.body.chunks)
    _run_background(call, reply)


def _submit(
    call: Call,
    value: Any,
    work: Work,
    done: Callable[[], None],
) -> None:
    try:
        state.loop.submit(call, work, done)
    except BaseException:
        _close_coroutine(value)
        raise


def _close_then_done(call: Call, value: Any) -> Callable[[], None]:
    def done() -> None:
        _close_coroutine(value)
        call.done()

    return done


def _close_coroutine(value: Any) -> None:
    if isinstance(value, CoroutineType):
        # Cancelled before it began, it would warn that it was never awaited.
        value.close()


async def _await_and_send(call: Call, value: Any, end: Callable[[], None]) -> None:
    try:
        value = await value
        if not state.is_forked_child and call.reply_plain(value, _MAX_UNWAITED):
            return
        if value is None:
            _log.warn_of_printed_result(call.id)
        reply = reply_of(value, call)
        end_forked_child()
        if reply.body.async_chunks is not None:
            await stream_async(call, reply, reply.body.async_chunks, _shield(call))
            _run_background(call, reply)
        elif reply.body.chunks is not None or len(reply.body.data) > _MAX_UNWAITED:
            # Waiting for the reader, or for a plain generator, would block the loop.
            await in_thread(lambda: _send_in_thread(call, reply))
        else:
            reply.send_whole(call)
            _run_background(call, reply)
    except BaseException as err:
        end_forked_child(err)
        fail(call, err)
    finally:
        if partial_lines:
            _log.flush()
        end()


async def _stream_in_loop(
    call: Call, chunks: AsyncIterator[Any], reply: Reply, end: Callable[[], None]
) -> None:
    try:
        await stream_async(call, reply, chunks, _shield(call))
        _run_background(call, reply)
    except BaseException as err:
        end_forked_child(err)
        fail(call, err)
    finally:
        if partial_lines:
            _log.flush()
        end()


def _send_in_thread(call: Call, reply: Reply) -> None:
    try:
        if not call.attach_thread():
            raise Interrupted
        _send(call, reply)
    except BaseException as err:
        fail(call, err)
    finally:
        call.shield()


def _shield(call: Call) -> Callable[[], None]:
    return lambda: state.loop.shield(call.id)


def _run_background(call: Call, reply: Reply) -> None:
    """Run the background task of a reply, which is no longer part of the call."""
    if reply.background is None:
        return
    # Neither the client nor the deadline ends it.
    call.shield()
    try:
        pending = reply.background()
        if is_awaitable(pending):
            state.loop.detach(_run_detached(pending))
    except BaseException as err:
        _log_background_error(err)


async def _run_detached(pending: Any) -> None:
    try:
        await pending
    except BaseException as err:
        _log_background_error(err)
    finally:
        _log.flush()


def _log_background_error(err: BaseException) -> None:
    _log.write("WARN", f"what was to be done after the answer failed: {log_summary(err)}")
