"""What `prepare` makes of a file, in a form that tests compare."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cutout.adapters.preparing import PillowPreparer
from cutout.errors import ImageError
from tests.corpus.pictures import scene

Pixels = NDArray[np.int_]


def prepared(body: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the copy in RGBA, and what was noted."""
    made = PillowPreparer().prepare(io.BytesIO(body))
    copy = Image.open(made.file)
    copy.load()
    assert copy.size == (made.width, made.height)
    assert copy.mode in ("RGB", "RGBA")
    return copy.convert("RGBA"), made.notes


def pixels(body: bytes) -> Pixels:
    """Return the copy's pixels by row and column."""
    return np.asarray(prepared(body)[0], dtype=int)


def greys(body: bytes) -> Pixels:
    """Return the copy's greys by row and column; it must have no colour and no transparency."""
    found = pixels(body)
    assert (found[..., 3] == 255).all()
    assert (abs(found[..., :3] - found[..., :1]) <= 2).all()
    return found[..., 0]


def refusal(body: bytes) -> str:
    """Return the reason code a file is refused with."""
    with pytest.raises(ImageError) as caught:
        PillowPreparer().prepare(io.BytesIO(body))
    assert str(caught.value).endswith(".")
    return caught.value.code


def off_the_scene(body: bytes) -> int:
    """Return how far the copy's colours are from the scene's, in the middle of each quarter."""
    found, original = pixels(body), np.asarray(scene(), dtype=int)
    assert found.shape[:2] == original.shape[:2]
    middles = [(y, x) for y in (16, 48) for x in (24, 72)]
    return max(int(abs(found[at][:3] - original[at]).max()) for at in middles)
