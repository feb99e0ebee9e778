"""The description of named endpoints: valid, and what a client that follows it gets."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.server import Serve, Server
from openapi_spec_validator import OpenAPIV31SpecValidator

SHOP = '''
import enum
from dataclasses import dataclass, field
from typing import Literal


class Kind(enum.Enum):
    BOOK = "book"
    DISC = "disc"


@dataclass
class Item:
    name: str
    price: float
    tags: list[str] = field(default_factory=list)


@dataclass
class Order:
    items: int
    total: float


def price(item: Item, count: int = 1, gift: bool = False) -> Order:
    """Say what an order costs.

    A gift costs a little more.
    """
    return Order(count, max(-1e300, min(1e300, item.price * count + gift)))


def search(
    kind: Kind, text: str = "", sizes: list[int] = [], order: Literal["up", "down"] = "up"
) -> dict:
    """Search."""
    return {"kind": kind.value, "text": text, "sizes": list(map(str, sizes)), "order": order}


def show(number: int) -> str:
    return f"item {number}"


def upload(photo: bytes, title: str | None = None) -> dict:
    return {"size": len(photo), "title": title}
'''


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Server:
    (tmp_path / "shop.py").write_text(SHOP)
    return serve(
        *("--route", "POST /price=shop.py:price"),
        *("--route", "GET /search=shop.py:search"),
        *("--route", "GET /items/{number}=shop.py:show"),
        *("--route", "POST /photos=shop.py:upload"),
        *("--only-routes", "--workers", "2"),
        cwd=tmp_path,
    )


def description(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.send("GET", "/_owt/openapi.json").json()
    return found


def test_it_is_valid(server: Server) -> None:
    OpenAPIV31SpecValidator(description(server)).validate()


def test_it_says_what_functions_take_and_return(server: Server) -> None:
    paths = description(server)["paths"]
    assert sorted(paths) == ["/items/{number}", "/photos", "/price", "/search"]
    price = paths["/price"]["post"]
    assert (price["operationId"], price["summary"], price["description"]) == (
        "postPrice",
        "Say what an order costs.",
        "A gift costs a little more.",
    )
    item = {
        "type": "object",
        "title": "Item",
        "properties": {
            "name": {"type": "string"},
            "price": {"type": "number"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
        "required": ["name", "price"],
    }
    body = price["requestBody"]
    assert body["required"] is True
    assert body["content"]["application/json"]["schema"] == {
        "type": "object",
        "properties": {
            "item": item,
            "count": {"type": "integer", "default": 1},
            "gift": {"type": "boolean", "default": False},
        },
        "additionalProperties": False,
        "required": ["item"],
    }
    order = price["responses"]["200"]["content"]["application/json"]["schema"]
    assert order["properties"] == {"items": {"type": "integer"}, "total": {"type": "number"}}
    search = {one["name"]: one for one in paths["/search"]["get"]["parameters"]}
    assert search["kind"] == {
        "name": "kind",
        "in": "query",
        "required": True,
        "schema": {"enum": ["book", "disc"]},
    }
    assert search["sizes"]["schema"] == {"type": "array", "items": {"type": "integer"}}
    (number,) = paths["/items/{number}"]["get"]["parameters"]
    assert number == {
        "name": "number",
        "in": "path",
        "required": True,
        "schema": {"type": "integer"},
    }
    assert list(paths["/photos"]["post"]["requestBody"]["content"]) == ["multipart/form-data"]
    assert "422" in price["responses"]


def test_it_follows_an_edit(server: Server, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP.replace("Say what an order costs.", "Edited."))
    while description(server)["paths"]["/price"]["post"]["summary"] != "Edited.":
        pass


def test_requests_made_from_it_find_no_fault_of_the_server(server: Server) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/_owt/openapi.json"),
        *("--checks", "not_a_server_error,content_type_conformance,response_schema_conformance"),
        *("--max-examples", "40", "--seed", "4711", "--no-color"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
