"""Digits read by a model that is trained once, and asked for many at a time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.program import ROOT, run_owt
from harness.server import Serve, Server
from harness.uv import machine

ADAPTOR = (ROOT / "examples/digits/digits.py").read_text()
CALLS = 120


def ask(server: Server, fn_name: str, kwargs: Any = None) -> Any:
    """Return what a function of the adaptor answers."""
    answer = server.call(ADAPTOR, kwargs, fn_name=fn_name)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_concurrent_calls_are_answered_together_and_each_with_its_own(
    example_server: Server,
) -> None:
    exam = ask(example_server, "exam")[:CALLS]
    before = ask(example_server, "stats")
    with ThreadPoolExecutor(32) as pool:
        asked = pool.map(lambda one: ask(example_server, "run", {"image": one["image"]}), exam)
        answers = [answer["digit"] for answer in asked]
    after = ask(example_server, "stats")
    alone = [ask(example_server, "run", {"image": one["image"]})["digit"] for one in exam[:8]]

    assert answers[:8] == alone
    right = sum(answer == one["digit"] for answer, one in zip(answers, exam, strict=True))
    assert right / CALLS > 0.9
    assert after["items"] - before["items"] == CALLS
    assert after["batches"] - before["batches"] < CALLS
    assert after["largest"] > 1


def test_a_picture_with_other_signs_fails_alone(example_server: Server) -> None:
    answer = example_server.call(ADAPTOR, {"image": "  7\n"})
    assert answer.headers["Owt-Error"] == "adaptor-raised"
    assert answer.text.startswith("ValueError: substring not found\n")


def test_with_uv_alone_it_brings_its_packages(serve: Serve, tmp_path: Path) -> None:
    server = serve(env=machine())
    command = ("call", "examples/digits/digits.py", "image:@examples/digits/seven.txt")
    done = run_owt(*command, "--url", server.url, home=tmp_path, cwd=ROOT)
    assert (done.stdout, done.stderr) == ('{"digit":7}', "")
