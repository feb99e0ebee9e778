"""What the examples' READMEs show is what happens."""

import re
from pathlib import Path

import pytest
from harness.document import blocks, show, steps
from harness.program import ROOT
from harness.server import Server
from harness.shell import Type

READMES = sorted((ROOT / "examples").glob("*/README.md"))
# What needs programs that are not everywhere has a test of its own.
SHOWN = [readme for readme in READMES if steps(readme) and readme.parent.name != "languages"]

# `sh` is run by the example's own test; without a language are commands that set something up.
RUN = {"console", "sh", ""}


@pytest.mark.parametrize("readme", SHOWN, ids=[readme.parent.name for readme in SHOWN])
def test_commands_print_what_the_readme_shows(
    example_server: Server, type_in: Type, readme: Path
) -> None:
    for step in steps(readme):
        step.check(show(step.command, example_server, type_in))


@pytest.mark.parametrize("readme", READMES, ids=[readme.parent.name for readme in READMES])
def test_no_block_is_left_out(readme: Path) -> None:
    assert {language for language, _ in blocks(readme)} <= RUN


def test_the_index_lists_each_example() -> None:
    index = (ROOT / "examples/README.md").read_text()
    examples = {adaptor.parent.name for adaptor in (ROOT / "examples").glob("*/*.py")}
    assert re.findall(r"^\| \[`(\w+)`\]\(\1\) \|", index, re.MULTILINE) == sorted(examples)
