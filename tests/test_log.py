"""The log: what it says of calls, and what becomes of one that nobody reads."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

import pytest
import requests
from harness.envelope import digest, envelope
from harness.program import clean_environment, owt_binary
from harness.server import GREETING, Serve, Server

# More lines than a pipe and the queue before it hold. Each call is answered by the front itself.
CALLS = 12_000


def start_unread(
    home: Path, *options: str, stderr: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Start a server whose log nobody reads, other than those of the fixture."""
    return subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0", *options],
        env=clean_environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def test_a_log_that_nobody_reads_holds_up_nothing(tmp_path: Path) -> None:
    process = start_unread(tmp_path, "--log", "debug")
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(CALLS):
                # One line in the log each.
                assert session.get(url, timeout=10).status_code == 400
            assert session.post(url, json=envelope("lambda: 'well'"), timeout=10).text == "well"

            text = process.stderr.readline()
            while "lines of this log are lost: nobody was reading it" not in text:
                text = process.stderr.readline()
            assert int(text.split()[0]) > 0
            assert session.post(url, json=envelope("lambda: 'well'"), timeout=10).text == "well"
        process.terminate()
        process.stderr.read()
        assert process.wait(timeout=10) == 0


def test_a_server_whose_log_is_stuck_still_ends(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    while True:
        try:
            os.write(theirs, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(theirs, True)
    process = start_unread(tmp_path, stderr=theirs)
    os.close(theirs)
    assert process.stdout is not None
    with process, process.stdout:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        answer = requests.post(url, json=envelope("lambda: 'well'"), timeout=10)
        assert answer.text == "well"
        process.terminate()
        assert process.wait(timeout=10) == 0
    os.close(ours)


# More than a pipe holds, and more lines than the queue behind it.
PRINTING = """
def run():
    for number in range(20_000):
        print(number, "x" * 50)
    return "well"
"""


def test_adaptors_print_to_a_log_that_nobody_reads(tmp_path: Path) -> None:
    process = start_unread(tmp_path, "--workers", "1")
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        for code in (PRINTING, "lambda: 'well'", "lambda: print('once more') or 'well'"):
            assert requests.post(url, json=envelope(code), timeout=20).text == "well"

        text = process.stderr.readline()
        while "lines of this log are lost: nobody was reading it" not in text:
            text = process.stderr.readline()
        assert int(text.split()[0]) > 0
        process.terminate()
        process.stderr.read()
        assert process.wait(timeout=10) == 0


def test_a_server_whose_adaptors_have_filled_the_log_still_ends(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0"],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        assert requests.post(url, json=envelope(PRINTING), timeout=20).text == "well"
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_log_that_is_read_loses_nothing_of_what_adaptors_print(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0"],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, ThreadPoolExecutor() as threads:
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        answer = threads.submit(requests.post, url, json=envelope(PRINTING), timeout=60)
        lines = list(takewhile(lambda line: " 19999 " not in line, process.stderr))
        process.terminate()
    assert answer.result().text == "well"
    numbers = [int(line.split()[3]) for line in lines if "x" * 50 in line]
    assert numbers == list(range(19_999))


@pytest.mark.parametrize(
    "statement",
    [
        r"print('a\tb\x1b[2J\x07\x7f\x9bc \xe9')",
        r"os.write(1, 'a\tb\x1b[2J\x07\x7f\x9bc \xe9\n'.encode())",
        r"subprocess.run(['printf', '%s\n', 'a\tb\x1b[2J\x07\x7f\x9bc \xe9'])",
    ],
)
@pytest.mark.parametrize("kind", ["terminal", "pipe"])
def test_control_characters_that_adaptors_print_are_shown(
    tmp_path: Path, statement: str, kind: str
) -> None:
    ours, theirs = os.openpty() if kind == "terminal" else os.pipe()
    with subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0"],
        env=clean_environment(tmp_path, {"NO_COLOR": "1"}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        code = f"import os, subprocess\ndef run():\n    {statement}\n    print('the end')\n"
        requests.post(url, json=envelope(code), timeout=10)
        text = b""
        while b"the end" not in text:
            text += os.read(ours, 4096)
        process.terminate()
    os.close(ours)
    shown = r"a" + "\t" + r"b\u{1b}[2J\u{7}\u{7f}\u{9b}c " + "\xe9"
    assert [line.endswith(shown) for line in text.decode().splitlines() if "[2J" in line] == [True]


SECRET = "never-in-the-log"
RAISING = f"def run(text):\n    raise ValueError(text)  # {SECRET}\n"


def lines_of(server: Server, mark: int, request_id: str) -> list[str]:
    """Return the lines of one request, without their time of day and how long it took."""
    server.log.wait_for(f"[{request_id}]", since=mark)
    lines = [line for line in server.log.since(mark).splitlines() if f"[{request_id}]" in line]
    return [re.sub(r"\d+\.\d ms", "N ms", line.split(maxsplit=1)[1]) for line in lines]


def test_the_access_log_has_a_line_for_each_call(serve: Serve) -> None:
    server = serve("--access-log")
    path = "/a%20b/%1B?q=" + SECRET
    calls = [
        server.call("lambda: 'well'", path=path, name="iris.py"),
        server.call("lambda: iter('well')", path=path),
        server.send("GET", "/_owt/health"),
        server.send("HEAD", "/"),
    ]
    ids = [reply.headers["Owt-Request-Id"] for reply in calls]
    first, second = (digest(code)[:12] for code in ("lambda: 'well'", "lambda: iter('well')"))
    server.log.wait_for(f"[{ids[-1]}]")
    assert [lines_of(server, 0, request_id) for request_id in ids] == [
        [f"INFO [{ids[0]}] POST /a%20b/%1B 200 N ms {first} iris.py"],
        [f"INFO [{ids[1]}] POST /a%20b/%1B 200 N ms {second}"],
        [f"INFO [{ids[2]}] GET /_owt/health 200 N ms"],
        [f"INFO [{ids[3]}] HEAD / 400 N ms"],
    ]
    assert SECRET not in server.log.since(0)


@pytest.mark.parametrize("options", [(), ("--access-log", "--no-access-log")])
def test_without_a_terminal_calls_that_succeed_are_not_logged(
    serve: Serve, options: tuple[str, ...]
) -> None:
    server = serve(*options)
    reply = server.call("def run():\n    print('its own')\n    return 'well'\n")
    server.log.wait_for("its own")
    assert lines_of(server, 0, reply.headers["Owt-Request-Id"]) == [
        f"INFO [{reply.headers['Owt-Request-Id']}] its own"
    ]


def test_on_a_terminal_calls_are_logged(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [str(owt_binary()), "serve", "--port", "0"],
        env=clean_environment(tmp_path, {"NO_COLOR": "1"}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        url = "http://" + process.stdout.readline().removeprefix(GREETING).strip()
        requests.post(url + "/path", json=envelope("lambda: 'well'"), timeout=10)
        text = b""
        while b"POST /path 200" not in text:
            text += os.read(ours, 4096)
        process.terminate()
    os.close(ours)


def test_a_failure_has_its_type_and_line_and_nothing_of_what_it_says(server: Server) -> None:
    mark = len(server.log)
    reply = server.call(RAISING, {"text": SECRET}, name="iris.py")
    request_id = reply.headers["Owt-Request-Id"]
    place = f"{digest(RAISING)[:12]}: ValueError in iris.py, line 2"
    assert lines_of(server, mark, request_id) == [f"WARN [{request_id}] adaptor-raised in {place}"]


def test_the_name_of_an_exception_cannot_pass_for_a_line_of_the_log(server: Server) -> None:
    mark = len(server.log)
    code = "def run(): raise type('X\\n2026 INFO forged\\x1b[2J', (Exception,), {})"
    request_id = server.call(code).headers["Owt-Request-Id"]
    (line,) = lines_of(server, mark, request_id)
    assert line.endswith(
        r": X\n2026 INFO forged\u{1b}[2J in <adaptor " + digest(code)[:12] + ">, line 1"
    )


@pytest.mark.parametrize("kind", ["whole", "stream"])
def test_tracebacks_are_logged_where_that_was_asked_for(serve: Serve, kind: str) -> None:
    server = serve("--log-tracebacks")
    before = "" if kind == "whole" else "    yield 'first'\n"
    code = f"def run():\n{before}    raise ValueError('its text')\n"
    try:
        server.call(code, name="iris.py")
    except requests.exceptions.ChunkedEncodingError:
        assert kind == "stream"
    # The last line but one: lines come one by one.
    log = server.log.wait_for("]     raise ValueError('its text')\n")
    line = 2 if kind == "whole" else 3
    assert f']   File "iris.py", line {line}, in run\n' in log
    assert "] ValueError: its text\n" in log
