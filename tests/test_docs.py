"""What the README and the cookbook show is what happens."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness.document import blocks, files, steps
from harness.program import ROOT
from harness.reader import Reader

README = ROOT / "README.md"
SECURITY = ROOT / "SECURITY.md"
COOKBOOK = sorted((ROOT / "docs").glob("*.md"))
PAGES = [page for page in COOKBOOK if page.name != "README.md"]

# What is not on every machine.
PROGRAMS = {"curl", "node", "npm", "python3", "sha256sum"}

LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")


@pytest.mark.parametrize("document", [README, *COOKBOOK], ids=lambda document: document.stem)
def test_a_reader_sees_what_the_document_shows(document: Path, tmp_path: Path) -> None:
    with ExitStack() as servers:
        reader = Reader(document, tmp_path, servers)
        if not any(step.command.startswith("owt serve") for step in steps(document)):
            reader.ensure_server()
        for step in steps(document):
            reader.follow(step)


@pytest.mark.parametrize("document", COOKBOOK, ids=lambda document: document.stem)
def test_each_block_is_a_file_or_a_session(document: Path) -> None:
    shown = [text for language, text in blocks(document) if language != "console"]
    assert shown == list(files(document).values())


@pytest.mark.parametrize(
    "document", [README, SECURITY, *COOKBOOK], ids=lambda document: document.stem
)
def test_what_it_links_to_is_there(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_says_at_its_top_what_it_needs(page: Path) -> None:
    needed = page.read_text().split("\n\n")[1]
    assert needed.startswith("**You need** `owt`")
    commands = " ".join(step.command for step in steps(page))
    used = {name for name in PROGRAMS if re.search(rf"(^|[ (|]){name} ", commands)}
    assert used - set(re.findall(r"`([\w-]+)`", needed)) == set()


def test_the_index_lists_each_page() -> None:
    index = ROOT / "docs/README.md"
    assert set(LINK.findall(index.read_text())) >= {page.name for page in COOKBOOK if page != index}


def test_the_readme_has_a_command_within_its_first_lines() -> None:
    assert "\n$ curl" in "\n".join(README.read_text().splitlines()[:25])


def test_each_test_that_shows_a_promise_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py|web/\w+)`", SECURITY.read_text()))
    assert {name for name in named if not (ROOT / "tests" / name).exists()} == set()
    assert "web/attacks" in named
