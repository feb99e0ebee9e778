"""URLs that `owt.owtify` makes call what they say."""

import hashlib
import json
from typing import Any

import pytest
from harness.program import ROOT
from harness.server import Server

MAKE_URL = """
def run(request, source, kwargs, path, options):
    return owt.owtify(f"http://{request.host}/{path}", source, kwargs, **options)
"""

ECHO = """
def main(request, **kwargs):
    return {"path": request.path, "mine": request.args.get("mine"), "kwargs": kwargs}
"""


@pytest.mark.parametrize(
    "kwargs", [{}, {"n": 1, "x": -2.5}, {"+/=&#%?": "+/=&#%? ~*"}, {"é": ["\0", "👋🏽", None]}]
)
def test_an_adaptor_makes_urls_of_other_calls(server: Server, kwargs: dict[str, Any]) -> None:
    options = {"fn_name": "main", "timeout": 30, "use_cache": True, "cache_kwargs": True}
    fields = {"source": ECHO, "kwargs": kwargs, "path": "a b/é?mine=1", "options": options}
    url = server.call(MAKE_URL, fields).text
    answer = server.send("GET", url.removeprefix(server.url))
    assert json.loads(answer.text) == {"path": "/a b/é", "mine": "1", "kwargs": kwargs}


VECTORS = json.loads((ROOT / "tests/vectors/owtify.json").read_text(encoding="utf-8"))
LOCAL = "http://localhost:9876/?"


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS if vector.get("url", "").startswith(LOCAL)],
    ids=lambda vector: vector["name"],
)
def test_the_server_runs_the_code_of_a_vectors_url(server: Server, vector: dict[str, Any]) -> None:
    answer = server.send("GET", "/?" + vector["url"].removeprefix(LOCAL))
    source = vector["source"].lstrip("\ufeff").encode()
    # Most of the code is no handler: what counts is what the server has read.
    assert answer.headers["Owt-Code-SHA256"] == hashlib.sha256(source).hexdigest()
    assert answer.status_code in {200, 404, 422, 500}
    # It has none of the pools that vectors name.
    assert answer.status_code != 404 or answer.headers["Owt-Error"] == "pool-unknown"
