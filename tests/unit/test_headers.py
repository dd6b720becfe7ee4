"""What the first bytes of an image say, and that nothing in them can do harm."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutout import headers, inputs, tiff
from cutout.adapters.s3 import HEAD_BYTES
from cutout.formats.glimpse import Glimpse
from tests.corpus.pictures import INPUTS, WHOLE, jpeg_header, turned

SIGNATURES = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"RIFF\x24\0\0\0WEBPVP8X",
    b"RIFF\x24\0\0\0WEBPVP8L",
    b"RIFF\x24\0\0\0WEBPVP8 ",
    b"GIF89a",
    b"BM",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"\0\0\0\x18ftypmif1",
]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff"])
def test_read_finds_format_and_size(kind: str) -> None:
    """Without decoding anything."""
    header = headers.read(WHOLE[kind])

    assert header is not None
    assert (header.format, header.width, header.height) == (kind, 200, 150)


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_read_leaves_open_what_the_beginning_hides(kind: str) -> None:
    """Then it is prepared."""
    assert headers.read(WHOLE[kind]) == headers.Header(format=kind)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_finds_the_orientation(orientation: int) -> None:
    """Each of the eight."""
    header = headers.read(turned(orientation))

    assert header is not None
    assert header.orientation == orientation


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jpeg cmyk", {"colour": "cmyk", "bits": 8}),
        ("jpeg grey", {"colour": "plain", "bits": 8}),
        ("jpeg orientation 9", {"orientation": 1}),
        ("jpeg with long header", {"orientation": None, "width": None}),
        ("png 16 bit grey", {"bits": 16, "animated": False}),
        ("png palette", {"colour": "plain", "orientation": 1}),
        ("png orientation 6", {"orientation": 6}),
        ("apng", {"animated": True}),
        ("webp animated", {"animated": True}),
        ("webp orientation 6", {"orientation": None}),
        ("webp with icc", {"orientation": 1}),
        ("camera raw", {"format": "raw"}),
        ("png 0x0", {"width": None, "height": None}),
    ],
)
def test_read_tells_what_is_odd(name: str, expected: dict[str, object]) -> None:
    """None is what the bytes do not tell."""
    header = headers.read(INPUTS[name][0][:HEAD_BYTES])

    assert header is not None
    assert {field: getattr(header, field) for field in expected} == expected


def test_an_unusual_jpeg_frame_has_no_colour() -> None:
    """A lossless or arithmetic JPEG has a size, and few can decode it."""
    header = headers.read(jpeg_header(64, 48).replace(b"\xff\xc0", b"\xff\xc3", 1))

    assert header is not None
    assert (header.width, header.colour) == (64, None)
    assert not inputs.is_plain(header)


def test_old_bitmaps_have_a_shorter_header() -> None:
    """Two numbers of 16 bits."""
    head = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 200, 150, 1, 24)

    assert headers.read(head) == headers.Header(format="bmp", width=200, height=150)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_both_byte_orders_are_read(order: str) -> None:
    """Little- and big-endian TIFF."""
    sign = "<" if order == "II" else ">"
    entry = struct.pack(f"{sign}HHIHH", tiff.ORIENTATION, 3, 1, 8, 0)
    data = order.encode() + struct.pack(f"{sign}HIH", 42, 8, 1) + entry

    assert tiff.orientation(data) == 8
    assert tiff.first_directory(data[:-1]) is None
    assert tiff.first_directory(data[:6]) is None


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
def test_hostile_bytes_behind_a_signature_do_no_harm(signature: bytes, rest: bytes) -> None:
    """Nothing is raised, nothing loops, and a size is a size."""
    header = headers.read(signature + rest)

    if header is not None:
        assert (header.width is None) == (header.height is None)
        assert header.width is None or header.width > 0
        inputs.refusal(header)
        if inputs.is_plain(header):
            inputs.is_complete(header, Glimpse(signature + rest, rest, 2 * len(rest)))


@given(st.sampled_from(sorted(INPUTS)), st.integers(0, 2_000), st.binary(min_size=1, max_size=8))
def test_damaged_images_do_no_harm(name: str, place: int, damage: bytes) -> None:
    """Any bytes of any input may be others."""
    body = INPUTS[name][0]

    headers.read(body[:place] + damage + body[place + len(damage) :])
    headers.read(body[:place])


@given(st.binary(max_size=400))
def test_damaged_exif_says_nothing_impossible(data: bytes) -> None:
    """Whatever stands there, it is one of the eight, or not certain."""
    assert tiff.orientation(b"II*\0" + data) in {None, *range(1, 9)}


@pytest.mark.parametrize(
    ("pixels", "refused"), [((10_000, 10_000), None), ((10_000, 10_001), "too_many_pixels")]
)
def test_the_pixel_limit_is_inclusive(pixels: tuple[int, int], refused: str | None) -> None:
    """100 megapixels are taken."""
    header = headers.Header(format="jpeg", width=pixels[0], height=pixels[1])
    reason = inputs.refusal(header)

    assert (reason and reason.code) == refused


@pytest.mark.parametrize(
    ("width", "height", "plain"),
    [(10_000, 5_000, True), (10_000, 5_001, False), (16_383, 9, True), (16_384, 9, False)],
)
def test_what_is_larger_than_a_provider_takes_is_prepared(
    width: int, height: int, *, plain: bool
) -> None:
    """In all, and on its longer side."""
    header = headers.Header(
        format="jpeg",
        width=width,
        height=height,
        orientation=1,
        colour="plain",
        bits=8,
        animated=False,
        visible=True,
    )

    assert inputs.is_plain(header) is plain
