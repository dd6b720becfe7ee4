"""What is uploaded: a small drawing where time counts, a real photo where bytes and work count."""

import io

from PIL import Image

from local.deploy import ROOT

SAMPLE = ROOT / "samples" / "chair.jpg"
"""A photo of 1200 x 1600 pixels, 105 KB: about what a shop shows of a product."""


def drawing(seed: int) -> bytes:
    """Return a JPEG of 240 x 160 pixels; another seed, another picture."""
    image = Image.new("RGB", (240, 160), (235, 235, 235))
    image.paste((40 + seed * 37 % 200, 60, 30 + seed * 11 % 200), (60, 40, 180, 120))
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


def sample() -> bytes:
    """Return the photo."""
    return SAMPLE.read_bytes()
