"""Header values, parsed without any IO."""

from __future__ import annotations

import doctest
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt import _http

ETAG = '"a"'
SIZE = 10
# Characters of cookies, without separators and quotes.
COOKIE = st.text(string.ascii_letters + string.digits + "!#$%&'()*+-./:<>?@[]^_`{|}~", min_size=1)
RANGE = st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}", fullmatch=True)


def test_the_examples_work() -> None:
    assert doctest.testmod(_http).failed == 0


@given(st.lists(st.tuples(COOKIE, COOKIE)))
def test_cookies_round_trip(cookies: list[tuple[str, str]]) -> None:
    header = "; ".join(f"{name}={value}" for name, value in cookies)
    assert _http.parse_cookies(header) == cookies


@given(st.integers(0, 253402300799))
def test_dates_round_trip(seconds: int) -> None:
    assert _http.parse_date(_http.format_date(seconds)) == seconds


@given(st.text(), st.text(), st.text() | RANGE)
def test_any_text_is_evaluated(one: str, two: str, three: str) -> None:
    """No header makes it raise, and a range is never outside of the file but at its end."""
    headers = {"if-none-match": one, "if-range": two, "range": three, "if-match": one}
    assert _http.precondition_status(headers.get, ETAG, 0) in (None, 304, 412)
    found = _http.requested_range(headers.get, ETAG, 0, SIZE)
    assert found is None or found[0] >= 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-", (0, 10)),
        ("bytes=2-3", (2, 4)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes= 2 - 99", (2, 10)),
        ("bytes=10-", (10, 10)),
        ("bytes=99-", (99, 10)),
        ("bytes=3-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
def test_ranges_are_those_of_rfc_9110(value: str, expected: tuple[int, int] | None) -> None:
    assert _http.requested_range({"range": value}.get, ETAG, 0, SIZE) == expected
