"""`owt.owtify` signs URLs as the shared test vectors say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import owt

VECTORS = Path(__file__).parents[2] / "tests/vectors/signed_urls.json"
Vector = dict[str, Any]

KEY = "C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ"


def vectors() -> list[Any]:
    listed: list[Vector] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return [pytest.param(vector, id=vector["name"]) for vector in listed]


def outcome(vector: Vector) -> Vector:
    source = vector["source"]
    text = source if isinstance(source, str) else source["repeat"] * source["times"]
    signing = {"url_key": vector["url_key"], "expires": vector["expires"]}
    options = vector.get("options", {}) | signing
    try:
        return {"url": owt.owtify(vector["base"], text, vector["kwargs"], **options)}
    except owt.OwtifyError as err:
        return {"error": err.code, "message": str(err)}


@pytest.mark.parametrize("vector", vectors())
def test_every_vector_has_its_outcome(vector: Vector) -> None:
    assert outcome(vector).items() <= vector.items()


@pytest.mark.parametrize(
    ("url_key", "message"),
    [
        ("", "there is no key"),
        ("# none\n\n", "there is no key"),
        ("secret!", "the key is not base64"),
        ("é" * 43, "the key is not base64"),
        (KEY[:-1], "the key has fewer than 32 bytes"),
        (KEY[:41], "the key is not base64"),
    ],
)
def test_what_is_not_a_key_is_refused(url_key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        owt.owtify("localhost", "1", url_key=url_key, expires=0)


def test_key_and_expiry_go_together() -> None:
    with pytest.raises(ValueError, match="url_key and expires go together"):
        owt.owtify("localhost", "1", url_key=KEY)
    with pytest.raises(ValueError, match="url_key and expires go together"):
        owt.owtify("localhost", "1", expires=0)


def test_an_expiry_is_whole_seconds() -> None:
    url = owt.owtify("localhost", "1", url_key=KEY, expires=1800000000.9)
    assert url == owt.owtify("localhost", "1", url_key=KEY, expires=1800000000)


def test_lone_surrogates_are_signed_as_they_are_sent() -> None:
    url = owt.owtify("localhost", "'\udc00'", {"a": "\udc00"}, url_key=KEY, expires=0)
    same = owt.owtify("localhost", "'\\udc00'", {"a": "\udc00"}, url_key=KEY, expires=0)
    assert url == same
