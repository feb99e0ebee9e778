"""Who may call: programs with the right password, and pages of the right origin."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from harness.envelope import b64, envelope
from harness.program import run_owt
from harness.server import Serve, Server
from harness.wire import Answer, exchange, request_bytes

CALL = f"/?code_b64={envelope('def run(): return 7')['code_b64']}"

Headers = dict[str, str]


def get(server: Server, headers: Headers, target: str = CALL, method: str = "GET") -> Answer:
    """Send a request with these headers, and a Host unless there is one among them."""
    given = {"Host": f"localhost:{server.port}", **headers}
    return exchange(server, request_bytes(method, target, list(given.items())), method)


def outcome(answer: Answer) -> str:
    """Return the error's code, or the answer of the adaptor."""
    return answer.headers.get("owt-error", answer.body.decode())


def check(answer: Answer, expected: str) -> None:
    """Check for an answer of the adaptor, or a 403 for a reason."""
    assert (answer.status, outcome(answer)) == (200 if expected == "7" else 403, expected)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", "7"),
        ("LOCALHOST:{port}", "7"),
        ("127.0.0.1:{port}", "7"),
        ("127.0.0.2", "7"),
        ("[::1]:{port}", "7"),
        ("evil.example", "host-not-allowed"),
        ("evil.example:{port}", "host-not-allowed"),
        ("localhost.evil.example", "host-not-allowed"),
        ("10.0.0.1", "host-not-allowed"),
        ("", "host-not-allowed"),
    ],
)
def test_the_host_must_be_this_server(server: Server, host: str, expected: str) -> None:
    check(get(server, {"Host": host.format(port=server.port)}), expected)


def test_a_host_may_be_allowed(serve: Serve) -> None:
    server = serve("--allow-host", "gpu-box.lan")
    check(get(server, {"Host": "gpu-box.lan"}), "7")
    check(get(server, {"Host": "other.lan"}), "host-not-allowed")


FIREFOX = {
    "Host": "gpu-box.lan",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "confirmation-required"),
        ({"Referer": "http://evil.example/"}, "confirmation-required"),
        ({"Referer": "http://gpu-box.lan/page"}, "7"),
        # What is left of it after a redirect by another site.
        ({"Referer": "http://gpu-box.lan/"}, "confirmation-required"),
        ({"Referer": "https://app.example/page"}, "7"),
        ({"Origin": "https://app.example"}, "7"),
        ({"User-Agent": "python-requests/2.32"}, "7"),
    ],
)
def test_over_plain_http_a_browser_has_to_show_which_page_asks(
    serve: Serve, headers: Headers, expected: str
) -> None:
    server = serve("--allow-host", "gpu-box.lan", "--allow-origin", "https://app.example")
    check(get(server, {**FIREFOX, **headers}), expected)
    server.log.wait_for("This is plain HTTP")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "7"),
        ({"Origin": "http://localhost:3000"}, "7"),
        ({"Origin": "http://127.0.0.1"}, "7"),
        ({"Origin": "https://[::1]:8443"}, "7"),
        ({"Origin": "https://evil.example"}, "origin-not-allowed"),
        ({"Origin": "http://localhost.evil.example"}, "origin-not-allowed"),
        ({"Origin": "http://localhost@evil.example"}, "origin-not-allowed"),
        ({"Origin": "null"}, "origin-not-allowed"),
        ({"Origin": ""}, "origin-not-allowed"),
        ({"Sec-Fetch-Site": "same-origin"}, "7"),
        ({"Sec-Fetch-Site": "same-site"}, "7"),
        ({"Sec-Fetch-Site": "cross-site"}, "cross-site"),
        ({"Sec-Fetch-Site": "something new"}, "cross-site"),
    ],
)
def test_pages_of_other_sites_run_nothing(
    server: Server, method: str, headers: Headers, expected: str
) -> None:
    check(get(server, headers, method=method), expected)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://app.example", "7"),
        ("https://app.example:443", "7"),
        ("http://app.example", "origin-not-allowed"),
        ("https://app.example:8443", "origin-not-allowed"),
        ("https://app.example.evil.example", "origin-not-allowed"),
    ],
)
def test_an_origin_may_be_allowed(serve: Serve, origin: str, expected: str) -> None:
    answer = get(serve("--allow-origin", "https://app.example"), {"Origin": origin})
    check(answer, expected)
    readable_by = answer.headers.get("access-control-allow-origin")
    assert readable_by == (origin if expected == "7" else None)


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type, x-mine",
}


def test_the_front_answers_preflights_of_allowed_origins(server: Server) -> None:
    headers = {"Origin": "http://localhost:3000", **PREFLIGHT}
    answer = get(server, headers, method="OPTIONS")
    cors = {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }
    assert (answer.status, answer.body) == (204, b"")
    assert cors.pop("expose-headers", "").startswith("Owt-Error")
    assert cors == {
        "allow-origin": "http://localhost:3000",
        "allow-methods": "POST",
        "allow-headers": "content-type, x-mine",
        "max-age": "7200",
    }


def test_preflights_of_other_origins_are_refused(server: Server) -> None:
    headers = {"Origin": "https://evil.example", **PREFLIGHT}
    answer = get(server, headers, method="OPTIONS")
    check(answer, "origin-not-allowed")
    assert "access-control-allow-origin" not in answer.headers


# As `echo -n open sesame | sha256sum` prints it.
SESAME = "ann:41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"


def basic(user_and_password: str) -> Headers:
    """Return the header of HTTP Basic authentication."""
    return {"Authorization": f"Basic {b64(user_and_password)}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that wants a password, given in the environment."""
    home = tmp_path_factory.mktemp("guarded")
    with Server.started(home=home, env={"OWT_AUTH": SESAME}) as server:
        yield server


def test_the_right_password_opens(guarded: Server) -> None:
    check(get(guarded, basic("ann:open sesame")), "7")


# Each wrong password is sent to all targets in turn, because another one would have to wait longer.
@pytest.mark.parametrize("target", [CALL, "/", "/?code_b64=!", "/_owt/health", "/_owt/adaptors"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("ann:close sesame"),
        basic("bob:open sesame"),
        basic(SESAME),
        {"Authorization": "Basic ???"},
        {"Authorization": f"Bearer {b64('ann:open sesame')}"},
    ],
)
def test_without_it_nothing_is_even_decoded(guarded: Server, headers: Headers, target: str) -> None:
    answer = get(guarded, headers, target)
    assert (answer.status, outcome(answer)) == (401, "auth-required")
    assert answer.headers["www-authenticate"] == 'Basic realm="owt", charset="UTF-8"'
    assert answer.body.decode() == (
        "This server wants to know who calls. Send a user and a password with HTTP Basic "
        "authentication, or a token as Authorization: Bearer.\n"
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": "http://localhost:3000"}, "origin-not-allowed"),
        ({"Origin": "http://localhost:{port}"}, "7"),
        ({"Sec-Fetch-Site": "same-site"}, "cross-site"),
        ({"Sec-Fetch-Site": "same-origin"}, "7"),
    ],
)
def test_with_a_password_pages_on_other_ports_are_strangers(
    guarded: Server, headers: Headers, expected: str
) -> None:
    named = {name: value.format(port=guarded.port) for name, value in headers.items()}
    check(get(guarded, {**basic("ann:open sesame"), **named}), expected)


def test_a_body_is_not_waited_for_without_a_password(guarded: Server) -> None:
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n"
    answer = exchange(guarded, head.encode())
    assert (answer.status, outcome(answer)) == (401, "auth-required")


def test_passwords_are_in_no_log(guarded: Server) -> None:
    get(guarded, basic("ann:close sesame"))
    assert "sesame" not in guarded.log.since(0)


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_an_open_server_beyond_this_machine_is_refused(tmp_path: Path, address: str) -> None:
    done = run_owt("serve", "--address", address, "--port", "0", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--auth" in done.stderr
    assert "--allow-anonymous" in done.stderr


@pytest.mark.parametrize("options", [("--allow-anonymous",), ("--auth", SESAME)])
def test_with_one_of_the_ways_out_it_starts(serve: Serve, options: tuple[str, ...]) -> None:
    server = serve("--address", "0.0.0.0", *options)
    assert server.host == "0.0.0.0"
    check(get(server, basic("ann:open sesame")), "7")


OPENED = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Ada"),
        ({"name": "Ada"}, "Ada"),
        ({"name": "Eve"}, "confirmation-required"),
        ({"timeout": "9"}, "confirmation-required"),
        ({"who": "Eve"}, "confirmation-required"),
    ],
)
def test_a_link_runs_what_has_run_with_the_same_fields(
    server: Server, fields: dict[str, str], expected: str
) -> None:
    # Other code in each case: what has run is remembered.
    query = envelope(f"def run(request): return request.args['name']  # {fields}", name="Ada")
    assert server.send("GET", params=query).text == "Ada"
    opened = get(server, OPENED, f"/?{urlencode({**query, **fields})}")
    assert outcome(opened) == expected
