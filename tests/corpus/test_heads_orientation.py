"""How a picture lies: what is not certain from its first bytes is decided by decoding it."""

import zlib

import pytest
from PIL import Image

from cutout import headers
from tests.corpus.files_head import (
    ASCII,
    BYTE,
    EXIF_MARK,
    LONG,
    RATIONAL,
    SHORT,
    SLONG,
    XMP,
    app1,
    entry,
    exif,
    grain,
    jpeg_with,
    lies_on_its_side,
    lying,
    png_with,
    riff,
    segment,
    vp8x,
    webp_chunk,
)
from tests.corpus.pictures import (
    CUT,
    JPEG,
    ORIENTATION,
    PNG,
    PREPARED,
    SIZE,
    chunk,
    encoded,
    scene,
)
from tests.corpus.test_inputs import TOLERANCE, Studio

SIX, ONE = lying(6), lying(1)
HEAD = 65_536
PROFILE = b"\nexif\n      34\n" + (EXIF_MARK + SIX).hex().encode() + b"\n"
LOSSY = webp_chunk(lies_on_its_side(), quality=95)


def behind_the_frame(extra: bytes) -> bytes:
    """Return a JPEG with a segment behind its frame header."""
    place = JPEG.index(b"\xff\xc0")
    place += 2 + int.from_bytes(JPEG[place + 2 : place + 4])
    return JPEG[:place] + extra + JPEG[place:]


def directory_of(kind: int, value: int, count: int = 1) -> bytes:
    """Return an EXIF whose orientation is of another type or count than one SHORT."""
    return exif(entry(ORIENTATION, kind, value, count), after=bytes([6, 0, 0, 0, 1, 0, 0, 0]))


JPEGS: dict[str, tuple[bytes, str]] = {
    "says nothing": (jpeg_with(app1(exif(entry(296, SHORT, 2)))), CUT),
    "says 1": (jpeg_with(app1(ONE)), CUT),
    "says 1, the other way round": (jpeg_with(app1(lying(1, ">"))), CUT),
    "says 1 behind XMP": (jpeg_with(segment(0xE1, XMP), app1(ONE)), CUT),
    "says 1 behind fill bytes": (jpeg_with(b"\xff\xff\xff", app1(ONE)), CUT),
    "says 1 behind its frame header": (behind_the_frame(app1(ONE)), CUT),
    "says 1, its thumbnail 6": (
        jpeg_with(app1(exif(entry(ORIENTATION, SHORT, 1))[:-4] + b"\x1a\0\0\0" + SIX[8:])),
        CUT,
    ),
    "says 0": (jpeg_with(app1(lying(0))), CUT),
    "says 65535": (jpeg_with(app1(lying(65_535))), CUT),
    "only XMP says 6": (jpeg_with(segment(0xE1, XMP)), CUT),
    "says 6": (jpeg_with(app1(SIX)), PREPARED),
    "6, then 1": (jpeg_with(app1(SIX), app1(ONE)), PREPARED),
    "1, then 6": (jpeg_with(app1(ONE), app1(SIX)), PREPARED),
    "1, then 6 behind XMP": (jpeg_with(app1(ONE), segment(0xE1, XMP), app1(SIX)), PREPARED),
    "1, then 6 behind the frame header": (
        JPEG[:2] + app1(ONE) + behind_the_frame(app1(SIX))[2:],
        PREPARED,
    ),
    "split over two segments": (jpeg_with(app1(SIX[:12]), app1(SIX[12:])), PREPARED),
    "more entries than there are": (
        jpeg_with(app1(exif(entry(ORIENTATION, SHORT, 6), count=40))),
        PREPARED,
    ),
    "more entries than there are, and room for them": (
        jpeg_with(app1(exif(entry(ORIENTATION, SHORT, 1), count=40, after=bytes(600)))),
        PREPARED,
    ),
    "no entries": (jpeg_with(app1(exif())), PREPARED),
    "second entry cut": (
        jpeg_with(app1(exif(entry(296, SHORT, 2), entry(ORIENTATION, SHORT, 6))[:-11])),
        PREPARED,
    ),
    "twice in one directory": (
        jpeg_with(app1(exif(entry(ORIENTATION, SHORT, 1), entry(ORIENTATION, SHORT, 6)))),
        PREPARED,
    ),
    "as RATIONAL": (jpeg_with(app1(directory_of(RATIONAL, 26))), PREPARED),
    "as SLONG": (jpeg_with(app1(directory_of(SLONG, 6))), PREPARED),
    "as LONG": (jpeg_with(app1(directory_of(LONG, 6))), PREPARED),
    "as BYTE": (jpeg_with(app1(directory_of(BYTE, 6))), PREPARED),
    "as ASCII": (jpeg_with(app1(directory_of(ASCII, 0x36, 2))), PREPARED),
    "of no type": (jpeg_with(app1(directory_of(0, 6))), PREPARED),
    "a type nobody knows": (jpeg_with(app1(directory_of(99, 6))), PREPARED),
    "no value": (jpeg_with(app1(directory_of(SHORT, 6, 0))), PREPARED),
    "two values": (jpeg_with(app1(directory_of(SHORT, 6, 2))), PREPARED),
    "wrong byte order": (jpeg_with(app1(b"XX" + SIX[2:])), PREPARED),
    "wrong magic number": (jpeg_with(app1(b"II\0*" + SIX[4:])), PREPARED),
    "byte orders mixed": (jpeg_with(app1(b"MM\0*" + SIX[4:])), PREPARED),
    "a BigTIFF": (jpeg_with(app1(b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + bytes(40))), PREPARED),
    "directory beyond the segment": (
        jpeg_with(app1(SIX[:4] + b"\0\x40\0\0" + SIX[8:])),
        PREPARED,
    ),
    "directory in the header": (jpeg_with(app1(SIX[:4] + b"\2\0\0\0" + SIX[8:])), PREPARED),
    "nothing but its mark": (jpeg_with(app1(b"")), PREPARED),
    "mark of another ending": (jpeg_with(app1(SIX, b"Exif\0\xff")), PREPARED),
    "mark in capitals": (jpeg_with(app1(SIX, b"EXIF\0\0")), PREPARED),
    "behind 64 KB of others": (
        jpeg_with(*[segment(0xEF, bytes(60_000))] * 2, app1(SIX)),
        PREPARED,
    ),
    "across the 64 KB": (
        jpeg_with(segment(0xEF, bytes(HEAD - 30)), app1(SIX)),
        PREPARED,
    ),
    "a length too short": (jpeg_with(app1(SIX).replace(b"\x22Exif", b"\x0cExif")), PREPARED),
    "a length too long": (jpeg_with(app1(SIX).replace(b"\x22Exif", b"\x2cExif")), PREPARED),
    "a length of 0": (jpeg_with(b"\xff\xe1\0\0"), PREPARED),
}

PNGS: dict[str, tuple[bytes, str]] = {
    "says 1": (png_with(chunk(b"eXIf", ONE)), CUT),
    "only XMP says 6": (
        png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP[29:])),
        CUT,
    ),
    "other text": (png_with(chunk(b"tEXt", b"Software\0Raw profile type")), CUT),
    "says 6": (png_with(chunk(b"eXIf", SIX)), PREPARED),
    "6, then 1": (png_with(chunk(b"eXIf", SIX), chunk(b"eXIf", ONE)), PREPARED),
    "1, then 6": (png_with(chunk(b"eXIf", ONE), chunk(b"eXIf", SIX)), PREPARED),
    "behind the pixels": (png_with(behind=[chunk(b"eXIf", SIX)]), PREPARED),
    "no TIFF": (png_with(chunk(b"eXIf", b"hello")), PREPARED),
    "a JPEG's mark before it": (png_with(chunk(b"eXIf", EXIF_MARK + SIX)), PREPARED),
    "cut": (png_with(chunk(b"eXIf", SIX[:-9])), PREPARED),
    "as LONG": (png_with(chunk(b"eXIf", directory_of(LONG, 6))), PREPARED),
    "as text": (png_with(chunk(b"tEXt", b"Raw profile type exif\0" + PROFILE)), PREPARED),
    "as packed text": (
        png_with(chunk(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(PROFILE))),
        PREPARED,
    ),
    "as international text": (
        png_with(chunk(b"iTXt", b"Raw profile type exif\0\0\0\0\0" + PROFILE)),
        PREPARED,
    ),
    "as text behind the pixels": (
        png_with(behind=[chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(PROFILE))]),
        PREPARED,
    ),
}

WEBPS: dict[str, tuple[bytes, str]] = {
    "without extras": (riff(LOSSY), CUT),
    "extended, without EXIF": (riff(vp8x(0x04, (64, 96)), LOSSY, (b"XMP ", XMP[29:])), CUT),
    "says 6": (riff(vp8x(0x08, (64, 96)), LOSSY, (b"EXIF", SIX)), PREPARED),
    "says 1": (riff(vp8x(0x08, (64, 96)), LOSSY, (b"EXIF", ONE)), PREPARED),
    "flag without EXIF": (riff(vp8x(0x08, (64, 96)), LOSSY), PREPARED),
    "EXIF without flag": (riff(vp8x(0, (64, 96)), LOSSY, (b"EXIF", SIX)), PREPARED),
    "EXIF before the pixels, without flag": (
        riff(vp8x(0, (64, 96)), (b"EXIF", SIX), LOSSY),
        PREPARED,
    ),
    "EXIF behind XMP, without flag": (
        riff(vp8x(0x04, (64, 96)), LOSSY, (b"XMP ", XMP[29:]), (b"EXIF", SIX)),
        PREPARED,
    ),
    "EXIF behind a simple picture": (riff(LOSSY, (b"EXIF", SIX)), PREPARED),
}
ALL = {
    f"{kind}: {name}": value
    for kind, files in {"jpeg": JPEGS, "png": PNGS, "webp": WEBPS}.items()
    for name, value in files.items()
}


@pytest.mark.parametrize("name", ALL)
def test_only_what_is_certainly_upright_is_sent_as_it_is(name: str) -> None:
    """Exactly one EXIF, read whole, says 1 or nothing; all else is decoded first."""
    body, expected = ALL[name]

    job = Studio().run(body)

    assert job.reason is None
    assert ("staged/" in (job.staged_key or "")) is (expected == PREPARED)


TURNED = [
    *("jpeg: says 6", "jpeg: 6, then 1", "jpeg: behind 64 KB of others"),
    *("jpeg: across the 64 KB", "png: says 6", "webp: says 6"),
]


@pytest.mark.parametrize("name", TURNED)
def test_what_lies_on_its_side_is_put_upright(name: str) -> None:
    """Of two EXIF the first counts, and one that the first bytes do not show counts, too."""
    studio = Studio()

    result = studio.result(studio.run(ALL[name][0]))

    assert_shows_scene(result)


@pytest.mark.parametrize("body", [jpeg_with(app1(ONE), app1(SIX), picture=scene())])
def test_the_first_of_two_counts(body: bytes) -> None:
    """Also if it says that the picture is upright."""
    studio = Studio()

    assert_shows_scene(studio.result(studio.run(body)))


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_xmp_says_nothing(kind: str) -> None:
    """EXIF alone decides."""
    files = {
        "jpeg": jpeg_with(segment(0xE1, XMP), picture=scene()),
        "png": png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP[29:]), body=PNG),
        "webp": encoded(scene(), "WEBP", quality=95, xmp=XMP[29:]),
    }
    header = headers.read(files[kind])
    studio = Studio()

    assert header is not None
    assert header.orientation == 1
    assert_shows_scene(studio.result(studio.run(files[kind])))


LARGE = encoded(grain((200, 150)), "PNG")
IN_PIECES = encoded(grain((400, 300)), "PNG")


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ([], CUT),
        ([chunk(b"tEXt", b"Comment\0hello")], CUT),
        ([chunk(b"eXIf", ONE)], CUT),
        ([chunk(b"eXIf", SIX)], PREPARED),
        ([chunk(b"eXIf", SIX), chunk(b"tEXt", b"Comment\0" + b"x" * 3_000)], PREPARED),
        ([chunk(b"eXIf", SIX), chunk(b"tEXt", b"Comment\0" + b"x" * 90_000)], PREPARED),
        ([chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(PROFILE))], PREPARED),
    ],
    ids=["nothing", "text", "1", "6", "6, then text", "6, then long text", "profile"],
)
@pytest.mark.parametrize("body", [LARGE, IN_PIECES], ids=["90 KB", "in pieces"])
def test_exif_behind_the_pixels_of_a_large_png_is_found(
    body: bytes, behind: list[bytes], expected: str
) -> None:
    """Its first bytes end in its pixels, so its last ones are read."""
    job = Studio().run(png_with(behind=behind, body=body))

    assert ("staged/" in (job.staged_key or "")) is (expected == PREPARED)


def assert_shows_scene(result: Image.Image) -> None:
    """Compare the middle of each quarter with the upright scene's."""
    original = scene()
    assert result.size == SIZE
    for x in (24, 72):
        for y in (16, 48):
            found, expected = result.getpixel((x, y)), original.getpixel((x, y))
            assert isinstance(found, tuple)
            assert isinstance(expected, tuple)
            assert max(abs(a - b) for a, b in zip(found[:3], expected, strict=True)) <= TOLERANCE
