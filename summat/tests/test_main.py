"""`main()`: the port is open when `start()` returns, and the server gets its arguments."""

from __future__ import annotations

import json
import os
import stat
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from owt import _main
from tests.process import python, worker

if TYPE_CHECKING:
    from pathlib import Path

# A fake of the program: it sends each client the arguments that it was started with.
FAKE_OWT = """\
#!{python}
import json, os, signal, socket, stat, sys
arguments = sys.argv[1:]
assert os.environ["LISTEN_FDS"] == "1" and os.environ["LISTEN_PID"] == str(os.getpid())
listener = socket.socket(fileno=3)
def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False
kept = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
report = {{
    "arguments": arguments,
    "auth": os.environ.get("OWT_AUTH"),
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "ignored": [number for number in kept if signal.getsignal(number) == signal.SIG_IGN],
    "stdin": os.readlink("/proc/self/fd/0"),
    "sockets": sum(map(is_socket, range(256))),
    "adaptors": os.environ.get("OWT_ADAPTORS_DIR"),
}}
while True:
    connection, _ = listener.accept()
    connection.sendall(json.dumps(report).encode())
    connection.close()
"""

PRELUDE = """
import json, socket, time
from multiprocessing import get_context
Process = get_context('fork').Process
from owt import *
def ask(port):
    with socket.create_connection(('127.0.0.1', port), timeout=10) as connection:
        return b''.join(iter(lambda: connection.recv(4096), b''))
with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
"""


@pytest.fixture
def exe(tmp_path: Path) -> str:
    path = tmp_path / "bin" / "owt"
    path.parent.mkdir()
    path.write_text(FAKE_OWT.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def run(program: str, directory: Path, exe: str, **environment: str) -> str:
    started = f"start(directory, exe={exe!r})\n{PRELUDE}\n{textwrap.dedent(program)}"
    text: str = worker(started, directory, **environment).stdout
    return text


def test_the_port_listens_when_start_returns_every_time(tmp_path: Path, exe: str) -> None:
    program = """
    args.port = port
    for _ in range(50):
        server = Process(target=main)
        server.start()
        os.write(1, ask(port)[:1])
        server.terminate()
        server.join()
    """
    assert run(program, tmp_path, exe) == "{" * 50


def test_the_server_answers_and_gets_its_arguments(tmp_path: Path, exe: str) -> None:
    program = """
    import signal
    own = socket.socketpair()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    args.port, args.auth, args.no_eval, args.workers = port, ['a:1', 'b:2'], True, None
    args.allow_origin = ['http://x', 'http://y']
    server = Process(target=main)
    server.start()
    report = json.loads(ask(port))
    report['arguments'][report['arguments'].index(str(port))] = 'PORT'
    os.write(1, json.dumps(report).encode())
    server.terminate()
    server.join()
    """
    reported = json.loads(run(program, tmp_path, exe, OWT_AUTH="outer:0", OWT_PORT="1"))
    assert reported == {
        "arguments": [
            "serve",
            *("--address", "127.0.0.1"),
            *("--port", "PORT"),
            "--no-eval",
            *("--allow-origin", "http://x"),
            *("--allow-origin", "http://y"),
        ],
        "auth": "a:1,b:2",
        "blocked": [],
        "ignored": [],
        "stdin": "/dev/null",
        "sockets": 1,
        "adaptors": None,
    }


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ("'hidden', None", "args.auth"),
        ("None, 'hidden'", "args.token"),
        ("'hidden', 'hidden'", "args.auth and args.token"),
    ],
)
def test_a_server_that_would_lack_secrets_does_not_start(
    tmp_path: Path, exe: str, values: str, missing: str
) -> None:
    program = f"""
    args.port, (args.auth, args.token) = port, ({values})
    server = Process(target=main)
    server.start()
    server.join()
    os.write(1, repr(server.exitcode).encode())
    """
    done = worker(f"start(directory, exe={exe!r})\n{PRELUDE}\n{textwrap.dedent(program)}", tmp_path)
    assert done.stdout == "1"
    assert f"cannot pass them on. Set {missing} for the new server" in done.stderr


# An adaptor of the first owt, without its HTTP client.
META = """
def run(request, new_port):
    _globals = {'__name__': __name__ + '_new', 'new_port': new_port}
    _locals = {}
    exec('''
from owt import *
from multiprocessing import Process
args.port = new_port
server_thread = Process(target=main)
''', _globals, _locals)

    def kill():
        _locals['server_thread'].terminate()

    import socket
    from multiprocessing import Process
    _locals['server_thread'].start()
    with socket.create_connection(('127.0.0.1', new_port), timeout=10) as inner:
        report = inner.recv(1)
    Process(target=kill).start()
    _locals['server_thread'].join()
    return [report.decode(), args.port, owt.args.port == new_port]
"""


@pytest.mark.parametrize("how", ["target=main, kwargs={'port': port}", "target=main, args=(port,)"])
def test_the_port_can_be_given(tmp_path: Path, exe: str, how: str) -> None:
    program = f"""
    from owt.server import main
    for _ in range(10):
        server = Process({how})
        server.start()
        arguments = json.loads(ask(port))['arguments']
        os.write(1, str(arguments[arguments.index('--port') + 1] == str(port)).encode())
        server.terminate()
        server.join()
    os.write(1, str(args.port).encode())
    """
    assert run(program, tmp_path, exe) == "True" * 10 + "9876"


def test_the_example_of_owt_in_owt_works(tmp_path: Path, exe: str) -> None:
    program = f"""
    import multiprocessing
    multiprocessing.set_start_method('fork')
    answer = json_of({META!r}, kwargs='{{"new_port": %d}}' % port)
    os.write(1, answer.encode())
    """
    assert run(program, tmp_path, exe) == '["{",9876,true]'


def test_join_with_a_time_limit_returns_while_the_server_runs(tmp_path: Path, exe: str) -> None:
    program = """
    args.port = port
    server = Process(target=main)
    server.start()
    ask(port)
    server.join(timeout=0.2)
    os.write(1, repr(server.exitcode).encode())
    server.terminate()
    server.join(timeout=30)
    os.write(1, repr(server.exitcode).encode())
    """
    assert run(program, tmp_path, exe) == "None-15"


def test_a_process_that_runs_something_else_binds_nothing(tmp_path: Path, exe: str) -> None:
    program = """
    args.port = port
    other = Process(target=print)
    other.start()
    other.join()
    try:
        ask(port)
    except ConnectionRefusedError:
        os.write(1, b'refused')
    """
    assert run(program, tmp_path, exe) == "refused"


def test_a_port_in_use_is_reported(tmp_path: Path, exe: str) -> None:
    program = """
    from owt import _listener
    _listener._BIND_TIMEOUT = 0.1
    taken = socket.socket()
    taken.bind(('127.0.0.1', port))
    taken.listen()
    args.port = port
    server = Process(target=main)
    server.start()
    server.join()
    os.write(1, repr(server.exitcode).encode())
    """
    done = worker(f"start(directory, exe={exe!r})\n{PRELUDE}\n{textwrap.dedent(program)}", tmp_path)
    assert done.stdout == "1"
    assert "owt cannot listen on 127.0.0.1 port " in done.stderr
    assert "Address already in use" in done.stderr


def test_a_worker_does_not_turn_into_a_server(tmp_path: Path, exe: str) -> None:
    program = """
    code, text = error_of("def run(_): main()")
    os.write(1, f"{code}: {text.splitlines()[0]}".encode())
    """
    assert run(program, tmp_path, exe) == (
        "adaptor-raised: RuntimeError: owt.main() turns its process into a server, and this one "
        "runs the calls of another. Start it in a process of its own: "
        "multiprocessing.Process(target=owt.main).start()"
    )


def test_outside_a_worker_main_finds_the_program_on_the_path(tmp_path: Path, exe: str) -> None:
    program = f"""{PRELUDE}
args.port = port
server = Process(target=main)
server.start()
while True:
    try:
        report = ask(port)
        break
    except ConnectionRefusedError:
        time.sleep(0.01)
server.terminate()
print(json.loads(report)['arguments'][0])
"""
    path = os.path.dirname(exe) + os.pathsep + os.environ["PATH"]
    assert python(program, PATH=path).stdout == "serve\n"


def test_a_missing_program_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("OWT_EXE", raising=False)
    with pytest.raises(RuntimeError, match=r"owt program was not found\. Put it on the PATH, or"):
        _main.main()


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({}, []),
        ({"port": 1, "timeout": 2.5}, ["--port", "1", "--timeout", "2.5"]),
        ({"no_eval": True, "allow_anonymous": False, "python": None}, ["--no-eval"]),
        ({"allow_host": ["a", "b"]}, ["--allow-host", "a", "--allow-host", "b"]),
        ({"auth": ["u:h"], "url_key": "secret"}, []),
    ],
)
def test_arguments_become_options(values: dict[str, object], options: list[str]) -> None:
    assert _main.options(values) == options


@pytest.mark.parametrize(("options", "expected"), [(["-P"], "1"), ([], "None")])
def test_a_safe_path_stays_safe(
    monkeypatch: pytest.MonkeyPatch, options: list[str], expected: str
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    program = "from owt import _main; print(_main.environment({}).get('PYTHONSAFEPATH'))"
    assert python(program, *options).stdout == f"{expected}\n"


def test_secrets_are_passed_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OWT_AUTH": "old", "OWT_URL_KEY": "old", "OWT_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OWT_LOG", "info")
    made = _main.environment({"auth": "u:h", "url_key": None, "port": 2})
    ours = {name: value for name, value in made.items() if name.startswith("OWT_")}
    assert ours == {"OWT_AUTH": "u:h", "OWT_LOG": "info"}
