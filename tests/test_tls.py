"""HTTPS, and HTTP/2 over it, with the clients that people have."""

import json
import select
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import pytest
import trustme
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived
from harness.envelope import Fields, envelope
from harness.program import clean_environment, run, run_owt
from harness.server import Serve, Server
from harness.tls import Files, connect_http2
from harness.wire import connect as connect_plain
from harness.wire import json_request, read_answer

# "ann", whose password is "secret".
ANN = "ann:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

PROTOCOL = "lambda request: [request.scheme, request.host, request.url]"

ENDLESS = """
    import logging, time

    def run(request):
        try:
            logging.info("begun")
            while True:
                time.sleep(0.01)
        finally:
            logging.info("cleaned up")
"""

ENDLESS_STREAM = """
    import logging, time

    def run(request):
        try:
            yield "first"
            logging.info("begun")
            while True:
                time.sleep(0.01)
        finally:
            logging.info("cleaned up")
"""

CHUNKS = """
    def run(request, count):
        for number in range(count):
            yield bytes([number % 256]) * 1024
"""


@pytest.fixture
def tls(serve: Serve, files: Files) -> Server:
    """Return a server that speaks HTTPS."""
    return serve(*files.options)


class Connect(Protocol):
    """Makes clients that trust the server's authority."""

    def __call__(self, server: Server, *, http2: bool = True) -> httpx.Client:
        """Return a client of a server that waits so many seconds for an answer."""


@pytest.fixture
def connect(files: Files) -> Iterator[Connect]:
    """Return what makes clients that trust the authority."""
    clients: list[httpx.Client] = []

    def make(server: Server, *, http2: bool = True) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=files.authority)
        base = f"https://localhost:{server.port}"
        client = httpx.Client(
            base_url=base,
            verify=trusted,
            trust_env=False,
            http2=http2,
            timeout=20,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.mark.parametrize(("http2", "version"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
def test_a_call_is_answered(tls: Server, connect: Connect, http2: bool, version: str) -> None:
    answer = connect(tls, http2=http2).post("/path", json=envelope(PROTOCOL))
    assert (answer.status_code, answer.http_version) == (200, version)
    host = f"localhost:{tls.port}"
    assert answer.json() == ["https", host, f"https://{host}/path"]
    assert answer.headers["Owt-Request-Id"]


@pytest.mark.parametrize("version", ["--http2", "--http1.1"])
def test_curl_calls(tls: Server, files: Files, tmp_path: Path, version: str) -> None:
    query = ["--data-urlencode", f"code_b64={envelope('lambda name: name')['code_b64']}"]
    query += ["--data-urlencode", "kwargs_b64={'name': 'curl'}"]
    command = ["curl", "--silent", "--show-error", version, "--cacert", str(files.authority)]
    url = f"https://localhost:{tls.port}/"
    told = run([*command, "--get", *query, "--write-out", " %{http_version}", url], home=tmp_path)
    assert told.stdout == f"curl {version.removeprefix('--http').removesuffix('.0')}"


@pytest.mark.parametrize("way", ["--cacert", "OWT_CACERT", "SSL_CERT_FILE", "--insecure", "-k"])
def test_owt_calls(tls: Server, files: Files, tmp_path: Path, way: str) -> None:
    known, authority = not way.startswith(("--i", "-k")), str(files.authority)
    options = [way, authority] if way == "--cacert" else [] if known else [way]
    env = {way: authority} if way.isupper() else {}
    told = call(tls, *options, "name:owt", code="lambda name: name", home=tmp_path, env=env)
    assert (told.stderr, told.stdout) == ("", "owt")


def test_owt_takes_the_servers_own_certificate(tls: Server, files: Files, tmp_path: Path) -> None:
    told = call(tls, "--cacert", str(files.cert), code="lambda: 1", home=tmp_path)
    assert (told.stderr, told.stdout) == ("", "1")


def test_owt_streams_a_large_answer_and_body(tls: Server, files: Files, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"owt" * 1_000_000)
    options = ["--cacert", str(files.authority), "--data", f"@{tmp_path / 'body'}"]
    code = """
        def run(request):
            for piece in request.stream:
                yield piece.upper()
    """
    told = call(tls, *options, code=code, home=tmp_path)
    assert (told.stderr, told.stdout) == ("", "OWT" * 1_000_000)


def test_owt_refuses_a_certificate_that_it_does_not_know(tls: Server, tmp_path: Path) -> None:
    assert refused_call(tls, home=tmp_path) == (
        "the server's certificate has no trusted issuer",
        "trust it, or its issuer, with --cacert FILE",
    )


def test_owt_refuses_a_certificate_for_another_host(serve: Serve, tmp_path: Path) -> None:
    authority, trusted = trustme.CA(), str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(trusted)
    both = tmp_path / "both.pem"
    authority.issue_cert("gpu-box").private_key_and_cert_chain_pem.write_to_path(str(both))
    server = serve("--tls-cert", str(both), "--tls-key", str(both))
    told = call(server, "--cacert", trusted, code="lambda: 1", home=tmp_path)
    assert (told.returncode, told.stdout) == (3, "")
    assert told.stderr == (
        "owt: error: the server's certificate is not valid: "
        'it is for DnsName("gpu-box"), not for "localhost"\n'
    )


def test_owt_tells_that_a_server_does_not_speak_https(serve: Serve, tmp_path: Path) -> None:
    assert refused_call(serve(), home=tmp_path) == (
        "the server does not speak HTTPS; one that speaks plain HTTP is called by http",
        "if it has no certificate, call it with --url http://…",
    )


def test_owt_tells_that_a_server_may_speak_https(tls: Server, tmp_path: Path) -> None:
    url = f"http://localhost:{tls.port}"
    assert refused_call(tls, home=tmp_path, url=url) == (
        "the answer cannot be read as HTTP; a server that speaks HTTPS is called by https",
        "if it was started with --tls-cert, call it with --url https://…",
    )


def test_owt_tells_that_a_file_holds_no_certificate(
    tls: Server, files: Files, tmp_path: Path
) -> None:
    assert refused_call(tls, "--cacert", str(files.key), home=tmp_path, code=4) == (
        f"{files.key} holds no certificate that can be read",
        "give a certificate in PEM form with --cacert",
    )


def call(
    server: Server,
    *options: str,
    code: str,
    home: Path,
    url: str | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `owt call` of a server over HTTPS, or by another URL."""
    url = url or f"https://localhost:{server.port}"
    return run_owt("call", "-", "--url", url, *options, home=home, env=env, stdin=dedent(code))


def refused_call(
    server: Server, *options: str, home: Path, url: str | None = None, code: int = 3
) -> tuple[str, str]:
    """Return the error and the hint of an `owt call` that gets no answer."""
    told = call(server, *options, code="lambda: 1", home=home, url=url)
    assert (told.returncode, told.stdout) == (code, "")
    error, hint = told.stderr.split("\n\n")
    return error.removeprefix("owt: error: "), hint.removeprefix("hint: ").removesuffix("\n")


def test_a_stream_comes_whole_over_http2(tls: Server, connect: Connect) -> None:
    body = envelope(CHUNKS, {"count": 2000})
    with connect(tls).stream("POST", "/", json=body) as answer:
        assert answer.http_version == "HTTP/2"
        received = b"".join(answer.iter_bytes())
    assert received == b"".join(bytes([number % 256]) * 1024 for number in range(2000))


def test_a_body_goes_whole_over_http2(tls: Server, connect: Connect) -> None:
    code = {
        "code_b64": envelope("def run(request): return str(len(request.get_data()))")["code_b64"]
    }
    answer = connect(tls).post("/", params=code, content=b"x" * 3_000_000)
    assert answer.text == "3000000"


def test_many_calls_share_a_connection(tls: Server, connect: Connect) -> None:
    client = connect(tls)
    for number in range(50):
        assert client.post("/", json=envelope("lambda n: n", {"n": number})).json() == number


@pytest.mark.parametrize("code", [ENDLESS, ENDLESS_STREAM], ids=["call", "stream"])
@pytest.mark.parametrize("in_query", [True, False], ids=["no body", "body"])
def test_a_stream_that_is_reset_ends_its_python_alone(
    tls: Server, files: Files, code: str, in_query: bool
) -> None:
    fields = envelope(code)
    with reset_once_begun(tls, files, fields, in_query=in_query) as begin_another:
        tls.log.wait_for("cleaned up")
        assert begin_another() == b"well"


@contextmanager
def reset_once_begun(
    server: Server, files: Files, fields: Fields, *, in_query: bool
) -> Iterator[Callable[[], bytes]]:
    """Make a call over HTTP/2, reset its stream, and give what makes another on the connection."""
    with connect_http2(server, files) as tcp:
        http = H2Connection()
        http.initiate_connection()

        def send(number: int, fields: Fields, in_query: bool) -> None:
            query = "?" + urlencode(fields) if in_query else ""
            head = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost")]
            head += [(":path", f"/{query}"), ("content-type", "application/json")]
            http.send_headers(number, head, end_stream=in_query)
            if not in_query:
                http.send_data(number, json.dumps(fields).encode(), end_stream=True)
            tcp.sendall(http.data_to_send())

        send(1, fields, in_query)
        server.log.wait_for("begun")
        http.reset_stream(1, ErrorCodes.CANCEL)
        tcp.sendall(http.data_to_send())

        def begin_another() -> bytes:
            send(3, envelope("lambda: 'well'"), in_query=False)
            while True:
                for event in http.receive_data(tcp.recv(65536)):
                    if isinstance(event, DataReceived) and event.stream_id == 3 and event.data:
                        return event.data

        yield begin_another


@pytest.mark.parametrize("code", [ENDLESS, ENDLESS_STREAM], ids=["call", "stream"])
def test_who_closes_the_connection_ends_the_python(
    tls: Server, files: Files, tmp_path: Path, code: str
) -> None:
    fields: Fields = envelope(code)
    url = f"https://localhost:{tls.port}/"
    command = ["curl", "--silent", "--http2", "--cacert", str(files.authority), "--get", url]
    command += ["--data-urlencode", f"code_b64={fields['code_b64']}"]
    with subprocess.Popen(
        command, env=clean_environment(tmp_path), stdout=subprocess.DEVNULL
    ) as curl:
        tls.log.wait_for("begun")
        curl.kill()
        tls.log.wait_for("cleaned up")


def test_the_guard_stands_over_http2(serve: Serve, files: Files, connect: Connect) -> None:
    listed = "https://localhost:5173"
    server = serve(*files.options, "--auth", ANN, "--allow-origin", listed)
    client, body = connect(server), envelope("lambda: 'in'")

    def code(**options: Any) -> tuple[int, str | None]:
        answer = client.post("/", json=body, **options)
        assert answer.http_version == "HTTP/2"
        return answer.status_code, answer.headers.get("Owt-Error")

    ann = ("ann", "secret")
    assert code() == (401, "auth-required")
    assert code(auth=("ann", "wrong")) == (401, "auth-required")
    assert code(auth=ann) == (200, None)
    assert code(auth=ann, headers={"Host": "evil.example"}) == (403, "host-not-allowed")
    evil = {"Origin": "https://evil.example"}
    assert code(auth=ann, headers=evil) == (403, "origin-not-allowed")
    assert code(auth=ann, headers={"Origin": listed}) == (200, None)
    # With users, another port of this machine may be another user's.
    local = {"Origin": "https://localhost:5174"}
    assert code(auth=ann, headers=local) == (403, "origin-not-allowed")


def test_a_stop_does_not_wait_for_idle_http2_connections(tls: Server, connect: Connect) -> None:
    client = connect(tls)
    assert client.post("/", json=envelope("lambda: 1")).text == "1"
    tls.process.terminate()
    assert tls.process.wait(timeout=15) == 0


def test_a_connection_counts_before_its_handshake(serve: Serve, files: Files) -> None:
    server = serve(*files.options, "--max-connections-per-address", "1")
    with connect_plain(server) as one, connect_plain(server) as other:
        # One of the two is one too many, and is closed though nobody has sent anything.
        closed, _, _ = select.select([one, other], [], [], 20)
        assert len(closed) == 1
        left = one if closed == [other] else other
        trusted = ssl.create_default_context(cafile=files.authority)
        with trusted.wrap_socket(left, server_hostname="localhost") as tcp:
            tcp.sendall(json_request(envelope("lambda: 'in'")))
            assert read_answer(tcp).body == b"in"


def test_plain_http_is_not_answered(tls: Server) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{tls.port}/", trust_env=False)


def test_files_that_are_no_certificate_are_told_in_one_sentence(
    files: Files, tmp_path: Path
) -> None:
    hint = "\n\nhint: give the certificate and its key in PEM form with --tls-cert and --tls-key\n"

    def refused(cert: Path, key: Path) -> str:
        options = ("--tls-cert", str(cert), "--tls-key", str(key))
        told = run_owt("serve", "--port", "0", *options, home=tmp_path)
        assert told.returncode != 0
        assert told.stderr.endswith(hint), told.stderr
        return told.stderr.removesuffix(hint).removeprefix("owt: error: ")

    empty, absent = tmp_path / "empty.pem", tmp_path / "absent.pem"
    empty.touch()
    assert refused(empty, files.key) == f"{empty} holds no certificate"
    assert refused(files.cert, empty) == f"{empty} holds no private key, or one that is encrypted"
    assert refused(absent, files.key).startswith(f"cannot read {absent}: ")
    assert "is no key for" in refused(files.cert, files.other_key)


def test_a_certificate_needs_its_key(files: Files, tmp_path: Path) -> None:
    told = run_owt("serve", "--tls-cert", str(files.cert), home=tmp_path)
    assert told.returncode == 2
    assert "--tls-key" in told.stderr


def test_a_connection_of_http2_has_so_many_streams_and_says_so(serve: Serve, files: Files) -> None:
    server = serve(*files.options, "--max-streams", "2")
    query = urlencode(envelope(ENDLESS))
    head = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost")]
    head += [(":path", f"/?{query}")]
    with connect_http2(server, files) as tcp:
        http = H2Connection()
        http.initiate_connection()
        # One too many, before the server has said how many there may be.
        for number in (1, 3, 5):
            http.send_headers(number, head, end_stream=True)
        tcp.sendall(http.data_to_send())
        answers: dict[int, dict[bytes, bytes]] = {}
        while not answers:
            for event in http.receive_data(tcp.recv(65536)):
                if isinstance(event, ResponseReceived):
                    answers[event.stream_id] = dict(event.headers)
        assert http.remote_settings.max_concurrent_streams == 2
        assert [
            (number, answer[b":status"], answer[b"owt-error"]) for number, answer in answers.items()
        ] == [(5, b"429", b"too-many-streams")]
