"""The page of the cookbook, in a browser."""

from contextlib import ExitStack
from pathlib import Path

from harness.document import steps
from harness.program import ROOT
from harness.reader import Reader
from playwright.sync_api import Page, expect

DOCUMENT = ROOT / "docs/page.md"


def test_the_page_calls_the_server_that_serves_it(page: Page, tmp_path: Path) -> None:
    with ExitStack() as servers:
        reader = Reader(DOCUMENT, tmp_path, servers)
        reader.follow(steps(DOCUMENT)[0])
        page.goto(f"{reader.url()}/owl.html")
        page.get_by_role("textbox").fill("Grace")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_role("status")).to_have_text("Grace says hoo")
