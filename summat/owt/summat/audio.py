"""WAV files: written from samples, joined, streamed and read. This needs no library.

Files are written as 16-bit PCM, which every player supports. Samples are numbers:

| given | meaning |
|---|---|
| floats in a list, `array` or numpy array | -1 to 1; values beyond are clipped |
| ints in a list | -32768 to 32767; values beyond are clipped |
| ints in an `array` or numpy array | the whole range of their type |
| `bytes` | 16-bit little-endian PCM, unchanged |

Frames of several channels are pairs in a list, `[(left, right), …]`, a numpy array of shape
(frames, channels), or interleaved samples with `channels=2`. The format is specified in Microsoft's
"Multimedia Programming Interface and Data Specifications 1.0" (1991); the extensible format of 1999
is also read.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import AsyncIterable, Iterable

from owt._response import Response
from owt.summat._errors import BadInput
from owt.summat._pcm import MAX_CHANNELS, SCALE, pcm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from owt.summat._pcm import Samples

    Data = bytes | bytearray | memoryview

__all__ = ["header", "join", "read", "stream", "wav"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MAX_UINT32 = 0xFFFFFFFF
# A length that is not known yet. ffmpeg writes it when it cannot seek, and players and browsers
# then play to the end of the data. (Some tools write 0x7FFFFFFF for readers with signed lengths,
# but those take it for 2 GiB and report a truncated file.)
_UNKNOWN_LENGTH = _MAX_UINT32
# The header has the bytes per second in 32 bits. The largest frame is 8 channels of 8 bytes.
_MAX_RATE = _MAX_UINT32 // 64


def wav(samples: Samples, rate: int, *, channels: int | None = None) -> bytes:
    """Return a WAV file of samples at `rate` frames a second.

    `channels` is the number of channels interleaved in flat samples (1 by default).

    >>> wav([0.0, 0.5, 1.0], 8000)[-6:].hex()
    '00000040ff7f'

    Errors: `BadInput` for invalid samples, such as text, NaN, or frames of different lengths.
    """
    data, channels = pcm(samples, channels)
    head = _header(rate, channels, len(data))
    if len(data) % (2 * channels):
        raise BadInput(f"The samples do not fill whole frames of {channels} channels.")
    return head + data


def header(rate: int, *, channels: int = 1) -> bytes:
    """Return the header of a WAV file of unknown length; 16-bit PCM has to follow.

    Both of its lengths are 0xFFFFFFFF, as ffmpeg writes them when it cannot seek.
    """
    return _header(rate, channels, None)


def stream(
    chunks: Iterable[Samples] | AsyncIterable[Samples], rate: int, *, channels: int | None = None
) -> Response:
    """Return a response with a WAV file (`audio/wav`) that is sent in chunks as they are made.

    Each chunk is samples, as for `wav`; all must have as many channels as the first. Sync and async
    generators both work. `<audio src=…>` plays it while it arrives.
    """
    if isinstance(chunks, AsyncIterable):
        return Response(_astream(chunks, _Writer(rate, channels)), content_type="audio/wav")
    return Response(_stream(chunks, _Writer(rate, channels)), content_type="audio/wav")


def join(files: Iterable[Data]) -> bytes:
    """Return one WAV file with the samples of several, one after the other.

    Errors: `BadInput` for an empty list, for other formats, and for files that differ in sample
    rate, channels or sample format: nothing is resampled.
    """
    parts = [_parse(data) for data in files]
    if not parts:
        raise BadInput("There are no WAV files to join: the list is empty.")
    first = parts[0]
    for number, part in enumerate(parts, 1):
        if part.format_key() != first.format_key():
            raise BadInput(
                f"WAV file {number} is {part.describe()}, and the first {first.describe()}."
            )
    data = b"".join(part.data for part in parts)
    return _riff(first.fmt, len(data)) + data + bytes(len(data) % 2)


def read(data: Data) -> tuple[array[float], int]:
    """Return the samples of a WAV file, -1 to 1, and its rate in frames a second.

    PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 bits are supported; several channels are
    mixed to one. A file of unknown length, or one that is truncated, ends where its data ends.

    >>> samples, rate = read(wav([0.0, 0.5], 16000))
    >>> list(samples), rate
    ([0.0, 0.5], 16000)

    Errors: `BadInput` for other or compressed formats.
    """
    part = _parse(data)
    samples = part.samples()
    if part.channels == 1:
        return samples, part.rate
    per_channel = [samples[channel :: part.channels] for channel in range(part.channels)]
    mixed = (sum(frame) / part.channels for frame in zip(*per_channel, strict=True))
    return array("f", mixed), part.rate


def _stream(chunks: Iterable[Samples], writer: _Writer) -> Iterator[bytes]:
    source: Any = iter(chunks)
    try:
        for chunk in source:
            yield writer.write(chunk)
        yield writer.write(b"")
    finally:
        if hasattr(source, "close"):
            source.close()


async def _astream(chunks: AsyncIterable[Samples], writer: _Writer) -> AsyncIterator[bytes]:
    source: Any = chunks.__aiter__()
    try:
        async for chunk in source:
            yield writer.write(chunk)
        yield writer.write(b"")
    finally:
        if hasattr(source, "aclose"):
            await source.aclose()


class _Writer:
    """Writes the header before the first chunk, which determines the number of channels."""

    def __init__(self, rate: int, channels: int | None) -> None:
        self._rate = rate
        self._channels = channels
        self._has_begun = False

    def write(self, samples: Samples) -> bytes:
        data, channels = pcm(samples, self._channels)
        if not self._has_begun:
            self._channels = self._channels or channels
            self._has_begun = True
            data = header(self._rate, channels=self._channels) + data
        if channels != self._channels:
            raise BadInput(f"A chunk has {channels} channels, and the first has {self._channels}.")
        return data


def _header(rate: int, channels: int, length: int | None) -> bytes:
    if isinstance(rate, bool) or not isinstance(rate, int) or not 0 < rate <= _MAX_RATE:
        raise BadInput(f"The sample rate is {rate!r:.80}; it must be a number such as 16000.")
    if not 0 < channels <= MAX_CHANNELS:
        raise BadInput(f"There are {channels} channels; there may be 1 to {MAX_CHANNELS}.")
    frame = 2 * channels
    return _riff(struct.pack("<HHIIHH", _PCM, channels, rate, rate * frame, frame, 16), length)


def _riff(fmt: bytes, length: int | None) -> bytes:
    """Return everything before the samples, given the content of the chunk `fmt `."""
    # "WAVE", two chunk headers, the format, and padding to an even length.
    whole = None if length is None else 4 + 8 + len(fmt) + 8 + length + length % 2
    if whole is not None and whole > _MAX_UINT32:
        raise BadInput("There are more samples than a WAV file can hold, which is 4 GiB.")
    sizes = [_UNKNOWN_LENGTH if size is None else size for size in (whole, length)]
    head = struct.pack("<4sI4s4sI", b"RIFF", sizes[0], b"WAVE", b"fmt ", len(fmt))
    return head + fmt + struct.pack("<4sI", b"data", sizes[1])


class _WavFile:
    """A parsed WAV file; `fmt` is the content of its chunk of that name."""

    def __init__(self, fmt: bytes, data: bytes) -> None:
        tag, self.channels, self.rate, _bytes, frame, self.bits = struct.unpack_from("<HHIIHH", fmt)
        if tag == _EXTENSIBLE and len(fmt) >= 26:
            # The first two bytes of its GUID are the format tag.
            (tag,) = struct.unpack_from("<H", fmt, 24)
        if (
            (tag, self.bits) not in _SAMPLE_FORMATS
            or frame != self.channels * self.bits // 8
            or not frame
        ):
            raise BadInput(
                f"The WAV file's samples are of a kind that is not read (format {tag}, {self.bits} "
                "bits): only uncompressed ones are."
            )
        self.tag = tag
        self.fmt = fmt
        self.data = data[: len(data) - len(data) % frame]

    def format_key(self) -> tuple[int, int, int, int]:
        return self.tag, self.bits, self.rate, self.channels

    def describe(self) -> str:
        name = "float" if self.tag == _FLOAT else "int"
        return f"{self.rate} Hz, {self.channels} channel(s), {self.bits}-bit {name}"

    def samples(self) -> array[float]:
        typecode, scale = _SAMPLE_FORMATS[self.tag, self.bits]
        if self.bits == 24:
            return array("f", (sample / scale for sample in _decode_24_bits(self.data)))
        values: array[Any] = array(typecode, self.data)
        if sys.byteorder == "big":
            values.byteswap()
        if self.tag == _FLOAT:
            return array("f", values)
        midpoint = 128 if self.bits == 8 else 0
        return array("f", ((sample - midpoint) / scale for sample in values))


# By format tag and bits: the type of an array for the samples, and the value of 1.0 in it.
_SAMPLE_FORMATS = {
    (_PCM, 8): ("B", 128),
    (_PCM, 16): ("h", SCALE),
    (_PCM, 24): ("", 1 << 23),
    (_PCM, 32): ("i", 1 << 31),
    (_FLOAT, 32): ("f", 1),
    (_FLOAT, 64): ("d", 1),
}


def _decode_24_bits(data: bytes) -> Iterator[int]:
    for offset in range(0, len(data), 3):
        yield int.from_bytes(data[offset : offset + 3], "little", signed=True)


def _parse(data: Data) -> _WavFile:
    fmt, samples = b"", None
    for name, content in _riff_chunks(bytes(data)):
        if name == b"fmt " and len(content) >= 16:
            fmt = content
        elif name == b"data" and samples is None:
            samples = content
    if not fmt or samples is None:
        raise BadInput("The WAV file is broken: it has no format or no samples.")
    return _WavFile(fmt, samples)


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a RIFF file; the last one may be truncated."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadInput("The data is not a WAV file: it does not begin with RIFF and WAVE.")
    offset = 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        yield name, data[offset + 8 : offset + 8 + size]
        offset += 8 + size + size % 2
