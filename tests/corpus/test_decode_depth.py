"""Samples of more or fewer than 8 bits keep their brightness, or are refused."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray

from tests.corpus.copies import greys, pixels, refusal
from tests.corpus.pictures import chunk
from tests.corpus.tiffs import DEFLATE, Tiff

SIZE = (64, 32)
# From black at the left to white at the right: JPEG's own errors stay small on it.
RAMP = np.linspace(0, 1, SIZE[0])[None, :].repeat(SIZE[1], axis=0)
EIGHT = np.rint(RAMP * 255).astype(int)
NEAR = 4  # of 255

Grey = NDArray[Any]


def ramp(kind: str, most: float, *, inverted: bool = False) -> Grey:
    """Return the ramp as numbers of a type."""
    shades = 1 - RAMP if inverted else RAMP
    values = shades * most
    return (values if "f" in kind else np.rint(values)).astype(kind)


def grey_tiff(samples: Grey, **changes: object) -> bytes:
    """Return a grey TIFF of these samples."""
    order = ">" if samples.dtype.byteorder == ">" else "<"
    kinds = {"u": 1, "i": 2, "f": 3}
    described = {"bits": (samples.dtype.itemsize * 8,), "format": kinds[samples.dtype.kind]}
    options = {"order": order, **described, **changes}
    return Tiff(SIZE, [samples.tobytes()], **options).file()  # type: ignore[arg-type]


def packed(samples: NDArray[np.integer], bits: int) -> bytes:
    """Return samples packed without gaps, each row from a new byte on."""
    rows = []
    for row in samples:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)))
    return b"".join(rows)


FULL = {
    "16 bits": ("u2", 65_535),
    "32 bits": ("u4", 2**32 - 1),
    "32 bits of which 8 are used": ("u4", 255),
    "32 bits of which 16 are used": ("u4", 65_535),
    "32 bits of which 24 are used": ("u4", 2**24 - 1),
    "16 bits with a sign": ("i2", 32_767),
    "32 bits with a sign": ("i4", 2**31 - 1),
    "32 bits with a sign of which 16 are used": ("i4", 65_535),
    "floats from 0 to 1": ("f4", 1.0),
    "floats from 0 to 255": ("f4", 255.0),
    "floats of high dynamic range": ("f4", 12.5),
}


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", FULL)
def test_deep_greys_keep_their_brightness(name: str, order: str, compression: int) -> None:
    """Whatever the order of their bytes, compressed or not."""
    kind, most = FULL[name]

    found = greys(grey_tiff(ramp(order + kind, most), compression=compression))

    assert abs(found - EIGHT).max() <= NEAR


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "most"), [("u1", 255), ("u2", 65_535), ("u4", 2**32 - 1), ("f4", 1.0)]
)
def test_white_may_be_zero(kind: str, most: float, order: str) -> None:
    """Photometric interpretation 0, MinIsWhite."""
    samples = ramp(order + kind, most, inverted=True)

    assert abs(greys(grey_tiff(samples, photometric=0)) - EIGHT).max() <= NEAR


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 4, 12])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, DEFLATE])
def test_packed_greys_keep_their_brightness(
    bits: int, photometric: int, order: str, compression: int
) -> None:
    """Samples that are not whole bytes; white is the largest number they can hold."""
    most = 2**bits - 1
    levels = np.rint(RAMP * most).astype(int)
    samples = packed(levels if photometric else most - levels, bits)

    body = Tiff(
        SIZE,
        [samples],
        bits=(bits,),
        photometric=photometric,
        order=order,
        compression=compression,
    ).file()

    off = abs(greys(body) - np.rint(levels / most * 255))
    if bits == 1:  # the edge between black and white is not JPEG's strength
        off = off[:, np.r_[:24, 40:64]]
    assert off.max() <= 24 if bits < 8 else off.max() <= NEAR


@pytest.mark.parametrize("bits", [1, 4, 8, 12, 16])
def test_bits_may_come_in_reverse(bits: int) -> None:
    """Fill order 2."""
    most = 2**bits - 1
    levels = np.rint(RAMP * most).astype(int)
    straight = packed(levels, bits) if bits < 16 else levels.astype("<u2").tobytes()
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in straight)

    def body(samples: bytes, fill_order: int) -> bytes:
        return Tiff(SIZE, [samples], bits=(bits,), tags={266: (3, [fill_order])}).file()

    assert (greys(body(reverse, 2)) == greys(body(straight, 1))).all()


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("order", ["<", ">"])
def test_black_and_white_are_the_extremes_of_finite_floats(strange: float, order: str) -> None:
    """A first number that is none does not count, nor do infinite ones; the latter are extremes."""
    samples = ramp(order + "f4", 3.0) + 2
    samples[0, 0] = samples[5:7, 20] = strange

    found = greys(grey_tiff(samples))

    assert abs(found[10:] - EIGHT[10:]).max() <= NEAR
    assert found[0, 0] < 100 or strange == np.inf


def test_floats_with_a_predictor_are_floats() -> None:
    """Predictor 3: the bytes of a row by their weight, each less the one before it."""
    samples = ramp(">f4", 1.0)
    by_weight = samples.view(np.uint8).reshape(SIZE[1], SIZE[0], 4).transpose(0, 2, 1)
    rows = by_weight.reshape(SIZE[1], -1).astype(int)
    differences = np.diff(rows, axis=1, prepend=0).astype(np.uint8)

    body = Tiff(
        SIZE,
        [differences.tobytes()],
        bits=(32,),
        format=3,
        predictor=3,
        compression=DEFLATE,
    ).file()

    assert abs(greys(body) - EIGHT).max() <= NEAR


@pytest.mark.parametrize("order", ["<", ">"])
def test_shorts_with_a_predictor_are_shorts(order: str) -> None:
    """Predictor 2: each number less the one before it."""
    differences = np.diff(ramp("i8", 65_535), axis=1, prepend=0).astype(order + "u2")

    body = grey_tiff(differences, predictor=2, compression=DEFLATE)

    assert abs(greys(body) - EIGHT).max() <= NEAR


REFUSED = {
    "greys below zero": grey_tiff(ramp("<i2", 32_767) - np.int16(9)),
    "32 bits below zero": grey_tiff(ramp("<i4", 2**31 - 1) - np.int32(9)),
    "8 bits with a sign": grey_tiff(ramp("i1", 127)),
    "doubles": grey_tiff(ramp("<f8", 1.0)),
    "half floats": grey_tiff(ramp("<f2", 1.0)),
    "64 bits": grey_tiff(ramp("<u8", 2**40)),
    "10 bits": Tiff(SIZE, [packed(ramp("i4", 1023), 10)], bits=(10,)).file(),
    "14 bits": Tiff(SIZE, [packed(ramp("i4", 16_383), 14)], bits=(14,)).file(),
    "24 bits": Tiff(SIZE, [bytes(3 * 64 * 32)], bits=(24,)).file(),
    "floats that are all alike": grey_tiff(np.full((32, 64), 7, "<f4")),
    "floats that are none": grey_tiff(np.full((32, 64), np.nan, "<f4")),
    "floats that are too far apart": grey_tiff(((RAMP - 0.5) * 6e38).astype("<f4")),
    "RGB floats": Tiff(SIZE, [bytes(12 * 64 * 32)], bits=(32,) * 3, photometric=2, format=3).file(),
    "RGB of 5, 6 and 5 bits": Tiff(
        SIZE, [bytes(2 * 64 * 32)], bits=(5, 6, 5), photometric=2
    ).file(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shown_rightly_is_refused(name: str) -> None:
    """A reason is better than a black or noisy picture that is paid for."""
    assert refusal(REFUSED[name]) == "unsupported_format"


def rgb_planes(order: str, kind: str, most: int) -> list[bytes]:
    """Return red falling, green rising, blue in the middle."""
    shades = (1 - RAMP, RAMP, np.full_like(RAMP, 0.5))
    return [np.rint(shade * most).astype(order + kind).tobytes() for shade in shades]


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "most"), [("u1", 255), ("u2", 65_535)])
def test_planes_are_put_together(kind: str, most: int, order: str, compression: int) -> None:
    """Planar configuration 2."""
    body = Tiff(
        SIZE,
        rgb_planes(order, kind, most),
        bits=(int(kind[1]) * 8,) * 3,
        photometric=2,
        order=order,
        compression=compression,
    ).file()

    found = pixels(body)

    wanted = np.stack([255 - EIGHT, EIGHT, np.full_like(EIGHT, 128)], axis=-1)
    assert abs(found[..., :3] - wanted).max() <= 12  # JPEG halves the colours' resolution


PIECES: dict[str, dict[str, Any]] = {
    "strips": {"rows": 5},
    "tiles": {"tile": (16, 16)},
    "wide tiles": {"tile": (48, 32)},
}


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f4"])
def test_pieces_are_put_together(kind: str, pieces: str, order: str, compression: int) -> None:
    """Strips, the last of which is shorter, and tiles that reach beyond the picture."""
    most = {"u1": 255, "u2": 65_535, "u4": 2**32 - 1, "f4": 1.0}[kind]

    body = grey_tiff(ramp(order + kind, most), compression=compression, **PIECES[pieces])

    assert abs(greys(body) - EIGHT).max() <= NEAR


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("pieces", PIECES)
def test_pieces_of_planes_are_put_together(pieces: str, compression: int) -> None:
    """First those of red, then those of green, then those of blue."""
    body = Tiff(
        SIZE,
        rgb_planes(">", "u2", 65_535),
        bits=(16,) * 3,
        photometric=2,
        order=">",
        compression=compression,
        **PIECES[pieces],
    ).file()

    wanted = np.stack([255 - EIGHT, EIGHT, np.full_like(EIGHT, 128)], axis=-1)
    assert abs(pixels(body)[..., :3] - wanted).max() <= 12


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, DEFLATE])
def test_interleaved_deep_colours_keep_their_brightness(order: str, compression: int) -> None:
    """16 bits a sample, planar configuration 1."""
    planes = [np.frombuffer(p, order + "u2") for p in rgb_planes(order, "u2", 65_535)]
    body = Tiff(
        SIZE,
        [np.stack(planes, axis=-1).astype(order + "u2").tobytes()],
        bits=(16,) * 3,
        photometric=2,
        order=order,
        compression=compression,
    ).file()

    wanted = np.stack([255 - EIGHT, EIGHT, np.full_like(EIGHT, 128)], axis=-1)
    assert abs(pixels(body)[..., :3] - wanted).max() <= 12


def test_a_deep_png_keeps_its_brightness() -> None:
    """Also where all of it is dark."""
    for most, wanted in ((65_535, EIGHT), (200, EIGHT * 0)):
        rows = b"".join(b"\0" + row.tobytes() for row in ramp(">u2", most))
        body = chunk(b"IHDR", struct.pack(">II5B", *SIZE, 16, 0, 0, 0, 0))
        body += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

        assert abs(greys(b"\x89PNG\r\n\x1a\n" + body) - wanted).max() <= NEAR


def test_a_deep_heic_keeps_its_brightness() -> None:
    """Greys of 10 bits, which libheif shifts up to 16."""
    file = pillow_heif.from_bytes("I;16", SIZE, ramp("<u2", 65_535).tobytes())
    written = io.BytesIO()
    file.save(written, quality=-1)

    assert abs(greys(written.getvalue()) - EIGHT).max() <= NEAR


def test_a_palette_of_eight_bits_has_its_colours() -> None:
    """Some programs write 8 bits where 16 belong, and all would be black."""
    colours = [*([200] * 256), *([100] * 256), *range(256)]
    body = Tiff(SIZE, [bytes([50]) * 2048], photometric=3, tags={320: (3, colours)}).file()

    assert abs(pixels(body)[10, 10, :3] - np.array([200, 100, 50])).max() <= NEAR
