"""The sandbox's cutter keeps subjects, drops backgrounds, and never gives back nonsense."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from local.sandbox.cutter import UnreadableImageError, cut, cut_flat

type Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def product(width: int = 400, height: int = 300) -> Pixels:
    """Return a red disc with a soft shadow on a light gradient, as BGR pixels."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.repeat((215 + 25 * y / height)[..., None], 3, axis=2)
    shadow = np.exp(-(((x - 240) / 70) ** 2) - ((y - 225) / 14) ** 2)
    image *= 1 - 0.25 * shadow[..., None]
    image[np.hypot(x - 200, y - 150) < 80] = (40, 50, 200)
    return np.asarray(image.astype(np.uint8))


def encoded(image: Pixels, extension: str = ".png") -> bytes:
    """Return pixels as a file."""
    return cv2.imencode(extension, image)[1].tobytes()


def alpha_of(png: bytes) -> Pixels:
    """Return the alpha channel of an RGBA PNG."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image, np.uint8)[..., 3]


def test_subject_stays_and_background_goes() -> None:
    """The disc is opaque; the backdrop and most of the soft shadow are transparent."""
    y, x = np.mgrid[0:300, 0:400]
    distance = np.hypot(x - 200, y - 150)

    alpha = alpha_of(cut(encoded(product())))

    assert alpha[distance < 74].mean() > 250
    assert alpha[distance > 86].mean() < 4


def test_colours_are_those_of_the_input() -> None:
    """Only alpha is added; the colours are not touched."""
    image = product()

    result = cv2.imdecode(np.frombuffer(cut(encoded(image)), np.uint8), cv2.IMREAD_UNCHANGED)

    assert np.array_equal(np.asarray(result)[..., :3], image)


@pytest.mark.parametrize("remove", [cut, cut_flat])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (401, 299), (1000, 20)])
def test_size_is_kept(remove: Callable[[bytes], bytes], size: tuple[int, int]) -> None:
    """The result has as many pixels as the input, whatever the shape."""
    width, height = size
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)

    alpha = alpha_of(remove(encoded(image)))

    assert alpha.shape == (height, width)


def test_exif_orientation_is_not_applied() -> None:
    """A file that says "rotate me" comes back as it is stored, as many removers do."""
    pixels = Image.fromarray(product()[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = 6
    jpeg = _saved(pixels, exif)

    alpha = alpha_of(cut(jpeg))

    assert alpha.shape == (300, 400)


def _saved(image: Image.Image, exif: Image.Exif) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (10, 200, 30)])
def test_plain_image_is_no_crash(colour: tuple[int, int, int]) -> None:
    """An image without a subject is cut without an error, to nothing."""
    image = np.full((50, 80, 3), colour, np.uint8)

    alpha = alpha_of(cut(encoded(image)))

    assert alpha.max() == 0


def test_subject_at_the_border_is_not_all_or_nothing() -> None:
    """When the subject fills one side of the picture, something stays and something goes."""
    image = product()
    image[:, :180] = (160, 60, 20)

    alpha = alpha_of(cut(encoded(image)))

    assert 0.05 < (alpha > 128).mean() < 0.95


def test_flat_cut_is_a_soft_ellipse() -> None:
    """The cheap cut is opaque in the middle, clear in the corners and soft between."""
    alpha = alpha_of(cut_flat(encoded(product())))

    assert (alpha[150, 200], alpha[0, 0], alpha[299, 399]) == (255, 0, 0)
    assert 0 < ((alpha > 0) & (alpha < 255)).mean() < 0.3


@pytest.mark.parametrize("data", [b"", b"hello", encoded(product())[:40]])
@pytest.mark.parametrize("remove", [cut, cut_flat])
def test_bytes_that_are_no_image_are_refused(remove: Callable[[bytes], bytes], data: bytes) -> None:
    """What cannot be decoded is an error of its own."""
    with pytest.raises(UnreadableImageError):
        remove(data)
