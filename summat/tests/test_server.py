"""What adaptors know of the server, and what a worker saves for child processes."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

import owt
from owt import _server
from tests.process import ROOT, python, worker

if TYPE_CHECKING:
    from pathlib import Path


def test_the_public_names_are_these() -> None:
    assert sorted(owt.__all__) == [
        "OwtifyError",
        "Request",
        "Response",
        "Server",
        "UploadFile",
        "abort",
        "args",
        "main",
        "on_main_thread",
        "owtify",
        "pipe",
        "progress",
        "same_thread",
    ]
    namespace: dict[str, object] = {}
    exec("from owt import *", namespace)
    del namespace["__builtins__"]
    assert sorted(namespace) == sorted(owt.__all__)


def test_without_a_server_an_error_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OWT_ADAPTORS_DIR", raising=False)
    with pytest.raises(RuntimeError, match=r"No owt server runs this code.*Start a server"):
        owt.Server.sing()


def test_an_adaptor_has_the_server(tmp_path: Path) -> None:
    program = """
start(directory, args={"address": "::", "port": 99, "auth": ["u:h"]}, address="::", port=99)
source = '''
args.auth.append('changed')
def run(_):
    server = Server.sing()
    return [server is Server.sing(), server.address, server.port, server.url,
            args.port, args.auth, owt.args.auth]
'''
os.write(1, (json_of(source) + json_of('#\\n' + source)).encode())
"""
    each = '[true,"::",99,"http://[::1]:99",99,["u:h","changed"],["u:h"]]'
    assert worker(program, tmp_path).stdout == each * 2


@pytest.mark.parametrize(
    ("address", "values", "url"),
    [
        ("127.0.0.1", {}, "http://127.0.0.1:80"),
        ("0.0.0.0", {}, "http://127.0.0.1:80"),
        ("host", {"tls_cert": "cert.pem"}, "https://host:80"),
    ],
)
def test_the_url_can_be_connected_to(address: str, values: dict[str, str], url: str) -> None:
    assert _server._url(address, 80, values) == url


def test_the_settings_for_children_are_private(tmp_path: Path) -> None:
    worker("start(directory)", tmp_path)
    (file,) = tmp_path.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("server.json", 0o600)


def test_sources_for_children_are_private_and_go_with_the_adaptor(tmp_path: Path) -> None:
    program = """
import pickle  # From then on, sources are written to files.
start(directory)
text_of("def run(_): return 'é'")
(name,) = [name for name in os.listdir(directory) if name != 'server.json']
path = os.path.join(directory, name)
os.write(1, f"{name[:2]} {oct(os.stat(path).st_mode)} {open(path).read()}".encode())
_worker.forget(_worker.adaptors()[0]['digest'])
assert os.listdir(directory) == ['server.json']
"""
    assert worker(program, tmp_path).stdout == "a_ 0o100600 def run(_): return 'é'"


def test_a_missing_folder_stops_no_call(tmp_path: Path) -> None:
    program = """
start(directory)
os.unlink(directory + '/server.json'); os.rmdir(directory)
os.write(1, text_of("def run(_): return 'x'").encode())
"""
    folder = tmp_path / "gone"
    folder.mkdir()
    assert worker(program, folder).stdout == "x"


def test_the_package_is_last_on_the_path_of_children(tmp_path: Path) -> None:
    program = "start(directory); start(directory)\nos.write(1, os.environ['PYTHONPATH'].encode())"
    assert worker(program, tmp_path, PYTHONPATH=f"/first:{ROOT}").stdout == f"/first:{ROOT}"
    program = (
        f"import sys; sys.path.append({ROOT!r})\nfrom tests.process import START\nexec(START)\n"
    )
    program += f"start({str(tmp_path)!r})\nos.write(1, os.environ['PYTHONPATH'].encode())"
    assert python(program, PYTHONPATH="/first").stdout == f"/first:{ROOT}"
