"""`owt serve --static`: files beside calls, and a page that runs the adaptor next to it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import chromium, watched_page
from harness.envelope import envelope
from harness.program import ROOT, run_owt
from harness.server import Serve, Server
from harness.wire import exchange, request_bytes
from playwright.sync_api import expect

PAGE = "<!doctype html>\n<title>p\u00e4ge</title>\n"

SNIPPET = re.compile(r"```js\n(const url = owtify.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files that are served, and others that are not."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("secret")
    folder = outside / "served"
    (folder / "sub").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "index.html").write_text(PAGE)
    (folder / "sub/index.html").write_text("of the folder")
    (folder / "sub/a b.js").write_text("1")
    (folder / "digits").write_text("0123456789")
    (folder / ".env").write_text("secret")
    (folder / ".git/config").write_text("secret")
    (folder / "out").symlink_to("../secret")
    (folder / "within").symlink_to("digits")
    os.mkfifo(folder / "fifo")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of that folder."""
    home = tmp_path_factory.mktemp("home")
    with Server.started("--static", str(folder), home=home) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "content_type", "text"),
    [
        ("/", "text/html; charset=utf-8", PAGE),
        ("/index.html", "text/html; charset=utf-8", PAGE),
        ("/index.html?code=of-the-page", "text/html; charset=utf-8", PAGE),
        ("/sub/", "text/html; charset=utf-8", "of the folder"),
        ("/sub/a%20b.js", "text/javascript; charset=utf-8", "1"),
        ("/within", "application/octet-stream", "0123456789"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_is_served(
    server: Server, method: str, path: str, content_type: str, text: str
) -> None:
    answer = server.send(method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.headers["Content-Length"] == str(len(text.encode()))
    assert answer.content.decode() == (text if method == "GET" else "")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Owt-Error" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/.env",
        "/.git/config",
        "/%2eenv",
        "/../secret",
        "/%2e%2e/secret",
        "/sub/..%2f..%2fsecret",
        "/sub%2findex.html",
        "//sub/",
        "/out",
        "/fifo",
        "/digits/",
        "/digits%00",
    ],
)
def test_what_is_no_file_of_the_folder_is_a_call_without_code(server: Server, path: str) -> None:
    # As it stands: client libraries tidy paths up.
    answer = exchange(server, request_bytes("GET", path, [("Host", "localhost")]))
    assert (answer.status, answer.headers["owt-error"]) == (400, "code-missing")


def test_code_goes_before_files(server: Server) -> None:
    code = envelope("lambda request: request.path")
    assert server.send("GET", "/index.html", params=code).text == "/index.html"
    assert server.send("POST", "/index.html", json=code).text == "/index.html"
    assert server.send("GET", "/index.html", json=code).text == "/index.html"
    assert server.send("POST", "/index.html").headers["Owt-Error"] == "code-missing"


def test_a_folder_is_named_with_a_slash_for_its_relative_links(server: Server) -> None:
    answer = server.send("GET", "/sub?a=1", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "/sub/?a=1")


def test_a_file_has_a_tag_and_ranges(server: Server) -> None:
    first = server.send("GET", "/digits")
    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]

    def ask(**headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = server.send("GET", "/digits", headers=named)
        return answer.status_code, answer.text

    assert ask(If_None_Match=tag) == (304, "")
    assert ask(If_Modified_Since=modified) == (304, "")
    assert ask(If_Match='"other"') == (412, "")
    assert ask(Range="bytes=2-4") == (206, "234")
    assert ask(Range="bytes=2-4", If_Range=tag) == (206, "234")
    assert ask(Range="bytes=2-4", If_Range='"other"') == (200, "0123456789")
    assert ask(Range="bytes=10-") == (416, "")


def test_what_was_edited_is_served_at_once(server: Server, folder: Path) -> None:
    (folder / "edited.py").write_text("1")
    tag = server.send("GET", "/edited.py").headers["ETag"]
    (folder / "edited.py").write_text("2 + 2")
    answer = server.send("GET", "/edited.py", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.text) == (200, "2 + 2")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "host-not-allowed"),
        ({"Origin": "http://evil.example"}, "origin-not-allowed"),
        ({"Sec-Fetch-Site": "cross-site"}, "cross-site"),
    ],
)
def test_files_are_guarded_as_calls_are(server: Server, headers: dict[str, str], code: str) -> None:
    answer = server.send("GET", "/digits", headers=headers)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (403, code)


def test_files_need_the_password_of_calls(serve: Serve, folder: Path) -> None:
    server = serve("--static", str(folder), "--auth", f"ann:{'0' * 64}")
    assert server.send("GET", "/digits").headers["Owt-Error"] == "auth-required"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_that_looks_for_an_icon_is_told_that_there_is_none(
    server: Server, method: str
) -> None:
    answer = server.send(method, "/favicon.ico")
    assert (answer.status_code, answer.content) == (204, b"")
    code = envelope("lambda: 'an icon'")
    assert server.send("GET", "/favicon.ico", params=code).text == "an icon"


def test_an_icon_that_is_there_is_served(server: Server, folder: Path) -> None:
    (folder / "favicon.ico").write_text("an icon")
    answer = server.send("GET", "/favicon.ico")
    (folder / "favicon.ico").unlink()
    assert (answer.status_code, answer.text) == (200, "an icon")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_owt("serve", "--port", "0", "--static", "nowhere", home=tmp_path)
    assert (done.returncode, done.stderr) == (
        5,
        "owt: error: cannot serve the files of nowhere: No such file or directory (os error 2)\n"
        "\nhint: name a folder that can be read with --static\n",
    )


def test_the_page_of_the_readme_runs_the_adaptor_beside_it(serve: Serve, tmp_path: Path) -> None:
    snippet = SNIPPET.search((ROOT / "README.md").read_text())
    assert snippet is not None
    folder = tmp_path / "page"
    folder.mkdir()
    server = serve("--static", str(folder))
    origin = f"http://localhost:{server.port}"
    script = snippet[1].replace("http://localhost:9876", origin)
    (folder / "adaptor.py").write_text("def run(prompt): return prompt.upper()\n")
    (folder / "index.html").write_text(
        f"""<!doctype html><title>Page</title><output></output>
        <script type="module">
        import {{ owtify }} from '/_owt/client.js';
        {script}
        document.querySelector('output').value = await response.text();
        </script>"""
    )
    with chromium() as browser, watched_page(browser) as page:
        page.goto(origin)
        expect(page.get_by_role("status")).to_have_text("OUTPUT SOTA RESULTS")
