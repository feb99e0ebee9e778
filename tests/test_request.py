"""What a handler sees of its request."""

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlencode

import pytest
from harness.envelope import envelope
from harness.server import Server
from harness.wire import exchange, request_bytes

ECHO = """
    def run(request):
        return {
            "method": request.method,
            "path": request.path,
            "full_path": request.full_path,
            "url": request.url,
            "host": request.host,
            "remote_addr": request.remote_addr,
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(flat=False),
            "data": request.data.decode("latin-1"),
            "content_type": request.content_type,
            "mimetype": request.mimetype,
            "cookies": dict(request.cookies),
            "header": request.headers.get("x-voice"),
            "disconnected": request.disconnected,
        }
"""


def echo(server: Server, **options: Any) -> dict[str, Any]:
    """Return what the handler saw of a call whose envelope is in the query."""
    params = {**envelope(ECHO), **options.pop("params", {})}
    answer = server.send("POST", "/any/w%C3%A4y", params=params, **options)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    assert seen["args"].pop("code_b64") == [params["code_b64"]]
    assert seen.pop("url").startswith(server.url + "/any/w%C3%A4y?code_b64=")
    assert seen.pop("full_path").startswith("/any/wäy?code_b64=")
    return seen


def test_every_field(server: Server) -> None:
    seen = echo(
        server,
        params={"q": ["a b", "ü"]},
        data=b"\x00 any bytes",
        headers={"X-Voice": "two", "Content-Type": "Text/Plain; charset=utf-8"},
        cookies={"taste": "bitter"},
    )
    assert seen == {
        "method": "POST",
        "path": "/any/wäy",
        "host": f"127.0.0.1:{server.port}",
        "remote_addr": "127.0.0.1",
        "args": {"q": ["a b", "ü"]},
        "form": {},
        "data": "\x00 any bytes",
        "content_type": "Text/Plain; charset=utf-8",
        "mimetype": "text/plain",
        "cookies": {"taste": "bitter"},
        "header": "two",
        "disconnected": False,
    }


def test_a_form(server: Server) -> None:
    seen = echo(server, data={"a": ["1", "2"], "b": "ü &"})
    assert (seen["form"], seen["mimetype"]) == (
        {"a": ["1", "2"], "b": ["ü &"]},
        "application/x-www-form-urlencoded",
    )


def test_files(server: Server) -> None:
    code = """
        def run(request):
            sound = request.files["sound"]
            first = sound.read(2)
            return [
                sound.filename, sound.content_type, first.hex(), sound.stream.read().hex(),
                [file.filename for file in request.files.getlist("more")],
                request.form.to_dict(), list(request.files),
            ]
    """
    files = [
        ("sound", ("a b.wav", b"\x00\x01\xff", "audio/wav")),
        ("more", ("1.txt", b"1", "text/plain")),
        ("more", ("2.txt", b"2", "text/plain")),
    ]
    answer = server.send("POST", data={**envelope(code), "note": "hä?"}, files=files)
    assert answer.status_code == 200, answer.text
    *seen, form, names = answer.json()
    assert seen == ["a b.wav", "audio/wav", "0001", "ff", ["1.txt", "2.txt"]]
    assert form["note"] == "hä?"
    assert sorted(set(names)) == ["more", "sound"]


@pytest.mark.parametrize(
    ("part", "seen"),
    [
        (b'name="f"; filename="a %22b%22.txt"', ["f", 'a "b".txt']),
        (b'name="f"; filename="a \\"b\\".txt"', ["f", 'a "b".txt']),
        (b'name="f"; filename="u.txt"; filename*=UTF-8\'\'%C3%BC.txt', ["f", "ü.txt"]),
        (b'name="%22f%22"; filename="a"', ['"f"', "a"]),
    ],
)
def test_names_of_files_are_read_as_clients_write_them(
    server: Server, part: bytes, seen: list[str]
) -> None:
    code = "def run(_): return [[name, file.filename] for name, file in _.files.items()][0]"
    body = b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n\r\n1\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = server.send("POST", params=envelope(code), data=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, seen)


def test_fields_files_and_names_that_are_missing(server: Server) -> None:
    code = """
        import io, zipfile

        def run(request):
            inside = zipfile.ZipFile(request.files["packed"]).read("it").decode()
            return [inside, request.form["latin"], request.form["missing"]]
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("it", "in it")
    files = {
        "packed": ("it.zip", packed.getvalue()),
        "latin": (None, b"\xfc", "text/plain; charset=latin-1"),
    }
    answer = server.send("POST", params=envelope(code), files=files)
    assert (answer.status_code, answer.text) == (400, "The request has no form field 'missing'.")
    answer = server.send(
        "POST", params=envelope(code.replace(', request.form["missing"]', "")), files=files
    )
    assert (answer.status_code, answer.json()) == (200, ["in it", "ü"])


def test_a_file_is_saved(server: Server, tmp_path: Any) -> None:
    code = "def run(request, to):\n    request.files['sound'].save(to)\n"
    saved = tmp_path / "saved"
    fields = envelope(code, {"to": str(saved)})
    server.send("POST", data=fields, files={"sound": b"\x00\x01"})
    assert saved.read_bytes() == b"\x00\x01"


def test_json_is_the_whole_body(server: Server) -> None:
    code = "def run(request): return [request.json == request.get_json(), request.json]"
    fields = envelope(code, more={"nested": [1, None]})
    assert server.send("POST", json=fields).json() == [True, fields]


def test_a_body_that_is_not_json_answers_as_flask_does(server: Server) -> None:
    code = envelope("def run(request): return request.json")
    other = server.send("POST", params=code, data=b"x", headers={"Content-Type": "text/plain"})
    broken = server.send(
        "POST", params=code, data=b"{", headers={"Content-Type": "application/json"}
    )
    assert (other.status_code, broken.status_code) == (415, 400)
    assert other.text == "The body is not JSON: its Content-Type is not application/json."


def test_the_id_is_that_of_the_answer(server: Server) -> None:
    answer = server.call("def run(request): return request.id")
    assert answer.text == answer.headers["Owt-Request-Id"]


def test_headers_keep_their_repetitions_and_their_bytes(server: Server) -> None:
    code = envelope("def run(request): return request.headers.getlist('X-Many')")
    headers = [("Host", "localhost"), ("X-Many", "one"), ("x-many", "tw\xf6")]
    answer = exchange(server, request_bytes("GET", f"/?code_b64={code['code_b64']}", headers))
    assert answer.body == '["one","twö"]'.encode()


def test_a_client_that_wants_another_protocol_is_answered_in_this_one(server: Server) -> None:
    query = urlencode(envelope("lambda request: request.method"))
    headers = (("Host", "localhost"), ("Connection", "Upgrade"), ("Upgrade", "websocket"))
    answer = exchange(server, request_bytes("GET", f"/?{query}", headers))
    assert (answer.status, answer.body) == (200, b"GET")


def test_a_body_counts_though_http_2_is_offered_as_java_does(server: Server) -> None:
    headers = (
        ("Host", "localhost"),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"),
        ("Content-Type", "application/json"),
    )
    body = json.dumps(envelope("lambda request: request.method")).encode()
    answer = exchange(server, request_bytes("POST", "/", headers, body))
    assert (answer.status, answer.body) == (200, b"POST")
