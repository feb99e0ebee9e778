"""Limits on what one request brings: each option is heeded, and named by what refuses beyond it."""

import re
from collections.abc import Iterator

import pytest
from harness.envelope import Fields, b64, envelope
from harness.server import Server
from harness.wire import exchange, json_request, request_bytes

OPTIONS = {
    "--max-head": "2000",
    "--max-headers": "8",
    "--max-url": "1K",
    "--max-fields": "3",
    "--max-parts": "2",
    "--max-nesting": "4",
    "--max-kwargs": "100K",
}

HOST = ("Host", "localhost")
CODE = envelope("def run(request, **kwargs): return 'ran'")
PARTS = ("Content-Type", "multipart/form-data; boundary=x")
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with low limits."""
    options = [word for option in OPTIONS.items() for word in option]
    home = tmp_path_factory.mktemp("strict")
    with Server.started("--no-eval", *options, home=home) as server:
        yield server


def get(query: str, *headers: tuple[str, str]) -> bytes:
    return request_bytes("GET", f"/?code_b64={CODE['code_b64']}{query}", [HOST, *headers])


def with_kwargs(kwargs: str) -> bytes:
    fields: Fields = {**CODE, "kwargs_b64": b64(kwargs)}
    return json_request(fields)


TOO_LARGE = [
    ("--max-head", get("", ("X", "x" * 2000)), 431, "head-too-large"),
    ("--max-headers", get("", *[("X", "x")] * 8), 431, "head-too-large"),
    ("--max-url", get("&x=" + "x" * 1000), 414, "url-too-long"),
    ("--max-fields", get("&a=1&b=2&c=3"), 413, "too-many-fields"),
    (
        "--max-parts",
        request_bytes("POST", "/", [HOST, PARTS], PART * 3 + b"--x--\r\n"),
        413,
        "too-many-parts",
    ),
    ("--max-nesting", with_kwargs("{'a': [[[[]]]]}"), 400, "kwargs-invalid"),
    ("--max-kwargs", with_kwargs("{'a': [" + "0," * 100 + "]}"), 413, "kwargs-too-large"),
]


@pytest.mark.parametrize(
    ("option", "request_", "status", "code"), TOO_LARGE, ids=[case[0] for case in TOO_LARGE]
)
def test_what_is_too_large_is_refused_with_the_option_to_raise(
    strict: Server, option: str, request_: bytes, status: int, code: str
) -> None:
    answer = exchange(strict, request_)
    assert (answer.status, answer.headers["owt-error"]) == (status, code)
    assert re.findall("--[a-z-]+", answer.body.decode()) == [option]


@pytest.mark.parametrize(
    "request_",
    [
        get("&a=1&b=2", ("X", "x" * 1000)),
        with_kwargs("{'a': [[[0]]]}"),
        # A tenth of what literals take.
        with_kwargs('{"a": [' + "0," * 100 + "0]}"),
        with_kwargs("'" + "words ((((( " * 100 + "'"),
    ],
    ids=["head", "nesting", "json", "text"],
)
def test_what_fits_runs(strict: Server, request_: bytes) -> None:
    answer = exchange(strict, request_)
    assert (answer.status, answer.body) == (200, b"ran")


SHAPES = {
    "brackets": ("(" * 100_000, ")" * 100_000),
    "JSON": ('{"a":' * 100_000, "1" + "}" * 100_000),
    "lists": ("[" * 990, "]" * 990),
    "signs": ("-" * 100_000, "1"),
    "sums": ("1+" * 100_000, "1"),
    "calls": ("a" + "()" * 30_000, ""),
    "attributes": ("a" + ".b" * 30_000, ""),
    "items": ("a" + "[0]" * 30_000, ""),
    "functions": ("lambda:" * 30_000, "1"),
    "conditions": ("1 if 1 else " * 30_000, "1"),
    "powers": ("1**" * 30_000, "1"),
}


@pytest.mark.parametrize(("begin", "end"), SHAPES.values(), ids=SHAPES)
def test_however_deep_arguments_are_the_worker_stays(server: Server, begin: str, end: str) -> None:
    code = "def run(request, **kwargs): return str(os.getpid())"
    pid = server.call(code).text
    for kwargs in (f"{begin}{end}", f"{{'a': {begin}{end}}}"):
        answer = server.call(code, kwargs)
        refused = (400, "kwargs-invalid")
        assert (answer.status_code, answer.headers.get("Owt-Error")) in (refused, (200, None))
    assert server.call(code).text == pid
