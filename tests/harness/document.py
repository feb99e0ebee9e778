"""Documents that are run: what a reader copies from them, and what they say comes of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.server import Server
from harness.shell import PRINTED, Type

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# A block that begins with its name in a comment is a file.
FILE = re.compile(r"(?:#|//|<!--) (\S+\.\w+)(?: -->)?\n")

# In what a command prints: what is another at each run.
ANYTHING = "…"

# Programs in Rust lie beside owt already; cargo would lock the folder, and build them anew.
BUILDING = re.compile(r"cargo run .*?--example (\w+) --")
BUILT = r'"$(dirname "$(command -v owt)")"/examples/\1'


@dataclass(frozen=True)
class Step:
    """A command, and what it prints."""

    command: str
    printed: str

    def check(self, output: str) -> None:
        """Compare what the command has printed with what the document shows."""
        shown, output = _without_ends(self.printed), _without_ends(output)
        if ANYTHING not in shown:
            assert output == shown, self.command
        pattern = "(.*?)".join(map(re.escape, shown.split(ANYTHING)))
        assert re.fullmatch(pattern, output, re.DOTALL), f"{output}\n\nis not like\n\n{shown}"


def _without_ends(text: str) -> str:
    """Return text without blanks that nobody sees: at the end of lines, and of the whole."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n")


def blocks(document: Path) -> list[tuple[str, str]]:
    """Return the language and the text of each block."""
    return BLOCK.findall(document.read_text())


def files(document: Path) -> dict[str, str]:
    """Return the files that a document shows, by their names."""
    return {
        found[1]: text for _, text in blocks(document) if (found := FILE.match(text)) is not None
    }


def steps(document: Path) -> list[Step]:
    """Return the commands that a document shows with their output, in its order."""
    sessions = (text for language, text in blocks(document) if language == "console")
    return [step for session in sessions for step in _steps(session)]


def _steps(session: str) -> Iterator[Step]:
    for step in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        lines = step.splitlines(keepends=True)
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\\n"))
        yield Step("".join(lines[: last + 1]), "".join(lines[last + 1 :]))


def show(command: str, server: Server, type_in: Type) -> str:
    """Return what a command prints, with the server's URL as documents have it."""
    return type_in(BUILDING.sub(BUILT, command), server).replace(server.url, PRINTED)
