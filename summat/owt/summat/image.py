"""Encodes and decodes images with Pillow, which has to be installed.

    def run(request):
        photo = image.read(request.files["photo"].read())
        return image.jpeg(photo.resize((320, 240))), {"Content-Type": "image/jpeg"}

Invalid images raise `BadInput`, which is answered with 400.
"""

from __future__ import annotations

import io

from owt._body import PNG_MODES
from owt.summat._errors import BadInput, need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # A Pillow image, a numpy array, a tensor, or a figure of matplotlib.
    Image = Any

__all__ = ["jpeg", "png", "read", "webp"]

# About 200 MB as RGBA. Photos of phones have 12 to 50 million pixels.
_MAX_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_CHANNELS = (1, 3, 4)


def png(image: Image) -> bytes:
    """Return an image as PNG, which is lossless.

    An array has the shape (height, width), (height, width, 3) or (height, width, 4), and holds
    bytes, or floats from 0 to 1; values beyond are clipped.

    Errors: `BadInput` if it is not an image, `Missing` without Pillow.
    """
    return _save(image, "PNG", PNG_MODES)


def jpeg(image: Image, quality: int = 85) -> bytes:
    """Return an image as JPEG, of `quality` 1 to 95; transparency becomes white."""
    return _save(image, "JPEG", ("L", "RGB", "CMYK"), quality=quality)


def webp(image: Image, quality: int = 80) -> bytes:
    """Return an image as WebP, of `quality` 1 to 100."""
    return _save(image, "WEBP", ("RGB", "RGBA"), quality=quality)


def read(data: bytes, *, max_pixels: int = _MAX_PIXELS) -> Any:
    """Return the Pillow image in `data`, decoded and rotated as its EXIF data say.

    Safe for uploads: only PNG, JPEG, WebP, GIF (its first frame), BMP and TIFF are read, and
    images with more than `max_pixels` (decompression bombs) are not decoded.

    Errors: `BadInput` if the data is not an image, is damaged, or is too large.
    """
    pillow = _pillow()
    try:
        image = pillow.open(io.BytesIO(data), formats=_FORMATS)
        _check_size(image.size, max_pixels)
        image.load()
        return need("PIL.ImageOps", "pillow", __name__).exif_transpose(image)
    except BadInput:
        raise
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        # Pillow checks a limit of its own first, and raises the warning where warnings are errors.
        limit = min(max_pixels, pillow.MAX_IMAGE_PIXELS)
        raise BadInput(f"The image is too large: it may have {limit} pixels.") from None
    except pillow.UnidentifiedImageError:
        names = ", ".join(_FORMATS)
        raise BadInput(f"The data is not an image that is read here: {names}.") from None
    except Exception as err:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others.
        raise BadInput(f"The image is damaged: {err}.") from err


def _pillow() -> Any:
    return need("PIL.Image", "pillow", __name__)


def _check_size(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width * height > limit:
        raise BadInput(f"The image is too large: {width} x {height}, and may have {limit} pixels.")


def _save(image: Image, format: str, modes: tuple[str, ...], **options: Any) -> bytes:
    file = io.BytesIO()
    converted = _as_pillow(image)
    if converted.mode not in modes:
        converted = _to_rgb(converted, has_alpha="RGBA" in modes)
    converted.save(file, format, **options)
    return file.getvalue()


def _to_rgb(image: Any, *, has_alpha: bool) -> Any:
    """Return an image as RGB, or as RGBA if the format has it and the image is transparent."""
    if image.mode.startswith("I;16"):
        # Pillow would cut off what is above 255.
        image = image.convert("I").point(lambda value: value * (255 / 65535)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if has_alpha:
        return image
    white = _pillow().new("RGBA", image.size, "white")
    return _pillow().alpha_composite(white, image).convert("RGB")


def _as_pillow(image: Image) -> Any:
    pillow = _pillow()
    if isinstance(image, pillow.Image):
        return image
    if hasattr(image, "savefig"):
        file = io.BytesIO()
        image.savefig(file, format="png")
        return pillow.open(file)
    if hasattr(image, "__array__"):
        return pillow.fromarray(_pixels(image))
    raise BadInput(
        f"A value of type {type(image).__name__} is not an image: give a Pillow image, an array or "
        "a figure of matplotlib."
    )


def _pixels(image: Any) -> Any:
    """Return an array of bytes in a shape that Pillow supports."""
    import numpy

    if hasattr(image, "detach"):
        image = image.detach().cpu()
    values = numpy.asarray(image)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    is_known = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in _CHANNELS)
    if not is_known or not values.size or values.dtype.kind not in "bfu":
        raise BadInput(
            f"An array of shape {values.shape} and type {values.dtype} is not an image: it must "
            "hold bytes or floats from 0 to 1, as (height, width) or (height, width, 3 or 4)."
        )
    if values.dtype.kind == "u" and values.dtype.itemsize == 1:
        return numpy.ascontiguousarray(values)
    if values.dtype.kind == "u":
        raise BadInput(f"An array of {values.dtype} is not an image: convert it to bytes (uint8).")
    scaled = numpy.nan_to_num(values.astype("f8")).clip(0, 1) * 255
    return numpy.rint(scaled).astype("u1")
