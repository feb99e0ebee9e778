"""The result cache: computed once for all who ask, given until it is too old or too much."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import requests
from harness.envelope import digest, envelope
from harness.server import Serve, Server
from harness.wire import connect, json_request

# Says how often it has run since it was loaded.
COUNTING = """
    import itertools

    count = itertools.count(1)

    def run(request, **kwargs):
        return f"{kwargs} {next(count)}"
"""

STREAMED = """
    import itertools
    import logging

    count = itertools.count(1)

    def run(request):
        run = next(count)
        for part in range(3):
            yield f"run {run} part {part}\\n"
"""

SLOW = """
    import logging
    import time

    def run(request):
        logging.info("computing")
        time.sleep(0.3)
        return "computed"
"""


def cached(server: Server, code: str, kwargs: Any = None, **more: Any) -> tuple[str, str]:
    """Call with the cache, and return the body and whether it came from there."""
    reply = server.call(code, kwargs, use_cache=True, **more)
    assert reply.status_code == 200
    return reply.text, reply.headers["Owt-Cache"]


def test_a_result_is_computed_once(serve: Serve) -> None:
    server = serve()
    assert cached(server, COUNTING) == ("{} 1", "miss")
    assert [cached(server, COUNTING) for _ in range(3)] == [("{} 1", "hit")] * 3
    plain = server.call(COUNTING)
    assert (plain.text, "Owt-Cache" in plain.headers) == ("{} 2", False)


def test_path_arguments_and_override_make_the_key(serve: Serve) -> None:
    server = serve()
    one, two = {"n": 1}, {"n": 2}
    assert cached(server, COUNTING, one) == ("{'n': 1} 1", "miss")
    assert cached(server, COUNTING, two) == ("{'n': 1} 1", "hit")
    assert cached(server, COUNTING, two, cache_kwargs=True) == ("{'n': 2} 2", "miss")
    assert cached(server, COUNTING, two, cache_kwargs=True) == ("{'n': 2} 2", "hit")
    assert cached(server, COUNTING, one, path="/other") == ("{'n': 1} 3", "miss")
    assert cached(server, COUNTING, one, cache_key_override="mine") == ("{'n': 1} 4", "miss")
    assert cached(server, COUNTING, two, cache_key_override="mine", path="/x")[1] == "hit"


def test_a_stream_comes_whole_from_the_cache(serve: Serve) -> None:
    server = serve()
    whole = "run 1 part 0\nrun 1 part 1\nrun 1 part 2\n"
    assert cached(server, STREAMED) == (whole, "miss")
    reply = server.call(STREAMED, use_cache=True)
    assert (reply.text, reply.headers["Owt-Cache"]) == (whole, "hit")
    assert reply.headers["Content-Length"] == str(len(whole))
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_calls_at_the_same_time_share_one_computation(serve: Serve) -> None:
    server = serve()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cached(server, SLOW), range(8)))
    assert sorted(found) == [("computed", "hit")] * 7 + [("computed", "miss")]
    assert server.log.since(0).count("computing") == 1


def test_a_client_that_has_the_result_gets_no_body(serve: Serve) -> None:
    server = serve()
    query = envelope(COUNTING, use_cache="true")
    server.send("GET", params=query)
    tag = server.send("GET", params=query).headers["ETag"]
    same = server.send("GET", params=query, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    other = server.send("GET", params=query, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.text) == (200, "{} 1")


@pytest.mark.parametrize(
    "fails",
    ["    abort(404, str(next(count)))", "    raise ValueError(next(count))"],
)
def test_errors_are_not_kept(serve: Serve, fails: str) -> None:
    server = serve()
    code = f"import itertools\ncount = itertools.count(1)\ndef run(_):\n{fails}"
    first, second = (server.call(code, use_cache=True).text.splitlines()[0] for _ in range(2))
    assert (first[-1], second[-1]) == ("1", "2")


def test_reload_computes_anew_and_keeps_that(serve: Serve) -> None:
    server = serve()
    assert cached(server, COUNTING) == ("{} 1", "miss")
    # The adaptor is loaded anew, so it counts from the beginning.
    assert cached(server, COUNTING, reload=True) == ("{} 1", "miss")
    assert server.call(COUNTING).text == "{} 2"
    assert cached(server, COUNTING) == ("{} 1", "hit")


def test_a_result_is_not_given_after_its_time(serve: Serve) -> None:
    server = serve("--cache-ttl", "0.001")
    assert cached(server, COUNTING)[1] == "miss"
    assert cached(server, COUNTING)[1] == "miss"


SHARED = """
    import itertools
    import logging
    import time
    from pathlib import Path

    count = itertools.count(1)

    def run(request, end):
        try:
            yield f"run {next(count)} "
            while not Path(end).exists():
                time.sleep(0.002)
            yield "end"
        except BaseException:
            logging.warning("abandoned")
            raise
"""


def test_a_stream_is_shared_while_it_comes(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(), tmp_path / "end"
    request = json_request(envelope(SHARED, {"end": str(end)}, use_cache=True))
    with connect(server) as one, connect(server) as two:
        one.sendall(request)
        with HTTPResponse(one) as first, HTTPResponse(two) as second:
            first.begin()
            assert (first.read1(), first.getheader("Owt-Cache")) == (b"run 1 ", "miss")
            two.sendall(request)
            second.begin()
            assert (second.read1(), second.getheader("Owt-Cache")) == (b"run 1 ", "hit")
            end.touch()
            assert (first.read(), second.read()) == (b"end", b"end")


def test_a_result_is_computed_as_long_as_somebody_waits(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(), tmp_path / "end"
    request = json_request(envelope(SHARED, {"end": str(end)}, use_cache=True))
    with connect(server) as two:
        with connect(server) as one, HTTPResponse(one) as first:
            one.sendall(request)
            first.begin()
            two.sendall(request)
            second = HTTPResponse(two)
            second.begin()
            assert second.read1() == b"run 1 "
        # The one that began it has left.
        end.touch()
        assert second.read() == b"end"
        second.close()
    assert "abandoned" not in server.log.since(0)


def test_a_result_that_nobody_waits_for_is_abandoned(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(), tmp_path / "end"
    request = json_request(envelope(SHARED, {"end": str(end)}, use_cache=True))
    with connect(server) as connection, HTTPResponse(connection) as response:
        connection.sendall(request)
        response.begin()
        assert response.read1() == b"run 1 "
    server.log.wait_for("abandoned")
    end.touch()
    assert cached(server, SHARED, {"end": str(end)}) == ("run 2 end", "miss")


def test_results_that_are_used_least_make_room(serve: Serve) -> None:
    server = serve("--cache-size", "100K")
    large = "def run(request, n): return str(n) * 40_000"
    given = [cached(server, large, {"n": n}, cache_kwargs=True)[1] for n in (1, 2, 1, 3, 1, 2)]
    assert given == ["miss", "miss", "hit", "miss", "hit", "miss"]


def test_a_result_that_is_too_large_is_given_and_not_kept(serve: Serve) -> None:
    server = serve("--cache-size", "100K")
    large = "def run(request):\n  for _ in range(10): yield 'x' * 10_000"
    assert [cached(server, large) for _ in range(2)] == [("x" * 100_000, "miss")] * 2


def test_a_part_that_one_caller_wants_is_not_kept_for_all(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    path = tmp_path / "a.txt"
    path.write_text("0123456789")
    code = "import pathlib\ndef run(path): return pathlib.Path(path)"
    params = {**envelope(code, {"path": str(path)}), "use_cache": "true"}
    for headers in ({"Range": "bytes=0-1"}, {"If-None-Match": "*"}, {}):
        reply = server.send("GET", "/", params=params, headers=headers)
        assert (reply.status_code, reply.text) == (
            (304, "") if "If-None-Match" in headers else (200, "0123456789")
        )


BY_METHOD = """
    def run(request):
        return "" if request.method == "HEAD" else "the body"
"""


def test_a_result_of_head_is_given_to_nobody(serve: Serve) -> None:
    server = serve()
    fields = {**envelope(BY_METHOD), "use_cache": "true"}

    def ask(method: str) -> tuple[str, str | None, str]:
        reply = server.send(method, params=fields)
        return reply.text, reply.headers.get("Content-Length"), reply.headers["Owt-Cache"]

    # What GET has left, HEAD may take.
    assert [ask("HEAD"), ask("HEAD")] == [("", "0", "miss")] * 2
    assert [ask("GET"), ask("GET")] == [("the body", "8", "miss"), ("the body", "8", "hit")]
    assert ask("HEAD") == ("", "8", "hit")


WITH_COOKIE = """
    def run(request):
        return "the body", {"Set-Cookie": "session=hers", "X-Kept": "yes"}
"""


def test_a_cookie_is_given_to_nobody_else(serve: Serve) -> None:
    server = serve()
    replies = [server.call(WITH_COOKIE, use_cache=True) for _ in range(3)]
    found = [
        (
            reply.text,
            reply.headers["Owt-Cache"],
            reply.headers.get("Set-Cookie"),
            reply.headers["X-Kept"],
        )
        for reply in replies
    ]
    assert found == [
        ("the body", "miss", "session=hers", "yes"),
        ("the body", "hit", None, "yes"),
        ("the body", "hit", None, "yes"),
    ]


def test_an_answer_names_the_code_that_made_it(serve: Serve) -> None:
    server = serve()
    first, second = "lambda: 'first'", "lambda: 'second'"
    replies = [
        server.call(code, use_cache=True, cache_key_override="k") for code in (first, second)
    ]
    found = [(reply.text, reply.headers["Owt-Code-SHA256"]) for reply in replies]
    assert found == [("first", digest(first))] * 2


HELD = """
    import logging
    import time
    from pathlib import Path

    def run(request, end):
        logging.info("computing")
        while not Path(end).exists():
            time.sleep(0.002)
        return "computed"
"""

Ask = Callable[..., "Future[requests.Response]"]


@contextmanager
def asking(server: Server, end: Path) -> Iterator[Ask]:
    """Give what makes a call with the id that it is given, and waits until that is listed."""
    with ThreadPoolExecutor(8) as pool:

        def ask(name: str, **fields: Any) -> Future[requests.Response]:
            headers = {"Owt-Request-Id": name}
            call = pool.submit(
                server.call, HELD, {"end": str(end)}, headers=headers, use_cache=True, **fields
            )
            wait_until(lambda: name in listed(server))
            return call

        try:
            yield ask
        finally:
            end.touch()


def listed(server: Server) -> list[str]:
    """Return the ids of the calls that run or wait."""
    return [call["id"] for call in server.send("GET", "/_owt/calls").json()]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what gives no event."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def came_to(call: "Future[requests.Response]") -> tuple[int, str | None]:
    """Return the status of an answer, and its error, or whether it is from the cache."""
    reply = call.result(timeout=20)
    return reply.status_code, reply.headers.get("Owt-Error", reply.headers.get("Owt-Cache"))


def computations(server: Server) -> int:
    """Return how often the result was computed."""
    return server.log.since(0).count("computing")


def test_one_that_waits_for_another_call_has_its_own_limit(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(), tmp_path / "end"
    with asking(server, end) as ask:
        first, second = ask("first"), ask("second", timeout=0.5)
        assert came_to(second) == (504, "deadline")
        assert not first.done()
        end.touch()
        assert came_to(first) == (200, "miss")
    assert computations(server) == 1


def test_a_stream_of_another_call_breaks_off_at_the_limit(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(), tmp_path / "end"
    kwargs = {"end": str(end)}
    with connect(server) as one, HTTPResponse(one) as first:
        one.sendall(json_request(envelope(SHARED, kwargs, use_cache=True)))
        first.begin()
        assert first.read1() == b"run 1 "
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            server.call(SHARED, kwargs, use_cache=True, timeout=0.2)
        end.touch()
        assert first.read() == b"end"


@pytest.mark.parametrize("ends", ["deadline", "cancelled"])
def test_those_that_wait_compute_once_more_when_a_call_ends_for_itself(
    serve: Serve, tmp_path: Path, ends: str
) -> None:
    server, end = serve(), tmp_path / "end"
    with asking(server, end) as ask:
        first = ask("first", timeout=3 if ends == "deadline" else 60)
        others = [ask(name) for name in ("second", "third", "fourth")]
        if ends == "cancelled":
            assert server.send("DELETE", "/_owt/calls/first").status_code == 204
        assert came_to(first)[1] == ends
        wait_until(lambda: computations(server) == 2)
        end.touch()
        assert sorted(map(came_to, others)) == [(200, "hit"), (200, "hit"), (200, "miss")]
    assert computations(server) == 2


def test_the_limit_of_the_server_is_that_of_all_who_wait(serve: Serve, tmp_path: Path) -> None:
    server = serve("--timeout", "3")
    with asking(server, tmp_path / "end") as ask:
        calls = [ask("first"), ask("second"), ask("third", timeout=60)]
        assert list(map(came_to, calls)) == [(504, "deadline")] * 3
    assert computations(server) == 1


def test_one_that_waits_for_another_call_is_cancelled_alone(serve: Serve, tmp_path: Path) -> None:
    server, end = serve(), tmp_path / "end"
    with asking(server, end) as ask:
        first, second = ask("first"), ask("second")
        assert server.send("DELETE", "/_owt/calls/second").status_code == 204
        assert came_to(second) == (409, "cancelled")
        end.touch()
        assert came_to(first) == (200, "miss")
    assert computations(server) == 1
