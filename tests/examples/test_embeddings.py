"""Vectors of sentences, by a model that an adaptor imports from a folder."""

import json
from typing import Any

import pytest
from harness.program import ROOT
from harness.server import Server

SEARCH = (ROOT / "examples/embeddings/search.py").read_text()
SENTENCES = json.loads((ROOT / "examples/embeddings/sentences.json").read_text())


def search(server: Server, **kwargs: Any) -> Any:
    """Return what the search finds."""
    answer = server.call(SEARCH, kwargs)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("query", "nearest"),
    [
        ("a person eats a meal", SENTENCES[0]),
        ("an animal ride", SENTENCES[1]),
        ("she holds an infant", SENTENCES[2]),
        ("musician ape", SENTENCES[3]),
        ("stocks lost value", SENTENCES[5]),
        ("HTTP status 500", SENTENCES[6]),
    ],
)
def test_what_means_the_same_is_found(example_server: Server, query: str, nearest: str) -> None:
    assert search(example_server, query=query, texts=SENTENCES, best=1)[0]["text"] == nearest


def test_a_text_is_nearest_to_itself_whatever_its_case_and_accents(
    example_server: Server,
) -> None:
    found = search(example_server, query="CRÈME brulée", texts=["Creme Brûlée", "Tomato soup"])
    assert found[0] == {"text": "Creme Brûlée", "score": 1.0}
    assert [one["text"] for one in found] == ["Creme Brûlée", "Tomato soup"]


@pytest.mark.parametrize("text", ["", "word " * 1000, "☃ 🦉 日本"])
def test_any_text_has_a_vector_of_length_one(example_server: Server, text: str) -> None:
    code = """
        from examples.embeddings.minilm import embed

        def run(text):
            vector = embed(text)
            return [len(vector), round(float(vector @ vector), 4)]
    """
    assert example_server.call(code, {"text": text}).json() == [384, 1.0]
