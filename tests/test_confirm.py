"""Links in a real browser: they show their call and ask, and run on a click and on each reload."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from harness.browser import chromium, confirm, watched_page
from harness.envelope import b64
from harness.server import Serve, Server
from playwright.sync_api import Page, expect
from test_speculation import site


@pytest.fixture
def page() -> Iterator[Page]:
    """Return an empty page, watched for errors and for requests to other hosts."""
    with chromium() as browser, watched_page(browser) as page:
        yield page


def call(server: Server, trace: Path) -> str:
    """Return the URL of a call that leaves a trace, and answers how often it has run."""
    code = f"def run(by):\n    with open({str(trace)!r}, 'a+') as file:\n        file.write('x')\n"
    code += "        return f'{file.tell()} by {by}'"
    query = {"code_b64": b64(code), "kwargs_b64": "{'by': 'a <b>'}"}
    return f"http://localhost:{server.port}/runs?{urlencode(query)}"


def test_a_link_on_another_site_runs_on_a_click_and_on_each_reload(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    url = call(serve(), trace)
    with site(f'<a href="{url}">Cats</a>') as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_text("Cats").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Run this code?")
        expect(page.get_by_text("sent your browser here")).to_contain_text(
            f"A page of http://127.0.0.1:{port} sent your browser here. It asks the owt server"
        )
    expect(page.get_by_role("definition").filter(has_text="'by'")).to_have_text("{'by': 'a <b>'}")
    expect(page.locator("pre")).to_contain_text("def run(by):")
    page.reload()
    assert not trace.exists()
    confirm(page)
    expect(page.locator("body")).to_have_text("1 by a <b>")
    assert page.url == url
    page.reload()
    expect(page.locator("body")).to_have_text("2 by a <b>")


def test_a_click_that_was_meant_for_another_page_runs_nothing(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    # No time passes in the page, however long the test takes to click.
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.goto(call(serve(), trace))
    button = page.get_by_role("button", name="Run this code")
    button.click(force=True)
    button.press("Enter")
    expect(button).to_have_attribute("aria-disabled", "true")
    assert not trace.exists()
    page.clock.resume()
    confirm(page)
    expect(page.locator("body")).to_have_text("1 by a <b>")


def test_where_links_are_trusted_they_run_at_once(page: Page, serve: Serve, tmp_path: Path) -> None:
    server = serve("--trust-links")
    page.goto(call(server, tmp_path / "trace"))
    expect(page.locator("body")).to_have_text("1 by a <b>")


def test_who_uses_no_mouse_can_confirm(page: Page, serve: Serve, tmp_path: Path) -> None:
    page.goto(call(serve(), tmp_path / "trace"))
    button = page.get_by_role("button", name="Run this code")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    expect(button).not_to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_text("1 by a <b>")


def test_no_window_is_too_small_for_all_but_the_button(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    page.goto(call(serve(), tmp_path / "trace"))
    button = page.get_by_role("button", name="Run this code")
    expect(button).to_be_in_viewport()
    # What another page can have a browser open.
    for width, height in [(390, 150), (200, 120), (1200, 300)]:
        page.set_viewport_size({"width": width, "height": height})
        expect(button).not_to_be_in_viewport()
    button.scroll_into_view_if_needed()
    confirm(page)
    expect(page.locator("body")).to_have_text("1 by a <b>")
