"""Colours told by anything, a profile, numbers or a gamma, are sRGB's in the copy; or refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from cutout.adapters.decoding.decoded import UNREADABLE_PROFILE
from tests.corpus.bmps import V5, bmp
from tests.corpus.copies import Pixels, pixels, prepared, refusal
from tests.corpus.heifs import AV1, HEVC, heif, with_colours
from tests.corpus.jpegs import APP2, jpeg, segment
from tests.corpus.pictures import encoded
from tests.corpus.pngs import GREY, RGB, Part, png
from tests.corpus.profiles import (
    ADOBE_RGB,
    BT2020,
    DISPLAY_P3,
    SRGB,
    grey_profile,
    in_srgb,
    profile,
    rgb_profile,
    shown,
)
from tests.corpus.tiffs import Tiff, with_profile

SIZE = (64, 64)
NEAR = 3  # of 255, besides what a codec loses
COLOURS = [(200, 100, 50), (60, 160, 90), (128, 128, 128), (90, 60, 170)]


def flat(colour: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    """Return a picture of one colour."""
    return Image.new(mode, SIZE, colour if len(colour) > 1 else colour[0])


def middle(body: bytes) -> Pixels:
    """Return the copy's colour."""
    found: Pixels = pixels(body)[32, 32, :3]
    return found


def deep_png(colour: tuple[int, ...], *before: Part) -> bytes:
    """Return a PNG of 16 bits of one colour."""
    kind = RGB if len(colour) == 3 else GREY
    row = b"".join(struct.pack(">H", value * 257) for value in colour) * SIZE[0]
    return png([row] * SIZE[1], SIZE, 16, kind, before=before)


def iccp(body: bytes) -> Part:
    """Return the chunk of an ICC profile."""
    return (b"iCCP", b"profile\0\0" + zlib.compress(body))


def gama(exponent: float) -> Part:
    """Return the chunk of a gamma: the number is light to this power."""
    return (b"gAMA", struct.pack(">I", round(exponent * 100_000)))


def chrm(points: tuple[tuple[float, float], ...]) -> Part:
    """Return the chunk of primaries and white."""
    red, green, blue, white = points
    numbers = (n for point in (white, red, green, blue) for n in point)
    return (b"cHRM", struct.pack(">8I", *(round(n * 100_000) for n in numbers)))


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.6])
@pytest.mark.parametrize("level", [60, 128, 200])
def test_greys_with_a_profile_are_converted(level: int, gamma: float) -> None:
    """From every format that has greys, of 8 and of 16 bits, with alpha and without."""
    icc = grey_profile(gamma)
    wanted = shown(np.array([(level / 255) ** gamma]))[0]
    grey = flat((level,), "L")
    with_alpha = Image.merge("LA", (grey, flat((100,), "L")))
    bodies = {
        "deep png": deep_png((level,), iccp(icc)),
        "png with alpha": encoded(with_alpha, "PNG", icc_profile=icc),
        "tiff": Tiff(SIZE, [grey.tobytes()], tags=with_profile(icc)).file(),
        "deep tiff": Tiff(
            SIZE, [struct.pack("<H", level * 257) * 4096], bits=(16,), tags=with_profile(icc)
        ).file(),
        "tiff, white is zero": Tiff(
            SIZE, [bytes([255 - level]) * 4096], photometric=0, tags=with_profile(icc)
        ).file(),
        "jpeg": encoded(grey, "JPEG", quality=95, icc_profile=icc),
        "avif": heif(AV1, grey, icc_profile=icc),
        "heic": heif(HEVC, grey, icc_profile=icc),
    }

    off = {name: int(abs(middle(body) - wanted).max()) for name, body in bodies.items()}

    assert max(off.values()) <= NEAR, off


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("points", "gamma"), [(ADOBE_RGB, 2.2), (DISPLAY_P3, 1.8), (SRGB, 1.0)])
def test_colours_with_a_profile_are_converted(
    colour: tuple[int, int, int], points: tuple[tuple[float, float], ...], gamma: float
) -> None:
    """In every format that has profiles, however they are kept."""
    icc, wanted = rgb_profile(points, gamma), in_srgb(colour, points, gamma)
    picture = flat(colour)
    rows = picture.tobytes("raw", "BGRX")
    bodies = {
        "deep png": deep_png(colour, iccp(icc)),
        "tiff": Tiff(
            SIZE, [picture.tobytes()], bits=(8,) * 3, photometric=2, tags=with_profile(icc)
        ).file(),
        "webp": encoded(picture, "WEBP", lossless=True, icc_profile=icc),
        "bmp": bmp(rows, SIZE, 32, header=V5, compression=3, profile=icc),
        "heic": heif(HEVC, picture, icc_profile=icc),
        "avif": heif(AV1, picture, icc_profile=icc),
        "jpeg": encoded(picture, "JPEG", quality=95, icc_profile=icc),
    }

    off = {name: int(abs(middle(body) - wanted).max()) for name, body in bodies.items()}

    assert max(off.values()) <= NEAR + 5, off  # the copy is a JPEG, and so is one source


def test_a_grey_is_three_equal_numbers_of_an_rgb_profile() -> None:
    """Programs keep the working space's profile when they make a picture grey."""
    icc = rgb_profile(SRGB, 1.0)

    assert abs(middle(deep_png((128,), iccp(icc))) - 188).max() <= NEAR


@pytest.mark.parametrize("codec", [HEVC, AV1])
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("number", "points"), [(12, DISPLAY_P3), (9, BT2020), (1, SRGB)])
def test_primaries_told_by_a_number_are_converted(
    number: int, points: tuple[tuple[float, float], ...], colour: tuple[int, int, int], codec: str
) -> None:
    """ITU-T H.273 in a box `colr`; the curve is sRGB's."""
    body = with_colours(heif(codec, flat(colour)), number, 13)

    assert abs(middle(body) - in_srgb(colour, points)).max() <= NEAR + 4


@pytest.mark.parametrize("codec", [HEVC, AV1])
def test_curves_told_by_a_number_are_converted(codec: str) -> None:
    """Those of television are taken for sRGB's, as every viewer does."""
    body = heif(codec, flat((128, 128, 128)))

    for curve in (1, 2, 6, 13, 14, 15):
        assert abs(middle(with_colours(body, 1, curve)) - 128).max() <= NEAR
    assert abs(middle(with_colours(body, 1, 8)) - 188).max() <= NEAR
    assert abs(middle(with_colours(body, 1, 4)) - shown(np.array([0.502**2.2]))[0]).max() <= NEAR


def test_the_range_and_the_matrix_are_the_decoders() -> None:
    """Full range or video's, whatever the colours were coded by."""
    picture = flat((200, 100, 50))
    bodies = [encoded(picture, AV1, quality=100, subsampling="4:4:4", range="limited")]
    for matrix in (0, 1, 6, 9):
        numbers = {"color_primaries": 1, "transfer_characteristics": 13}
        options = {**numbers, "matrix_coefficients": matrix, "full_range_flag": matrix % 2}
        bodies.append(encoded(picture, HEVC, quality=-1, chroma=444, **options))

    assert [int(abs(middle(body) - [200, 100, 50]).max()) <= NEAR for body in bodies] == [True] * 5


@pytest.mark.parametrize("codec", [HEVC, AV1])
def test_a_profile_counts_more_than_numbers(codec: str) -> None:
    """A HEIF may have both; the numbers then only say how it was coded."""
    body = heif(codec, flat((200, 100, 50)), icc_profile=rgb_profile(ADOBE_RGB, 2.2))

    assert abs(middle(body) - in_srgb((200, 100, 50), ADOBE_RGB, 2.2)).max() <= NEAR + 4


def hdr_profile(curve: int) -> bytes:
    """Return an ICC profile whose tag `cicp` names a curve (ICC.1:2022)."""
    plain = rgb_profile(BT2020, 2.2)
    start = 132 + 12 * int.from_bytes(plain[128:132])
    names = [plain[at : at + 4] for at in range(132, start, 12)]
    places = [struct.unpack(">II", plain[at + 4 : at + 12]) for at in range(132, start, 12)]
    tags = {name: plain[at : at + size] for name, (at, size) in zip(names, places, strict=True)}
    return profile(b"RGB ", tags | {b"cicp": b"cicp" + bytes(4) + bytes([9, curve, 0, 1])})


HDR = {
    **{
        f"{codec}, {curve}": with_colours(heif(codec), 9, curve)
        for codec in (HEVC, AV1)
        for curve in (16, 18)
    },
    "png, 16": deep_png((128,) * 3, (b"cICP", bytes([9, 16, 0, 1]))),
    "png, 18": deep_png((128,) * 3, (b"cICP", bytes([9, 18, 0, 1]))),
    "png, a profile": deep_png((128,) * 3, iccp(hdr_profile(16))),
    "jpeg, a profile": encoded(flat((128,) * 3), "JPEG", icc_profile=hdr_profile(18)),
    "avif, a logarithm": with_colours(heif(AV1), 9, 9),
    "png, video's range": deep_png((128,) * 3, (b"cICP", bytes([1, 13, 0, 0]))),
}


@pytest.mark.parametrize("name", HDR)
def test_high_dynamic_range_is_refused(name: str) -> None:
    """What it would look like in 8 bits is anybody's guess."""
    assert refusal(HDR[name]) == "unsupported_format"


def test_an_hdr_profile_with_an_ordinary_curve_is_ordinary() -> None:
    """The tag alone is no reason."""
    found = middle(deep_png((200, 100, 50), iccp(hdr_profile(13))))

    assert abs(found - in_srgb((200, 100, 50), BT2020, 2.2)).max() <= NEAR + 5


PNG_COLOURS: dict[str, tuple[tuple[Part, ...], tuple[tuple[float, float], ...], float | None]] = {
    "nothing": ((), SRGB, None),
    "sRGB": (((b"sRGB", b"\0"),), SRGB, None),
    "gamma of sRGB": ((gama(0.45455),), SRGB, None),
    "gamma and primaries of sRGB": ((gama(0.45455), chrm(SRGB)), SRGB, None),
    "linear light": ((gama(1.0),), SRGB, 1.0),
    "gamma of old Macs": ((gama(0.55556),), SRGB, 1.8),
    "gamma and primaries": ((gama(0.45455), chrm(ADOBE_RGB)), ADOBE_RGB, None),
    "other gamma and primaries": ((gama(0.5), chrm(DISPLAY_P3)), DISPLAY_P3, 2.0),
    "primaries without a gamma": ((chrm(DISPLAY_P3),), SRGB, None),
    "sRGB counts more than gamma": ((gama(1.0), (b"sRGB", b"\0")), SRGB, None),
    "a profile counts more": (
        (gama(1.0), iccp(rgb_profile(ADOBE_RGB, 2.2))), ADOBE_RGB, 2.2,
    ),
    "numbers count most": (
        ((b"cICP", bytes([12, 13, 0, 1])), iccp(rgb_profile(ADOBE_RGB, 1.0))), DISPLAY_P3, None,
    ),
    "gamma zero": ((gama(0),), SRGB, None),
    "gamma beyond reason": ((gama(90),), SRGB, None),
    "primaries beyond reason": ((gama(0.45455), (b"cHRM", bytes(32))), SRGB, None),
    "a profile that is none": (((b"iCCP", b"p\0\0rubbish"),), SRGB, None),
    "numbers with a matrix": (((b"cICP", bytes([9, 16, 6, 1])),), SRGB, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PNG_COLOURS)
def test_what_a_png_says_of_its_colours_counts(name: str) -> None:
    """By the order of its specification: cICP, iCCP, sRGB, gAMA with cHRM."""
    chunks, points, gamma = PNG_COLOURS[name]

    found = middle(deep_png((200, 100, 50), *chunks))

    assert abs(found - in_srgb((200, 100, 50), points, gamma)).max() <= NEAR + 5


def ignored() -> dict[str, bytes]:
    """Return profiles that say nothing about an RGB picture."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    good = rgb_profile(ADOBE_RGB, 1.0)
    return {
        "greys": grey_profile(1.0),
        "L*a*b*": lab,
        "no profile": b"hello" * 99,
        "nothing but a header": good[:128],
        "cut in its middle": good[:250],
        "CMYK": good[:16] + b"CMYK" + good[20:],
        "a link between devices": good[:12] + b"link" + good[16:],
        "tags beyond its end": good[:128] + b"\xff\xff\xff\xff" + good[132:],
    }


@pytest.mark.parametrize("name", ignored())
def test_a_profile_that_says_nothing_is_ignored_and_noted(name: str) -> None:
    """Damaged ones, and those of other colours than the picture has."""
    picture = flat((200, 100, 50))
    tags = with_profile(ignored()[name])
    body = Tiff(SIZE, [picture.tobytes()], bits=(8,) * 3, photometric=2, tags=tags).file()

    assert abs(middle(body) - [200, 100, 50]).max() <= NEAR
    assert prepared(body)[1] == (UNREADABLE_PROFILE,)


def test_a_profile_of_a_jpeg_whose_parts_are_missing_is_ignored() -> None:
    """One of two came; and both in the wrong order are one."""
    icc = rgb_profile(SRGB, 1.0)
    one, two = (
        segment(APP2, b"ICC_PROFILE\0" + bytes([number, 2]) + part)
        for number, part in ((1, icc[:200]), (2, icc[200:]))
    )

    assert abs(middle(jpeg(one, picture=flat((128,) * 3))) - 128).max() <= NEAR
    assert abs(middle(jpeg(two, one, picture=flat((128,) * 3))) - 188).max() <= NEAR


def test_cmyk_and_lab_are_converted() -> None:
    """Without a profile by arithmetic, L*a*b* by its definition."""
    cmyk = flat((0, 255, 255, 0), "CMYK")
    assert abs(middle(encoded(cmyk, "TIFF")) - [255, 0, 0]).max() <= NEAR
    assert abs(middle(encoded(cmyk, "JPEG", quality=95)) - [255, 0, 0]).max() <= NEAR
    lab = Tiff(SIZE, [bytes([138, 81, 70]) * 4096], bits=(8,) * 3, photometric=8)
    assert abs(middle(lab.file()) - [255, 0, 0]).max() <= 8


def test_the_copy_of_a_picture_in_srgb_is_the_same() -> None:
    """A conversion from sRGB to sRGB changes nothing."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    body = encoded(flat((200, 100, 50)), "PNG", icc_profile=icc)

    assert abs(middle(body) - [200, 100, 50]).max() <= NEAR
    assert Image.open(io.BytesIO(body)).info["icc_profile"]
