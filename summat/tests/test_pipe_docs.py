"""The examples in the docstrings of pipes: every method has one that works."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import pytest

from owt._request import Request
from owt.summat import Pipe, pipe
from owt.summat._pipe import _branches, _builder, _sources
from tests.fake import FakeCall

METHODS = [name for name in dir(Pipe) if not name.startswith("_")]


def request(path: str, **given: Any) -> Request:
    return Request(FakeCall(raw_path=path, **given))


def examples() -> list[doctest.DocTest]:
    names = {"pipe": pipe, "request": request}
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = (_branches, _builder, _sources)
    found = [each for module in modules for each in finder.find(module, extraglobs=names)]
    return [each for each in found if each.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.name.rpartition(".")[2])
def test_each_example_has_its_documented_result(example: doctest.DocTest) -> None:
    output: list[str] = []
    doctest.DocTestRunner().run(example, out=output.append)
    assert "".join(output) == ""


@pytest.mark.parametrize("name", METHODS)
def test_each_method_is_documented_with_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(Pipe, name)) or ""
    assert text.partition("\n")[0].endswith((".", ":")), text
    assert f"{name}(" in text.partition(">>>")[2]
