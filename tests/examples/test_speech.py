"""Text to speech with a real voice: what is heard, and when."""

import re
import wave
from datetime import datetime
from pathlib import Path

import pytest
from harness.browser import open_call
from harness.program import ROOT
from harness.server import Server
from harness.shell import Type, commands_of
from playwright.sync_api import Page, Response, expect

OPEN, SAVE = commands_of(ROOT / "examples/speech/README.md")

ADAPTOR = "examples/speech/speech.py"

SENTENCES = 10
LONG_TEXT = " ".join(
    f"Owl number {number} sat in the old oak, and said nothing at all until the morning came."
    for number in range(1, SENTENCES + 1)
)
VOICE_RATE = 22050


def milliseconds(page: Page, mark: str) -> float:
    """Return when the page has reached a mark, since 1970; waits for it."""
    page.wait_for_function("mark => performance.getEntriesByName(mark).length > 0", arg=mark)
    found: float = page.evaluate(
        "mark => performance.timeOrigin + performance.getEntriesByName(mark)[0].startTime", mark
    )
    return found


def logged_at(log: str, words: str) -> float:
    """Return when the log's first line with these words was written, in milliseconds since 1970."""
    line = next(line for line in log.splitlines() if words in line)
    return datetime.fromisoformat(line.split("Z")[0] + "+00:00").timestamp() * 1000


def speak(page: Page, text: str) -> Response:
    """Fill in a text, click, and return the answer when all of it is there."""
    page.get_by_role("textbox", name="Text").fill(text)
    page.evaluate("performance.clearMarks()")
    with page.expect_response("**/*.wav") as answer:
        page.get_by_role("button", name="Speak").click()
    milliseconds(page, "whole")
    return answer.value


def test_the_first_sound_is_there_before_the_last_sentence_is_spoken(
    page: Page, example_server: Server, type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    # The voice is loaded once; that is not what is measured.
    speak(page, "Good evening.")
    mark = len(example_server.log)

    answer = speak(page, LONG_TEXT)

    log = example_server.log.wait_for(f"spoke sentence {SENTENCES} of {SENTENCES}", since=mark)
    clicked = milliseconds(page, "asked")
    first = milliseconds(page, "first sound") - clicked
    last = logged_at(log, f"sentence {SENTENCES} of {SENTENCES}") - clicked
    assert answer.headers["owt-cache"] == "miss"
    assert first < last

    again = speak(page, LONG_TEXT)

    cached = milliseconds(page, "whole") - milliseconds(page, "asked")
    assert again.headers["owt-cache"] == "hit"
    assert f"spoke sentence {SENTENCES}" not in example_server.log.since(mark + len(log))
    expect(page.get_by_role("status")).to_contain_text("all of it from the cache.")
    with capsys.disabled():
        print(
            f"\nspeech, {SENTENCES} sentences: first sound after {first:.0f} ms, "
            f"last sentence after {last:.0f} ms; all of it from the cache after {cached:.0f} ms"
        )


def test_the_page_plays_shows_and_saves_the_sound(
    page: Page, example_server: Server, type_in: Type, tmp_path: Path
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    speak(page, "The owl is awake. So am I.")
    bar = page.get_by_role("progressbar", name="Received")
    expect(bar).to_have_attribute("aria-valuenow", "100")

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_enabled()
    page.get_by_role("button", name="Play").click()
    # It ends by itself when the last sound has been heard.
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    played, whole = re.findall(r"[\d.]+", page.locator("#time").inner_text())
    assert played == whole

    with page.expect_download() as download:
        page.get_by_role("link", name="Save").click()
    download.value.save_as(tmp_path / "saved.wav")
    with wave.open(str(tmp_path / "saved.wav")) as saved:
        assert saved.getframerate() == VOICE_RATE
        assert f"{saved.getnframes() / VOICE_RATE:.1f}" == whole
        assert any(saved.readframes(saved.getnframes()))


def test_what_the_adaptor_says_is_shown(page: Page, example_server: Server, type_in: Type) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_text("The adaptor that this page sends along").click()
    page.get_by_role("textbox", name="Adaptor").fill(
        "def run(text, speed): abort(400, f'No voice for {text}.')"
    )
    page.get_by_role("textbox", name="Text").fill("owls")
    with page.expect_console_message(lambda line: "400" in line.text):
        page.get_by_role("button", name="Speak").click()
    expect(page.get_by_role("status")).to_have_text("No voice for owls.")


def test_the_shell_saves_a_file_and_the_second_time_from_the_cache(
    example_server: Server, type_in: Type, tmp_path: Path
) -> None:
    assert type_in(SAVE, example_server) == f"Wrote {tmp_path}/owl.wav\n"
    first = (tmp_path / "owl.wav").read_bytes()
    mark = len(example_server.log)
    type_in(SAVE, example_server)
    # Each synthesis of this voice is another one, so equal bytes were kept.
    assert (tmp_path / "owl.wav").read_bytes() == first
    assert "spoke" not in example_server.log.since(mark)
    with wave.open(str(tmp_path / "owl.wav")) as saved:
        assert (saved.getnchannels(), saved.getsampwidth()) == (1, 2)
        assert saved.getframerate() == VOICE_RATE


def test_a_plain_audio_element_plays_it_too(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    url = type_in(
        f"owt encode {ADAPTOR} text:'Good night.' --url {example_server.url}/a.wav", example_server
    )
    heard = page.evaluate(
        """url => new Promise((resolve, reject) => {
          const audio = new Audio(url);
          audio.onended = () => resolve(audio.currentTime);
          audio.onerror = () => reject(new Error(audio.error.message));
          audio.play();
        })""",
        url.strip(),
    )
    assert heard > 0.3
