"""`--only-digests`: nothing runs but approved code."""

from pathlib import Path

import pytest
import requests
from harness.envelope import digest, envelope
from harness.program import run_owt
from harness.server import Serve, Server

WORDS = """
from subprocess import check_output

def run(words):
    return sorted(words)

def count(words):
    return len(words)
"""


@pytest.fixture
def approved(tmp_path: Path) -> Path:
    """Return a list with one adaptor in it."""
    (tmp_path / "words.py").write_text(WORDS)
    done = run_owt("approve", "words.py", "--to", "approved", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "approved"


@pytest.fixture
def server(serve: Serve, approved: Path) -> Server:
    """Return a server that runs this adaptor and no other."""
    return serve("--only-digests", str(approved))


def outcome(answer: requests.Response) -> object:
    """Return what an adaptor answered, or owt's error."""
    return answer.headers.get("Owt-Error") or answer.json()


def test_approved_code_runs_by_source_and_by_digest(server: Server) -> None:
    call = envelope(WORDS, {"words": ["b", "a"]})
    assert outcome(server.send("POST", json=call)) == ["a", "b"]
    del call["code_b64"]
    call["code_sha256"] = digest(WORDS)
    assert outcome(server.send("POST", json=call)) == ["a", "b"]
    assert outcome(server.send("GET", params=call)) == ["a", "b"]
    assert outcome(server.send("POST", data=call)) == ["a", "b"]


def test_other_code_is_refused_in_every_form(server: Server, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    call = envelope(f"def run(words=0): open({str(ran)!r}, 'w')")
    assert outcome(server.send("POST", json=call)) == "code-not-approved"
    assert outcome(server.send("GET", params=call)) == "code-not-approved"
    assert outcome(server.send("POST", data=call)) == "code-not-approved"
    parts = {name: (None, text) for name, text in call.items()}
    assert outcome(server.send("POST", files=parts)) == "code-not-approved"
    cached = call | {"use_cache": True, "cache_key_override": "words"}
    assert outcome(server.send("POST", json=cached)) == "code-not-approved"
    sent = {"code_sha256": digest(f"def run(words=0): open({str(ran)!r}, 'w')")}
    answer = server.send("POST", json=sent)
    assert answer.status_code == 403
    assert answer.text == (
        f"This server runs approved code only, and {sent['code_sha256']} is not approved. If it "
        "should be, use `owt approve FILE` on the server's machine.\n"
    )
    assert not ran.exists()


@pytest.mark.parametrize("function", ["count", "check_output", "__builtins__"])
def test_other_functions_of_it_are_refused(server: Server, function: str) -> None:
    call = envelope(WORDS, {"words": ["a"]}, fn_name=function)
    answer = server.send("POST", json=call)
    assert outcome(answer) == "code-not-approved"
    assert f"the function {function!r} is not approved".replace("'", '"') in answer.text


def test_arguments_are_data(server: Server) -> None:
    assert outcome(server.call(WORDS, "{'words': [open('x', 'w')]}")) == "kwargs-invalid"
    assert outcome(server.call(WORDS, "{'words': ('b', 'a')}")) == ["a", "b"]


def test_the_list_may_change(server: Server, approved: Path) -> None:
    count = ("approve", "words.py", "--to", "approved", "--fn-name", "count")
    done = run_owt(*count, home=approved.parent)
    assert done.stdout == f"{digest(WORDS)} is approved, in approved\n"
    assert outcome(server.call(WORDS, {"words": ["a"]}, fn_name="count")) == 1
    text = approved.read_text()
    done = run_owt(*count, home=approved.parent)
    assert done.stdout == f"{digest(WORDS)} was approved before, in approved\n"
    assert approved.read_text() == text
    assert text == f"{digest(WORDS)} run  # words.py\n{digest(WORDS)} count  # words.py\n"
    approved.write_text("")
    mark = len(server.log)
    # What is refused makes it look for a change at once.
    assert outcome(server.call("lambda: 1")) == "code-not-approved"
    server.log.wait_for("has changed, and was read again", since=mark)
    assert outcome(server.call(WORDS, {"words": ["a"]})) == "code-not-approved"


def test_a_list_that_cannot_be_read_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "approved").write_text("words.py\n")
    done = run_owt("serve", "--port", "0", "--only-digests", "approved", home=tmp_path)
    assert (done.returncode, done.stderr) == (
        5,
        "owt: error: cannot use approved: line 1: a digest is 64 hexadecimal digits\n",
    )
