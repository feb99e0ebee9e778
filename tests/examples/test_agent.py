"""An agent's steps, each of which finds what the one before has made."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from harness.program import ROOT
from harness.server import Server

sys.path.insert(0, str(ROOT / "summat"))

from owt.client import OwtError


@pytest.fixture
def executor() -> ModuleType:
    """Return the example's module."""
    spec = importlib.util.spec_from_file_location("executor", ROOT / "examples/agent/executor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["executor"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def executors(executor: ModuleType, example_server: Server) -> Iterator[list[Any]]:
    """Return two executors with sessions of their own."""
    made = [executor.OwtExecutor(example_server.url) for _ in range(2)]
    yield made
    for one in made:
        one.cleanup()


def test_a_step_finds_what_the_one_before_has_made(
    executor: ModuleType, executors: list[Any]
) -> None:
    execute, _ = executors
    execute.send_variables({"prices": [3, 5, 10]})
    outputs = [execute(step) for step in executor.STEPS]
    assert outputs == [
        executor.CodeOutput(None, "the mean is 6\n", is_final_answer=False),
        executor.CodeOutput(7, "", is_final_answer=False),
        executor.CodeOutput({"mean": 6, "spread": 7}, "", is_final_answer=True),
    ]


def test_sessions_do_not_see_each_other(executors: list[Any]) -> None:
    one, other = executors
    one("x = 1")
    with pytest.raises(OwtError, match="name 'x' is not defined") as raised:
        other("x")
    assert raised.value.code == "adaptor-raised"
    assert one("x").output == 1


def test_a_session_that_has_ended_is_forgotten(executors: list[Any]) -> None:
    execute, _ = executors
    execute("x = 1")
    execute.cleanup()
    with pytest.raises(OwtError, match="name 'x' is not defined"):
        execute("x")
