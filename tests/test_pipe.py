"""Pipes as adaptors of a real server, in each way of writing them."""

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from harness.envelope import envelope
from harness.processes import wait_until_gone
from harness.server import Server

TEXT = "text/plain; charset=utf-8"

# The forms in which an adaptor may be a pipe.
FORMS: dict[str, Callable[[list[str]], str]] = {
    "bound": lambda steps: "run = pipe()." + ".".join(steps),
    "bare": lambda steps: "pipe()." + ".".join(steps),
    "terse": lambda steps: ".".join(steps),
    "dotted": lambda steps: "".join(f"\n  .{step}  # a step" for step in steps),
    "lines": lambda steps: "\n  .".join(steps),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["path()"], ["a b", "c"]),
        (["path()", "last()"], "c"),
        (["query()"], {"q": "1"}),
        (["kwarg('n')"], 2),
        (["kwargs(n=1, m=3)", "f(lambda n, m: [n, m])"], [2, 3]),
        (["json()", "get('fn_name')"], "run"),
        (["input()", "cast(len)", "f(lambda x: x > 50)"], True),
        (["const(5)", "clear()", "f(lambda n: n)"], None),
        (["f(lambda n: n)", "f(lambda n: n + 3)"], 5),
        (["const([1])", "exec(lambda x: x.append(2))"], [1, 2]),
        (["const('5')", "cast(int)", "identity()", "done()"], 5),
        (["const([1, 2])", "map(str)"], ["1", "2"]),
        (["const([1, 2])", "foldl(lambda acc, x: acc + x, 0.5)"], 3.5),
        (["const([1, 2])", "foldl1(max)"], 2),
        (["const([1, 2])", "ix(0)"], 1),
        (["const([1, 2])", "last()"], 2),
        (["const('é')", "bytes()", "f(list)"], [195, 169]),
        (["const('echo $n')", "shell('n')", "bytes()", "f(bytes.decode)"], "2\n"),
        (["const(1)", "cond(lambda x: 'yes', lambda x: 'no')", "f(lambda x: [x])"], ["yes"]),
        (["const('ab')", "fork(str.upper, len)"], ["AB", 2]),
        (["const('ab')", "to(pipe().f(str.upper))", "f(lambda x: [x])"], ["AB"]),
        (["importing('os.path')", "f(lambda: [os.path.join('a', 'b')])"], ["a/b"]),
        (["installing('pip')", "const([1])"], [1]),
    ],
)
def test_each_step_answers_in_each_form(
    server: Server, form: str, steps: list[str], expected: object
) -> None:
    code = FORMS[form]([*steps, "cast(json.dumps)"])
    answer = server.call(code, {"n": 2}, path="/a%20b/c?q=1", fn_name="run")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TEXT), answer.text
    assert json.loads(answer.text) == expected


def test_a_body_is_the_input_of_a_pipe_in_the_query(server: Server) -> None:
    fields = envelope("input().f(bytes.decode).f(str.upper)")
    assert server.send("POST", "/", params=fields, data=b"a body").text == "A BODY"


def test_an_async_step_is_awaited(server: Server) -> None:
    code = """
        import asyncio

        async def shout(text):
            await asyncio.sleep(0)
            return text.upper()

        run = pipe().kwarg("text").f(shout).f(lambda x: x + "!")
    """
    assert server.call(code, {"text": "ay up"}).text == "AY UP!"


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_stream_sends_each_item_as_it_is_yielded(server: Server, kind: str) -> None:
    code = f"""
        import threading

        seen = threading.Event()

        {kind} words():
            yield "a"
            assert seen.wait(20)
            yield "b"

        def see():
            seen.set()

        run = pipe().f(words).stream().f(str.upper)
    """
    fields = envelope(code)
    with server.send("GET", params=fields, stream=True) as answer:
        chunks = answer.iter_content(chunk_size=None)
        assert next(chunks) == b"A"
        server.call(code, fn_name="see")
        assert list(chunks) == [b"B"]


def test_a_client_that_goes_closes_what_a_pipe_streams(server: Server, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    code = f"""
        import pathlib, time

        def numbers():
            try:
                while True:
                    yield "x" * 1000
            finally:
                pathlib.Path({str(closed)!r}).touch()

        run = pipe().f(numbers).stream().f(str.upper)
    """
    with server.send("GET", params=envelope(code), stream=True) as answer:
        assert next(answer.iter_content(chunk_size=1)) == b"X"
    wait_until(closed.exists)


def test_a_client_that_goes_ends_a_command(server: Server) -> None:
    code = "const('echo $$; exec sleep 600').shell()"
    with server.send("GET", params=envelope(code), stream=True) as answer:
        pid = int(next(answer.iter_content(chunk_size=None)))
        assert Path(f"/proc/{pid}").exists()
    wait_until_gone([pid])


def test_an_error_names_its_step(server: Server) -> None:
    answer = server.call("kwarg('n').f(lambda n: 1 / n)", {"n": 0})
    assert (answer.status_code, answer.headers["Owt-Error"]) == (500, "adaptor-raised")
    lines = answer.text.splitlines()
    assert lines[0] == "ZeroDivisionError: division by zero"
    assert lines[-1] == "step 2, f(<lambda>): ZeroDivisionError: division by zero"


def test_abort_in_a_step_answers(server: Server) -> None:
    answer = server.call("f(lambda n: abort(404, f'no {n} here'))", {"n": 5})
    assert (answer.status_code, answer.text) == (404, "no 5 here")
    assert "Owt-Error" not in answer.headers


def test_a_call_that_is_out_of_time_is_no_error_of_a_step(server: Server) -> None:
    code = "import time\ndef wait():\n  while True: time.sleep(0.01)\nrun = pipe().f(wait)"
    answer = server.call(code, timeout=0.2)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (504, "deadline")


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/a.txt", 200, "inside"),
        ("/sub/b.txt", 200, "below"),
        ("/link", 200, "inside"),
        ("/", 404, "There is no file '/' here."),
        ("/sub", 404, "There is no file '/sub' here."),
        ("/%2e%2e/secret", 404, "There is no file '/../secret' here."),
        ("/sub/..%2f..%2fsecret", 404, "There is no file '/sub/../../secret' here."),
        ("/out", 404, "There is no file '/out' here."),
        ("/a.txt%00", 404, r"There is no file '/a.txt\x00' here."),
        ("/etc/passwd", 404, "There is no file '/etc/passwd' here."),
    ],
)
def test_files_are_served_from_beneath_a_folder_alone(
    server: Server, tmp_path: Path, path: str, status: int, body: str
) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("inside")
    (root / "sub" / "b.txt").write_text("below")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to("a.txt")
    (root / "out").symlink_to("../secret")
    fields: Any = envelope(f"path().open(root_dir={str(root)!r})")
    answer = raw_get(server, path, fields)
    assert answer == (status, body)


def test_what_is_no_package_is_refused(server: Server) -> None:
    answer = server.call("installing('--no-such-option')")
    assert (answer.status_code, answer.text.splitlines()[0]) == (
        500,
        "ValueError: installing() takes names of packages, such as 'numpy' or 'numpy==2.0', "
        "and got '--no-such-option'",
    )


def raw_get(server: Server, path: str, fields: dict[str, str]) -> tuple[int, str]:
    """Send a path as it stands: clients resolve `..` themselves."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("GET", f"{path}?{urlencode(fields)}")
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something outside has happened, of which nothing tells."""
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until, "it has not happened"
        time.sleep(0.01)
