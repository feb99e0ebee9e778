"""WAV: every form of samples, the bytes that are written, and invalid input."""

from __future__ import annotations

import io
import struct
import wave
from array import array, typecodes
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt.summat import BadInput, audio
from tests.fake import answer_to, error_of

# [0.0, 0.5, -1.0, 1.0] as 16-bit PCM.
PCM = struct.pack("<4h", 0, 16384, -32768, 32767)

# The typecode of text arrays: `u` is deprecated where `w` exists.
TEXT_TYPE: Any = "w" if "w" in typecodes else "u"


def opened(data: bytes) -> tuple[int, int, int, bytes]:
    """Read a WAV file as the standard library does: channels, width, rate, samples."""
    with wave.open(io.BytesIO(data)) as file:
        frames = file.readframes(1 << 20)
        return file.getnchannels(), file.getsampwidth(), file.getframerate(), frames


@pytest.mark.parametrize(
    "samples",
    [
        [0.0, 0.5, -1.0, 1.0],
        (0, 0.5, -1, 1.0),
        [0.0, 0.5, -7.0, float("inf")],
        [0, 16384, -32768, 32767],
        [0, 16384, -99999, 99999],
        PCM,
        bytearray(PCM),
        memoryview(PCM),
        array("h", [0, 16384, -32768, 32767]),
        array("f", [0, 0.5, -1, 1]),
        array("d", [0, 0.5, -2, 2]),
        array("i", [0, 1 << 30, -(1 << 31), (1 << 31) - 1]),
        array("H", [1 << 15, 3 << 14, 0, (1 << 16) - 1]),
        np.array([0, 0.5, -1, 1], "f4"),
        np.array([0, 0.5, -2, 2], "f8"),
        np.array([0, 0.5, -1, 1], "f2"),
        np.array([0, 16384, -32768, 32767], "i2"),
        np.array([0, 16384, -32768, 32767], ">i2"),
        np.array([0, 1 << 30, -(1 << 31), (1 << 31) - 1], "i4"),
        np.array([1 << 15, 3 << 14, 0, (1 << 16) - 1], "u2"),
        np.array([[0, 0.5, -1, 1]], "f4").T,
    ],
)
def test_samples_become_16_bit_pcm(samples: Any) -> None:
    assert opened(audio.wav(samples, 8000)) == (1, 2, 8000, PCM)


@pytest.mark.parametrize(
    "samples", [array("b", [0, -128]), array("B", [128, 0]), np.array([128, 0], "u1")]
)
def test_samples_of_8_bits_are_shifted_up(samples: Any) -> None:
    assert opened(audio.wav(samples, 8000))[3] == struct.pack("<2h", 0, -32768)


@pytest.mark.parametrize(
    ("samples", "channels"),
    [
        ([(0.0, 0.5), (-1.0, 1.0)], None),
        ([[0, 16384], [-32768, 32767]], None),
        (PCM, 2),
        ([0.0, 0.5, -1.0, 1.0], 2),
        (np.array([[0, 0.5], [-1, 1]], "f4"), None),
    ],
)
def test_frames_of_two_channels_are_interleaved(samples: Any, channels: int | None) -> None:
    assert opened(audio.wav(samples, 44100, channels=channels)) == (2, 2, 44100, PCM)


def test_channels_first_arrays_are_transposed() -> None:
    rows = np.zeros((2, 9), "f4")
    rows[1] = 1
    assert opened(audio.wav(rows, 8000))[::3] == (2, struct.pack("<2h", 0, 32767) * 9)


def test_a_tensor_is_copied_to_the_cpu() -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return self

        def cpu(self) -> Any:
            return np.array([0, 0.5, -1, 1])

    assert opened(audio.wav(Tensor(), 8000))[3] == PCM


def test_no_samples_are_an_empty_file() -> None:
    assert opened(audio.wav([], 8000)) == (1, 2, 8000, b"")
    assert list(audio.read(audio.wav([], 8000))[0]) == []


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        ("text", "A value of type str is not samples: give numbers."),
        (None, "A value of type NoneType is not samples: give numbers."),
        ([0.0, "x"], "Samples are numbers, and these are of type str."),
        ([None, 1], "Samples are numbers, and these are of type NoneType."),
        ([float("nan")], "A sample is NaN, which is no sound."),
        (array("f", [float("nan")]), "A sample is NaN, which is no sound."),
        (np.array([np.nan]), "A sample is NaN, which is no sound."),
        ([(1, 2), (3,)], "The first frame has 2 channels, and another has not."),
        ([(1, 2), 3], "The first frame has 2 channels, and another has not."),
        (b"odd", "The samples do not fill whole frames of 1 channels."),
        ([[0] * 9], "There are 9 channels; there may be 1 to 8."),
        ([()], "There are 0 channels; there may be 1 to 8."),
        (array(TEXT_TYPE, "x"), f"An array of type '{TEXT_TYPE}' is not samples"),
        (
            np.zeros((2, 2, 2)),
            "An array of shape (2, 2, 2) and type float64 is not samples: it must hold numbers, "
            "in the shape (frames,) or (frames, channels).",
        ),
        (np.array(["x"]), "An array of shape (1,) and type <U1 is not samples"),
    ],
)
def test_invalid_samples_are_rejected(samples: Any, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        audio.wav(samples, 8000)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("rate", [0, -1, 8000.0, True, 1 << 40, None])
def test_an_invalid_sample_rate_is_rejected(rate: Any) -> None:
    with pytest.raises(BadInput, match="The sample rate is"):
        audio.wav([], rate)


def test_a_file_beyond_4_gib_is_rejected() -> None:
    with pytest.raises(BadInput, match="more samples than a WAV file can hold"):
        audio._header(8000, 1, 1 << 32)


@given(st.lists(st.integers(-32768, 32767)), st.sampled_from([8000, 16000, 44100]))
def test_written_files_round_trip(samples: list[int], rate: int) -> None:
    read, read_rate = audio.read(audio.wav(samples, rate))
    assert [round(sample * 32768) for sample in read] == samples
    assert read_rate == rate
    assert audio.wav(read, rate) == audio.wav(samples, rate)


@given(st.binary())
def test_any_bytes_are_read_or_rejected(data: bytes) -> None:
    for candidate in (data, audio.wav([1, 2], 8000)[: len(data)] + data):
        try:
            samples, rate = audio.read(candidate)
        except BadInput:
            continue
        assert rate >= 0
        assert samples.typecode == "f"


def made(form: bytes, data: bytes) -> bytes:
    return audio._riff(form, len(data)) + data


def form(tag: int, bits: int, channels: int = 1, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, 8000, 8000 * frame, frame, bits) + extra


EXTENSIBLE = struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (made(form(1, 8), bytes([128, 192, 0])), [0, 0.5, -1]),
        (made(form(1, 24), b"\0\0\x40\0\0\x80"), [0.5, -1]),
        (made(form(1, 32), struct.pack("<2i", 1 << 30, -(1 << 31))), [0.5, -1]),
        (made(form(3, 32), struct.pack("<2f", 0.5, -1)), [0.5, -1]),
        (made(form(3, 64), struct.pack("<2d", 0.5, -1)), [0.5, -1]),
        (made(form(0xFFFE, 16, extra=EXTENSIBLE), PCM[:4]), [0, 0.5]),
        (made(form(1, 16, 2), struct.pack("<4h", 0, 16384, -32768, -32768)), [0.25, -1]),
        (audio.header(8000) + PCM[:4], [0, 0.5]),
        (audio.wav(PCM, 8000)[:-5], [0]),
        (
            b"RIFF\0\0\0\0WAVELIST\3\0\0\0abc\0fmt \x10\0\0\0"
            + form(1, 16)
            + b"data\2\0\0\0\0\x40",
            [0.5],
        ),
    ],
)
def test_every_common_kind_of_wav_is_read(data: bytes, expected: list[float]) -> None:
    samples, rate = audio.read(data)
    assert (list(samples), rate) == (expected, 8000)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "The data is not a WAV file: it does not begin with RIFF and WAVE."),
        (b"ID3 an mp3", "The data is not a WAV file: it does not begin with RIFF and WAVE."),
        (b"RIFF\0\0\0\0AVI ", "The data is not a WAV file: it does not begin with RIFF and WAVE."),
        (b"RIFF\0\0\0\0WAVE", "The WAV file is broken: it has no format or no samples."),
        (audio.wav([1], 8)[:30], "The WAV file is broken: it has no format or no samples."),
        (
            made(form(2, 16), PCM),
            "The WAV file's samples are of a kind that is not read (format 2, 16 bits): only "
            "uncompressed ones are.",
        ),
        (
            made(form(1, 16, 0), PCM),
            "The WAV file's samples are of a kind that is not read (format 1, 16 bits): only "
            "uncompressed ones are.",
        ),
    ],
)
def test_other_data_is_rejected(data: bytes, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        audio.read(data)
    assert str(caught.value) == text


def test_files_are_joined() -> None:
    whole = audio.join([audio.wav(PCM[:4], 8000), audio.header(8000) + PCM[4:]])
    assert whole == audio.wav(PCM, 8000)


def test_joined_files_of_odd_length_are_padded() -> None:
    joined = audio.join([made(form(1, 8), b"abc")])
    assert joined == made(form(1, 8), b"abc") + b"\0"
    assert struct.unpack_from("<I", joined, 4) == (len(joined) - 8,)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([], "There are no WAV files to join: the list is empty."),
        (
            [audio.wav([1], 8000), audio.wav([1], 16000)],
            "WAV file 2 is 16000 Hz, 1 channel(s), 16-bit int, and the first 8000 Hz, 1 "
            "channel(s), 16-bit int.",
        ),
        (
            [audio.wav([1], 8000), made(form(3, 32), b"")],
            "WAV file 2 is 8000 Hz, 1 channel(s), 32-bit float, and the first 8000 Hz, 1 "
            "channel(s), 16-bit int.",
        ),
    ],
)
def test_files_of_different_formats_are_not_joined(files: list[bytes], text: str) -> None:
    with pytest.raises(BadInput) as caught:
        audio.join(files)
    assert str(caught.value) == text


HEAD = "from owt.summat import audio\nended = []\n"


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_audio_is_streamed_as_it_is_made(kind: str) -> None:
    source = (
        f"{HEAD}{kind} speak():\n  yield [0.0, 0.5]\n  yield [-1.0, 1.0]\n"
        "def run(_): return audio.stream(speak(), 8000)"
    )
    assert answer_to(source) == [
        ("start", 200, "audio/wav", []),
        ("chunk", audio.header(8000) + PCM[:4]),
        ("chunk", PCM[4:]),
        ("finish",),
    ]


def test_the_header_of_a_stream_has_an_unknown_length() -> None:
    head = audio.header(16000, channels=2)
    assert head[:8] == b"RIFF\xff\xff\xff\xff"
    assert head[-8:] == b"data\xff\xff\xff\xff"
    assert opened(head + PCM) == (2, 2, 16000, PCM)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_empty_stream_is_a_header(kind: str) -> None:
    source = (
        f"{HEAD}{kind} speak():\n  return\n  yield\n"
        "def run(_): return audio.stream(speak(), 8000, channels=2)"
    )
    assert answer_to(source) == [
        ("start", 200, "audio/wav", []),
        ("chunk", audio.header(8000, channels=2)),
        ("finish",),
    ]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_stream_that_changes_its_channels_breaks_off(kind: str) -> None:
    source = (
        f"{HEAD}{kind} speak():\n"
        "  try:\n    yield [0.0]\n    yield [(0.0, 0.0)]\n  finally: ended.append(1)\n"
        "def run(_): return audio.stream(speak(), 8000)"
    )
    *begun, (ended, text) = answer_to(source)
    assert begun[1:] == [("chunk", audio.header(8000) + b"\0\0")]
    assert ended == "abort"
    expected = "BadInput: A chunk has 2 channels, and the first has 1."
    assert text.splitlines()[0] == expected


def test_streaming_a_value_that_is_not_iterable_is_an_error_of_the_adaptor() -> None:
    code, text = error_of(f"{HEAD}def run(_): return audio.stream(5, 8000)")
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "TypeError: 'int' object is not iterable",
    )


def test_bad_input_is_reported_by_the_adaptor() -> None:
    source = (
        "from owt.summat import BadInput, audio\n"
        "def run(request):\n"
        "  try: samples, rate = audio.read(request.get_data())\n"
        "  except BadInput as err: abort(415, str(err))\n"
    )
    (event,) = answer_to(source, body=b"%PDF")
    text = b"The data is not a WAV file: it does not begin with RIFF and WAVE."
    assert event == ("reply", 415, "text/plain; charset=utf-8", [], text)
