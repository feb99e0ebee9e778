"""Options of `owt serve` that change what calls may do."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.program import ROOT, run_owt
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


def http_threads(server: Server) -> int:
    names = Path(f"/proc/{server.process.pid}/task").glob("*/comm")
    return sum(name.read_text().startswith("actix-rt|") for name in names)


@pytest.mark.parametrize(("options", "expected"), [((), 3), (("--http-threads", "5"), 5)])
def test_as_many_threads_take_requests_as_is_said(
    options: tuple[str, ...], expected: int, tmp_path: Path
) -> None:
    env = {"OWT_HTTP_THREADS": "3"}
    with Server.started(*options, home=tmp_path, env=env) as server:
        assert server.call("lambda: 'well'").text == "well"
        assert http_threads(server) == expected


@pytest.mark.parametrize("number", ["0", "65", "two"])
def test_a_number_of_threads_that_cannot_be_is_refused(number: str, tmp_path: Path) -> None:
    done = run_owt("serve", "--http-threads", number, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"invalid value '{number}' for '--http-threads <N>'" in done.stderr


# Options of the log and of the program itself, which are none of the server's settings.
NO_SETTINGS = {"config", "log", "no_access_log", "help"}

# An option of the help with all that is said of it.
OPTION = re.compile(
    r"^ +(?:-\w, )?--([a-z-]+)(.*?)(?=^ +(?:-\w, )?--|\Z)", re.MULTILINE | re.DOTALL
)


def options_in_the_help(home: Path) -> dict[str, str]:
    """Return each option of `owt serve`, and its default, which is empty where there is none."""
    text = run_owt("serve", "--help", home=home).stdout
    defaults = {name: re.search(r"\[default: (.*)\]", said) for name, said in OPTION.findall(text)}
    return {name: found[1] if found else "" for name, found in defaults.items()}


def test_adaptors_see_every_option_by_its_name(server: Server, tmp_path: Path) -> None:
    seen = server.call("lambda: sorted(vars(owt.args))").json()
    options = {name.replace("-", "_") for name in options_in_the_help(tmp_path)}
    assert seen == sorted(options - NO_SETTINGS)


def test_the_readme_says_the_defaults_of_the_help(tmp_path: Path) -> None:
    defaults = options_in_the_help(tmp_path)
    table = (ROOT / "README.md").read_text().partition("| option of `owt serve` |")[2]
    rows = re.findall(r"^\| (`--.*?) \| .* \| (.*) \|$", table, re.MULTILINE)
    said = {
        name: default
        for options, values in rows
        for name, default in zip(
            re.findall("`--([a-z-]+)", options), values.split(", "), strict=False
        )
        # Not words, such as: no limit.
        if default[0].isdigit()
    }
    assert len(said) > 10
    assert said == {name: defaults[name] for name in said}
