"""Splits text into sentences: by rules, or with nltk's Punkt if that and its data are installed."""

from __future__ import annotations

import functools
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["sentences"]

# Where a sentence may end: punctuation, closing quotes or brackets, and then space; in Chinese and
# Japanese, no space follows. An empty line always ends a sentence.
_END = re.compile(
    r"""
    (?<![.!?\u2026])(?P<marks>[.!?\u2026]++)(?P<closers>[)\]"'\u2019\u201d\u00bb]*)(?=\s)
    | [\u3002\uff01\uff1f\uff61]+[\u300d\u300f\uff09\u201d\u2019"]*
    | \n\s*\n
    """,
    re.VERBOSE,
)
# Longer than any abbreviation.
_MAX_WORD = 64
_LAST_WORD = re.compile(r"[^\s(\[\"'\u2018\u201c\u00ab]+\Z")
_NEXT_WORD = re.compile(r"[\s(\[\"'\u2018\u201c\u00ab\u00bf\u00a1\u2013\u2014-]*(\w*)")
# Titles, which precede a name, and abbreviations within a sentence.
_ABBREVIATION = re.compile(
    "adm|capt|cmdr|col|cpl|dr|fr|gen|gov|hon|jr|lt|maj|messrs|mlle|mme|mrs?|ms|mt|mx|pres|prof|rep|"
    "rev|sen|sgt|sr|st|supt|vs|cf|e\\.?g|i\\.?e|viz|approx|dept|est|univ|z\\.b|d\\.h|bzw|u\\.a|ca",
    re.IGNORECASE,
)
_BEFORE_NUMBER = re.compile(
    "nos?|nr|figs?|eqs?|vols?|pp?|ch|sec|art|ver|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec",
    re.IGNORECASE,
)
# As in "J. R. R. Tolkien" and "U.S. Army"; "I" is mostly a word.
_INITIALS = re.compile(r"(?!I\Z)[A-Z](\.[A-Z])*")
# Capitalized words that rarely follow initials within a sentence.
_STARTER = re.compile(
    "A|After|All|An|And|Another|As|At|Both|But|By|For|From|He|Her|His|However|I|If|In|Its?|My|No|"
    "Now|On|Our|She|So|Some|That|Then?|Their|There|These|They|This|Those|To|We|What|When|Where|Who|"
    "Why|Your?"
)


def sentences(text: str, language: str = "english") -> list[str]:
    """Return the sentences of a text, without the space around them.

    Abbreviations, initials, decimals, ellipses and quotes do not end a sentence; the full stops of
    Chinese and Japanese do. If nltk is installed with Punkt data for `language` (its name in
    English), Punkt decides; nothing is ever downloaded. Otherwise, also for an unknown name, rules
    decide, and `language` has no effect.

    >>> sentences('Dr. Who paid 3.50, e.g. in coins. "Really?" he asked. Yes...')
    ['Dr. Who paid 3.50, e.g. in coins.', '"Really?" he asked.', 'Yes...']
    """
    return _splitter(language)(text)


@functools.cache
def _splitter(language: str) -> Callable[[str], list[str]]:
    from importlib import import_module

    try:
        tokenize = import_module("nltk.tokenize").sent_tokenize
        # Fails without the data.
        tokenize("", language)
    except (ImportError, LookupError, OSError):
        return _by_rules
    return lambda text: list(map(str, tokenize(text, language)))


def _by_rules(text: str) -> list[str]:
    ends = [*_ends(text), len(text)]
    starts = [0, *ends]
    parts = (text[start:end].strip() for start, end in zip(starts, ends, strict=False))
    return [part for part in parts if part]


def _ends(text: str) -> Iterator[int]:
    start = 0
    for match in _END.finditer(text):
        # Else each end would look at all of a word that is a book, or of a sentence without an end.
        begin = max(start, match.start() - _MAX_WORD)
        if match["marks"] is None or _is_end(text[begin : match.start()], match, text):
            start = match.end()
            yield start


def _is_end(before: str, match: re.Match[str], text: str) -> bool:
    following = _NEXT_WORD.match(text, match.end())[1]  # type: ignore[index]
    if following[:1].islower():
        return False
    if match["marks"] != "." or match["closers"]:
        return True
    found = _LAST_WORD.search(before)
    return found is None or not _is_abbreviation(found[0], following)


def _is_abbreviation(word: str, following: str) -> bool:
    if _BEFORE_NUMBER.fullmatch(word):
        return following[:1].isdigit()
    if _ABBREVIATION.fullmatch(word):
        return True
    return _INITIALS.fullmatch(word) is not None and _STARTER.fullmatch(following) is None
