"""What the examples' READMEs show is what happens."""

import re
from pathlib import Path

import pytest
from harness.document import blocks, steps
from harness.program import ROOT
from harness.server import Server
from harness.shell import PRINTED, Type

READMES = sorted((ROOT / "examples").glob("*/README.md"))
SHOWN = [readme for readme in READMES if steps(readme)]

# `sh` is run by the example's own test; without a language are commands that set something up.
RUN = {"console", "sh", ""}


# Programs in Rust lie beside owt already; cargo would lock the folder, and build them anew.
BUILT = r'"$(dirname "$(command -v owt)")"/examples/\1'


def built(command: str) -> str:
    """Return a command with what cargo has built in the place of what has it built."""
    return re.sub(r"cargo run .*?--example (\w+) --", BUILT, command)


@pytest.mark.parametrize("readme", SHOWN, ids=[readme.parent.name for readme in SHOWN])
def test_commands_print_what_the_readme_shows(
    example_server: Server, type_in: Type, readme: Path
) -> None:
    for step in steps(readme):
        output = type_in(built(step.command), example_server)
        step.check(output.replace(example_server.url, PRINTED))


@pytest.mark.parametrize("readme", READMES, ids=[readme.parent.name for readme in READMES])
def test_no_block_is_left_out(readme: Path) -> None:
    assert {language for language, _ in blocks(readme)} <= RUN
