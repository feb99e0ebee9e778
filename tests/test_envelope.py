"""The envelope: where it may be in a request, and how leniently it is read."""

import base64
from typing import Any

import pytest
from harness.envelope import Fields, b64, digest, envelope
from harness.server import Serve, Server
from hypothesis import given, settings
from hypothesis import strategies as st

# Its base64 has all of +, / and =.
CODE = "def run(request, name='nobody'): return name + 'ûÿ~~>?'  # ûÿ~~>? "

WAYS = ["json", "form", "multipart", "query"]


def send(server: Server, way: str, fields: Fields) -> Any:
    """Send an envelope in one of the ways in which it may come."""
    texts = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in fields.items()
    }
    match way:
        case "json":
            return server.send("POST", json=fields)
        case "form":
            return server.send("POST", data=texts)
        case "multipart":
            return server.send("POST", data=texts, files={"of the handler": b"its file"})
        case _:
            return server.send("GET", params=texts)


@pytest.mark.parametrize("way", WAYS)
def test_code_and_arguments(server: Server, way: str) -> None:
    assert send(server, way, envelope(CODE, {"name": "añ"})).text == "añûÿ~~>?"


@pytest.mark.parametrize("way", WAYS)
def test_arguments_are_optional(server: Server, way: str) -> None:
    assert send(server, way, envelope(CODE)).text == "nobodyûÿ~~>?"


@pytest.mark.parametrize("way", WAYS)
def test_the_functions_name(server: Server, way: str) -> None:
    code = "def run(): return 'run'\ndef walk(): return 'walk'\n"
    assert send(server, way, envelope(code, fn_name="walk")).text == "walk"


@pytest.mark.parametrize("way", WAYS)
def test_the_digest_stands_for_code_that_was_sent(server: Server, way: str) -> None:
    code = f"def run(name): return name + ' by digest, {way}'"
    server.call(code, {"name": "first"})
    by_digest = {"code_sha256": digest(code), "kwargs_b64": b64('{"name": "second"}')}
    assert send(server, way, by_digest).text == f"second by digest, {way}"


@pytest.mark.parametrize("way", WAYS)
def test_code_that_was_never_sent_is_unknown(server: Server, way: str) -> None:
    answer = send(server, way, {"code_sha256": digest(f"never sent, {way}")})
    assert (answer.status_code, answer.headers["Owt-Error"]) == (404, "code-unknown")


@pytest.mark.parametrize("way", WAYS)
def test_a_timeout(server: Server, way: str) -> None:
    answer = send(server, way, envelope("def run():\n    while True: pass", timeout=0.05))
    assert (answer.status_code, answer.headers["Owt-Error"]) == (504, "deadline")


@pytest.mark.parametrize("way", WAYS)
def test_reload(server: Server, way: str) -> None:
    code = f"calls = []\ndef run():\n    calls.append({way!r})\n    return len(calls)\n"
    counts = [
        send(server, way, envelope(code, reload=reload)).json() for reload in (False, False, True)
    ]
    assert counts == [1, 2, 1]


@pytest.mark.parametrize("way", WAYS)
def test_the_fields_of_the_cache(server: Server, way: str) -> None:
    code = f"""
        import itertools

        count = itertools.count(1)

        def run(n):
            return f"{{n}} {{next(count)}} by {way}"
    """

    def ask(n: int, **fields: Any) -> str:
        text: str = send(server, way, envelope(code, {"n": n}, use_cache=True, **fields)).text
        return text

    key = f"the key of {way}"
    assert [ask(1), ask(2)] == [f"1 1 by {way}"] * 2
    assert [ask(2, cache_kwargs=True) for _ in range(2)] == [f"2 2 by {way}"] * 2
    assert [ask(n, cache_key_override=key) for n in (3, 4)] == [f"3 3 by {way}"] * 2


def test_json_comes_before_the_query(server: Server) -> None:
    query = envelope("def run(): return 'of the query'")
    body = envelope("def run(): return 'of the body'")
    assert server.send("POST", params=query, json=body).text == "of the body"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"timeout": "of the handler"}'),
        ("application/json", b"{ not JSON"),
        ("application/x-www-form-urlencoded", b"a=1&fn_name=mine"),
        ("audio/wav", b"RIFF\x00\xff"),
        ("", b"bytes"),
    ],
)
def test_the_body_is_the_handlers_when_the_envelope_is_in_the_query(
    server: Server, content_type: str, body: bytes
) -> None:
    code = envelope("def run(request): return request.get_data()")
    answer = server.send("POST", params=code, data=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.content) == (200, body)


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def wrapped(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


LENIENT = {
    "standard": b64(CODE),
    "standard, unpadded": b64(CODE).rstrip("="),
    "URL-safe": url_safe(CODE),
    "URL-safe, unpadded": url_safe(CODE).rstrip("="),
    "wrapped in lines": wrapped(CODE),
    "wrapped as Windows does": wrapped(CODE).replace("\n", "\r\n"),
    "a space for each plus": b64(CODE).replace("+", " "),
}


def test_the_code_needs_all_of_base64() -> None:
    assert {"+", "/", "="} <= set(b64(CODE))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", LENIENT)
def test_base64_is_read_leniently(server: Server, way: str, form: str) -> None:
    assert send(server, way, {"code_b64": LENIENT[form]}).text == "nobodyûÿ~~>?"


@pytest.mark.parametrize(
    "text",
    ['{"name": "a"}', "{'name': 'a'}", "<'name':'a'>", " {'name': 'a'}\n", "\ufeff{'name': 'a'}"],
)
@pytest.mark.parametrize("way", WAYS)
def test_arguments_may_come_without_base64(server: Server, way: str, text: str) -> None:
    fields = {**envelope("def run(name): return name"), "kwargs_b64": text}
    assert send(server, way, fields).text == "a"


@pytest.mark.parametrize("way", WAYS)
def test_a_byte_order_mark_before_the_arguments_is_none_of_them(server: Server, way: str) -> None:
    fields = {**envelope("def run(name): return name"), "kwargs_b64": b64('\ufeff{"name": "a"}')}
    assert send(server, way, fields).text == "a"


@settings(max_examples=50, deadline=None, database=None)
@given(
    st.dictionaries(
        st.from_regex("[a-z_]{1,8}", fullmatch=True),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=4,
    )
)
@pytest.mark.parametrize("way", WAYS)
def test_any_arguments_arrive_as_they_were(
    server: Server, way: str, kwargs: dict[str, Any]
) -> None:
    answer = send(server, way, envelope("def run(request, /, **kwargs): return kwargs", kwargs))
    assert answer.json() == kwargs


def test_deleted_code_is_forgotten(serve: Serve) -> None:
    server = serve()
    code = "def run(): return 'kept'"
    server.call(code)
    assert server.send("POST", json={"code_sha256": digest(code)}).text == "kept"
    assert server.send("DELETE", f"/_owt/adaptors/{digest(code)}").status_code == 204
    forgotten = server.send("POST", json={"code_sha256": digest(code)})
    assert (forgotten.status_code, forgotten.headers["Owt-Error"]) == (404, "code-unknown")


MISSPELT = "owt has no field fnname and ignores it; did you mean fn_name?"


@pytest.mark.parametrize("way", WAYS)
def test_a_field_that_may_be_misspelt_is_warned_of(server: Server, way: str) -> None:
    mark = len(server.log)
    answer = send(server, way, {**envelope("lambda: 'run'"), "fnname": "a-secret", "mode": "own"})
    assert (answer.text, answer.headers["Owt-Warning"]) == ("run", MISSPELT)
    line = f"WARN [{answer.headers['Owt-Request-Id']}] {MISSPELT}\n"
    assert "a-secret" not in server.log.wait_for(line, since=mark)


def test_a_call_that_fails_is_warned_of_as_well(server: Server) -> None:
    answer = server.call("def run(request, *, n): pass", kwargs_base64="{'n': 1}")
    assert answer.headers["Owt-Error"] == "arguments"
    assert answer.headers["Owt-Warning"].endswith("did you mean kwargs_b64?")


@pytest.mark.parametrize("way", WAYS)
def test_without_code_a_field_that_may_be_misspelt_is_an_error(server: Server, way: str) -> None:
    answer = send(server, way, {"code": b64(CODE), "kwargs_b64": "{}"})
    assert (answer.status_code, answer.headers["Owt-Error"], answer.text) == (
        400,
        "field-unknown",
        "The request brings no code, and owt has no field code. Did you mean code_b64?\n",
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_fields_of_a_handler_are_its_own(server: Server, way: str) -> None:
    where = {"json": "json", "query": "args"}.get(way, "form")
    code = f"def run(request): return request.{where}['name']"
    answer = send(server, way, {**envelope(code), "name": "Ada", "codec": "x", "time": "1"})
    assert (answer.text, "Owt-Warning" in answer.headers) == ("Ada", False)


@pytest.mark.parametrize("field", ["kwargs", "kwargs_b64"])
def test_arguments_may_be_an_object(server: Server, field: str) -> None:
    fields = {**envelope("lambda **kwargs: kwargs"), field: {"n": [1, None], "é": {}}}
    answer = server.send("POST", json=fields)
    assert (answer.json(), "Owt-Warning" in answer.headers) == ({"n": [1, None], "é": {}}, False)


@pytest.mark.parametrize("way", WAYS)
def test_a_traceback_names_the_file(server: Server, way: str) -> None:
    code = f"def run():\n    return 1 / 0  # {way}\n"
    text = send(server, way, {**envelope(code), "name": "models/iris.py"}).text
    assert f'  File "iris.py", line 2, in run\n    return 1 / 0  # {way}\n' in text


def test_the_name_of_a_file_is_no_part_of_the_caches_key(server: Server) -> None:
    code = "import itertools\ncount = itertools.count()\ndef run(): return next(count)\n"
    names = ["a.py", "b.py"]
    replies = [server.call(code, use_cache=True, name=name) for name in names]
    assert [reply.text for reply in replies] == ["0", "0"]
