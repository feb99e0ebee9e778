"""The result cache: computed once for all who ask, given until it is too old or too much."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.envelope import envelope
from harness.server import Serve, Server

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
