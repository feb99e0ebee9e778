"""WAV: from samples, joined, streamed, and read. Needs no library; takes numpy's arrays as well.

What is written is 16-bit PCM, which everything plays. Samples are numbers:

| given | meaning |
|---|---|
| floats, in a list, `array` or numpy array | -1 to 1, clipped beyond |
| ints in a list | -32768 to 32767, clipped beyond |
| ints in an `array` or numpy array | the whole range of their type |
| `bytes` | 16-bit little-endian PCM as it stands |

Frames of several channels are pairs in a list, `[(left, right), …]`, a numpy array of shape
(frames, channels), or interleaved samples with `channels=2`. The format is that of Microsoft's
"Multimedia Programming Interface and Data Specifications 1.0" (1991), read also in the extensible
form of 1999.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import AsyncIterable, Iterable, Sequence

from owt._response import Response
from owt.summat._errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    Data = bytes | bytearray | memoryview
    # Numbers, in any of the forms above; numpy and torch are not imported for a type.
    Samples = Any

__all__ = ["header", "join", "read", "stream", "wav"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# A length that is not known yet. ffmpeg writes it where it cannot seek, and players, browsers
# among them, then play to the end of the data. (Some tools write 0x7FFFFFFF for those who read the
# length as signed: such readers take it for 2 GiB and report a truncated file.)
_UNKNOWN = 0xFFFFFFFF
_LIMIT = 32768
_MAX_CHANNELS = 8


def wav(samples: Samples, rate: int, *, channels: int | None = None) -> bytes:
    """Return a WAV file of samples at `rate` frames a second.

    `channels` says how many are interleaved in flat samples (1 if not given).

    >>> wav([0.0, 0.5, 1.0], 8000)[-6:].hex()
    '00000040ff7f'

    Errors: `BadInput` for what are no samples, such as text, NaN, or frames of different lengths.
    """
    pcm, count = _pcm(samples, channels)
    head = _header(rate, count, len(pcm))
    if len(pcm) % (2 * count):
        raise BadInput(f"The samples do not fill whole frames of {count} channels.")
    return head + pcm


def header(rate: int, *, channels: int = 1) -> bytes:
    """Return the head of a WAV file whose length is not known: 16-bit PCM follows.

    Both of its lengths are 0xFFFFFFFF, as ffmpeg writes them where it cannot seek.
    """
    return _header(rate, channels, None)


def stream(
    chunks: Iterable[Samples] | AsyncIterable[Samples], rate: int, *, channels: int | None = None
) -> Response:
    """Return a WAV file as an answer (`audio/wav`) that is sent chunk by chunk as it is made.

    Each chunk is samples, as for `wav`; all have as many channels as the first. Sync and async
    generators both work. Played while it arrives by `<audio src=…>`.
    """
    if isinstance(chunks, AsyncIterable):
        return Response(_awav(chunks, _Writer(rate, channels)), content_type="audio/wav")
    return Response(_wav(chunks, _Writer(rate, channels)), content_type="audio/wav")


def join(files: Iterable[Data]) -> bytes:
    """Return WAV files as one, the second behind the first and so on.

    Errors: `BadInput` for no files at all, for what is not WAV, and for files that differ in sample
    rate, channels or kind of sample: nothing is resampled.
    """
    parts = [_parse(data) for data in files]
    if not parts:
        raise BadInput("There are no WAV files to join: the list is empty.")
    first = parts[0]
    for number, part in enumerate(parts, 1):
        if part.kind() != first.kind():
            raise BadInput(f"WAV file {number} is {part.words()}, and the first {first.words()}.")
    pcm = b"".join(part.data for part in parts)
    return _riff(first.format, len(pcm)) + pcm + bytes(len(pcm) % 2)


def read(data: Data) -> tuple[array[float], int]:
    """Return the samples of a WAV file, -1 to 1, and its rate in frames a second.

    PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 are read; several channels are mixed to
    one. A file whose length was not known when it was written, or that is cut short, ends where
    its data end.

    >>> samples, rate = read(wav([0.0, 0.5], 16000))
    >>> list(samples), rate
    ([0.0, 0.5], 16000)

    Errors: `BadInput` for what is not WAV, or is compressed.
    """
    part = _parse(data)
    samples = part.samples()
    if part.channels == 1:
        return samples, part.rate
    apart = [samples[channel :: part.channels] for channel in range(part.channels)]
    mixed = (sum(frame) / part.channels for frame in zip(*apart, strict=True))
    return array("f", mixed), part.rate


def _wav(chunks: Iterable[Samples], writer: _Writer) -> Iterator[bytes]:
    source: Any = iter(chunks)
    try:
        for chunk in source:
            yield writer.write(chunk)
        yield writer.write(b"")
    finally:
        if hasattr(source, "close"):
            source.close()


async def _awav(chunks: AsyncIterable[Samples], writer: _Writer) -> AsyncIterator[bytes]:
    source: Any = chunks.__aiter__()
    try:
        async for chunk in source:
            yield writer.write(chunk)
        yield writer.write(b"")
    finally:
        if hasattr(source, "aclose"):
            await source.aclose()


class _Writer:
    """Writes the head before the first chunk, which says how many channels there are."""

    def __init__(self, rate: int, channels: int | None) -> None:
        self._rate = rate
        self._channels = channels
        self._has_begun = False

    def write(self, samples: Samples) -> bytes:
        pcm, channels = _pcm(samples, self._channels)
        if not self._has_begun:
            self._channels = self._channels or channels
            self._has_begun = True
            pcm = header(self._rate, channels=self._channels) + pcm
        if channels != self._channels:
            raise BadInput(f"A chunk has {channels} channels, and the first has {self._channels}.")
        return pcm


def _header(rate: int, channels: int, length: int | None) -> bytes:
    if isinstance(rate, bool) or not isinstance(rate, int) or not 0 < rate <= _UNKNOWN // 64:
        raise BadInput(f"The sample rate is {rate!r:.80}; it must be a number such as 16000.")
    if not 0 < channels <= _MAX_CHANNELS:
        raise BadInput(f"There are {channels} channels; there may be 1 to {_MAX_CHANNELS}.")
    frame = 2 * channels
    return _riff(struct.pack("<HHIIHH", _PCM, channels, rate, rate * frame, frame, 16), length)


def _riff(form: bytes, length: int | None) -> bytes:
    """Return everything that stands before the samples."""
    # "WAVE", two heads of chunks, the format, and the byte that makes an odd length even.
    whole = None if length is None else 4 + 8 + len(form) + 8 + length + length % 2
    if whole is not None and whole > _UNKNOWN:
        raise BadInput("There are more samples than a WAV file can hold, which is 4 GiB.")
    sizes = [_UNKNOWN if size is None else size for size in (whole, length)]
    head = struct.pack("<4sI4s4sI", b"RIFF", sizes[0], b"WAVE", b"fmt ", len(form))
    return head + form + struct.pack("<4sI", b"data", sizes[1])


def _pcm(samples: Samples, channels: int | None) -> tuple[bytes, int]:
    """Return samples as 16-bit PCM, and how many channels are interleaved in it."""
    if isinstance(samples, bytes | bytearray | memoryview):
        return bytes(samples), channels or 1
    if isinstance(samples, array):
        return _of_array(samples), channels or 1
    if hasattr(samples, "__array__") or hasattr(samples, "detach"):
        return _of_numpy(samples, channels)
    if isinstance(samples, str) or not isinstance(samples, Sequence):
        raise BadInput(f"A value of type {type(samples).__name__} is not samples: give numbers.")
    if samples and isinstance(samples[0], Sequence):
        return _of_frames(samples)
    return _of_list(samples), channels or 1


def _of_frames(frames: Sequence[Any]) -> tuple[bytes, int]:
    count = len(frames[0])
    if any(not isinstance(frame, Sequence) or len(frame) != count for frame in frames):
        raise BadInput(f"The first frame has {count} channels, and another has not.")
    return _of_list([sample for frame in frames for sample in frame]), count


def _of_list(samples: Sequence[Any]) -> bytes:
    try:
        if any(isinstance(sample, float) for sample in samples):
            return _of_floats(samples)
        return _little(array("h", (max(-_LIMIT, min(one, _LIMIT - 1)) for one in samples)))
    except TypeError:
        kinds = sorted({type(one).__name__ for one in samples if not isinstance(one, int | float)})
        raise BadInput(f"Samples are numbers, and these are of type {', '.join(kinds)}.") from None


def _of_floats(samples: Iterable[float]) -> bytes:
    try:
        return _little(array("h", map(_as_int, samples)))
    except ValueError:
        raise BadInput("A sample is NaN, which is no sound.") from None


def _as_int(sample: float) -> int:
    # Scaled first: -1 is the lowest number, and 1 is clipped to the highest. NaN does not round.
    scaled = sample * _LIMIT
    return round(-_LIMIT if scaled < -_LIMIT else min(scaled, _LIMIT - 1))


def _of_array(samples: array[Any]) -> bytes:
    if samples.typecode in "fd":
        return _of_floats(samples)
    if samples.typecode == "h":
        return _little(samples)
    if samples.typecode not in "bBHiIlLqQ":
        raise BadInput(f"An array of type {samples.typecode!r} is not samples: give numbers.")
    # The whole range of the type: 8 bits are shifted up, 32 bits down; unsigned ones lie around
    # the middle.
    shift = 8 * samples.itemsize - 16
    middle = 1 << (8 * samples.itemsize - 1) if samples.typecode.isupper() else 0
    if shift < 0:
        return _little(array("h", ((one - middle) << -shift for one in samples)))
    return _little(array("h", ((one - middle) >> shift for one in samples)))


def _of_numpy(samples: Any, channels: int | None) -> tuple[bytes, int]:
    """Take a numpy array, or a tensor that can become one."""
    import numpy

    if hasattr(samples, "detach"):
        # A tensor of torch that has a gradient, or lies on a GPU, becomes no array by itself.
        samples = samples.detach().cpu()
    values = numpy.asarray(samples)
    if values.ndim == 2:
        values, channels = _frames_first(values)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise BadInput(
            f"An array of shape {values.shape} and type {values.dtype} is not samples: it "
            "must hold numbers, in the shape (frames,) or (frames, channels)."
        )
    return _numpy_pcm(values), channels or 1


def _frames_first(values: Any) -> tuple[Any, int]:
    """Flatten (frames, channels). Torch's (channels, frames) is known by its few long rows."""
    rows, columns = values.shape
    if columns > _MAX_CHANNELS >= rows:
        values, columns = values.T, rows
    return values.reshape(-1), columns


def _numpy_pcm(values: Any) -> bytes:
    import numpy

    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    if kind == "f":
        if numpy.isnan(values).any():
            raise BadInput("A sample is NaN, which is no sound.")
        values = numpy.rint(numpy.clip(values.astype("f8") * _LIMIT, -_LIMIT, _LIMIT - 1))
    elif kind == "u":
        # Unsigned samples lie around the middle of their range.
        values = (values ^ values.dtype.type(1 << (bits - 1))).view(f"i{bits // 8}")
    if kind != "f" and bits != 16:
        values = values.astype("i8") << 8 if bits == 8 else values >> (bits - 16)
    return bytes(values.astype("<i2").tobytes())


def _little(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()


class _Part:
    """A parsed WAV file."""

    def __init__(self, form: bytes, data: bytes) -> None:
        tag, self.channels, self.rate, _bytes, frame, self.bits = struct.unpack_from(
            "<HHIIHH", form
        )
        if tag == _EXTENSIBLE and len(form) >= 26:
            # The first two bytes of its GUID are the tag that it had without.
            (tag,) = struct.unpack_from("<H", form, 24)
        if (tag, self.bits) not in _KINDS or frame != self.channels * self.bits // 8 or not frame:
            raise BadInput(
                f"The WAV file's samples are of a kind that is not read (format {tag}, {self.bits} "
                "bits): only uncompressed ones are."
            )
        self.tag = tag
        self.format = form
        self.data = data[: len(data) - len(data) % frame]

    def kind(self) -> tuple[int, int, int, int]:
        return self.tag, self.bits, self.rate, self.channels

    def words(self) -> str:
        name = "float" if self.tag == _FLOAT else "int"
        return f"{self.rate} Hz, {self.channels} channel(s), {self.bits}-bit {name}"

    def samples(self) -> array[float]:
        typecode, scale = _KINDS[self.tag, self.bits]
        if self.bits == 24:
            return array("f", (one / scale for one in _of_24_bits(self.data)))
        values: array[Any] = array(typecode, self.data)
        if sys.byteorder == "big":
            values.byteswap()
        if self.tag == _FLOAT:
            return array("f", values)
        middle = 128 if self.bits == 8 else 0
        return array("f", ((one - middle) / scale for one in values))


# The array that holds samples of a kind, and what stands for 1 in it.
_KINDS = {
    (_PCM, 8): ("B", 128),
    (_PCM, 16): ("h", _LIMIT),
    (_PCM, 24): ("", 1 << 23),
    (_PCM, 32): ("i", 1 << 31),
    (_FLOAT, 32): ("f", 1),
    (_FLOAT, 64): ("d", 1),
}


def _of_24_bits(data: bytes) -> Iterator[int]:
    for at in range(0, len(data), 3):
        yield int.from_bytes(data[at : at + 3], "little", signed=True)


def _parse(data: Data) -> _Part:
    form, samples = b"", None
    for name, content in _chunks(bytes(data)):
        if name == b"fmt " and len(content) >= 16:
            form = content
        elif name == b"data" and samples is None:
            samples = content
    if not form or samples is None:
        raise BadInput("The WAV file is broken: it has no format or no samples.")
    return _Part(form, samples)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a RIFF file; the last may be shorter than it says."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadInput("The data is not a WAV file: it does not begin with RIFF and WAVE.")
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
