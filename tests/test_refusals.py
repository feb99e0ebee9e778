"""Requests that say nothing that could be run: refused in words that say what to send instead."""

import json
from contextlib import suppress

import pytest
from harness.envelope import b64, envelope
from harness.errors import (
    FORM,
    HEALTHY,
    HOST,
    MARK,
    Expected,
    Request,
    case,
    check_error,
    of_code,
    of_json,
)
from harness.server import Serve, Server
from harness.wire import connect, exchange, read_answer, request_bytes

MISSING = (
    "The request brings no code. Send Python source as code_b64, in a JSON body, a form or the "
    "query string."
)

CONTENT_TYPE = (
    "The Content-Type of the body cannot be read. Send application/json, "
    "application/x-www-form-urlencoded, or multipart/form-data with its boundary."
)

REFUSED = [
    case("nothing", Request(), 400, "code-missing", "Code is missing", MISSING),
    case("no code", of_json({"kwargs_b64": MARK}), 400, "code-missing", "Code is missing", MISSING),
    case(
        "code is not base64",
        of_json({"code_b64": MARK + "!"}),
        400,
        "code-not-base64",
        "Code is not base64",
        "The field code_b64 is not base64: it has '!' at offset 16. "
        "Encode it as `base64 -w 0` does.",
    ),
    case(
        "code is not UTF-8",
        of_json({"code_b64": b64(MARK.encode() + b"\xff")}),
        400,
        "code-not-utf8",
        "Code is not UTF-8",
        "The field code_b64 is not base64 of UTF-8 text: invalid utf-8 sequence of 1 bytes from "
        "index 16. Save the code as UTF-8, and encode it as `base64 -w 0` does.",
    ),
    case(
        "arguments are not base64",
        of_json({**envelope(HEALTHY), "kwargs_b64": MARK + "!"}),
        400,
        "kwargs-not-base64",
        "Arguments are not base64",
        "The field kwargs_b64 is neither a dict as it stands, such as {'name': 'owt'}, nor base64 "
        "of the arguments as UTF-8 text: it has '!' at offset 16. Encode them as `base64 -w 0` "
        "does.",
    ),
    case(
        "a word in place of the arguments",
        of_json({**envelope(HEALTHY), "kwargs_b64": "Ada"}),
        400,
        "kwargs-invalid",
        "Arguments are not UTF-8",
        "The field kwargs_b64 is neither a dict as it stands, such as {'name': 'owt'}, nor base64 "
        "of the arguments as UTF-8 text: incomplete utf-8 byte sequence from index 1. Encode them "
        "as `base64 -w 0` does.",
    ),
    case(
        "a field has another type",
        of_code(HEALTHY, use_cache=[MARK]),
        400,
        "field-invalid",
        "Field use_cache takes true or false",
        "The field use_cache takes true or false",
    ),
    case(
        "a time below zero",
        of_code(HEALTHY, timeout=-1),
        400,
        "field-invalid",
        "Field timeout takes a positive number of seconds",
        "The field timeout takes a positive number of seconds",
    ),
    case(
        "a field twice in a form",
        Request("/", (HOST, FORM), b"code_b64=eA&code_b64=eQ"),
        400,
        "field-invalid",
        "Field code_b64 is given twice",
        "The field code_b64 is given twice",
    ),
    case(
        "a field twice in JSON",
        of_json('{"code_b64": "eA", "fn_name": "a", "fn_name": "b"}'),
        400,
        "field-invalid",
        "Field fn_name is given twice",
        "The field fn_name is given twice",
    ),
    case(
        "broken JSON",
        of_json('{"code_b64": "' + MARK),
        400,
        "body-not-json",
        "Body is not JSON",
        "The body is not JSON: EOF while parsing a string at line 1 column 30. "
        "Send JSON, or another Content-Type.",
    ),
    case(
        "10,000 brackets in the body",
        of_json("[" * 10_000),
        400,
        "body-not-json",
        "Body is not JSON",
        "The body is not JSON: EOF while parsing a list at line 1 column 10000. "
        "Send JSON, or another Content-Type.",
    ),
    case(
        "a lone surrogate in the body",
        of_json('{"code_b64": "\\ud800"}'),
        400,
        "body-not-json",
        "Body is not JSON",
        "The body is not JSON: unexpected end of hex escape at line 1 column 21. "
        "Send JSON, or another Content-Type.",
    ),
    case(
        "another content type",
        Request("/", (HOST, ("Content-Type", "text/x-python")), b"def run(): pass"),
        415,
        "content-type",
        "Content type cannot be read",
        CONTENT_TYPE,
    ),
    case(
        "multipart without a boundary",
        Request("/", (HOST, ("Content-Type", "multipart/form-data")), MARK.encode()),
        415,
        "content-type",
        "Content type cannot be read",
        CONTENT_TYPE,
    ),
    case(
        "a URL beyond 64,000 bytes",
        Request("/?code_b64=" + "A" * 64_000),
        414,
        "url-too-long",
        "URL is longer than 64000 bytes",
        "The URL is longer than 64000 bytes. Send the same fields as JSON with POST instead, or "
        "start the server with a larger --max-url (65534 at most).",
    ),
    case(
        "a digest that was never sent",
        of_json({"code_sha256": "0" * 64}),
        404,
        "code-unknown",
        f"Code {'0' * 64} is unknown",
        f"This server was never sent the code {'0' * 64}, or has forgotten it. "
        "Send the source as code_b64.",
    ),
    case(
        "nothing at a path of the server's own",
        Request("/_owt/nothing"),
        404,
        "path-unknown",
        "Path is unknown",
        "Nothing is at this path. Under /_owt/ there are health, metrics, calls, jobs, adaptors, "
        "environments and pools.",
    ),
]


@pytest.mark.parametrize(("refused", "expected"), REFUSED)
def test_a_refusal_has_a_status_a_code_and_words(
    server: Server, refused: Request, expected: Expected
) -> None:
    check_error(server, refused, expected)


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(serve: Serve) -> None:
    server = serve("--max-body", "1000")
    words = (
        "The body is longer than 1000 bytes. Send less, or start the server with a larger "
        "--max-body.\n"
    )
    # Only the head is sent: the length that it declares is enough.
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n"
    declared = exchange(server, head.encode())
    chunks = b"".join(b"64\r\n" + b"x" * 100 + b"\r\n" for _ in range(11)) + b"0\r\n\r\n"
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = exchange(server, head.encode() + chunks)
    for answer in (declared, chunked):
        assert (answer.status, answer.headers["owt-error"]) == (413, "body-too-large")
        assert answer.body.decode() == words
    assert server.call("def run(request): return 'fits'").text == "fits"


INVALID = (
    "This is not a valid HTTP/1.1 request: {}. Leave the head of a request to an HTTP library."
)
TOO_LARGE = (
    "The head of the request is longer than 131072 bytes. Send large values in the body, or start "
    "the server with a larger --max-head (128K at most)."
)
TOO_MANY_HEADERS = (
    "The request has more than 96 headers. Send fewer, or start the server with a larger "
    "--max-headers (96 at most)."
)
URL_TOO_LONG = (
    "The URL is longer than 64000 bytes. Send the same fields as JSON with POST instead, or start "
    "the server with a larger --max-url (65534 at most)."
)
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("head", "status", "code", "words"),
    [
        (
            f"GET /?{'x' * 66_000} HTTP/1.1\r\nHost: localhost\r\n",
            414,
            "url-too-long",
            URL_TOO_LONG,
        ),
        (f"GET / HTTP/1.1\r\nX: {'x' * 140_000}\r\n", 431, "head-too-large", TOO_LARGE),
        ("GET / HTTP/1.1\r\n" + "X: x\r\n" * 97, 431, "head-too-large", TOO_MANY_HEADERS),
        ("GET / HTTP/1.1\r\n", 400, "request-invalid", INVALID.format("it has no Host header")),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n",
            400,
            "request-invalid",
            INVALID.format("it has several Host headers"),
        ),
        (
            f"POST / HTTP/1.1\r\nHost: localhost\r\n{CHUNKED}Content-Length: 3\r\n",
            400,
            "request-invalid",
            INVALID.format("it has both Content-Length and Transfer-Encoding"),
        ),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n",
            400,
            "request-invalid",
            INVALID.format("it has several Content-Length headers"),
        ),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: some\r\n",
            400,
            "request-invalid",
            INVALID.format("its Content-Length is missing or is no number"),
        ),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n",
            400,
            "request-invalid",
            INVALID.format("its Transfer-Encoding is not chunked, or not of HTTP/1.1"),
        ),
        ("GET\r\n", 400, "request-invalid", INVALID.format("its head is malformed")),
        (
            "\x16\x03\x01\x02\x00\x01",
            400,
            "request-invalid",
            INVALID.format("its head is malformed"),
        ),
        (
            "GET / HTTP/1.1\r\nHost : localhost\r\n",
            400,
            "request-invalid",
            INVALID.format("its head is malformed"),
        ),
    ],
)
def test_what_is_no_request_is_refused_like_any_other(
    server: Server, head: str, status: int, code: str, words: str
) -> None:
    well = request_bytes("GET", "/_owt/health", [("Host", "localhost")])
    with connect(server) as connection:
        # Behind another request, too, and with something behind it.
        connection.sendall(well)
        assert read_answer(connection).status == 200
        with suppress(ConnectionError):
            connection.sendall(f"{head}\r\nmore".encode("latin-1"))
        answer = read_answer(connection)
        assert connection.recv(1) == b""
    assert (answer.status, answer.headers["owt-error"], answer.body.decode()) == (
        status,
        code,
        words + "\n",
    )
    assert (answer.headers["connection"], answer.headers["x-content-type-options"]) == (
        "close",
        "nosniff",
    )
    assert answer.headers["owt-request-id"]
    assert "date" in answer.headers


def test_a_program_is_told_in_json_what_is_no_request(server: Server) -> None:
    answer = exchange(server, b"GET / HTTP/1.1\r\nAccept: application/json\r\n\r\n")
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body) == {
        "type": "urn:owt:error:request-invalid",
        "title": "Request is invalid: it has no Host header",
        "status": 400,
        "detail": INVALID.format("it has no Host header"),
        "code": "request-invalid",
    }
