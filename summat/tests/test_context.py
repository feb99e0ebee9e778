"""Context variables, which each call sets for itself."""

from __future__ import annotations

import threading

import pytest

from tests.fake import answer_to, json_of

SETTING = """
import contextvars, decimal
var = contextvars.ContextVar("var", default="unset")

def look():
    return [var.get(), decimal.getcontext().prec]

def change():
    seen = look()
    var.set("set")
    decimal.getcontext().prec = 5
    return seen

def run():
    return [change(), look()]

async def arun():
    import asyncio
    seen = change()
    await asyncio.sleep(0)
    return [seen, look()]

def stream():
    yield str(change())
    yield str(look())

async def astream():
    yield str(change())
    yield str(look())
"""
UNSET, SET = ["unset", 28], ["set", 5]


@pytest.mark.parametrize("fn_name", ["run", "arun"])
def test_each_call_has_its_own_context(fn_name: str) -> None:
    for _ in range(2):
        answer = json_of(SETTING, fn_name=fn_name)
        assert answer == '[["unset",28],["set",5]]'


@pytest.mark.parametrize("fn_name", ["stream", "astream"])
def test_the_steps_of_a_generator_share_the_context_of_their_call(fn_name: str) -> None:
    for _ in range(2):
        chunks = [event[1] for event in answer_to(SETTING, fn_name=fn_name)[1:-1]]
        assert chunks == [str(UNSET).encode(), str(SET).encode()]


def test_thread_locals_survive_the_call() -> None:
    source = (
        "import threading\nlocal = threading.local()\n"
        "def run():\n  local.n = getattr(local, 'n', 0) + 1\n  return [local.n]"
    )
    assert [json_of(source), json_of(source)] == ["[1]", "[2]"]
    elsewhere: list[str] = []
    thread = threading.Thread(target=lambda: elsewhere.append(json_of(source)))
    thread.start()
    thread.join()
    assert elsewhere == ["[1]"]
