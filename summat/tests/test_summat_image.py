"""Images to bytes and back, and invalid uploads."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from owt.summat import BadInput, image
from tests.fake import answer_to
from tests.process import python

RED = Image.new("RGB", (4, 3), (255, 0, 0))


def png_of(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        (RED, "RGB"),
        (RED.convert("CMYK"), "RGB"),
        (Image.new("F", (4, 3)), "RGB"),
        (np.zeros((3, 4), "u1"), "L"),
        (np.zeros((3, 4, 1), "u1"), "L"),
        (np.zeros((3, 4, 3), "u1"), "RGB"),
        (np.zeros((3, 4, 4), "f4"), "RGBA"),
        (np.zeros((3, 4), "bool"), "L"),
        (np.zeros((4, 3), "u1").T, "L"),
    ],
)
def test_every_kind_of_image_becomes_png(given: Any, mode: str) -> None:
    shown = decoded(image.png(given))
    assert (shown.format, shown.mode, shown.size) == ("PNG", mode, (4, 3))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0, 7.0, -1.0, np.nan]]), [0, 128, 255, 255, 0, 0]),
        (np.array([[True, False]]), [255, 0]),
        (np.array([[0, 200]], "u1"), [0, 200]),
    ],
)
def test_pixels_are_bytes_or_floats_from_0_to_1(given: Any, expected: list[int]) -> None:
    assert list(decoded(image.png(given)).tobytes()) == expected


def test_a_tensor_is_copied_to_the_cpu() -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return self

        def cpu(self) -> Any:
            return np.ones((1, 2))

        def __array__(self) -> Any:
            raise AssertionError("it is on another device")

    assert list(decoded(image.png(Tensor())).tobytes()) == [255, 255]


def test_a_figure_is_rendered() -> None:
    from matplotlib.figure import Figure

    shown = decoded(image.jpeg(Figure(figsize=(2, 1), dpi=50)))
    assert (shown.format, shown.size) == ("JPEG", (100, 50))


def test_transparency_becomes_white_in_jpeg() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert decoded(image.jpeg(clear)).getpixel((0, 0)) == (255, 255, 255)
    shown = decoded(image.webp(clear)).convert("RGBA").getpixel((0, 0))
    assert isinstance(shown, tuple)
    assert shown[3] == 0


def test_higher_quality_is_larger() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), "u1")
    for save in (image.jpeg, image.webp):
        assert len(save(noise, 20)) < len(save(noise, 90))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("text", "A value of type str is not an image: give a Pillow image, an array or a figure"),
        (np.zeros(3), "An array of shape (3,) and type float64 is not an image: it must hold"),
        (np.zeros((2, 2, 2)), "An array of shape (2, 2, 2) and type float64 is not an image"),
        (np.zeros((0, 4)), "An array of shape (0, 4) and type float64 is not an image"),
        (np.zeros((2, 2), "i4"), "An array of shape (2, 2) and type int32 is not an image"),
        (
            np.zeros((2, 2), "u2"),
            "An array of uint16 is not an image: convert it to bytes",
        ),
    ],
)
def test_values_that_are_not_images_are_rejected(given: Any, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        image.png(given)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_an_upload_is_read(form: str) -> None:
    file = io.BytesIO()
    RED.save(file, form)
    read = image.read(file.getvalue())
    assert read.size == (4, 3)
    assert read.convert("RGB").getpixel((0, 0))[0] > 250


def test_a_photo_is_rotated_by_its_exif_data() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert image.read(png_of(RED, exif=exif)).size == (3, 4)


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims a large image."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + name + data + check

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\2\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "The data is not an image that is read here: PNG, JPEG, WEBP, GIF, BMP, TIFF."),
        (b"%PDF", "The data is not an image that is read here: PNG, JPEG, WEBP, GIF, BMP, TIFF."),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "The data is not an image that is read here: PNG, JPEG, WEBP, GIF, BMP, TIFF.",
        ),
        (png_of(RED)[:-30], "The image is damaged: "),
        (bomb(8000, 8000), "The image is too large: 8000 x 8000, and may have 50000000 pixels."),
        (bomb(10_000, 10_000), "The image is too large: it may have 50000000 pixels."),
        (bomb(100_000, 100_000), "The image is too large: it may have 50000000 pixels."),
    ],
)
def test_uploads_that_are_not_images_are_rejected(data: bytes, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        image.read(data)
    assert str(caught.value).startswith(text)


def test_the_limit_of_pixels_can_be_given() -> None:
    source = (
        "from owt.summat import BadInput, image\n"
        "def run(request):\n"
        "  try: image.read(request.get_data(), max_pixels=11)\n"
        "  except BadInput as err: abort(415, str(err))\n"
    )
    ((_kind, status, _type, _headers, body),) = answer_to(source, body=png_of(RED))
    text = b"The image is too large: 4 x 3, and may have 11 pixels."
    assert (status, body) == (415, text)


def test_without_pillow_it_says_what_to_install() -> None:
    program = (
        "from owt.summat import Missing, image\n"
        "try: image.png('x')\n"
        "except Missing as err: print(err)"
    )
    # Without site-packages, Pillow is missing.
    text = "owt.summat.image needs pillow: pip install pillow\n"
    assert python(program, "-S").stdout == text


@pytest.mark.parametrize("save", [image.jpeg, image.webp])
def test_sixteen_bits_of_grey_become_eight(save: Callable[..., bytes]) -> None:
    grey = Image.new("I;16", (8, 8), 20_000)
    assert decoded(save(grey)).convert("L").getpixel((4, 4)) == pytest.approx(78, abs=1)
