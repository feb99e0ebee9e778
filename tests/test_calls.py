"""Calls that are under way: listed, named by their clients, and cancelled by their ids."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from harness.envelope import digest, envelope
from harness.server import Serve, Server

# Each says when it begins, and that its `finally` has run.
SLEEPS = """
    import logging, time

    def run(request, secret=None):
        try:
            logging.info("begun %s", request.id)
            while True:
                time.sleep(0.01)
        finally:
            logging.info("cleaned up %s", request.id)
"""

SPINS = """
    import logging

    def run(request):
        try:
            logging.info("begun %s", request.id)
            while True:
                pass
        finally:
            logging.info("cleaned up %s", request.id)
"""

AWAITS = """
    import asyncio, logging

    async def run(request):
        try:
            logging.info("begun %s", request.id)
            await asyncio.sleep(60)
        finally:
            logging.info("cleaned up %s", request.id)
"""

BLOCKS_THE_LOOP = """
    import logging, time

    async def run(request, seconds):
        logging.info("begun %s", request.id)
        time.sleep(seconds)

    async def fast():
        return "fast"
"""

STREAMS = """
    import logging, time

    def run(request):
        try:
            yield "first"
            logging.info("begun %s", request.id)
            while True:
                time.sleep(0.01)
        finally:
            logging.info("cleaned up %s", request.id)
"""

CANCELLED = "The call was cancelled by its id. Make it again if it is still wanted.\n"
UNKNOWN = "No call with this id is running or waiting. /_owt/calls lists those that are.\n"
TAKEN = (
    "Another call with this Owt-Request-Id has not ended yet, or the reply of its job is kept. "
    "Send another id, or DELETE /_owt/calls/{id} or /_owt/jobs/{id} first.\n"
)
INVALID = (
    "The Owt-Request-Id cannot be used. Send 1 to 64 ASCII letters, digits, or any of - . _ ~, or "
    "leave the header out.\n"
)


@contextmanager
def under_way(
    server: Server, code: str, name: str, kwargs: Any = None, path: str = "/"
) -> Iterator[Future[requests.Response]]:
    """Make a call under a name, go on once it runs, and cancel it in the end."""
    mark = len(server.log)
    with ThreadPoolExecutor(1) as pool:
        headers = {"Owt-Request-Id": name}
        call = pool.submit(server.call, code, kwargs, path=path, headers=headers)
        try:
            server.log.wait_for(f"begun {name}", since=mark)
            yield call
        finally:
            server.send("DELETE", f"/_owt/calls/{name}")


def listed(server: Server) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = server.send("GET", "/_owt/calls").json()
    return calls


def wait_for_states(server: Server, states: list[str]) -> list[dict[str, Any]]:
    """Return the list of calls once they have these states: a queue gives no event."""
    deadline = time.monotonic() + 10
    while True:
        calls = listed(server)
        if [call["state"] for call in calls] == states:
            return calls
        assert time.monotonic() < deadline, calls
        time.sleep(0.005)


def test_a_call_is_listed_without_what_only_its_sender_may_know(serve: Serve) -> None:
    server = serve()
    assert listed(server) == []
    with under_way(server, SLEEPS, "one", {"secret": "never-told"}, path="/a/b?query=never-told"):
        (call,) = listed(server)
        assert 0 < call.pop("age") < 60
        assert call == {
            "id": "one",
            "digest": digest(SLEEPS),
            "method": "POST",
            "path": "/a/b",
            "remote_addr": "127.0.0.1",
            "pool": "default",
            "state": "running",
        }
    assert listed(server) == []


def test_replies_are_not_held_up_by_the_next_call_that_blocks_the_event_loop(serve: Serve) -> None:
    server = serve("--workers", "1")
    with ThreadPoolExecutor(8) as pool, under_way(server, BLOCKS_THE_LOOP, "first", {"seconds": 1}):
        # All of these begin at once, when the loop is free again.
        replies = [pool.submit(server.call, BLOCKS_THE_LOOP, fn_name="fast") for _ in range(5)]
        wait_for_states(server, ["running"] * 6)
        blocked = pool.submit(server.call, BLOCKS_THE_LOOP, {"seconds": 2})
        assert [reply.result().text for reply in replies] == ["fast"] * 5
        assert not blocked.done()
        assert blocked.result().status_code == 200


def test_a_call_is_queued_then_runs_then_streams(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "1")
    with ThreadPoolExecutor() as pool, under_way(server, SLEEPS, "runs"):
        waits = pool.submit(server.call, "lambda: 1", headers={"Owt-Request-Id": "waits"})
        calls = wait_for_states(server, ["running", "queued"])
        assert [call["id"] for call in calls] == ["runs", "waits"]
        assert server.send("DELETE", "/_owt/calls/waits").status_code == 204
        assert waits.result().text == CANCELLED
    with under_way(server, STREAMS, "streams"):
        assert [call["state"] for call in listed(server)] == ["streaming"]


def test_calls_of_all_threads_of_the_front_are_listed(serve: Serve) -> None:
    server = serve("--workers", "2")
    with ThreadPoolExecutor(16) as pool:
        names = [f"call-{number}" for number in range(16)]
        for name in names:
            pool.submit(server.call, AWAITS, headers={"Owt-Request-Id": name})
        for name in names:
            server.log.wait_for(f"begun {name}\n")
        assert sorted(call["id"] for call in listed(server)) == sorted(names)
        for name in names:
            assert server.send("DELETE", f"/_owt/calls/{name}").status_code == 204
    assert listed(server) == []


@pytest.mark.parametrize("code", [SLEEPS, SPINS, AWAITS], ids=["sleeps", "spins", "awaits"])
def test_who_cancels_ends_the_python_and_tells_the_caller(server: Server, code: str) -> None:
    mark = len(server.log)
    with under_way(server, code, "gone") as call:
        answer = server.send("DELETE", "/_owt/calls/gone")
        assert (answer.status_code, answer.text) == (204, "")
        told = call.result()
        assert (told.status_code, told.text) == (409, CANCELLED)
        assert told.headers["Owt-Error"] == "cancelled"
        assert told.headers["Owt-Request-Id"] == "gone"
        server.log.wait_for("cleaned up gone", since=mark)
    assert server.call("lambda: 'well'").text == "well"


def test_a_stream_that_is_cancelled_breaks_off(server: Server) -> None:
    headers = {"Owt-Request-Id": "stream"}
    with server.session() as session:
        url = server.url
        with session.post(url, json=envelope(STREAMS), headers=headers, stream=True) as answer:
            chunks = answer.iter_content(None)
            assert next(chunks) == b"first"
            assert server.send("DELETE", "/_owt/calls/stream").status_code == 204
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                next(chunks)
    server.log.wait_for("cleaned up stream")


def test_a_call_can_be_cancelled_by_the_id_that_owt_gave_it(server: Server) -> None:
    mark = len(server.log)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.call, AWAITS)
        found = None
        while not found:
            found = re.search(r"begun (\w{16})\n", server.log.since(mark))
        assert server.send("DELETE", f"/_owt/calls/{found[1]}").status_code == 204
        assert call.result().headers["Owt-Request-Id"] == found[1]
    server.log.wait_for(f"cleaned up {found[1]}", since=mark)


def test_a_call_that_is_not_there_cannot_be_cancelled(server: Server) -> None:
    answer = server.send("DELETE", "/_owt/calls/nobody")
    assert (answer.status_code, answer.text) == (404, UNKNOWN)
    assert answer.headers["Owt-Error"] == "call-unknown"


def test_an_id_is_one_calls_at_a_time(server: Server) -> None:
    headers = {"Owt-Request-Id": "mine"}
    with under_way(server, AWAITS, "mine"):
        second = server.call("lambda: 1", headers=headers)
        assert (second.status_code, second.text) == (409, TAKEN)
        assert second.headers["Owt-Error"] == "request-id-taken"
        assert second.headers["Owt-Request-Id"] != "mine"
    server.log.wait_for("cleaned up mine")
    wait_until_free(server, "mine")
    for _ in range(100):
        again = server.call("async def run(request): return request.id", headers=headers)
        assert (again.status_code, again.text) == (200, "mine")
        assert again.headers["Owt-Request-Id"] == "mine"


def wait_until_free(server: Server, name: str) -> None:
    """Wait until the worker has said that the call has ended, just after its last line."""
    deadline = time.monotonic() + 10
    while server.call("lambda: 1", headers={"Owt-Request-Id": name}).status_code == 409:
        assert time.monotonic() < deadline


def test_an_id_that_the_server_may_give_itself_is_taken(server: Server) -> None:
    given = server.call("lambda: 1").headers["Owt-Request-Id"]
    answer = server.call("lambda: 1", headers={"Owt-Request-Id": given[:8] + "ffffffff"})
    assert (answer.status_code, answer.headers["Owt-Error"]) == (409, "request-id-taken")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "a;b", "a%20"])
def test_an_id_that_does_not_fit_is_refused(server: Server, name: str) -> None:
    answer = server.call("lambda: 1", headers={"Owt-Request-Id": name})
    assert (answer.status_code, answer.text) == (400, INVALID)
    assert answer.headers["Owt-Error"] == "request-id-invalid"


@pytest.mark.parametrize(("method", "path"), [("GET", "calls"), ("DELETE", "calls/any")])
def test_strangers_neither_see_nor_cancel_calls(serve: Serve, method: str, path: str) -> None:
    server = serve("--auth", "ann:" + "0" * 64)
    answer = server.send(method, f"/_owt/{path}")
    assert (answer.status_code, answer.headers["Owt-Error"]) == (401, "auth-required")
    answer = server.send(method, f"/_owt/{path}", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Owt-Error"]) == (403, "host-not-allowed")


def test_pages_of_other_sites_cancel_nothing(server: Server) -> None:
    with under_way(server, AWAITS, "safe") as call:
        headers = {"Origin": "http://evil.example"}
        answer = server.send("DELETE", "/_owt/calls/safe", headers=headers)
        assert (answer.status_code, answer.headers["Owt-Error"]) == (403, "origin-not-allowed")
        assert not call.done()
