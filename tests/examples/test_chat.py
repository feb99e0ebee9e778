"""Server-sent events in a page: they come one by one, and stop when nobody reads them."""

import json
import re
from datetime import datetime, timezone
from urllib.parse import urlsplit

import pytest
from harness.browser import open_call
from harness.program import ROOT
from harness.server import Server
from harness.shell import Type, commands_of
from playwright.sync_api import Page, expect

OPEN, CALL = commands_of(ROOT / "examples/chat/README.md")
CHAT_PY = (ROOT / "examples/chat/chat.py").read_text()

# Without pauses, and told to connect again after a millisecond.
IN_A_HURRY = CHAT_PY.replace("pause=0.04", "pause=0").replace(
    "    try:\n", "    yield stream.event(retry=1)\n    try:\n"
)

ENDED = re.compile(r"(\S+)Z .* the answer ended after (\d+) tokens")
# The answer to a page goes on for at least as many.
WORDS = 150


def ask(page: Page, prompt: str) -> None:
    """Begin a sentence, and wait until the model goes on with it."""
    page.get_by_label("Begin a sentence").fill(prompt)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer").last).to_have_text(re.compile(rf"^{prompt} \w+"))


def ended(server: Server, mark: int) -> tuple[datetime, int]:
    """Wait until the log says that a generator has ended: when, and after how many tokens."""
    log = server.log.wait_for("the answer ended after", since=mark)
    found = ENDED.search(log)
    assert found is not None
    return datetime.fromisoformat(f"{found[1]}+00:00"), int(found[2])


def events_in(text: str) -> list[dict[str, str]]:
    """Read server-sent events as the HTML standard says, without what these do not use."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block) for block in blocks]


def test_closing_the_page_closes_the_generator(
    page: Page, example_server: Server, type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    ask(page, "A generator is")
    mark = len(example_server.log)
    closed = datetime.now(timezone.utc)
    page.close()
    when, tokens = ended(example_server, mark)
    assert 0 < tokens < WORDS
    with capsys.disabled():
        late = (when - closed).total_seconds() * 1000
        print(f"\nchat: generator closed {late:.0f} ms after the page, at token {tokens}")


def test_the_stop_button_closes_the_generator(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    ask(page, "A class is")
    mark = len(example_server.log)
    page.get_by_role("button", name="Stop").click()
    assert ended(example_server, mark)[1] < WORDS
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()


def test_a_new_question_ends_the_old_answer(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    ask(page, "A class is")
    mark = len(example_server.log)
    ask(page, "An owl is")
    assert ended(example_server, mark)[1] < WORDS
    expect(page.locator(".question")).to_have_text(["A class is", "An owl is"])
    expect(page.locator(".answer")).to_have_count(2)


def test_an_answer_that_ends_is_not_asked_for_again(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_text("The adaptor that this page sends along").click()
    page.get_by_role("textbox", name="Adaptor").fill(IN_A_HURRY)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    mark = len(example_server.log)
    ask(page, "A module is")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    assert ended(example_server, mark)[1] >= WORDS
    # By now, the browser would have connected again.
    page.evaluate("fetch('/_owt/health')")
    assert asked == ["/chat/answer", "/_owt/health"]
    expect(page.locator(".wrong")).to_have_count(0)


def test_a_model_that_fails_is_said_in_the_page(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_text("The adaptor that this page sends along").click()
    page.get_by_role("textbox", name="Adaptor").fill("def run(prompt): raise MemoryError")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer.wrong")).to_have_text(
        "The answer broke off: the server's log says why."
    )


def test_a_shell_gets_the_same_events(example_server: Server, type_in: Type) -> None:
    *tokens, last = events_in(type_in(CALL, example_server))
    assert last == {"event": "done", "data": ""}
    words = [json.loads(event["data"])["token"] for event in tokens]
    assert len(words) >= 20
    assert words[-1] == "."
