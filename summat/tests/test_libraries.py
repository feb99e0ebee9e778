"""Values of libraries that owt itself never imports."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from owt import _worker
from owt._state import state
from tests.fake import TEXT, FakeCall, answer_to, error_of, handle, json_of, reply_to, text_of
from tests.process import python

PNG = b"\x89PNG\r\n\x1a\n"
NUMPY = "import numpy as np\ndef run(_): return "
PANDAS = "import pandas as pd\ndef run(_): return "
FLASK = "import flask, io\ndef run(_): return "
DJANGO = (
    "import django.conf, django.http as d\n"
    "django.conf.settings.configured or django.conf.settings.configure()\n"
    "def cookie(reply): reply.set_cookie('a', '1'); reply.set_cookie('b', '2'); return reply\n"
    "async def chunks():\n  yield 'a'\n  yield 'b'\n"
    "def run(_): return "
)
AIOHTTP = "import aiohttp.web as a\ndef run(_): return "
STARLETTE = "import starlette.responses as s\ndef run(_): return "


def namespace_of(call: FakeCall) -> dict[str, Any]:
    adaptor = state.adaptors.get(call.digest)
    assert adaptor is not None
    return adaptor.namespace


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (NUMPY + "np.arange(4).reshape(2, 2)", "[[0,1],[2,3]]"),
        (NUMPY + "np.float32(1.5)", "1.5"),
        (NUMPY + "np.float64('nan')", "null"),
        (NUMPY + "np.int64(3)", "3"),
        (NUMPY + "np.bool_(True)", "true"),
        (NUMPY + "{'a': np.array([1.0, np.nan]), 'b': [np.int8(1)]}", '{"a":[1.0,null],"b":[1]}'),
        (
            PANDAS + "pd.DataFrame({'a': [1, 2], 'b': [0.1, None]})",
            '[{"a":1,"b":0.1},{"a":2,"b":null}]',
        ),
        (
            PANDAS + "pd.DataFrame({'at': [pd.Timestamp(0), pd.NaT]})",
            '[{"at":"1970-01-01T00:00:00"},{"at":null}]',
        ),
        (PANDAS + "{'rows': pd.DataFrame({'a': [1]})}", '{"rows":[{"a":1}]}'),
        (PANDAS + "pd.Series([1.5, 2])", "[1.5,2.0]"),
        (PANDAS + "pd.Index(['a'])", '["a"]'),
    ],
)
def test_arrays_and_frames_are_json(source: str, expected: str) -> None:
    assert json_of(source) == expected


@pytest.mark.parametrize("status", ["np.int64(201)", "np.uint16(201)", "np.array(201)"])
def test_a_status_may_be_a_number_of_numpy(status: str) -> None:
    for value in (f"'x', {status}", f"'x', {status}, {{}}", f"Response('x', {status})"):
        assert reply_to(NUMPY + value) == (201, "text/plain; charset=utf-8", [], b"x")
    source = f"import numpy as np\ndef run(_): abort({status}, 'x')"
    assert reply_to(source) == (201, "text/plain; charset=utf-8", [], b"x")


@pytest.mark.parametrize(
    ("mode", "shown"), [("RGB", "RGB"), ("L", "L"), ("RGBA", "RGBA"), ("CMYK", "RGB"), ("F", "RGB")]
)
def test_images_are_png(mode: str, shown: str) -> None:
    import io

    from PIL import Image

    source = f"from PIL import Image\ndef run(_): return Image.new({mode!r}, (3, 2))"
    status, content_type, headers, body = reply_to(source)
    assert (status, content_type, headers) == (200, "image/png", [])
    image = Image.open(io.BytesIO(body))
    assert (image.format, image.size, image.mode) == ("PNG", (3, 2), shown)


def test_figures_are_png() -> None:
    source = (
        "import matplotlib.figure\n"
        "def run(_): return matplotlib.figure.Figure(figsize=(2, 1), dpi=100), 201"
    )
    status, content_type, headers, body = reply_to(source)
    assert (status, content_type, headers, body[:8]) == (201, "image/png", [], PNG)
    assert struct.unpack(">II", body[16:24]) == (200, 100)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            FLASK + "flask.Response('hi', 201, {'X-A': 'b'})",
            (201, "text/html; charset=utf-8", [("X-A", "b")], b"hi"),
        ),
        (
            FLASK + "(flask.Response('hi', mimetype='text/css'), 202)",
            (202, "text/css; charset=utf-8", [], b"hi"),
        ),
        (
            STARLETTE + "s.JSONResponse({'a': 1}, 201, {'X-A': 'b'})",
            (201, "application/json", [("x-a", "b")], b'{"a":1}'),
        ),
        (
            STARLETTE + "s.HTMLResponse('<p>')",
            (200, "text/html; charset=utf-8", [], b"<p>"),
        ),
        (
            STARLETTE + "s.RedirectResponse('/there')",
            (307, None, [("location", "/there")], b""),
        ),
        (
            "import fastapi.responses as f\ndef run(_): return f.JSONResponse({'a': 1}, 201)",
            (201, "application/json", [], b'{"a":1}'),
        ),
        (
            DJANGO + "d.JsonResponse({'a': 1}, status=201, headers={'X-A': 'b'})",
            (201, "application/json", [("X-A", "b")], b'{"a": 1}'),
        ),
        (
            DJANGO + "cookie(d.HttpResponse('hi'))",
            (
                200,
                "text/html; charset=utf-8",
                [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")],
                b"hi",
            ),
        ),
        (
            AIOHTTP + "a.json_response({'a': 1}, status=201, headers={'X-A': 'b'})",
            (201, "application/json; charset=utf-8", [("X-A", "b")], b'{"a": 1}'),
        ),
        (AIOHTTP + "a.Response(body=b'hi')", (200, "application/octet-stream", [], b"hi")),
    ],
)
def test_responses_of_frameworks_are_converted(source: str, expected: tuple[Any, ...]) -> None:
    status, content_type, headers, body = reply_to(source)
    # Frameworks send no media type with an empty body.
    assert (status, content_type if body else None, headers, body) == expected


@pytest.mark.parametrize(
    "source",
    [
        FLASK + "flask.Response((c for c in 'ab'), mimetype='text/css')",
        "import flask, io\n"
        "app = flask.Flask('x')\n"
        "def run(_):\n"
        "  with app.test_request_context():\n"
        "    return flask.send_file(io.BytesIO(b'ab'), 'text/css')",
        STARLETTE + "s.StreamingResponse(iter(['a', 'b']), media_type='text/css')",
        DJANGO + "d.StreamingHttpResponse(iter('ab'), content_type='text/css; charset=utf-8')",
        DJANGO + "d.StreamingHttpResponse(chunks(), content_type='text/css; charset=utf-8')",
    ],
)
def test_streams_of_frameworks_are_streamed(source: str) -> None:
    begun, *chunks, ended = answer_to(source)
    assert (begun[:3], ended) == (("start", 200, "text/css; charset=utf-8"), ("finish",))
    assert b"".join(data for _chunk, data in chunks) == b"ab"


def test_responses_that_only_aiohttp_can_send_are_reported() -> None:
    assert error_of(AIOHTTP + "a.FileResponse('/etc/hostname')") == (
        "reply-invalid",
        "The handler returned an aiohttp FileResponse, which only aiohttp's own server can send. "
        "Return a generator for a stream, or a pathlib.Path for a file.",
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([], (200, b"a {}")),
        ([("range", "bytes=0-0")], (206, b"a")),
        (
            [("range", "bytes=9-")],
            (416, b"The file has 4 bytes, and the range begins behind them.\n"),
        ),
        ([("if-none-match", "*")], (304, b"")),
    ],
)
def test_a_file_of_starlette_has_ranges_and_conditions(
    tmp_path: Any, asked: list[tuple[str, str]], expected: tuple[int, bytes]
) -> None:
    path = tmp_path / "a.css"
    path.write_text("a {}")
    source = STARLETTE + f"s.FileResponse({str(path)!r}, filename='b.css', headers={{'X-A': 'b'}})"
    status, _content_type, headers, body = reply_to(source, headers=asked)
    assert (status, body) == expected
    assert dict(headers)["content-disposition"] == 'attachment; filename="b.css"'
    assert {"ETag", "Last-Modified", "Accept-Ranges", "x-a"} <= {
        {"etag": "ETag", "last-modified": "Last-Modified", "accept-ranges": "Accept-Ranges"}.get(
            name, name
        )
        for name, _value in headers
    }


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "made",
    [
        "s.PlainTextResponse('answer', background=tasks)",
        "s.StreamingResponse(iter(['answer']), media_type='text/plain', background=tasks)",
        "(s.PlainTextResponse('answer', background=tasks), 200)",
    ],
)
def test_background_tasks_run_in_order_after_the_response(kind: str, made: str) -> None:
    source = (
        "import asyncio, threading, starlette.background as b, starlette.responses as s\n"
        "ran, ended, answered = [], threading.Event(), threading.Event()\n"
        "def first(): ran.append(answered.wait(10))\n"
        "async def second(word):\n  await asyncio.sleep(0.01)\n  ran.append(word); ended.set()\n"
        f"{kind} run(_):\n"
        "  tasks = b.BackgroundTasks()\n"
        "  tasks.add_task(first); tasks.add_task(second, 'two')\n"
        f"  return {made}"
    )
    call = FakeCall(source)
    is_over = handle(call)
    sent = b"".join(event[-1] for event in call.answer() if event[0] in ("reply", "chunk"))
    # The call has ended, and the tasks wait for this test: a disconnect does not end them.
    assert is_over or call.is_done.wait(10)
    _worker.cancel(call.id)
    assert (sent, namespace_of(call)["ran"]) == (b"answer", [])
    namespace_of(call)["answered"].set()
    assert namespace_of(call)["ended"].wait(10)
    assert namespace_of(call)["ran"] == [True, "two"]


def test_a_failing_background_task_is_logged(capfd: Any) -> None:
    source = (
        "import threading, starlette.background as b, starlette.responses as s\n"
        "ended = threading.Event()\n"
        "class Told(Exception):\n  def __str__(self): ended.set(); return 'after it'\n"
        "async def fail(): raise Told\n"
        "def run(_): return s.PlainTextResponse('answer', background=b.BackgroundTask(fail))"
    )
    call = FakeCall(source)
    handle(call)
    assert call.answer()[0][4] == b"answer"
    assert namespace_of(call)["ended"].wait(10)
    assert text_of("async def run(_): return 'the loop goes on'") == "the loop goes on"
    words = "what was to be done after the answer failed: Told: after it in <adaptor "
    assert f" WARN [request-1] {words}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("source", "method"),
    [
        (FLASK.replace("def run", "{kept}def run") + "kept(flask.Response('a'))", "GET"),
        (FLASK.replace("def run", "{kept}def run") + "kept(flask.Response(iter('a')))", "GET"),
        (FLASK.replace("def run", "{kept}def run") + "kept(flask.Response(iter('a')))", "HEAD"),
        (DJANGO.replace("def run", "{kept}def run") + "kept(d.HttpResponse('a'))", "GET"),
        (DJANGO.replace("def run", "{kept}def run") + "kept(d.StreamingHttpResponse('a'))", "GET"),
    ],
)
def test_responses_of_frameworks_are_closed_after_sending(source: str, method: str) -> None:
    keep = (
        "ended = []\n"
        "class Kept:\n  def close(self): ended.append(1)\n"
        "def kept(made):\n"
        "  if hasattr(made, '_resource_closers'): made._resource_closers.append(Kept().close)\n"
        "  else: made.call_on_close(Kept().close)\n"
        "  return made\n"
    )
    call = FakeCall(source.replace("{kept}", keep), method=method)
    handle(call)
    assert call.answer()[-1][0] in ("reply", "finish")
    assert namespace_of(call)["ended"] == [1]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import starlette.exceptions as e\n"
            "def run(_): raise e.HTTPException(403, 'words', {'X-A': 'b'})",
            (403, TEXT, [("X-A", "b")], b"words"),
        ),
        (
            "import starlette.exceptions as e\ndef run(_): raise e.HTTPException(404)",
            (404, TEXT, [], b"Not Found"),
        ),
        (
            "import fastapi\nasync def run(_): raise fastapi.HTTPException(422, 'words')",
            (422, TEXT, [], b"words"),
        ),
        (
            "import fastapi\ndef run(_): raise fastapi.HTTPException(422, [{'at': 1}])",
            (422, "application/json", [], b'{"detail":[{"at":1}]}'),
        ),
        (
            "import flask\ndef run(_): flask.abort(404, 'words')",
            (404, TEXT, [], b"words"),
        ),
        (
            "import flask\ndef run(_): flask.abort(flask.Response('own', 418, {'X-A': 'b'}))",
            (418, "text/html; charset=utf-8", [("X-A", "b")], b"own"),
        ),
        (
            "import werkzeug.exceptions as e\n"
            "def run(_): raise e.MethodNotAllowed(['GET'], 'words')",
            (405, TEXT, [("Allow", "GET")], b"words"),
        ),
        (
            "import werkzeug.exceptions as e\ndef run(_): return e.Conflict('words')",
            (409, TEXT, [], b"words"),
        ),
        (
            "import flask\ndef chunks():\n  flask.abort(404, 'words')\n  yield\n"
            "def run(_): return chunks()",
            (404, TEXT, [], b"words"),
        ),
        (
            "import aiohttp.web as a\ndef run(_): raise a.HTTPNotFound(text='words')",
            (404, TEXT, [], b"words"),
        ),
        (
            "import django.http as d\ndef run(_): raise d.Http404('words')",
            (404, TEXT, [], b"words"),
        ),
        (
            "import django.core.exceptions as e\ndef run(_): raise e.PermissionDenied",
            (403, TEXT, [], b"Forbidden"),
        ),
    ],
)
def test_errors_of_frameworks_are_their_status_and_text(
    source: str, expected: tuple[Any, ...]
) -> None:
    assert reply_to(source) == expected


def test_an_error_of_a_framework_without_a_status_is_an_ordinary_one() -> None:
    source = "import werkzeug.exceptions as e\ndef run(_): raise e.HTTPException('words')"
    assert error_of(source)[0] == "adaptor-raised"


@pytest.mark.parametrize(
    "source",
    [
        STARLETTE.replace("def run", "{cookies}def run") + "cookies(s.Response('a'))",
        FLASK.replace("def run", "{cookies}def run") + "cookies(flask.Response('a'))",
        AIOHTTP.replace("def run", "{cookies}def run") + "cookies(a.Response(text='a'))",
    ],
)
def test_every_cookie_of_a_response_is_sent(source: str) -> None:
    cookies = "def cookies(made):\n  for name in 'ab': made.set_cookie(name, '1')\n  return made\n"
    _status, _kind, headers, _body = reply_to(source.replace("{cookies}", cookies))
    sent = [value.partition(";")[0] for name, value in headers if name.lower() == "set-cookie"]
    assert sent == ["a=1", "b=1"]


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("owt", ["ast", "asyncio", "dataclasses", "inspect", "json", "logging", "re", "typing"]),
        ("owt._worker", ["asyncio", "dataclasses", "inspect", "typing", "urllib", "numpy", "PIL"]),
    ],
)
def test_importing_does_not_import_the_slow_parts(module: str, unwanted: list[str]) -> None:
    program = f"import sys, {module}; print([m for m in {unwanted} if m in sys.modules])"
    assert python(program, "-S").stdout == "[]\n"
