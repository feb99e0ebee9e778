"""Metrics as Prometheus reads them, compared with what was done."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.envelope import digest
from harness.server import Serve, Server
from prometheus_client import Metric
from prometheus_client.openmetrics import parser

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# The library has no types.
parse: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families

Samples = dict[tuple[str, str], float]


def samples(server: Server) -> Samples:
    """Return each sample by its name and its one label's value; the parser is a strict one."""
    answer = server.send("GET", "/_owt/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in parse(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def server(serve: Serve) -> Server:
    """Return a server that has done nothing yet."""
    return serve("--workers", "2", "--timeout", "0.2")


def test_a_server_that_has_done_nothing_shows_zeros(server: Server) -> None:
    shown = samples(server)
    assert shown["owt_requests_total", ""] == 0
    assert shown["owt_calls_total", ""] == 0
    assert shown["owt_call_run_seconds_count", ""] == 0
    assert (shown["owt_workers", "default"], shown["owt_workers_up", "default"]) == (2, 2)
    assert shown["owt_connections", ""] == 1
    assert samples(server)["owt_requests_total", ""] == 1


def test_calls_are_counted_on_all_threads_of_the_front(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: server.call("lambda: '12345'"), range(40)))
    shown = samples(server)
    assert shown["owt_requests_total", ""] == 40
    assert shown["owt_calls_total", ""] == 40
    assert shown["owt_reply_bytes_total", ""] == 200
    for name in ("queue", "load", "run"):
        assert shown[f"owt_call_{name}_seconds_count", ""] == 40
        assert shown[f"owt_call_{name}_seconds_bucket", "+Inf"] == 40
    assert shown["owt_connections_accepted_total", ""] == 41


def test_a_slow_call_is_in_the_bucket_of_its_time(server: Server) -> None:
    server.call("import time\ndef run(): time.sleep(0.12)")
    shown = samples(server)
    assert shown["owt_call_run_seconds_bucket", "0.1"] == 0
    assert shown["owt_call_run_seconds_bucket", "5.0"] == 1
    assert 0.12 <= shown["owt_call_run_seconds_sum", ""] < 5


def test_errors_are_counted_by_their_code(server: Server) -> None:
    server.call("def run(): 1 / 0")
    server.call("def run(): 1 / 0")
    server.call("def run(:")
    server.send("GET", "/nothing")
    shown = samples(server)
    errors = {label: count for (name, label), count in shown.items() if name == "owt_errors_total"}
    assert errors == {"adaptor-raised": 2, "code-invalid": 1, "code-missing": 1}


def test_calls_that_are_ended_are_counted_by_why(server: Server) -> None:
    server.call("def run():\n  while True: pass")
    shown = samples(server)
    assert shown["owt_errors_total", "deadline"] == 1
    assert shown["owt_calls_ended_total", "deadline"] == 1


def test_the_result_cache_is_counted(server: Server) -> None:
    for _ in range(3):
        server.call("lambda: 'kept'", use_cache=True)
    shown = samples(server)
    assert shown["owt_cache_misses_total", ""] == 1
    assert shown["owt_cache_hits_total", ""] == 2
    assert shown["owt_cache_bytes", ""] > 4
    assert shown["owt_calls_total", ""] == 1


def test_calls_that_run_are_shown(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "1")
    code = (
        "import logging, time\ndef run():\n  logging.info('begun')\n  while True: time.sleep(0.01)"
    )
    with ThreadPoolExecutor() as pool:
        headers = {"Owt-Request-Id": "one"}
        pool.submit(server.call, code, headers=headers)
        server.log.wait_for("begun")
        assert samples(server)["owt_current_calls", "running"] == 1
        assert server.send("DELETE", "/_owt/calls/one").status_code == 204
    assert samples(server)["owt_calls_ended_total", "cancelled"] == 1


def test_workers_and_what_became_of_them_are_shown(serve: Serve) -> None:
    server = serve("--workers", "1")
    before = samples(server)
    assert before["owt_worker_memory_bytes", "default,0"] > 1_000_000
    assert before["owt_worker_age_seconds", "default,0"] > 0
    assert before["owt_worker_calls", "default,0"] == 0
    assert (before["owt_workers_started_total", ""], before["owt_workers_up", "default"]) == (1, 1)
    assert before["owt_workers_recycled_total", "memory"] == 0

    server.call("import os\ndef run(): os.abort()")
    assert server.call("lambda: 'well'").text == "well"
    after = samples(server)
    assert after["owt_errors_total", "worker-died"] == 1
    assert after["owt_workers_died_total", ""] == 1
    assert after["owt_workers_respawned_total", ""] == 1
    assert after["owt_workers_killed_total", ""] == 0


def test_metrics_name_nothing_that_was_sent(server: Server) -> None:
    code = "lambda secret: secret"
    server.call(code, {"secret": "never-told"}, path="/never-told?query=never-told")
    text = server.send("GET", "/_owt/metrics").text
    assert "never-told" not in text
    assert digest(code) not in text


def test_strangers_see_no_metrics(serve: Serve) -> None:
    server = serve("--auth", "ann:" + "0" * 64)
    assert server.send("GET", "/_owt/metrics").status_code == 401
