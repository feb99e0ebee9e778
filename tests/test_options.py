"""Options of `owt serve` that change what calls may do."""

from collections.abc import Iterator

import pytest
from harness.server import Serve, Server

TOO_LONG = (
    "The call ran longer than the 0.1 s that it may. Ask for more with the field timeout, or start "
    "the server with a larger --timeout.\n"
)

KWARGS = "def run(request, **kwargs): return kwargs"

ENDLESS = "def run():\n    while True: pass\n"


@pytest.fixture(scope="module")
def no_eval(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that takes arguments as data only."""
    with Server.started("--no-eval", home=tmp_path_factory.mktemp("no_eval")) as server:
        yield server


def test_a_call_may_run_no_longer_than_the_server_allows(serve: Serve) -> None:
    server = serve("--timeout", "0.1")
    assert server.call(ENDLESS).text == TOO_LONG
    assert server.call(ENDLESS, timeout=60).text == TOO_LONG
    assert server.call("lambda: 'in time'").text == "in time"


def test_a_call_may_ask_for_less_than_the_server_allows(serve: Serve) -> None:
    assert serve("--timeout", "60").call(ENDLESS, timeout=0.1).text == TOO_LONG


@pytest.mark.parametrize(
    ("kwargs", "reply"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("{'a': (1, None)}", {"a": [1, None]}),
        ("<'a':'b'>", {"a": "b"}),
        # No dict, and so the text itself.
        ("1 + 1", {"__last__": "1 + 1"}),
    ],
)
def test_without_evaluation_arguments_are_data(no_eval: Server, kwargs: str, reply: object) -> None:
    assert no_eval.call(KWARGS, kwargs).json() == reply


@pytest.mark.parametrize("kwargs", ["{'a': 1 + 1}", "{'a': __import__('os').getpid()}"])
def test_without_evaluation_expressions_are_refused(no_eval: Server, kwargs: str) -> None:
    answer = no_eval.call(KWARGS, kwargs)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (400, "kwargs-invalid")
    assert answer.text.startswith("The arguments are neither JSON nor Python literals")
