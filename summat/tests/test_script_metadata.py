"""Metadata blocks of adaptors, as PEP 723 defines them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._errors import CallError
from owt._script_metadata import metadata, options

EXAMPLE = """#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "requests<3",
#   "rich",
# ]
#
# [tool.owt]
# thread = "main"
# ///

import requests
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_block_is_toml_behind_comments(newline: str) -> None:
    assert metadata(EXAMPLE.replace("\n", newline)) == {
        "requires-python": ">=3.11",
        "dependencies": ["requests<3", "rich"],
        "tool": {"owt": {"thread": "main"}},
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", {}),
        ("# /// script", {}),
        ("# /// script\n# thread = 1", {}),
        ("# /// pyproject\n# thread = 1\n# ///", {}),
        ("# /// script\n#thread = 1\n# ///", {}),
        (" # /// script\n # thread = 1\n # ///", {}),
        ("# /// script\n# [tool]\n# owt = 1\n# ///", {}),
        ("# /// script\n# tool = 1\n# ///", {}),
        ("# /// script\n# [tool.owt]\n# thread = 1\n# ///", {"thread": 1}),
        ("# /// script\n# [tool.owt]\n# a = '''\n# ///\n# '''\n# ///", {"a": "///\n"}),
        ("run = 1\n# /// script\n#\n# tool.owt.a = 1\n# ///\nrun = 2", {"a": 1}),
    ],
)
def test_options_are_what_tool_owt_says(source: str, expected: dict[str, object]) -> None:
    assert options(source) == expected


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "# /// script\n# a = \n# ///",
            "The metadata block of the code is not TOML: Invalid value (at line 1, column 5).",
        ),
        (
            "# /// script\n# a = 1\n# ///\n\n# /// script\n# a = 1\n# ///",
            "There is more than one metadata block `# /// script`.",
        ),
    ],
)
def test_a_broken_block_is_an_error(source: str, text: str) -> None:
    with pytest.raises(CallError) as raised:
        metadata(source)
    assert raised.value.args == ("metadata-invalid", text)


@given(st.text(alphabet="# /script\n\r='\"[]{}a1.-"))
def test_any_text_is_a_dict_or_an_error(text: str) -> None:
    with suppress(CallError):
        assert isinstance(metadata(f"# /// script\n{text}\n# ///"), dict)
