"""Files of a form, told apart by a model."""

import pytest
from harness.envelope import envelope
from harness.program import ROOT
from harness.server import Server

FILETYPE = (ROOT / "examples/filetype/filetype.py").read_text()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("tests/data/flite_kal16_hello.wav", "audio/x-wav"),
        ("owt-server/src/front/handler.rs", "application/x-rust"),
        ("examples/echo/echo_script.sh", "text/x-shellscript"),
        ("examples/plot/plot.js", "application/javascript"),
    ],
)
def test_a_file_is_known_by_its_content(example_server: Server, name: str, media_type: str) -> None:
    # By another name, so that the content is all there is to see.
    files = {"file": ("unnamed", (ROOT / name).read_bytes())}
    answer = example_server.send("POST", params=envelope(FILETYPE), files=files)
    assert answer.json()["unnamed"].endswith(f"({media_type})")


def test_a_large_file_is_known_too(example_server: Server) -> None:
    files = {"file": ("video", b"\x1a\x45\xdf\xa3" + bytes(20_000_000))}
    answer = example_server.send("POST", params=envelope(FILETYPE), files=files)
    assert list(answer.json()) == ["video"]


def test_no_file_is_no_answer_but_an_empty_one(example_server: Server) -> None:
    assert example_server.send("POST", params=envelope(FILETYPE)).json() == {}
