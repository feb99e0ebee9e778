"""The commands of the README of the first owt: they work as they are printed there.

Only the port differs, since that of the README may be in use on the machine that runs the tests.
"""

from pathlib import Path

import pytest
from harness.ports import free_run
from harness.program import ROOT, run_bash
from harness.server import Serve, Server

PRINTED_PORT = "9876"
LAYERS = 5

OPEN_TO_ALL = ("--address", "0.0.0.0", "--allow-anonymous")

OWT_IN_OWT = r"""
source "example/meta/bootstrap.sh"

# Load up the nice simple echo example from earlier
CODE_B64=$(cat example/echo/echo.py | base64 -w 0)
KWARGS_B64=$(echo "{'name': 'owt-inside-owt'}" | base64 -w 0)

# Send a request that installs a full copy of owt and calls it with the payload code+kwargs
# Notice that the response comes from the inner server on 9877
CMD=$(owtInOwt http://localhost 9876 "$CODE_B64" "$KWARGS_B64")
echo "Running: $CMD"
echo "Result:"
bash -c "$CMD"
"""

FIVE_LAYERS = r"""
METACODE_B64=$(cat example/meta/bootstrap.py | base64 -w 0)
function wrapOwt() {
  CODE_B64="$1"
  KWARGS_B64="$2"
  METAKWARGS_B64=$(base64 -w 0 <<< "{\"payload_code_b64\":\"$CODE_B64\", \"payload_kwargs_b64\": \"$KWARGS_B64\"}")
  echo "$METAKWARGS_B64"
}

N_LAYERS=5
for layer in $(seq 1 $N_LAYERS); do
  CODE_B64=$(cat example/echo/echo.py | base64 -w 0)
  NAME="owt"
  for i in $(seq 1 $layer); do
      NAME="$NAME-inside-owt"
  done
  KWARGS_B64=$(echo "{\"name\": \"$NAME\"}" | base64 -w 0)
  METAKWARGS_B64=$(wrapOwt "$CODE_B64" "$KWARGS_B64")
  for i in $(seq 2 $layer); do
      METAKWARGS_B64=$(wrapOwt "$METACODE_B64" "$METAKWARGS_B64")
  done
  echo "layer: $NAME"
  CMD="curl -G --data-urlencode code_b64=$METACODE_B64 --data-urlencode kwargs_b64=$METAKWARGS_B64 http://localhost:9876"
  echo "Result: " $(bash -c "$CMD")
  sleep 1
done
"""  # noqa: E501

FRONT_PAGE_ADAPTOR = """\
from big.research.lab import fancy_ai

def run(_, prompt):
    return fancy_ai.do_something(prompt)
"""

# As printed, but that the arguments are quoted: a shell would split them at their spaces.
CLIENT_FREE = r"""
curl -G \
  --data-urlencode code_b64=$(cat adaptor.py | base64 -w 0) \
  --data-urlencode kwargs_b64="$(echo "{'prompt':'output SOTA results'}")" \
  http://localhost:9876
"""


@pytest.fixture
def seed(serve: Serve) -> Server:
    """Return a server in the repository's root, with free ports above its own for inner ones."""
    return serve("--port", str(free_run(LAYERS + 1)), cwd=ROOT)


@pytest.fixture
def open_seed(serve: Serve) -> Server:
    """Return a server that listens where the first owt did: everywhere."""
    return serve("--port", str(free_run(LAYERS + 1)), *OPEN_TO_ALL, cwd=ROOT)


def type_in(script: str, server: Server, tmp_path: Path, cwd: Path = ROOT) -> str:
    """Return what a printed script prints when it is typed in."""
    done = run_bash(script.replace(PRINTED_PORT, str(server.port)), home=tmp_path, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("echo_script.sh", "Hello, owt!"),
        ("echo_kwargs.sh", "Hello, owt, from 127.0.0.1:9876!"),
        ("echo_request.sh", "Hello, owt, from 127.0.0.1:9876!"),
    ],
)
def test_echo_answers_as_printed(seed: Server, tmp_path: Path, script: str, printed: str) -> None:
    command = f"./example/echo/{script} http://localhost:9876"
    assert type_in(command, seed, tmp_path) == printed.replace(PRINTED_PORT, str(seed.port))


def test_echo_on_all_addresses_answers_as_printed(open_seed: Server, tmp_path: Path) -> None:
    command = "./example/echo/echo_request.sh http://localhost:9876"
    assert type_in(command, open_seed, tmp_path) == f"Hello, owt, from 0.0.0.0:{open_seed.port}!"


def test_the_client_free_call_of_the_front_page(serve: Serve, tmp_path: Path) -> None:
    lab = tmp_path / "big/research/lab"
    lab.mkdir(parents=True)
    (lab / "fancy_ai.py").write_text("def do_something(prompt):\n    return f'{prompt}: done'\n")
    (tmp_path / "adaptor.py").write_text(FRONT_PAGE_ADAPTOR)
    server = serve(cwd=tmp_path)
    assert type_in(CLIENT_FREE, server, tmp_path, tmp_path) == "output SOTA results: done"


def test_owt_in_owt_answers_from_the_next_port(seed: Server, tmp_path: Path) -> None:
    printed = type_in(OWT_IN_OWT, seed, tmp_path).splitlines()
    assert printed[1:] == [
        "Result:",
        f"Hello, owt-inside-owt, from 127.0.0.1:{seed.port + 1}!",
    ]


def test_owt_in_owt_on_all_addresses(open_seed: Server, tmp_path: Path) -> None:
    printed = type_in(OWT_IN_OWT, open_seed, tmp_path).splitlines()
    assert printed[1:] == [
        "Result:",
        f"Hello, owt-inside-owt, from 0.0.0.0:{open_seed.port + 1}!",
    ]


@pytest.mark.timeout(300)
def test_fifty_owts_in_owt_one_right_after_the_other(seed: Server, tmp_path: Path) -> None:
    fifty = OWT_IN_OWT.replace(
        'bash -c "$CMD"', 'for i in $(seq 50); do bash -c "$CMD"; echo; done'
    )
    printed = type_in(fifty, seed, tmp_path).splitlines()
    assert printed[2:] == [f"Hello, owt-inside-owt, from 127.0.0.1:{seed.port + 1}!"] * 50


def layer_name(layer: int) -> str:
    return "owt" + "-inside-owt" * layer


@pytest.mark.timeout(300)
def test_five_layers_answer_from_five_ports(seed: Server, tmp_path: Path) -> None:
    expected = [
        line
        for layer in range(1, LAYERS + 1)
        for line in (
            f"layer: {layer_name(layer)}",
            f"Result:  Hello, {layer_name(layer)}, from 127.0.0.1:{seed.port + layer}!",
        )
    ]
    assert type_in(FIVE_LAYERS, seed, tmp_path).splitlines() == expected


@pytest.mark.timeout(300)
def test_the_example_of_five_layers(seed: Server, tmp_path: Path) -> None:
    command = "./examples/meta/layers.sh http://localhost 9876"
    assert type_in(command, seed, tmp_path).splitlines() == [
        f"Hello, {layer_name(layer)}, from 127.0.0.1:{seed.port + layer}!"
        for layer in range(1, LAYERS + 1)
    ]
