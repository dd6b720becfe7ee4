"""Transparency and palettes: what shows nothing at all is not sent as it is."""

import zlib

import pytest
from PIL import Image

from cutout import headers, inputs
from cutout.formats import png_pixels
from tests.corpus.files_head import grain, png_of, png_with, riff, vp8x, webp_chunk
from tests.corpus.pictures import CUT, PREPARED, animation, chunk, encoded, half_clear, scene
from tests.corpus.test_inputs import Studio


def clear(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Return a picture of many colours that is wholly transparent."""
    picture = grain(size)
    picture.putalpha(0)
    return picture


def with_spot(place: tuple[int, int], size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Return a wholly transparent picture but for one pixel."""
    picture = Image.new("RGBA", size)
    picture.putpixel(place, (0, 0, 0, 1))
    return picture


def interlaced(shown: bytes) -> bytes:
    """Return a grey picture with alpha of 8 x 8 pixels in seven passes, the first of one pixel."""
    rows = [b"\0" + shown]
    for width, height in ((1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)):
        rows += [bytes(1 + 2 * width)] * height
    return png_of(4, 8, rows, 8, height=8, interlaced=True)


PALETTE = chunk(b"PLTE", bytes(range(12)))
SUB = [b"\1" + bytes(8)] * 4
FIRST = [b"\0" + bytes([1, 0, 0, 0, 0, 0, 0, 0])] * 4
PACKED = [b"\0" + bytes([0x10, 0x00])] * 4

FILES: dict[str, tuple[bytes, str]] = {
    "rgba": (encoded(half_clear(), "PNG"), CUT),
    "rgba, one pixel": (encoded(with_spot((50, 30)), "PNG"), CUT),
    "rgba, last pixel": (encoded(with_spot((95, 63)), "PNG"), CUT),
    "rgba, none": (encoded(clear(), "PNG"), PREPARED),
    "rgba, none and no colour": (encoded(Image.new("RGBA", (96, 64)), "PNG"), PREPARED),
    "rgba, something far down": (encoded(with_spot((9, 1999), (2000, 2000)), "PNG"), PREPARED),
    "grey, some": (encoded(half_clear().convert("LA"), "PNG"), CUT),
    "grey, none": (
        encoded(Image.merge("LA", [scene().convert("L"), Image.new("L", (96, 64))]), "PNG"),
        PREPARED,
    ),
    "grey, interlaced, some": (interlaced(b"\x80\xff"), CUT),
    "grey, interlaced, none": (interlaced(b"\x80\x00"), PREPARED),
    "palette": (png_of(3, 8, FIRST, 8, PALETTE), CUT),
    "palette, no colour hidden": (png_of(3, 8, SUB, 8, PALETTE, chunk(b"tRNS", b"\x01")), CUT),
    "palette, some": (png_of(3, 8, FIRST, 8, PALETTE, chunk(b"tRNS", b"\0")), CUT),
    "palette, none": (png_of(3, 8, FIRST, 8, PALETTE, chunk(b"tRNS", b"\0\0")), PREPARED),
    "palette, filtered": (png_of(3, 8, SUB, 8, PALETTE, chunk(b"tRNS", b"\0")), PREPARED),
    "palette of 4 bits, some": (png_of(3, 4, PACKED, 4, PALETTE, chunk(b"tRNS", b"\0")), CUT),
    "palette of 4 bits, none": (
        png_of(3, 4, PACKED, 4, PALETTE, chunk(b"tRNS", b"\0\0")),
        PREPARED,
    ),
    "palette of 4 bits, only beside": (
        png_of(3, 4, [b"\0\x00\x01"] * 4, 3, PALETTE, chunk(b"tRNS", b"\0")),
        PREPARED,
    ),
    "grey with a hidden grey": (png_of(0, 8, FIRST, 8, chunk(b"tRNS", b"\0\0")), PREPARED),
    "rgb with a hidden colour": (
        png_with(chunk(b"tRNS", bytes(6)), body=encoded(scene(), "PNG")),
        PREPARED,
    ),
    "webp": (encoded(half_clear(), "WEBP", lossless=True), PREPARED),
    "webp lossy": (encoded(half_clear(), "WEBP"), PREPARED),
    "webp, none": (encoded(clear(), "WEBP", lossless=True, exact=True), PREPARED),
    "webp, opaque with a flag": (
        riff(vp8x(0x10, (96, 64)), webp_chunk(scene(), quality=95)),
        PREPARED,
    ),
    "apng": (animation("PNG"), PREPARED),
    "webp animated": (animation("WEBP"), PREPARED),
    "webp animated without a flag": (
        riff(vp8x(0, (96, 64)), (b"ANIM", bytes(6)), webp_chunk(scene())),
        PREPARED,
    ),
    "webp of another size than its canvas": (
        riff(vp8x(0, (96, 65)), webp_chunk(scene())),
        PREPARED,
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_may_show_nothing_is_decoded_first(name: str) -> None:
    """A picture of which some pixel certainly shows is sent as it is."""
    body, expected = FILES[name]
    studio = Studio()

    studio.world.upload("photo.bin", body)

    assert bool(studio.world.messages.prepares) is (expected == PREPARED)


def test_a_palette_picture_without_a_palette_is_not_plain() -> None:
    """Its numbers mean nothing."""
    header = headers.read(png_of(3, 8, FIRST, 8))

    assert header is not None
    assert (header.width, header.colour) == (8, None)
    assert not inputs.is_plain(header)


def test_a_palette_picture_without_a_palette_is_refused() -> None:
    """A decoder would make it black; nothing is paid for that."""
    studio = Studio()

    job = studio.run(png_of(3, 8, FIRST, 8))

    assert job.reason is not None
    assert job.reason.code == "truncated_image"
    assert studio.world.provider.creates == []


@pytest.mark.parametrize(("kind", "bits"), [(1, 8), (5, 8), (2, 4), (3, 16), (0, 3), (6, 1)])
def test_a_depth_that_a_colour_type_does_not_have_is_unsupported(kind: int, bits: int) -> None:
    """The checksum is right, so nothing is broken; but nobody knows what it means."""
    job = Studio().run(png_of(kind, bits, [bytes(9)] * 4, 8))

    assert job.reason is not None
    assert job.reason.code == "unsupported_format"


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (8, 8), (9, 17), (96, 64)])
def test_the_bytes_of_an_interlaced_picture_are_those_of_its_passes(size: tuple[int, int]) -> None:
    """Every pixel is in one of them, and every row of them has a filter's number."""
    width, height = size
    start = png_of(6, 8, [], width, height=height, interlaced=True)[16:29]
    columns, rows = [0, 4, 0, 2, 0, 1, 0], [0, 0, 4, 0, 2, 0, 1]
    right, down = [8, 8, 4, 4, 2, 2, 1], [8, 8, 8, 4, 4, 2, 2]
    expected = 0
    for passed in range(7):
        wide = len(range(columns[passed], width, right[passed]))
        high = len(range(rows[passed], height, down[passed]))
        expected += high * (1 + 4 * wide) if wide else 0

    assert png_pixels.length(start) == expected


@pytest.mark.parametrize(("missing", "full"), [(0, True), (1, False)])
def test_rows_are_counted(missing: int, *, full: bool) -> None:
    """A byte too few is one, and so is what cannot be unpacked."""
    rows = bytes(8 * (1 + 3 * 8) - missing)
    start = png_of(2, 8, [], 8, height=8)[16:29]

    assert png_pixels.is_full(start, zlib.compress(rows)) is full
    assert not png_pixels.is_full(start, zlib.compress(rows)[:6])
    assert not png_pixels.is_full(start, b"rubbish")
