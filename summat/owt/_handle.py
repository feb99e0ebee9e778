"""Runs one call: loads the adaptor, reads the arguments, calls the handler, sends the result."""

from __future__ import annotations

from contextvars import copy_context

from owt import _adaptor_threads, _log, _thread_affinity
from owt._adaptor_threads import Job
from owt._context import set_current
from owt._deliver import deliver, fail
from owt._errors import Interrupted
from owt._invoke import invoke
from owt._kwargs import parse
from owt._log import partial_lines
from owt._request import Request
from owt._state import end_forked_child, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._adaptor import Adaptor
    from owt._bindings import Call
    from owt._context import Current


def handle(call: Call, current: Current, fn_name: str, kwargs: dict[str, Any] | None) -> bool:
    """Run one call and answer it; nothing that an adaptor raises leaves this function.

    It runs in a context of its own. `kwargs` are the arguments, if they were read already: then the
    function is to be called with them, and nothing else is asked for. None: `call` says what is.

    Returns False if the call goes on, in the event loop or on the one thread of its adaptor; it
    then ends with `call.done()`.

    An exception from here means that this worker should be replaced.
    """
    set_current(current)
    is_done = True
    try:
        adaptor = None if kwargs is None else state.adaptors.ready(current[1])
        if adaptor is None or kwargs is None:
            is_done = _answer(call, current[1], kwargs)
        else:
            is_done = _send(call, invoke(adaptor, fn_name, call, kwargs))
    except BaseException as err:
        end_forked_child(err)
        fail(call, err)
    finally:
        if is_done and partial_lines:
            _log.flush()
    if state.has_damaged_builtins:
        state.has_damaged_builtins = False
        raise RuntimeError("an adaptor has broken the builtins of this worker")
    return is_done


def _answer(call: Call, digest: str, kwargs: dict[str, Any] | None) -> bool:
    source = call.source
    adaptor = state.adaptors.get(digest)
    if adaptor is not None:
        source = adaptor.source
    if source is None:
        call.need_source()
        return True
    runs_on = adaptor.runs_on if adaptor is not None else _thread_affinity.requested_by(source)
    if runs_on is not None:
        _submit_to_adaptor_thread(call, digest, source, on_main=runs_on == "main")
        return False
    return _run(call, digest, source, adaptor, kwargs)


def _run(
    call: Call,
    digest: str,
    source: str,
    adaptor: Adaptor | None,
    kwargs: dict[str, Any] | None = None,
) -> bool:
    parts = call.endpoint
    # Before loading, which may take minutes: unreadable arguments are reported at once.
    if kwargs is None:
        kwargs = parse(call.kwargs, evaluate=state.evaluate) if parts is None else {}
    fn_name, reload = call.fn_name, call.reload
    if adaptor is None or reload or state.adaptors.helpers.is_outdated(adaptor):
        with _adaptor_threads.loading():
            adaptor = state.adaptors.load(digest, source, fn_name, reload=reload, name=call.name)
    call.loaded()
    if call.describe:
        return deliver(call, adaptor.endpoint(fn_name).description())
    if parts is not None:
        adaptor.calls += 1
        value = adaptor.endpoint(fn_name).call(Request(call), parts)
    else:
        value = invoke(adaptor, fn_name, call, kwargs)
    return _send(call, value)


def _send(call: Call, value: Any) -> bool:
    if state.is_forked_child:
        end_forked_child()
    return call.reply_plain(value) or deliver(call, value)


def _submit_to_adaptor_thread(call: Call, digest: str, source: str, *, on_main: bool) -> None:
    # From here on another thread runs the call, so this one must not be interrupted for it.
    call.shield()
    if call.disconnected:
        raise Interrupted
    context = copy_context()
    job = Job(call, lambda: context.run(_run_on_adaptor_thread, call, digest, source))
    state.adaptor_threads.submit(digest, job, on_main=on_main)


def _run_on_adaptor_thread(call: Call, digest: str, source: str) -> None:
    is_done = True
    try:
        try:
            if not call.attach_thread():
                raise Interrupted
            is_done = _run(call, digest, source, state.adaptors.get(digest))
        except BaseException as err:
            end_forked_child(err)
            fail(call, err)
        finally:
            call.shield()
    finally:
        if is_done:
            _log.flush()
            call.done()
