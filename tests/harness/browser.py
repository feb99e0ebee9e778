"""A real browser, and pages that are watched while a test uses them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from harness.program import ROOT

# What it says: "Hello world. This is a test."
RECORDING = ROOT / "tests/data/flite_kal16_hello.wav"

# How every test here and in `web` starts it.
CHROMIUM = json.loads((ROOT / "tests/chromium.json").read_text())

FLAGS = (
    *CHROMIUM["flags"],
    # Headless, nobody clicks before a page may make a sound.
    "--autoplay-policy=no-user-gesture-required",
    # Its microphone hears this recording, again and again, and nobody is asked whether it may.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    f"--use-file-for-fake-audio-capture={RECORDING}",
)

# Milliseconds, on a machine that is busy.
PATIENCE = 20_000

# Requests that leave the browser; `blob:` and `data:` do not.
NETWORK = ("http", "https", "ws", "wss")


expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium without a window, with an empty profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM["program"], args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def confirm(page: Page) -> None:
    """Press the button of a page that asks whether a call is to run, once it works."""
    button = page.get_by_role("button", name="Run this code")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    with page.expect_navigation():
        button.click()


def open_call(page: Page, url: str) -> None:
    """Open the URL of a call as its user does, who agrees if the server asks."""
    answer = page.goto(url)
    assert answer is not None
    if answer.headers.get("owt-error") == "confirmation-required":
        confirm(page)


@dataclass
class Watch:
    """What a page did that a page of ours must not do."""

    faults: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Note scripts that fail, errors on the console, and requests to other hosts."""
        page.on("pageerror", lambda error: self.faults.append(f"script failed: {error}"))
        page.on("console", self._check_line)
        page.on("request", lambda request: self._check_host(request.url))

    def _check_line(self, line: ConsoleMessage) -> None:
        # An answer with an error is a line too, and what a page does about it is tested.
        if line.type == "error" and not line.text.startswith("Failed to load resource"):
            self.faults.append(line.text)

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in NETWORK and parts.hostname not in ("127.0.0.1", "localhost"):
            self.faults.append(f"asked another host: {parts.hostname}")


@contextmanager
def watched_page(browser: Browser) -> Iterator[Page]:
    """Open a page with no history, which fails the test if anything in it goes wrong."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page, watch = context.new_page(), Watch()
        watch.over(page)
        yield page
    assert watch.faults == []
