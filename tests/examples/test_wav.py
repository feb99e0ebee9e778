"""The pages' reader and writer of WAV, in the browser, against Python's."""

import base64
import io
import struct
import wave
from typing import Any

import pytest
from harness.program import ROOT
from playwright.sync_api import Error, Page

WAV_JS = (ROOT / "examples/wav.js").read_text()

# Gives a reader the file in pieces of a size, and returns the format and each channel's samples.
READ = f"""([file, size]) => {{
  {WAV_JS}
  const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
  const reader = new WavReader();
  const channels = [];
  for (let at = 0; at < bytes.length; at += size) {{
    reader.push(bytes.subarray(at, at + size)).forEach((samples, channel) => {{
      (channels[channel] ??= []).push(...samples);
    }});
  }}
  return [reader.format, channels];
}}"""

UNKNOWN = 0xFFFFFFFF
FRAMES = [(0, 1), (-1, 2), (32767, -32768), (256, -256), (12345, -12345)]


def riff(*chunks: tuple[bytes, bytes], length: int | None = None) -> bytes:
    """Return a WAV file of chunks; the last one may say another length than it has."""
    parts = [
        name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
        for name, body in chunks[:-1]
    ]
    name, body = chunks[-1]
    size = len(body) if length is None else length
    whole = b"WAVE" + b"".join(parts) + name + struct.pack("<I", size) + body
    return b"RIFF" + struct.pack("<I", UNKNOWN if length else len(whole)) + whole


def format_chunk(
    channels: int, rate: int = 22050, kind: int = 1, bits: int = 16
) -> tuple[bytes, bytes]:
    """Return the chunk that says what the samples are."""
    frame = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)


def data_chunk(channels: int) -> tuple[bytes, bytes]:
    """Return the samples of one channel, or of both."""
    flat = [sample for frame in FRAMES for sample in frame[:channels]]
    return b"data", struct.pack(f"<{len(flat)}h", *flat)


def read(page: Page, file: bytes, size: int) -> Any:
    """Read a file in the browser, in pieces of so many bytes."""
    return page.evaluate(READ, [base64.b64encode(file).decode(), size])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 43, 44, 45, 46, 1000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("more", "length"),
    [
        pytest.param([], None, id="whole"),
        pytest.param([], UNKNOWN, id="of unknown length"),
        pytest.param([(b"LIST", b"odd")], None, id="with another chunk"),
    ],
)
def test_samples_are_the_same_in_pieces_of_any_size(
    page: Page, size: int, channels: int, more: list[tuple[bytes, bytes]], length: int | None
) -> None:
    file = riff(format_chunk(channels), *more, data_chunk(channels), length=length)
    found, samples = read(page, file, size)
    assert (found["channels"], found["rate"]) == (channels, 22050)
    assert samples == [[frame[at] / 32768 for frame in FRAMES] for at in range(channels)]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param(b"<!doctype html>", "The answer is not a WAV file.", id="a page"),
        pytest.param(
            riff(format_chunk(1, bits=8), data_chunk(1)),
            "The answer is no WAV file of 16 bits a sample.",
            id="8 bits",
        ),
        pytest.param(
            riff(format_chunk(1, kind=3, bits=32), data_chunk(1)),
            "The answer is no WAV file of 16 bits a sample.",
            id="floats",
        ),
    ],
)
def test_what_cannot_be_played_is_told(page: Page, file: bytes, words: str) -> None:
    with pytest.raises(Error, match=words):
        read(page, file, 1000)


def test_a_file_of_unknown_length_gets_its_length(page: Page) -> None:
    file = riff(format_chunk(2), data_chunk(2), length=UNKNOWN)
    script = f"file => {{ {WAV_JS} return [...withLengths(Uint8Array.from(file))]; }}"
    assert bytes(page.evaluate(script, list(file))) == riff(format_chunk(2), data_chunk(2))


def test_what_a_page_writes_is_what_python_reads(page: Page) -> None:
    script = f"""async (samples) => {{
      {WAV_JS}
      return [...new Uint8Array(await wavOf(Float32Array.from(samples), 16000).arrayBuffer())];
    }}"""
    written = bytes(page.evaluate(script, [0, 1, -1, 0.5, 2, -2]))
    with wave.open(io.BytesIO(written)) as file:
        assert file.getparams()[:4] == (1, 2, 16000, 6)
        samples = struct.unpack("<6h", file.readframes(6))
    assert samples == (0, 32767, -32767, 16384, 32767, -32767)
