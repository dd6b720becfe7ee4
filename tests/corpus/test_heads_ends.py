"""Where a file ends: half a picture is not paid for, and what stands behind a whole one is none."""

import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from cutout.formats import jpeg
from cutout.formats.png import MAX_CHUNKS
from cutout.models import JobState
from tests.corpus.files_head import grain, png_of, riff
from tests.corpus.pictures import (
    CUT,
    JPEG,
    PNG,
    PREPARED,
    SIZE,
    chunk,
    encoded,
    scene,
)
from tests.corpus.test_inputs import Studio


def large(output: str, **options: object) -> bytes:
    """Return a picture whose file is longer than what is read of its two ends."""
    return encoded(grain((400, 300)), output, **options)


def small(output: str, **options: object) -> bytes:
    """Return a picture whose file is read whole."""
    return encoded(grain((150, 100)), output, **options)


def on_white() -> Image.Image:
    """Return a product shot: something in the middle, and white to all edges."""
    picture = Image.new("RGB", (600, 400), (255, 255, 255))
    picture.paste(grain((200, 100)), (200, 100))
    return picture


def whole_pieces(body: bytes) -> bytes:
    """Return a PNG with half of its packed pixels, and otherwise nothing wrong."""
    length = int.from_bytes(body[33:37]) // 2
    return body[:33] + chunk(b"IDAT", body[41 : 41 + length]) + chunk(b"IEND", b"")


FILES: dict[str, bytes] = {
    "jpeg": small("JPEG"),
    "jpeg progressive": small("JPEG", progressive=True),
    "jpeg optimized": small("JPEG", optimize=True),
    "jpeg grey": encoded(grain((150, 100), "L"), "JPEG"),
    "jpeg with restarts": small("JPEG", restart_marker_rows=1),
    "jpeg turned": small("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"),
    "jpeg large": large("JPEG", quality=95),
    "jpeg large progressive": large("JPEG", quality=95, progressive=True),
    "png": small("PNG"),
    "png large": large("PNG"),
    "webp": small("WEBP", quality=90),
    "webp lossless": small("WEBP", lossless=True),
    "webp large": large("WEBP", quality=95),
    "gif": small("GIF"),
    "heic": small("HEIF", quality=80),
    "avif": small("AVIF", quality=80),
}
FILLERS: dict[str, Callable[[bytes, int], bytes]] = {
    "zeros": lambda body, at: bytes(len(body) - at),
    "ones": lambda body, at: b"\xff" * (len(body) - at),
    "a block": lambda body, at: (body[at - 512 : at] * (len(body) // 512))[: len(body) - at],
    "zeros, then its end": lambda body, at: bytes(len(body) - at - 12) + body[-12:],
    "nothing": lambda body, at: b"",
}


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("share", [0.4, 0.5, 0.8])
@pytest.mark.parametrize("name", FILES)
def test_a_part_of_a_file_is_not_paid_for(name: str, share: float, filler: str) -> None:
    """Whatever the rest is filled with, the decoder would paint something for it."""
    body, studio = FILES[name], Studio()
    at = int(len(body) * share)

    job = studio.run(body[:at] + FILLERS[filler](body, at))

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, "truncated_image")
    assert studio.world.provider.creates == []


OTHERS: dict[str, bytes] = {
    "half a jpeg, then another": small("JPEG")[:6_000] + JPEG,
    "half a large jpeg, then another": FILES["jpeg large"][:100_000] + JPEG,
    "half the pixels of a png": whole_pieces(small("PNG")),
    "a png of too few rows": png_of(2, 8, [bytes(1 + 3 * 64)] * 47, 64, height=48),
    "a png with a wrong checksum": PNG.replace(PNG[-16:-12], bytes(4)),
    "a webp shorter than it says": FILES["webp"][:-200],
    "a progressive jpeg without its last scan": (
        FILES["jpeg progressive"][: FILES["jpeg progressive"].rindex(b"\xff\xda")]
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_missing_is_noticed(name: str) -> None:
    """Also without a filler."""
    studio = Studio()

    job = studio.run(OTHERS[name])

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, "truncated_image")
    assert studio.world.provider.creates == []


EVEN = Image.new("RGB", (600, 400), (200, 30, 40))
VIDEO = b"\0\0\0\x18ftypmp42" + zlib.compress(small("BMP")) + b"a box without \xff\xd9 at its end"
GOOD: dict[str, tuple[bytes, str]] = {
    "jpeg": (FILES["jpeg"], CUT),
    "jpeg progressive": (FILES["jpeg progressive"], CUT),
    "jpeg large": (FILES["jpeg large"], CUT),
    "jpeg large progressive": (FILES["jpeg large progressive"], CUT),
    "jpeg without its end marker": (FILES["jpeg"][:-2], PREPARED),
    "jpeg with half of its end marker": (FILES["jpeg"][:-1], PREPARED),
    "jpeg without its end marker, filled": (FILES["jpeg"][:-2] + bytes(4_000), PREPARED),
    "jpeg large without its end marker": (FILES["jpeg large"][:-2], PREPARED),
    "jpeg progressive without its end marker": (FILES["jpeg progressive"][:-2], PREPARED),
    "jpeg grey without its end marker": (FILES["jpeg grey"][:-2], PREPARED),
    "jpeg with restarts without its end marker": (FILES["jpeg with restarts"][:-2], PREPARED),
    "jpeg cmyk without its end marker": (
        encoded(scene().convert("CMYK"), "JPEG")[:-2],
        PREPARED,
    ),
    "jpeg, then zeros": (FILES["jpeg"] + bytes(3_000), CUT),
    "jpeg large, then zeros": (FILES["jpeg large"] + bytes(3_000), CUT),
    "jpeg large, then many zeros": (FILES["jpeg large"] + bytes(200_000), PREPARED),
    "jpeg, then a video": (FILES["jpeg"] + VIDEO, CUT),
    "jpeg large, then a video": (FILES["jpeg large"] + VIDEO, PREPARED),
    "jpeg large, then text": (FILES["jpeg large"] + b"<?xml?>" * 100, PREPARED),
    "jpeg, then another": (FILES["jpeg"] + JPEG, CUT),
    "jpeg large, then another": (FILES["jpeg large"] + JPEG, CUT),
    "jpeg large, then a large one": (FILES["jpeg large"] * 2, CUT),
    "jpeg on white": (encoded(on_white(), "JPEG"), CUT),
    "jpeg on white, optimized": (encoded(on_white(), "JPEG", optimize=True), CUT),
    "jpeg of one colour, optimized": (encoded(EVEN, "JPEG", optimize=True), PREPARED),
    "jpeg of one colour, optimized, without its end marker": (
        encoded(EVEN, "JPEG", optimize=True)[:-2],
        PREPARED,
    ),
    "jpeg on white, progressive": (encoded(on_white(), "JPEG", progressive=True), CUT),
    "jpeg on white, optimized, without its end marker": (
        encoded(on_white(), "JPEG", optimize=True)[:-2],
        PREPARED,
    ),
    "png large": (FILES["png large"], CUT),
    "png large, then zeros": (FILES["png large"] + bytes(3_000), CUT),
    "png, then zeros": (FILES["png"] + bytes(3_000), CUT),
    "png on white": (encoded(on_white(), "PNG"), CUT),
    "png of one pixel": (png_of(0, 8, [b"\0\x80"], 1), CUT),
    "webp large": (FILES["webp large"], CUT),
    "webp, then zeros": (FILES["webp"] + bytes(3_000), CUT),
    "webp on white": (encoded(on_white(), "WEBP"), CUT),
    "webp of one colour": (encoded(EVEN.resize((1600, 1200)), "WEBP"), PREPARED),
    "webp on white, lossless": (encoded(on_white(), "WEBP", lossless=True), CUT),
    "webp with filled pixels": (
        riff((FILES["webp"][12:16], FILES["webp"][20:] + bytes(500))),
        PREPARED,
    ),
    "gif without its trailer": (FILES["gif"][:-1], PREPARED),
    "heic on white": (encoded(on_white(), "HEIF"), PREPARED),
    "avif on white": (encoded(on_white(), "AVIF"), PREPARED),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_whole_picture_is_cut_out(name: str) -> None:
    """Whatever its file lacks that is no pixel, and whatever stands behind it."""
    body, expected = GOOD[name]
    studio = Studio()

    job = studio.run(body)

    assert job.reason is None
    assert job.state is JobState.SUCCEEDED
    assert ("staged/" in (job.staged_key or "")) is (expected == PREPARED)


def test_a_picture_that_lacks_only_its_end_marker_keeps_its_pixels() -> None:
    """The copy is the picture, to its last row."""
    studio = Studio()

    result = studio.result(studio.run(JPEG[:-2]))

    assert result.size == SIZE
    corner = result.getpixel((SIZE[0] - 2, SIZE[1] - 2))
    assert isinstance(corner, tuple)
    assert min(corner[:3]) > 220


def many_scans(times: int) -> bytes:
    """Return a progressive JPEG whose last scan comes many times."""
    body = encoded(scene(), "JPEG", progressive=True)
    last = body[body.rindex(b"\xff\xda") : -2]
    return body[:-2] + last * times + body[-2:]


def test_the_scans_of_a_jpeg_say_whether_all_is_there() -> None:
    """To the last bit of the last coefficient."""
    body = small("JPEG", progressive=True)
    last = body.rindex(b"\xff\xda")

    assert jpeg.ending(body) == (last + 10, len(body) - 2, True, True, False)
    assert not jpeg.ending(body[:last]).all_there


@pytest.mark.parametrize(
    "body",
    [
        many_scans(1_000),
        many_scans(20_000),
        JPEG[:2] + b"\xff\xe0\0\2" * 30_000 + JPEG[2:],
    ],
    ids=["1,000 scans", "20,000 scans", "30,000 segments"],
)
def test_a_jpeg_that_would_take_minutes_is_refused(body: bytes) -> None:
    """Whoever decodes it would be busy that long, whether we or a provider."""
    studio = Studio()

    job = studio.run(body)

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, "unsupported_format")
    assert studio.world.provider.creates == []


def test_a_png_of_very_many_chunks_is_refused() -> None:
    """It is no picture."""
    job = Studio().run(PNG[:33] + chunk(b"abCd", b"") * (MAX_CHUNKS + 1) + PNG[33:])

    assert job.reason is not None
    assert job.reason.code == "truncated_image"


def test_a_jpeg_of_a_few_more_scans_is_cut_out() -> None:
    """Some writers use a dozen or two."""
    assert Studio().run(many_scans(30)).state is JobState.SUCCEEDED
