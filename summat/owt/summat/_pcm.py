"""Converts samples of any supported form to 16-bit PCM; `audio.py` lists the forms."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from owt.summat._errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    # Numbers, in any of the forms; numpy and torch are not imported for a type.
    Samples = Any

MAX_CHANNELS = 8
# One more than the largest 16-bit sample; the float 1.0 stands for it.
SCALE = 32768


def pcm(samples: Samples, channels: int | None) -> tuple[bytes, int]:
    """Return samples as 16-bit PCM, and the number of channels interleaved in it."""
    if isinstance(samples, bytes | bytearray | memoryview):
        return bytes(samples), channels or 1
    if isinstance(samples, array):
        return _from_array(samples), channels or 1
    if hasattr(samples, "__array__") or hasattr(samples, "detach"):
        return _from_numpy(samples, channels)
    if isinstance(samples, str) or not isinstance(samples, Sequence):
        raise BadInput(f"A value of type {type(samples).__name__} is not samples: give numbers.")
    if samples and isinstance(samples[0], Sequence):
        return _from_frames(samples)
    return _from_list(samples), channels or 1


def _from_frames(frames: Sequence[Any]) -> tuple[bytes, int]:
    count = len(frames[0])
    if any(not isinstance(frame, Sequence) or len(frame) != count for frame in frames):
        raise BadInput(f"The first frame has {count} channels, and another has not.")
    return _from_list([sample for frame in frames for sample in frame]), count


def _from_list(samples: Sequence[Any]) -> bytes:
    try:
        if any(isinstance(sample, float) for sample in samples):
            return _from_floats(samples)
        return _little_endian(
            array("h", (max(-SCALE, min(sample, SCALE - 1)) for sample in samples))
        )
    except TypeError:
        wrong = (sample for sample in samples if not isinstance(sample, int | float))
        types = sorted({type(sample).__name__ for sample in wrong})
        raise BadInput(f"Samples are numbers, and these are of type {', '.join(types)}.") from None


def _from_floats(samples: Iterable[float]) -> bytes:
    try:
        return _little_endian(array("h", map(_to_int, samples)))
    except ValueError:
        raise BadInput("A sample is NaN, which is no sound.") from None


def _to_int(sample: float) -> int:
    # Scaled before clipping: -1 is the lowest number, and 1 is clipped to the highest. `round`
    # raises for NaN.
    scaled = sample * SCALE
    return round(-SCALE if scaled < -SCALE else min(scaled, SCALE - 1))


def _from_array(samples: array[Any]) -> bytes:
    if samples.typecode in "fd":
        return _from_floats(samples)
    if samples.typecode == "h":
        return _little_endian(samples)
    if samples.typecode not in "bBHiIlLqQ":
        raise BadInput(f"An array of type {samples.typecode!r} is not samples: give numbers.")
    # Each type uses its whole range: 8 bits are shifted up, 32 bits down, and unsigned samples are
    # centered first.
    shift = 8 * samples.itemsize - 16
    midpoint = 1 << (8 * samples.itemsize - 1) if samples.typecode.isupper() else 0
    if shift < 0:
        return _little_endian(array("h", ((sample - midpoint) << -shift for sample in samples)))
    return _little_endian(array("h", ((sample - midpoint) >> shift for sample in samples)))


def _from_numpy(samples: Any, channels: int | None) -> tuple[bytes, int]:
    """Convert a numpy array, or a tensor that can become one."""
    import numpy

    if hasattr(samples, "detach"):
        # A tensor of torch with a gradient, or on a GPU, does not convert to an array by itself.
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
    """Flatten (frames, channels); few long rows are torch's (channels, frames)."""
    rows, columns = values.shape
    if columns > MAX_CHANNELS >= rows:
        values, columns = values.T, rows
    return values.reshape(-1), columns


def _numpy_pcm(values: Any) -> bytes:
    import numpy

    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    if kind == "f":
        if numpy.isnan(values).any():
            raise BadInput("A sample is NaN, which is no sound.")
        values = numpy.rint(numpy.clip(values.astype("f8") * SCALE, -SCALE, SCALE - 1))
    elif kind == "u":
        # Unsigned samples are centered at the middle of their range.
        values = (values ^ values.dtype.type(1 << (bits - 1))).view(f"i{bits // 8}")
    if kind != "f" and bits != 16:
        values = values.astype("i8") << 8 if bits == 8 else values >> (bits - 16)
    return bytes(values.astype("<i2").tobytes())


def _little_endian(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()
