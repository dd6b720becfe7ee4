"""Hostile results: none of them is published, and the next provider gets its chance."""

import io

import pytest
from PIL import Image

from cutout.adapters.imaging import PillowVerifier
from cutout.models import JobState
from tests.corpus.pictures import (
    SIZE,
    animation,
    chunk,
    encoded,
    gif_header,
    half_clear,
    noisy,
    png_header,
    scene,
)
from tests.corpus.test_inputs import Studio
from tests.world import BUCKET

CUT_OUT = half_clear()
GOOD = encoded(CUT_OUT, "PNG")
NOISE = Image.merge("RGBA", [Image.effect_noise(SIZE, 90) for _ in range(4)])
NOISY = encoded(NOISE, "PNG")
NOISY_WEBP = encoded(NOISE, "WEBP", lossless=True)

BAD: dict[str, tuple[bytes, str]] = {
    "zero bytes": (b"", "result_not_an_image"),
    "html": (b"<html>504 Gateway Time-out</html>", "result_not_an_image"),
    "json": (b'{"error": "expired"}', "result_not_an_image"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "result_not_an_image"),
    "gif": (encoded(CUT_OUT.convert("P"), "GIF"), "result_not_an_image"),
    "gif bomb": (gif_header(65_535, 65_535), "result_not_an_image"),
    "jpeg": (encoded(scene(), "JPEG"), "result_opaque"),
    "bmp": (encoded(scene(), "BMP"), "result_opaque"),
    "tiff": (encoded(CUT_OUT, "TIFF"), "result_not_an_image"),
    "avif": (encoded(CUT_OUT, "AVIF"), "result_not_an_image"),
    "png signature only": (GOOD[:8], "result_not_an_image"),
    "png without pixels": (GOOD[:33], "result_not_an_image"),
    "png cut early": (NOISY[:60], "result_truncated"),
    "png cut in the middle": (NOISY[: len(NOISY) // 2], "result_truncated"),
    "png cut late": (NOISY[:-40], "result_truncated"),
    "png without its end": (GOOD[:-12], "result_truncated"),
    "png with a flipped bit": (NOISY[:500] + b"\0\0\0\0" + NOISY[504:], "result_truncated"),
    "png bomb": (png_header(20_000, 20_000, 6), "result_too_large"),
    "png of one long row": (png_header(2**31 - 1, 1, 6), "result_too_large"),
    "png opaque": (encoded(scene(), "PNG"), "result_opaque"),
    "png alpha all 255": (encoded(scene().convert("RGBA"), "PNG"), "result_opaque"),
    "png empty": (encoded(Image.new("RGBA", SIZE), "PNG"), "result_empty"),
    "webp opaque": (noisy("WEBP"), "result_opaque"),
    "html before a png": (b"<html>" + GOOD, "result_not_an_image"),
    "png cut after its header": (NOISY[:33], "result_not_an_image"),
    "png of no width": (png_header(0, 64, 6), "result_not_an_image"),
    "webp signature only": (b"RIFF\x1a\0\0\0WEBPVP8L", "result_not_an_image"),
    # Pillow opens a WebP whole or not at all.
    "webp cut in the middle": (NOISY_WEBP[: len(NOISY_WEBP) // 2], "result_not_an_image"),
    "webp cut late": (NOISY_WEBP[:-40], "result_not_an_image"),
    "half the size": (encoded(CUT_OUT.resize((48, 32)), "PNG"), "result_wrong_size"),
    "turned": (encoded(CUT_OUT.rotate(90, expand=True), "PNG"), "result_wrong_size"),
    "one pixel less": (encoded(CUT_OUT.crop((0, 0, 95, 64)), "PNG"), "result_wrong_size"),
}


TAIL = b"<script>" + bytes(500)


def one_clear_pixel() -> Image.Image:
    """Return the scene with the least that is cut away."""
    picture = scene().convert("RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    return picture


def flicker(output: str) -> bytes:
    """Return a cut-out that becomes another picture after a moment."""
    second = Image.new("RGBA", SIZE, (1, 2, 3, 100))
    frames: dict[str, object] = {"save_all": True, "append_images": [second], "duration": 100}
    return encoded(CUT_OUT, output, lossless=True, **frames)


ACCEPTED: dict[str, bytes] = {
    "png": GOOD,
    "png with trailing data": GOOD + TAIL,
    "png with a zip behind": GOOD + b"PK\x03\x04" * 200,
    "png with one clear pixel": encoded(one_clear_pixel(), "PNG"),
    "apng": flicker("PNG"),
    "webp animated": flicker("WEBP"),
    "png with an unknown chunk": GOOD[:33] + chunk(b"xxXx", b"hello") + GOOD[33:],
    "webp": encoded(CUT_OUT, "WEBP", lossless=True),
    "grey with alpha": encoded(CUT_OUT.convert("LA"), "PNG"),
    "palette with tRNS": encoded(
        scene().quantize(8), "PNG", transparency=bytes([0, 100] + [255] * 6)
    ),
    "bilevel with tRNS": encoded(scene().convert("1"), "PNG", transparency=0),
    "16 bit grey with tRNS": encoded(
        Image.frombytes("I;16", SIZE, b"\1\0" * 96 + b"\2\0" * 96 * 63), "PNG", transparency=1
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_result_is_never_published(name: str) -> None:
    """It is fetched twice, paid, counted, and the job fails with the reason."""
    studio = Studio()
    world = studio.world
    body, code = BAD[name]
    job = world.submitted("photo.png", body=encoded(scene(), "PNG"))

    studio.finish(job, body)

    done = world.job(job)
    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, code)
    assert len(world.results.fetched) == 2
    assert [line.why for line in world.ledger.lines.values()] == ["failed"]
    assert [key for _, key in world.images.objects] == ["photo.png"]
    assert len(world.announcer.events) == 1


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_good_result_is_published(name: str) -> None:
    """Every way to be a cut-out of the right size."""
    studio = Studio()
    world = studio.world
    job = world.submitted("photo.png", body=encoded(scene(), "PNG"))

    studio.finish(job, ACCEPTED[name])

    assert world.job(job).state is JobState.SUCCEEDED
    body = world.images.objects[BUCKET, "photo.cutout.png"].body
    assert Image.open(io.BytesIO(body)).format == "PNG"
    assert b"<script>" not in body


@pytest.mark.parametrize("output", ["PNG", "WEBP"])
@pytest.mark.parametrize("form", ["with trailing data", "animated"])
def test_only_the_picture_is_published(output: str, form: str) -> None:
    """One frame, and nothing behind its end, in whichever format is asked for."""
    body = encoded(CUT_OUT, output, lossless=True) + TAIL if "data" in form else flicker(output)

    image = PillowVerifier().verify(io.BytesIO(body), output.lower())

    image.file.seek(0)
    published = image.file.read()
    picture = Image.open(io.BytesIO(published))
    assert (picture.format, getattr(picture, "n_frames", 1)) == (output, 1)
    assert picture.convert("RGBA").tobytes() == CUT_OUT.tobytes()
    assert (b"<script>" in published, len(published)) == (False, image.size)


def test_a_result_broken_on_its_way_is_fetched_again() -> None:
    """The second download is whole: nothing is lost and nothing is paid twice."""
    studio = Studio()
    world = studio.world
    job = world.submitted("photo.png", body=encoded(scene(), "PNG"))
    url = "https://cdn.test/1.png"
    bodies = [NOISY[:-40], GOOD]

    def next_body() -> None:
        world.results.bodies[url] = bodies.pop(0)

    world.results.on_fetch = next_body
    world.storing.store(world.ended(job, url=url), last_try=False)

    assert world.job(job).state is JobState.SUCCEEDED
    assert len(world.provider.creates) == 1


def test_an_animated_result_is_not_published_as_one() -> None:
    """An APNG without transparency is opaque, whatever its second frame holds."""
    studio = Studio()
    job = studio.world.submitted("photo.png", body=encoded(scene(), "PNG"))

    studio.finish(job, animation("PNG"))

    reason = studio.world.job(job).reason
    assert reason is not None
    assert reason.code == "result_opaque"
