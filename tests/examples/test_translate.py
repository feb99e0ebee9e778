"""Sentences translated one by one."""

from harness.program import ROOT
from harness.server import Server

TRANSLATE = (ROOT / "examples/translate/translate.py").read_text()


def test_there_and_back_the_words_are_the_same(example_server: Server) -> None:
    text = "The server is open. The book is on the table."
    there = example_server.call(TRANSLATE, {"text": text}).text
    back = example_server.call(TRANSLATE, {"text": there, "direction": "pt-en"}).text
    assert "servidor" in there
    assert {"server", "open", "book", "table"} <= set(back.lower().replace(".", " ").split())


def test_each_sentence_is_a_line(example_server: Server) -> None:
    answer = example_server.call(TRANSLATE, {"text": "Yes. No? Good morning!"})
    assert len(answer.text.splitlines()) == 3


def test_a_direction_that_is_not_there_is_said(example_server: Server) -> None:
    answer = example_server.call(TRANSLATE, {"text": "Yes.", "direction": "en-fr"})
    assert (answer.status_code, answer.headers["Owt-Error"]) == (500, "adaptor-raised")
    assert answer.text.splitlines()[0] == "ValueError: direction must be 'en-pt' or 'pt-en'"
