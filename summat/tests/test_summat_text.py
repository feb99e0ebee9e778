"""Where sentences end, by rules and by Punkt."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt.summat import text


@pytest.fixture(autouse=True)
def _no_nltk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide nltk, if it is installed: None in `sys.modules` does."""
    monkeypatch.setitem(sys.modules, "nltk", None)
    monkeypatch.setitem(sys.modules, "nltk.tokenize", None)
    text._splitter.cache_clear()
    yield
    text._splitter.cache_clear()


@pytest.mark.parametrize(
    "sentences",
    [
        [],
        ["No end"],
        ["One.", "Two!", "Three?"],
        ["Really?!", "Yes!!!"],
        ["Dr. Smith met Mrs. Jones at St. Paul's.", "Both smiled."],
        ["It costs 3.50 or 1.000.000 in all.", "See www.example.org for more."],
        ["Some fruit, e.g. Apples, i.e. Malus.", "Done."],
        ["See fig. 3 and no. 12.", "The answer is no.", "Next."],
        ["J. R. R. Tolkien wrote it.", "He was in the U.S. Army."],
        ["He lived in the U.S.", "Then he left."],
        ["So did I.", "You too."],
        ["Wait... what?", "Well...", "That is it."],
        ["Hm\u2026 no.", "Oh\u2026", "Yes."],
        ['"Stop!" he said.', '"Why?"', "Nobody knew."],
        ["\u201cIt is.\u201d", "\u201cIs it?\u201d she asked."],
        ["(It was late.)", "[Very.]", "They slept."],
        ["\u00bfQu\u00e9 tal?", "\u00a1Bien!"],
        ["\u4f60\u597d\u3002", "\u6211\u5f88\u597d\uff01", "\u4f60\u5462\uff1f", "\u597d"],
        ["\u300c\u884c\u304f\u3002\u300d", "\u5f7c\u306f\u8a00\u3063\u305f\u3002"],
        ["A title", "And a paragraph.", "One more"],
        ["At 5 p.m. we left.", "It is 7.", "Good."],
    ],
)
def test_a_text_is_split_into_sentences(sentences: list[str]) -> None:
    separator = "\n\n" if sentences[:1] == ["A title"] else " "
    assert text.sentences(f"  {separator.join(sentences)}\n") == sentences


@given(st.text(alphabet=st.sampled_from("aB .!?\u2026\"')\n\u30021")))
def test_only_whitespace_is_lost(given_text: str) -> None:
    parts = text.sentences(given_text)
    assert "".join("".join(parts).split()) == "".join(given_text.split())
    assert all(part == part.strip() and part for part in parts)


def nltk(monkeypatch: pytest.MonkeyPatch, *languages: str) -> None:
    def sent_tokenize(given_text: str, language: str) -> list[str]:
        if language not in languages:
            raise LookupError(f"Resource punkt_tab/{language} not found")
        return given_text.split("|")

    module = ModuleType("nltk.tokenize")
    vars(module)["sent_tokenize"] = sent_tokenize
    monkeypatch.setitem(sys.modules, "nltk", ModuleType("nltk"))
    monkeypatch.setitem(sys.modules, "nltk.tokenize", module)


def test_punkt_is_used_if_it_has_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    nltk(monkeypatch, "english")
    assert text.sentences("One. Two|Three") == ["One. Two", "Three"]
    assert text.sentences("One. Two|Three", "german") == ["One.", "Two|Three"]


@pytest.mark.parametrize(
    "long",
    [
        "a" * 200_000 + " x. Yes",
        "Mr. Smith and " * 20_000,
        "." * 200_000 + "x",
        "a" + ")" * 200_000 + ". b",
        "\n " * 100_000,
    ],
    ids=["a word", "a sentence", "full stops", "brackets", "lines"],
)
def test_a_long_text_takes_no_longer_than_it_is(long: str) -> None:
    begun = time.process_time()
    text.sentences(long)
    # Where each end looks at all that is before it, this takes minutes.
    assert time.process_time() - begun < 5
