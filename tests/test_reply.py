"""What a handler may return, and what the client gets."""

from pathlib import Path

import pytest
from harness.envelope import envelope
from harness.server import TEST_VIRTUALENV, Serve, Server

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
BINARY = "application/octet-stream"
JSON = "application/json"

PNG_BEGINS = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("code", "content_type", "body"),
    [
        pytest.param("'grüezi'", TEXT, "grüezi".encode(), id="str"),
        pytest.param("'<p>grüezi'", HTML, "<p>grüezi".encode(), id="str that begins like HTML"),
        pytest.param("' <p>'", TEXT, b" <p>", id="str that does not"),
        pytest.param("b'\\x00\\xff'", BINARY, b"\x00\xff", id="bytes"),
        pytest.param("bytearray(b'ab')", BINARY, b"ab", id="bytearray"),
        pytest.param("memoryview(b'abc')[1:]", BINARY, b"bc", id="memoryview"),
        pytest.param("None", None, b"", id="None"),
        pytest.param("{'a': [1, None, True]}", JSON, b'{"a":[1,null,true]}', id="dict"),
        pytest.param("[1, 'é']", JSON, '[1,"é"]'.encode(), id="list"),
        pytest.param("42", JSON, b"42", id="int"),
        pytest.param("0.5", JSON, b"0.5", id="float"),
        pytest.param("False", JSON, b"false", id="bool"),
        pytest.param("iter(['a', 'b'])", TEXT, b"ab", id="iterator of str"),
        pytest.param("iter([b'a', b'b'])", BINARY, b"ab", id="iterator of bytes"),
        pytest.param("iter([])", None, b"", id="iterator of nothing"),
    ],
)
def test_built_in_types(server: Server, code: str, content_type: str | None, body: bytes) -> None:
    answer = server.call(f"lambda: {code}")
    assert (answer.status_code, answer.headers.get("Content-Type"), answer.content) == (
        200,
        content_type,
        body,
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("code", "status", "headers", "body"),
    [
        ("'made', 201", 201, {"Content-Type": TEXT}, b"made"),
        ("b'RIFF', {'Content-Type': 'audio/wav'}", 200, {"Content-Type": "audio/wav"}, b"RIFF"),
        (
            "{'a': 1}, 202, {'X-Voice': 'two', 'Cache-Control': 'no-store'}",
            202,
            {"Content-Type": JSON, "X-Voice": "two", "Cache-Control": "no-store"},
            b'{"a":1}',
        ),
        (
            "(part for part in ('a', 'b')), {'Content-Type': 'audio/mpeg'}",
            200,
            {"Content-Type": "audio/mpeg"},
            b"ab",
        ),
        (
            "Response('no', 403, {'X-Why': 'because'}, content_type='text/x-no')",
            403,
            {"Content-Type": "text/x-no", "X-Why": "because"},
            b"no",
        ),
        (
            "Response(iter(['a', 'b']), headers={'X-Streamed': 'yes'})",
            200,
            {"X-Streamed": "yes"},
            b"ab",
        ),
        ("None, 204", 204, {}, b""),
    ],
)
def test_status_and_headers(
    server: Server, code: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    answer = server.call(f"lambda: ({code})")
    assert (answer.status_code, answer.content) == (status, body)
    assert {name: answer.headers[name] for name in headers} == headers


def test_a_header_may_come_twice(server: Server) -> None:
    answer = server.call("lambda: ('', [('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')])")
    assert answer.cookies.get_dict() == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.wav", "audio/x-wav"), ("a.txt", TEXT), ("a.json", JSON), ("a.unknown", BINARY)],
)
@pytest.mark.parametrize("how", ["__import__('pathlib').Path(path)", "open(path, 'rb')"])
def test_a_file_is_streamed_with_its_type(
    server: Server, tmp_path: Path, name: str, content_type: str, how: str
) -> None:
    body = bytes(range(256)) * 1000
    (tmp_path / name).write_bytes(body)
    answer = server.call(f"lambda path: {how}", {"path": str(tmp_path / name)})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.content == body


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_a_path_has_its_length_and_its_parts(server: Server, tmp_path: Path, size: int) -> None:
    body = bytes(range(250)) * (size // 250 + 1)
    path = tmp_path / "a.bin"
    path.write_bytes(body[:size])
    code = "import pathlib\ndef run(path): return pathlib.Path(path)"
    params = envelope(code, {"path": str(path)})

    def ask(method: str, **headers: str) -> tuple[int, str | None, bytes]:
        answer = server.send(method, "/", params=params, headers=headers)
        return answer.status_code, answer.headers.get("Content-Length"), answer.content

    assert ask("GET") == (200, str(size), body[:size])
    assert ask("HEAD") == (200, str(size), b"")
    assert ask("GET", Range="bytes=2-") == (206, str(size - 2), body[2:size])
    assert ask("GET", Range=f"bytes={size}-")[0] == 416
    assert ask("GET", **{"If-None-Match": "*"}) == (304, None, b"")
    assert ask("GET", **{"If-Match": '"other"'})[0] == 412
    # On the same connection, after all of these.
    assert server.call("lambda: 'well'").text == "well"


ENDLESS = """
    import itertools

    def run(request):
        try:
            for number in itertools.count():
                yield f"{number}\\n"
        finally:
            print("closed")
"""


def test_a_head_of_what_never_ends_is_answered_at_once(server: Server) -> None:
    mark = len(server.log)
    answer = server.send("HEAD", json=envelope(ENDLESS))
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, TEXT, b"")
    server.log.wait_for("closed", since=mark)
    assert server.call("lambda: 'well'").text == "well"


FLASK = """
    from flask import Response as FlaskResponse

    def run():
        return FlaskResponse("from flask", 418, {"X-Tea": "yes"}, mimetype="text/plain")
"""

STARLETTE = """
    from starlette.responses import PlainTextResponse

    def run():
        return PlainTextResponse("from starlette", 418, {"X-Tea": "yes"})
"""


@pytest.mark.parametrize(("code", "body"), [(FLASK, "from flask"), (STARLETTE, "from starlette")])
def test_responses_of_other_frameworks(server: Server, code: str, body: str) -> None:
    answer = server.call(code)
    assert (answer.status_code, answer.headers["X-Tea"], answer.text) == (418, "yes", body)
    assert answer.headers["Content-Type"] == TEXT


BACKGROUND = """
    import asyncio
    from pathlib import Path
    from starlette.background import BackgroundTasks
    from starlette.responses import PlainTextResponse

    async def wait(seen):
        while not Path(seen).exists():
            await asyncio.sleep(0.002)
        print("first")

    def run(seen):
        tasks = BackgroundTasks()
        tasks.add_task(wait, seen)
        tasks.add_task(print, "second")
        return PlainTextResponse("answer", background=tasks)
"""


def test_background_tasks_run_after_the_answer(server: Server, tmp_path: Path) -> None:
    mark, seen = len(server.log), tmp_path / "seen"
    # The answer is here, and its time is up, while the first task waits.
    assert server.call(BACKGROUND, {"seen": str(seen)}, timeout=0.5).text == "answer"
    assert server.send("GET", "/_owt/calls").json() == []
    seen.touch()
    server.log.wait_for("first", since=mark)
    server.log.wait_for("second", since=mark)


def test_an_error_of_another_framework_is_an_answer(server: Server) -> None:
    code = "from flask import abort as give_up\ndef run(): give_up(404, 'not here')"
    answer = server.call(code)
    assert (answer.status_code, answer.text) == (404, "not here")
    assert "Owt-Error" not in answer.headers


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        ("import numpy\nrun = lambda: numpy.arange(4).reshape(2, 2)", [[0, 1], [2, 3]]),
        ("import numpy\nrun = lambda: numpy.float32(0.5)", 0.5),
        ("import numpy\nrun = lambda: {'a': numpy.int64(3)}", {"a": 3}),
        (
            "import pandas\nrun = lambda: pandas.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
            [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        ),
    ],
)
def test_arrays_and_frames_are_json(server: Server, code: str, reply: object) -> None:
    answer = server.call(code)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON), answer.text
    assert answer.json() == reply


PILLOW = "from PIL import Image\nrun = lambda: Image.new('RGB', (3, 2), 'red')"

MATPLOTLIB = """
import matplotlib
matplotlib.use("agg")
from matplotlib import pyplot

def run():
    figure, axes = pyplot.subplots(figsize=(1, 1), dpi=50)
    axes.plot([1, 2])
    return figure
"""


@pytest.mark.parametrize(("code", "size"), [(PILLOW, (3, 2)), (MATPLOTLIB, (50, 50))])
def test_images_are_png(server: Server, code: str, size: tuple[int, int]) -> None:
    answer = server.call(code)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png"), answer.text
    assert answer.content.startswith(PNG_BEGINS)
    width, height = answer.content[16:20], answer.content[20:24]
    assert (int.from_bytes(width), int.from_bytes(height)) == size


def test_no_library_is_imported_to_look_at_a_reply(serve: Serve) -> None:
    server = serve("--workers", "1", env=TEST_VIRTUALENV)
    assert server.call("lambda: object()").headers["Owt-Error"] == "reply-invalid"
    libraries = ["PIL", "flask", "matplotlib", "numpy", "pandas", "starlette"]
    code = "def run(names): return [name for name in names if name in sys.modules]"
    assert server.call(code, {"names": libraries}).json() == []


def test_an_answer_to_head_has_no_body(server: Server) -> None:
    answer = server.send("HEAD", json=envelope("lambda: 'twelve bytes'"))
    assert (answer.headers["Content-Length"], answer.content) == ("12", b"")
