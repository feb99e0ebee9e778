"""Named endpoints: a path that is bound to a file, and takes arguments alone."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.browser import chromium
from harness.envelope import b64
from harness.program import run_owt
from harness.server import Serve, Server
from playwright.sync_api import Browser

WORDS = """
def run(text: str, n: int = 1) -> dict:
    return {"words": len(text.split()) * n}

def say(request, voice, text="hello"):
    return f"{request.method} {voice}: {text}"
"""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "folder").mkdir()
    (folder / "words.py").write_text(WORDS)
    return folder


@pytest.fixture
def server(serve: Serve, folder: Path) -> Server:
    routes = ("--route", "/words=words.py", "--route", "GET,PUT /say/{voice}=words.py:say")
    return serve(*routes, cwd=folder)


def until(server: Server, path: str, expected: str) -> None:
    """Ask until an edit is answered."""
    deadline = time.monotonic() + 10
    while (found := server.send("GET", path).text) != expected:
        assert time.monotonic() < deadline, found


def test_the_same_file_is_called_in_every_way(server: Server) -> None:
    kwargs = {"text": "a b c", "n": 2}
    ways = [
        server.call(WORDS, kwargs),
        server.send("POST", "/words", json=kwargs),
        server.send("GET", "/words", params=kwargs),
        server.send("POST", "/words", data=kwargs),
        server.send("POST", "/words", files={name: (None, str(kwargs[name])) for name in kwargs}),
        server.send("POST", "/words", params={"text": "a b c"}, json={"n": 2}),
    ]
    assert [way.json() for way in ways] == [{"words": 6}] * 6
    assert {way.headers["Owt-Code-SHA256"] for way in ways} == {ways[0].headers["Owt-Code-SHA256"]}


def test_a_part_of_the_path_is_an_argument(server: Server) -> None:
    assert server.send("GET", "/say/caf%C3%A9").text == "GET café: hello"
    assert server.send("PUT", "/say/a%2Fb?text=x").text == "PUT a/b: x"
    assert server.send("GET", "/say/a/b").headers["Owt-Error"] == "code-missing"


def test_methods_are_those_of_any_web_server(server: Server) -> None:
    head = server.send("HEAD", "/say/anna")
    assert (head.status_code, head.text, head.headers["Content-Length"]) == (200, "", "16")
    options = server.send("OPTIONS", "/say/anna")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, PUT")
    answer = server.send("DELETE", "/say/anna")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert answer.headers["Owt-Error"] == "method-not-allowed"


@pytest.mark.parametrize(
    "options",
    [
        {"params": {"code_b64": b64("lambda: 'mine'")}},
        {"json": {"code_b64": b64("lambda: 'mine'")}},
        {"data": {"code_b64": b64("lambda: 'mine'")}},
        {"json": {"code_sha256": "0" * 64}},
    ],
)
def test_a_named_path_takes_no_code(server: Server, options: dict[str, Any]) -> None:
    answer = server.send("POST", "/words", **options)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (400, "path-is-named")
    # Elsewhere, code runs as ever.
    assert server.call("lambda: 'mine'").text == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "run() needs 'text', in the query, a form or a JSON object."),
        (
            {"params": {"text": "a", "n": "two"}},
            "The argument 'n' of run() takes a whole number, and \"two\" came.",
        ),
        (
            {"data": '{"text": "a"}'},
            "The body looks like JSON, and does not say so: send the header Content-Type: "
            "application/json",
        ),
    ],
)
def test_what_does_not_fit_is_said(server: Server, options: dict[str, Any], words: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.send("POST", "/words", headers=headers, **options)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (422, "arguments")
    assert words in answer.text


def test_files_and_streams_go_through(serve: Serve, folder: Path) -> None:
    (folder / "shout.py").write_text(
        "from owt import UploadFile\n"
        "def run(file: UploadFile, times: int):\n"
        "    for _ in range(times):\n"
        "        yield file.filename + ' '\n"
        "def whole(request):\n"
        "    return str(sum(len(chunk) for chunk in request.stream))\n"
    )
    routes = ("--route", "/shout=shout.py", "--route", "POST /whole=shout.py:whole")
    server = serve(*routes, cwd=folder)
    answer = server.send("POST", "/shout", files={"file": ("a.txt", b"x")}, data={"times": "3"})
    assert answer.text == "a.txt a.txt a.txt "
    assert server.send("POST", "/whole", data=b"x" * 3_000_000).text == "3000000"


def test_settings_of_a_route_are_in_the_file(serve: Serve, folder: Path) -> None:
    (folder / "owt.toml").write_text(
        '[pool.gpu]\nenv.A = "b"\n'
        '[route."/where"]\nfile = "where.py"\nfunction = "go"\nmethods = ["GET"]\npool = "gpu"\n'
        'keep_alive = "1h"\ntimeout = 2\nuse_cache = true\n'
    )
    (folder / "where.py").write_text(
        "import itertools, os, time\ncalls = itertools.count(1)\n"
        "def go(slow: float = 0):\n    time.sleep(slow)\n"
        "    return f\"{os.environ['A']} {next(calls)}\"\n"
    )
    server = serve(cwd=folder)
    answers = [server.send("GET", f"/where{query}") for query in ("", "", "?slow=0.01", "?slow=60")]
    assert [answer.text for answer in answers[:3]] == ["b 1", "b 1", "b 2"]
    assert [answer.headers.get("Owt-Cache") for answer in answers[:3]] == ["miss", "hit", "miss"]
    assert answers[3].headers["Owt-Error"] == "deadline"
    assert server.send("POST", "/where").status_code == 405


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("words.py", "write it as /path=FILE"),
        ("/words=nothing.py", "the route /words cannot be served: nothing.py: No such file"),
        ("/_owt/x=words.py", "what is under /_owt/ is the server's own"),
        ("/{a=words.py", 'the path "/{a" of a route cannot be used'),
        ("FLY /a=words.py", 'there is no method "FLY"'),
        ("/a=words.py?pol=gpu", 'a route has no key "pol"; did you mean pool?'),
    ],
)
def test_a_route_that_is_none_is_refused(folder: Path, option: str, words: str) -> None:
    done = run_owt("serve", "--port", "0", "--route", option, home=folder, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_an_edit_is_served_and_a_broken_one_is_not(server: Server, folder: Path) -> None:
    file = folder / "words.py"
    file.write_text("def run(text): return 'new ' + text\n")
    until(server, "/words?text=a", "new a")
    file.write_text("def run(text: return 'broken'\n")
    deadline = time.monotonic() + 10
    while "Owt-Route-Stale" not in (answer := server.send("GET", "/words?text=a")).headers:
        assert time.monotonic() < deadline
    assert answer.text == "new a"
    assert answer.headers["Owt-Route-Stale"].startswith("words.py has changed, and is not served: ")
    assert "words.py has changed, and is not served" in server.log.since(0)
    file.unlink()
    assert server.send("GET", "/words?text=a").text == "new a"
    file.write_text("def run(text): return 'mended ' + text\n")
    until(server, "/words?text=a", "mended a")
    assert "Owt-Route-Stale" not in server.send("GET", "/words?text=a").headers


def test_without_reload_the_file_is_read_once(serve: Serve, folder: Path) -> None:
    server = serve("--route", "/words=words.py", "--no-reload", cwd=folder)
    assert server.send("GET", "/words?text=a").json() == {"words": 1}
    (folder / "words.py").write_text("def run(text): return 'new'\n")
    time.sleep(0.2)
    assert server.send("GET", "/words?text=a").json() == {"words": 1}


def test_state_that_was_made_once_outlives_an_edit(serve: Serve, folder: Path) -> None:
    text = (
        "import itertools\nfrom owt.summat import once\n"
        "calls = once('calls', lambda: itertools.count(1))\n"
        "def run(): return 'one %d' % next(calls)\n"
    )
    (folder / "words.py").write_text(text)
    server = serve("--route", "/words=words.py", "--workers", "4", cwd=folder)
    assert server.send("GET", "/words").text == "one 1"
    (folder / "words.py").write_text(text.replace("one %d", "two %d"))
    deadline = time.monotonic() + 10
    while not (found := server.send("GET", "/words").text).startswith("two"):
        assert time.monotonic() < deadline, found
    assert int(found.split()[1]) > 1


def test_each_answer_during_edits_is_of_one_version_and_whole(serve: Serve, folder: Path) -> None:
    """Edits of the file and of a helper, some of them broken, while calls go on."""
    (folder / "helper.py").write_text("def name(): return 'helper 0'\n")

    def write(name: str, text: str) -> None:
        # As most editors do: whoever reads it has the one or the other.
        (folder / "new").write_text(text)
        (folder / "new").rename(folder / name)

    def version(number: int) -> str:
        return f"import helper\ndef run():\n    return ['v{number}', helper.name(), 'v{number}']\n"

    (folder / "words.py").write_text(version(0))
    server = serve("--route", "/words=words.py", "--workers", "1", cwd=folder)
    is_over = threading.Event()

    def ask() -> Iterator[tuple[str, ...]]:
        with server.session() as session:
            while not is_over.is_set():
                answer = session.get(server.url + "/words", timeout=60)
                assert answer.status_code == 200, answer.text
                yield tuple(answer.json())

    with ThreadPoolExecutor(4) as clients:
        asking = [clients.submit(lambda: list(ask())) for _ in range(4)]
        for number in range(1, 201):
            broken = number % 10 == 5
            write("words.py", "def run(:" if broken else version(number))
            write("helper.py", f"def name(): return 'helper {number}'\n")
            time.sleep(0.02)
        last = ["v200", "helper 200", "v200"]
        deadline = time.monotonic() + 10
        while (found := server.send("GET", "/words").json()) != last:
            assert time.monotonic() < deadline, found
        is_over.set()
        answers = [answer for asked in asking for answer in asked.result()]
    assert all(first == other for first, _, other in answers)
    assert len({first for first, _, _ in answers}) > 10


def test_what_cannot_be_called_is_said_at_the_start(serve: Serve, folder: Path) -> None:
    (folder / "broken.py").write_text("def run(:\n")
    server = serve(
        *("--route", "/missing=words.py:no_such"),
        *("--route", "/broken=broken.py"),
        *("--route", "GET /part/{nam}=words.py"),
        *("--route", "/pool=pool.py"),
        *("--route", "/words=words.py"),
        cwd=make_pool(folder),
    )
    log = server.log.wait_for("/pool: ")
    for words in (
        "/missing: The code has no function 'no_such'",
        "/broken: Python cannot read the code: line 1. SyntaxError: ",
        '/part/{nam}: the function has no parameter "nam" for {nam}',
        '/pool: This server has no pool "no-such". Its pools: default.',
    ):
        assert words in log
    assert " /words: " not in log
    # One that cannot be called does not hide the others.
    paths = server.send("GET", "/_owt/openapi.json").json()["paths"]
    assert sorted(paths) == ["/broken", "/missing", "/part/{nam}", "/pool", "/words"]
    assert "SyntaxError" in paths["/broken"]["get"]["description"]
    assert paths["/words"]["get"]["parameters"][0]["name"] == "text"


def make_pool(folder: Path) -> Path:
    """Write an adaptor for a pool that is not there."""
    (folder / "pool.py").write_text(
        '# /// script\n# [tool.owt]\n# pool = "no-such"\n# ///\nrun = len\n'
    )
    return folder


def test_a_path_that_is_misspelt_is_told_the_nearest(serve: Serve, folder: Path) -> None:
    server = serve("--route", "/words=words.py", cwd=folder)
    for path in ("/wrods?text=a", "/words/?text=a"):
        answer = server.send("GET", path)
        assert (answer.status_code, answer.headers["Owt-Error"]) == (400, "code-missing")
        assert answer.text == (
            "No endpoint is at this path, and the request brings no code. The nearest endpoint is "
            "/words.\n"
        )
    answer = server.send("POST", "/", data='{"code_b64": "MQ"}', headers=FORM)
    assert answer.text == (
        "The request brings no code. Its body looks like JSON, and does not say so: send the "
        "header Content-Type: application/json, as curl --json does.\n"
    )


def test_no_other_code_runs_where_routes_are_all(serve: Serve, folder: Path) -> None:
    server = serve("--route", "/words=words.py", "--only-routes", cwd=folder)
    assert server.send("GET", "/words?text=a").json() == {"words": 1}
    for path in ("/", "/other"):
        answer = server.call("lambda: 'mine'", path=path)
        assert (answer.status_code, answer.headers["Owt-Error"]) == (404, "endpoint-unknown")
    assert server.send("GET", "/_owt/health").status_code == 200


def test_approved_code_alone_is_served_where_that_is_asked_for(serve: Serve, folder: Path) -> None:
    (folder / "approved").write_text("")
    options = ("--route", "/words=words.py", "--only-digests", "approved")
    server = serve(*options, cwd=folder)
    assert server.send("GET", "/words?text=a").headers["Owt-Error"] == "code-not-approved"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_a_page_of_another_site_can_link_to_an_endpoint_and_no_more(
    serve: Serve, folder: Path, browser: Browser
) -> None:
    server = serve("--route", "/say/{voice}=words.py:say", cwd=folder)
    url = f"{server.url}/say/anna"
    page = browser.new_page()
    page.route(
        "http://evil.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<a href="{url}">go</a><img src="{url}?text=image">'
            f'<form method="post" action="{url}"><button>send</button></form>',
        ),
    )
    page.goto("http://evil.example/")
    page.click("a")
    assert page.inner_text("body") == "GET anna: hello"
    page.goto("http://evil.example/")
    page.click("button")
    assert "POST anna" not in page.inner_text("body")
    page.close()
    assert json.dumps("image") not in server.log.since(0)
