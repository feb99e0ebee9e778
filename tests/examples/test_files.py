"""Files opened by a pipe, and a folder served."""

import pytest
from harness.document import steps
from harness.envelope import envelope
from harness.program import ROOT
from harness.server import Server

EXAMPLE = ROOT / "examples/files"
SHOUT = (EXAMPLE / "shout.py").read_text()
FILES = (EXAMPLE / "files.py").read_text()


def test_the_whole_file_is_shouted(example_server: Server) -> None:
    answer = example_server.call(SHOUT, path="/files/README.md")
    assert answer.text == (EXAMPLE / "README.md").read_text().upper()


@pytest.mark.parametrize("code", [SHOUT, FILES])
@pytest.mark.parametrize("path", ["/%2e%2e/Cargo.toml", "/files/nothing", "//etc/passwd"])
def test_no_path_leaves_the_folder(example_server: Server, code: str, path: str) -> None:
    assert example_server.call(code, path=path).status_code == 404


def test_a_file_is_served_with_its_type_and_only_once(example_server: Server) -> None:
    params, path = envelope(FILES), "/digits/exam.mjs"
    first = example_server.send("GET", path, params=params)
    assert first.content == (ROOT / "examples/digits/exam.mjs").read_bytes()
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    tag = {"If-None-Match": first.headers["ETag"]}
    again = example_server.send("GET", path, params=params, headers=tag)
    assert (again.status_code, again.content) == (304, b"")


def test_the_readme_shows_the_whole_adaptor() -> None:
    assert steps(EXAMPLE / "README.md")[0].printed == SHOUT.splitlines(keepends=True)[-1]
