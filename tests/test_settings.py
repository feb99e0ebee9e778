"""`owt.toml`: the options of the server in a file."""

import json
from pathlib import Path

import pytest
from harness.program import run_owt
from harness.server import Serve, Server

FILE = """
workers = 1
timeout = 2.5
no-eval = true
access-log = false
allow-host = ["box.example", "other.example"]
max-body = "1M"

[pool.gpu]
workers = 1
threads = 3
queue = 5
max-rss = "8G"
max-age = "1h"
max-calls = 1000
cuda = [0, 1]
slots = 1
idle = "10m"
replicas = 1
nice = 3
env = { A = "x,y=z" }

[pool.cpu]
cuda = "none"
env.B = "1"
"""


def arguments(server: Server) -> dict[str, object]:
    found: dict[str, object] = server.call("lambda: vars(owt.args)").json()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "folder").mkdir()
    return folder


def test_options_and_pools_are_read_from_the_start_directory(serve: Serve, folder: Path) -> None:
    (folder / "owt.toml").write_text(FILE)
    server = serve(cwd=folder)
    found = arguments(server)
    assert (found["workers"], found["timeout"], found["max_body"]) == (1, 2.5, 1 << 20)
    assert (found["no_eval"], found["access_log"]) == (True, False)
    assert found["allow_host"] == ["box.example", "other.example"]
    code = "lambda: [os.environ.get('A'), os.environ.get('CUDA_VISIBLE_DEVICES'), os.nice(0)]"
    assert server.call(code, pool="gpu").json() == ["x,y=z", "0,1", 3]
    assert server.call("lambda: os.environ['B']", pool="cpu").text == "1"


def test_options_win_over_variables_and_these_over_the_file(serve: Serve, folder: Path) -> None:
    (folder / "owt.toml").write_text("workers = 3\nthreads = 3\nqueue = 3\nno-eval = true\n")
    env = {"OWT_THREADS": "4", "OWT_QUEUE": "4"}
    server = serve("--queue", "5", env=env, cwd=folder)
    found = arguments(server)
    assert (found["workers"], found["threads"], found["queue"]) == (3, 4, 5)


def test_an_option_leaves_out_what_it_excludes_in_the_file(serve: Serve, folder: Path) -> None:
    (folder / "owt.toml").write_text("socket = 'owt.sock'\n")
    assert serve("--address", "127.0.0.1", cwd=folder).call("lambda: 1").text == "1"


def test_a_pool_of_the_command_line_is_taken_instead_of_that_of_the_file(
    serve: Serve, folder: Path
) -> None:
    (folder / "owt.toml").write_text("[pool.gpu]\nenv.A = '1'\n[pool.cpu]\nenv.A = '1'\n")
    server = serve("--pool", "gpu:env.A=2", cwd=folder)
    code = "lambda: os.environ['A']"
    assert [server.call(code, pool=pool).text for pool in ("gpu", "cpu")] == ["2", "1"]


@pytest.mark.parametrize("way", ["option", "equals", "variable"])
def test_another_file_may_be_named(serve: Serve, folder: Path, way: str) -> None:
    (folder / "owt.toml").write_text("workers = 3\n")
    (folder / "other.toml").write_text("workers = 1\n")
    options = {"option": ("--config", "other.toml"), "equals": ("--config=other.toml",)}
    env = {"OWT_CONFIG": "other.toml"} if way == "variable" else {}
    assert arguments(serve(*options.get(way, ()), env=env, cwd=folder))["workers"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workers = ", "owt.toml: it is not TOML: "),
        ("wrokers = 1", 'owt.toml: there is no setting "wrokers"\n\nhint: did you mean workers?'),
        ("config = 'a'", 'owt.toml: there is no setting "config"'),
        ("help = true", 'owt.toml: there is no setting "help"'),
        ("workers = 'many'", "invalid value 'many' for '--workers <N>'"),
        ("workers = 0", "invalid value '0' for '--workers <N>'"),
        ("workers = [1]", "workers takes a text, a number, true or false; this is of type array"),
        ("no-eval = 'yes'", "no-eval takes true or false; this is of type string"),
        ("pool = 1", "owt.toml: pool has to be a table"),
        ("[pool]\ngpu = 1", "owt.toml: pool.gpu has to be a table"),
        ("[pool.gpu]\nworkers = 0", "workers=0: give a whole number, 1 at least"),
        ("[pool.gpu]\nwrokers = 1", 'a pool has no key "wrokers"; did you mean workers?'),
        ("[pool.gpu]\nidle = 1979-05-27", "pool.gpu.idle takes a text or a number"),
        ("[pool.'a b']", "the name of a pool has letters, digits, - and _"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_a_sentence(
    folder: Path, text: str, words: str
) -> None:
    (folder / "owt.toml").write_text(text + "\n")
    done = run_owt("serve", "--port", "0", home=folder, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "owt.toml" in done.stderr


def test_a_file_that_is_named_has_to_be_there(folder: Path) -> None:
    done = run_owt("serve", "--config", "none.toml", home=folder, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.toml: No such file or directory" in done.stderr


def test_the_start_that_an_adaptor_makes_has_the_pools_as_well(serve: Serve, folder: Path) -> None:
    (folder / "owt.toml").write_text("[pool.gpu]\nenv.A = 'a,b'\n")
    server = serve(cwd=folder)
    assert json.loads(server.call("lambda: owt.args.pool").text) == ["gpu:env.A=a\\,b"]
