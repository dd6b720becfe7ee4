"""Odd inputs on a whole stack: prepared and cut out, or skipped with their reason."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.corpus.pictures import HEIC, INPUTS, JPEG, SIZE, scene, turned
from tests.e2e.shop import Shop, until

pytestmark = pytest.mark.e2e

PREPARED = ["heic", "avif", "tiff cmyk", "jpeg orientation 6", "png 16 bit grey", "gif animated"]
# Ten cold starts at once on two processors take their time.
PATIENCE_S = 180
TOLERANCE = 40  # of 255: what two lossy encodings may change in the middle of an even area
QUARTERS = [(x, y) for x in (24, 72) for y in (16, 48)]  # the middles of the scene's
SKIPPED = {
    "text": "unsupported_format",
    "jpeg 20000x20000": "too_many_pixels",
    "heic signature only": "truncated_image",
    "zero bytes": "empty_object",
}


def test_odd_inputs_come_home_upright_or_with_a_reason(shop: Shop) -> None:
    """The provider reads staged copies by their presigned URLs, and the originals stay."""
    for name in [*PREPARED, *SKIPPED]:
        shop.put(f"odd/{name}", INPUTS[name][0])

    count = len(PREPARED) + len(SKIPPED)
    jobs = until(lambda: ended(shop, "odd/", count), "every job's end", PATIENCE_S)

    states = {job["key"].removeprefix("odd/"): job["state"] for job in jobs}
    reasons = {
        job["key"].removeprefix("odd/"): (job.get("reason") or {}).get("code") for job in jobs
    }
    assert states == dict.fromkeys(PREPARED, "succeeded") | dict.fromkeys(SKIPPED, "skipped")
    assert {name: code for name, code in reasons.items() if code} == SKIPPED
    assert {c["image_url"].split("?")[0].split("/")[-2] for c in shop.creates("staged/")} == {
        "staged"
    }
    assert len(shop.creates("staged/")) == len(PREPARED)
    for name in PREPARED:
        assert Image.open(io.BytesIO(shop.get(f"odd/{name}.cutout.png")["Body"])).size == SIZE
    assert shop.get("odd/heic")["Body"] == HEIC


def test_every_orientation_comes_home_upright(shop: Shop) -> None:
    """All eight of EXIF: each quarter of the cut-out has the colour of the upright original."""
    for number in range(1, 9):
        shop.put(f"turned/{number}.jpg", turned(number, quality=95))

    jobs = until(lambda: ended(shop, "turned/", 8), "every job's end", PATIENCE_S)

    assert [job["state"] for job in jobs] == ["succeeded"] * 8
    original = np.asarray(scene(), dtype=int)
    for number in range(1, 9):
        file = io.BytesIO(shop.get(f"turned/{number}.cutout.png")["Body"])
        result = np.asarray(Image.open(file), dtype=int)
        assert result.shape == (SIZE[1], SIZE[0], 4)
        for x, y in QUARTERS:
            off = abs(result[y, x, :3] - original[y, x]).max()
            assert (result[y, x, 3], off <= TOLERANCE) == (255, True), (number, x, y, off)


def test_a_tagged_object_is_left_alone(shop: Shop) -> None:
    """The tag comes with the upload."""
    shop.put("tagged/shoe.jpg", JPEG, Tagging="cutout=skip")

    (job,) = until(lambda: ended(shop, "tagged/", 1), "the job's end")

    assert job["reason"]["code"] == "opted_out"


def ended(shop: Shop, prefix: str, count: int) -> list[dict[str, Any]]:
    """Return the jobs below a prefix once so many have ended."""
    jobs = [j for j in shop.jobs(prefix) if j["state"] in ("succeeded", "failed", "skipped")]
    return jobs if len(jobs) == count else []
