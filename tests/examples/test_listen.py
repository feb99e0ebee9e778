"""Speech recognised while it comes in. Recognisers err: words are compared, never sentences."""

import http.client
import io
import json
import socket
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from harness.browser import RECORDING, open_call
from harness.envelope import envelope
from harness.program import ROOT
from harness.server import Server
from harness.shell import PRINTED, Type, commands_of
from playwright.sync_api import Page, expect

LISTEN, OPEN, SPEAK, LISTEN_AGAIN = commands_of(ROOT / "examples/listen/README.md")
LISTEN_PY = (ROOT / "examples/listen/listen.py").read_text()
TARGET = f"/words?{urlencode(envelope(LISTEN_PY))}"

RATE = 16_000
# Of "Hello world. This is a test.", spoken in the recording.
KEYWORDS = {"hello", "world", "test"}
SILENCE = bytes(2 * RATE)

UNFIT = (
    "The WAV file must have one channel, 16 bits a sample, and 16000 to 48000 samples a second. "
    "This makes such a file: ffmpeg -i FILE -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav"
)


def samples() -> bytes:
    """Return the samples of the recording."""
    with wave.open(str(RECORDING)) as recording:
        pcm: bytes = recording.readframes(recording.getnframes())
        return pcm


def wav(pcm: bytes, *, channels: int = 1, width: int = 2, rate: int = RATE) -> bytes:
    """Return samples as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def stereo(pcm: bytes) -> bytes:
    """Return samples of one channel as those of two."""
    return b"".join(pcm[at : at + 2] * 2 for at in range(0, len(pcm), 2))


def heard(server: Server, body: bytes) -> list[dict[str, Any]]:
    """Return the lines that come back for a file."""
    answer = server.send("POST", TARGET, data=body, headers={"Content-Type": "audio/wav"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def words_of(lines: list[dict[str, Any]]) -> set[str]:
    """Return the words that are certain."""
    return {word for line in lines for word in line.get("text", "").split()}


def until_text(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield lines up to the first that is certain."""
    for line in lines:
        yield line
        if "text" in line:
            return


def test_words_come_back_while_the_recording_still_goes_out(example_server: Server) -> None:
    sentence = samples() + SILENCE
    body = wav(sentence + sentence)
    with socket.create_connection((example_server.host, example_server.port), 30) as client:
        client.sendall(
            f"POST {TARGET} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: audio/wav\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        client.sendall(body[: -len(samples())])
        answer = http.client.HTTPResponse(client)
        answer.begin()
        lines = (json.loads(line) for line in answer)
        first = list(until_text(lines))
        assert words_of(first) >= KEYWORDS
        assert [list(line) for line in first[:-1]] == [["partial"]] * (len(first) - 1)
        assert 0 <= first[-1]["start"] < first[-1]["end"] < len(sentence) / 2 / RATE

        client.sendall(body[-len(samples()) :])
        assert words_of(list(lines)) & KEYWORDS


def test_the_shell_prints_what_is_said(example_server: Server, type_in: Type) -> None:
    lines = [json.loads(line) for line in type_in(LISTEN, example_server).splitlines()]
    assert words_of(lines) >= KEYWORDS


def test_the_shell_takes_what_another_program_writes(example_server: Server, type_in: Type) -> None:
    command = f"cat {RECORDING.relative_to(ROOT)} | ./examples/listen/listen.sh - {PRINTED}"
    lines = [json.loads(line) for line in type_in(command, example_server).splitlines()]
    assert words_of(lines) >= KEYWORDS


def test_what_is_spoken_is_heard_again(example_server: Server, type_in: Type) -> None:
    type_in(SPEAK, example_server)
    lines = [json.loads(line) for line in type_in(LISTEN_AGAIN, example_server).splitlines()]
    spoken = {"quick", "brown", "fox", "lazy", "dog"}
    # The voice sounds a little different each time.
    assert len(spoken & words_of(lines)) >= 3


def test_sentences_are_told_apart_at_their_pauses(example_server: Server) -> None:
    lines = heard(example_server, wav(SILENCE + samples() + SILENCE + samples() + SILENCE))
    texts = [line for line in lines if "text" in line]
    assert len(texts) == 2
    assert texts[0]["end"] < texts[1]["start"]
    assert all(KEYWORDS & set(line["text"].split()) for line in texts)


def test_a_recording_that_ends_in_a_word_is_heard_to_its_end(example_server: Server) -> None:
    cut = samples()[: int(2 * RATE * 0.75)]
    lines = heard(example_server, wav(cut))
    assert list(lines[-1]) == ["text", "start", "end"]
    assert lines[-1]["text"] != ""


def test_silence_has_no_words(example_server: Server) -> None:
    assert heard(example_server, wav(SILENCE)) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "The body is not a WAV file: .", id="nothing"),
        pytest.param(
            b"ID3 and more",
            "The body is not a WAV file: file does not start with RIFF id.",
            id="another format",
        ),
        pytest.param(wav(SILENCE, channels=2), UNFIT, id="stereo"),
        pytest.param(wav(SILENCE, width=1), UNFIT, id="8 bits"),
        pytest.param(wav(SILENCE, rate=8000), UNFIT, id="8 kHz"),
        pytest.param(wav(SILENCE, rate=96000), UNFIT, id="96 kHz"),
    ],
)
def test_what_is_no_such_file_is_refused(example_server: Server, body: bytes, words: str) -> None:
    answer = example_server.send("POST", TARGET, data=body, headers={"Content-Type": "audio/wav"})
    assert (answer.status_code, answer.text) == (415, words)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_files_of_each_rate_are_read(example_server: Server, rate: int) -> None:
    assert heard(example_server, wav(SILENCE, rate=rate)) == []


def test_the_page_reads_files_that_the_recogniser_cannot(
    page: Page, example_server: Server, type_in: Type, tmp_path: Path
) -> None:
    (tmp_path / "stereo.wav").write_bytes(wav(stereo(samples()), channels=2))
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_label("Or a recording").set_input_files(tmp_path / "stereo.wav")
    expect(page.locator("#heard .text")).to_contain_text("world")
    expect(page.locator("#heard .guess")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("")


def test_the_page_hears_the_microphone(page: Page, example_server: Server, type_in: Type) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Recording …")
    # The recording, which is the microphone here, once and a half.
    page.wait_for_timeout(1500 * len(samples()) / 2 / RATE)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#heard .text").first).to_contain_text("test")


def test_what_is_no_sound_is_said_in_the_page(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_label("Or a recording").set_input_files(ROOT / "Cargo.toml")
    expect(page.get_by_role("status")).to_have_text("Unable to decode audio data")
