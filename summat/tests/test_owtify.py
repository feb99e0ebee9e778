"""`owt.owtify` returns the URLs of the shared test vectors."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import owt

VECTORS = Path(__file__).parents[2] / "tests/vectors/owtify.json"
Vector = dict[str, Any]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    # Lone surrogates are among the characters.
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def vectors() -> list[Any]:
    listed: list[Vector] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return [pytest.param(vector, id=vector["name"]) for vector in listed]


def source_of(vector: Vector) -> str:
    source = vector["source"]
    return source if isinstance(source, str) else source["repeat"] * source["times"]


def outcome(vector: Vector) -> Vector:
    """Return the outcome in the form of a vector: a URL, its length and digest, or an error."""
    options = vector.get("options", {})
    try:
        url = owt.owtify(vector["base"], source_of(vector), vector["kwargs"], **options)
    except owt.OwtifyError as err:
        return {"error": err.code, "message": str(err)}
    if "url" in vector:
        return {"url": url}
    return {"url_length": len(url), "url_sha256": hashlib.sha256(url.encode()).hexdigest()}


@pytest.mark.parametrize("vector", vectors())
def test_every_vector_has_its_outcome(vector: Vector) -> None:
    asked = {"name", "base", "source", "kwargs", "options"}
    assert outcome(vector) == {key: vector[key] for key in vector if key not in asked}


def fields(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def decoded(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


@given(st.text(), st.dictionaries(st.text(), JSON, min_size=1))
def test_the_url_contains_what_was_given(source: str, kwargs: dict[str, Any]) -> None:
    sent = fields(owt.owtify("localhost", "# " + source, kwargs))
    assert decoded(sent["code_b64"]) == "# " + source
    assert json.loads(decoded(sent["kwargs_b64"])) == kwargs


@pytest.mark.parametrize("as_text", [True, False])
def test_an_adaptor_is_read_from_its_file(tmp_path: Path, as_text: bool) -> None:
    path = tmp_path / "adaptor.py"
    path.write_bytes("\ufeffx = 'é'\r\n".encode())
    url = owt.owtify("host", str(path) if as_text else path)
    assert url == owt.owtify("host", "x = 'é'\r\n")


@pytest.mark.parametrize("source", ["import adaptor\n# adaptor.py", "1"])
def test_other_text_is_source(source: str) -> None:
    assert decoded(fields(owt.owtify("host", source))["code_b64"]) == source


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        owt.owtify("host", "nothing.py")


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_arguments_that_json_cannot_hold_are_rejected(value: object) -> None:
    with pytest.raises(owt.OwtifyError, match="arguments cannot be written as JSON") as caught:
        owt.owtify("host", "1", {"n": value})
    assert caught.value.code == "kwargs-not-json"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_an_invalid_timeout_is_rejected(seconds: float) -> None:
    with pytest.raises(ValueError, match="timeout is a positive number of seconds"):
        owt.owtify("host", "1", timeout=seconds)


def test_a_lone_surrogate_is_sent_as_json_writes_it() -> None:
    kwargs = decoded(fields(owt.owtify("host", "1", {"half": "\ud83d"}))["kwargs_b64"])
    assert kwargs == r'{"half":"\ud83d"}'


def test_owtify_is_imported_when_it_is_used() -> None:
    script = (
        "import sys, owt; assert 'owt._owtify' not in sys.modules; owt.owtify; "
        "assert 'owt._owtify' in sys.modules; print(hasattr(owt, 'nothing'), sorted(owt.__all__))"
    )
    printed = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert printed == f"False {sorted(owt.__all__)}\n"
