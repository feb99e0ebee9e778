"""Signed URLs, as programs make them and anybody may use them."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.envelope import envelope
from harness.program import run_owt
from harness.server import Serve, Server

AUTH = f"ann:{hashlib.sha256(b'secret').hexdigest()}"

SAY = "def run(request, text): return f'{request.method} {request.path} {text}'"


@pytest.fixture(scope="module")
def url_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key."""
    file = tmp_path_factory.mktemp("key") / "url.key"
    done = run_owt("key", str(file), home=file.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return file


@pytest.fixture(scope="module")
def server(url_key: Path) -> Iterator[Server]:
    """Return a server that wants a password or a signature."""
    options = ("--auth", AUTH, "--url-key", str(url_key))
    with Server.started(*options, home=url_key.parent) as server:
        yield server


def signed(server: Server, url_key: Path) -> str:
    """Return the path and query of a signed call."""
    options = ("--sign", "--url-key", str(url_key), "--url", f"{server.url}/a%20b")
    done = run_owt("encode", "-", "text:é", *options, home=url_key.parent, stdin=SAY)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip().removeprefix(server.url)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "audio"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    ],
)
def test_anybody_may_make_the_call(server: Server, url_key: Path, headers: dict[str, str]) -> None:
    answer = server.send("GET", signed(server, url_key), headers=headers)
    assert (answer.status_code, answer.text) == (200, "GET /a b é")
    assert answer.headers.get("Access-Control-Allow-Origin") == headers.get("Origin")
    assert answer.headers["Vary"] == "Origin"


def test_without_its_signature_the_same_call_is_refused(server: Server, url_key: Path) -> None:
    unsigned, _, _ = signed(server, url_key).partition("&owt_signature=")
    assert server.send("GET", unsigned).headers["Owt-Error"] == "auth-required"


@pytest.mark.parametrize("change", ["&text=evil", "&fn_name=evil", "&reload=true", "0"])
def test_what_is_added_makes_it_invalid(server: Server, url_key: Path, change: str) -> None:
    answer = server.send("GET", signed(server, url_key) + change)
    assert (answer.status_code, answer.headers["Owt-Error"]) == (403, "signature-invalid")


def test_another_method_is_not_signed(server: Server, url_key: Path) -> None:
    answer = server.send("POST", signed(server, url_key))
    assert (answer.status_code, answer.headers["Owt-Error"]) == (403, "signature-invalid")


@pytest.mark.parametrize(("seconds", "expected"), [(60, 200), (-60, 403)])
def test_a_python_program_signs(
    server: Server, url_key: Path, seconds: float, expected: int
) -> None:
    make = """
def run(base, source, key, seconds):
    import time
    return owt.owtify(base, source, {"text": "x"}, url_key=key, expires=time.time() + seconds)
"""
    base, key = f"{server.url}/path", url_key.read_text()
    fields = envelope(make, {"base": base, "source": SAY, "key": key, "seconds": seconds})
    url = server.send("POST", json=fields, auth=("ann", "secret")).text
    answer = server.send("GET", url.removeprefix(server.url))
    assert answer.status_code == expected
    said = answer.headers.get("Owt-Error", answer.text)
    assert said == ("GET /path x" if expected == 200 else "signature-expired")


def test_a_key_is_replaced_while_the_server_runs(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "url.key"
    run_owt("key", str(file), home=tmp_path)
    server = serve("--url-key", str(file))
    older = signed(server, file)
    run_owt("key", str(file), home=tmp_path)
    newer = signed(server, file)
    assert [server.send("GET", url).status_code for url in (older, newer)] == [200, 200]
    newest, _, _ = file.read_text().partition("\n")
    file.write_text(newest)
    # What is taken out counts for a second more.
    deadline = time.monotonic() + 10
    while server.send("GET", older).status_code == 200:
        assert time.monotonic() < deadline
    assert [server.send("GET", url).status_code for url in (older, newer)] == [403, 200]


def test_no_adaptor_has_the_key(serve: Serve, url_key: Path) -> None:
    key = url_key.read_text().strip()
    server = serve(env={"OWT_URL_KEY": key})
    assert server.send("GET", signed(server, url_key)).status_code == 200
    assert server.call("lambda: str(owt.args.url_key)").text == "None"
    assert key not in server.call("lambda: str((vars(owt.args), dict(os.environ)))").text
