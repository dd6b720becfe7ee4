"""What kind of file it is: letters make no picture, and an intact file is never called broken."""

import io
import struct

import pytest
from PIL import Image

from cutout import headers
from cutout.adapters.preparing import PillowPreparer
from cutout.formats.header import UNTAKEN
from cutout.models import JobState
from tests.corpus.files_head import ASCII, BYTE, LONG, SHORT, entry, exif, jpeg_with, segment
from tests.corpus.pictures import AVIF, HEIC, JPEG, PNG, WHOLE, chunk, encoded, scene
from tests.corpus.test_inputs import Studio

LINES = b" is what the letters say, and then a text goes on for some lines.\n" * 9

NO_PICTURES: dict[str, bytes] = {
    "text like a bmp": b"BM" + LINES,
    "short text like a bmp": b"BMW, Audi",
    "very short text like a bmp": b"BM 5",
    "table like a bmp": b"BM;Name;Preis\r\n17;T\xc3\xbcr;3,50\r\n" * 4,
    "text like a bmp with control characters": b"BM\x1b[0m" + bytes(12) + LINES,
    "bytes like a bmp": b"BM" + bytes(range(1, 200)),
    "bmp of two planes": b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 9, 9, 2, 24) + bytes(300),
    "bmp of 23 bits": b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 9, 9, 1, 23) + bytes(300),
    "text like a gif": b"GIF89a" + LINES,
    "short text like a gif": b"GIF89a is old",
    "older text like a gif": b"GIF87a, or GIF89a; which?" + LINES,
    "text like a gif in another script": "GIF89a — это формат, a так".encode() + LINES,
    "bytes like a gif": b"GIF89a" + bytes([9, 0, 9, 0, 0, 0, 0, 7, 7, 7]) * 9,
    "text like a webp": b"RIFF and WEBPVP8 files" + LINES,
    "text like a webp, exactly": b"RIFFxxxxWEBPVP8 " + LINES,
    "riff of another kind": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    "webp that begins with sound": b"RIFF\x24\0\0\0WEBPfmt " + bytes(40),
    "text like a heic": b"The ftypheic box" + LINES,
    "movie": b"\0\0\0\x18ftypqt  " + bytes(100),
    "heif of AVC": b"\0\0\0\x18ftypavci\0\0\0\0mif1avci" + bytes(100),
    "canon's newest raw file": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100),
    "bytes like a jpeg": b"\xff\xd8\xff\x00\x10JFIF" + bytes(40),
    "text like a jpeg": b"\xff\xd8\xff is how a JPEG begins" + LINES,
    "tiff without a directory": b"II*\0" + bytes(100),
    "tiff whose directory is its header": b"MM\0*\0\0\0\4" + bytes(100),
    "bigtiff of short offsets": b"II+\0\4\0\0\0\x10\0\0\0\0\0\0\0" + bytes(100),
    "fuji's raw file": b"FUJIFILMCCD-RAW 0201" + bytes(100),
    "olympus' raw file": b"IIRO\x08\0\0\0" + bytes(100),
    "panasonic's raw file": b"IIU\0\x08\0\0\0" + bytes(100),
    "psd": b"8BPS\0\1" + bytes(100),
    "ico": b"\0\0\1\0\1\0\x10\x10" + bytes(100),
    "jpeg xl": b"\xff\x0a\xfa\x1f" + bytes(100),
    "jpeg xl in boxes": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    "jpeg 2000 codestream": b"\xff\x4f\xff\x51" + bytes(100),
    "svg with a declaration": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "qoi": b"qoif" + bytes(100),
    "webm": b"\x1aE\xdf\xa3" + bytes(100),
    "exe": b"MZ" + bytes(100),
    "zip": b"PK\x03\x04" + bytes(100),
}


def frame(marker: int, bits: int = 8, height: int = 48, colours: int = 1) -> bytes:
    """Return a JPEG with a frame header of some kind."""
    ids = b"".join(bytes([n + 1, 0x11, 0]) for n in range(colours))
    header = segment(marker, struct.pack(">BHHB", bits, height, 64, colours) + ids)
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
    return b"\xff\xd8" + header + scan + b"pixels" * 50 + b"\xff\xd9"


def without_height() -> bytes:
    """Return a JPEG that tells its height behind its scan (ITU T.81, B.2.5)."""
    place = JPEG.index(b"\xff\xc0") + 5
    body = JPEG[:place] + b"\0\0" + JPEG[place + 2 : -2]
    return body + segment(0xDC, JPEG[place : place + 2]) + b"\xff\xd9"


def bmp(bits: int = 24, compression: int = 0, length: int = 40) -> bytes:
    """Return a BMP of a depth and a compression."""
    info = struct.pack("<IiiHHIIiiII", length, 8, 8, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 900, 0, 0, 54) + info[:length] + bytes(900)


def raw(*entries: bytes, order: str = "<", offset: int = 8) -> bytes:
    """Return a TIFF of these entries besides those that every picture has."""
    sides = [entry(256, SHORT, 160, order=order), entry(257, SHORT, 120, order=order)]
    return exif(*sides, *entries, order=order, offset=offset, after=bytes(600))


def big(*entries: tuple[int, int, int], order: str = "<") -> bytes:
    """Return a BigTIFF of entries with a tag, a type and a value."""
    mark = b"II+\0" if order == "<" else b"MM\0+"
    body = b"".join(
        struct.pack(f"{order}HHQ", tag, kind, 1)
        + struct.pack(f"{order}{'H' if kind == SHORT else 'I'}", value).ljust(8, b"\0")
        for tag, kind, value in entries
    )
    return mark + struct.pack(f"{order}HHQQ", 8, 0, 16, len(entries)) + body + bytes(600)


def other_codec(kind: bytes) -> bytes:
    """Return a HEIC that says that its picture is of another codec."""
    return HEIC.replace(b"hvc1", kind)


INTACT: dict[str, bytes] = {
    "jpeg-ls": frame(0xF7),
    "jpeg hierarchical": frame(0xC5),
    "jpeg of differential frames": frame(0xCE),
    "jpeg arithmetic lossless": frame(0xCB),
    "jpeg of 12 bits": frame(0xC1, bits=12),
    "jpeg lossless of 16 bits": frame(0xC3, bits=16),
    "jpeg progressive of 12 bits": frame(0xC2, bits=12),
    "jpeg of two colours": frame(0xC0, colours=2),
    "jpeg of five colours": frame(0xC0, colours=5),
    "jpeg without a height": without_height(),
    "png of an iphone": PNG[:8] + chunk(b"CgBI", b"\x50\0\x20\x02") + PNG[8:],
    "bmp of 64 bits": bmp(64),
    "bmp of 2 bits": bmp(2),
    "bmp with a jpeg in it": bmp(24, 4),
    "bmp with a png in it": bmp(24, 5),
    "bmp in cmyk": bmp(32, 11),
    "heif of VVC": other_codec(b"vvc1"),
    "heif of AVC": other_codec(b"avc1"),
    "heif of JPEG": other_codec(b"jpeg"),
    "heif of JPEG 2000": other_codec(b"j2k1"),
    "heif uncompressed": other_codec(b"unci"),
    "heif of EVC": other_codec(b"evc1"),
    "dng": raw(entry(50706, BYTE, 1, 4)),
    "dng, the other way round": raw(entry(50706, BYTE, 1, 4, ">"), order=">"),
    "nef": raw(entry(254, LONG, 1), entry(271, ASCII, 99, 18), entry(330, LONG, 99, 2)),
    "srw": raw(entry(271, ASCII, 99, 8), entry(330, LONG, 99)),
    "pef": raw(entry(259, SHORT, 65_535), entry(262, SHORT, 32_803)),
    "cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),
    "iiq": b"II*\0\x08\0\0\0IIII" + bytes(100),
    "iiq, the other way round": b"MM\0*\0\0\0\x08MMMM" + bytes(100),
    "big dng": big((256, SHORT, 9), (257, SHORT, 9), (50706, LONG, 1)),
    "big raw, the other way round": big((256, LONG, 9), (254, LONG, 1), order=">"),
}
REFUSED = NO_PICTURES | INTACT


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_of_ours_is_unsupported(name: str) -> None:
    """It is neither broken nor too large, nobody decodes it, and nothing is paid."""
    studio = Studio()

    job = studio.world.upload("photo.bin", REFUSED[name])

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, "unsupported_format")
    assert not studio.world.messages.prepares


@pytest.mark.parametrize("name", INTACT)
def test_the_reason_says_what_it_is(name: str) -> None:
    """A person reads it."""
    header = headers.read(INTACT[name])
    job = Studio().world.upload("photo.bin", INTACT[name])

    assert header is not None
    assert header.format in UNTAKEN
    assert job.reason is not None
    assert UNTAKEN[header.format] in job.reason.message


BEHIND = 70_000
LATER: dict[str, bytes] = {
    "dng behind its thumbnail": raw(entry(50706, BYTE, 1, 4), offset=BEHIND),
    "nef behind its thumbnail": raw(entry(254, LONG, 1), offset=BEHIND),
    "tiff behind its pixels": raw(offset=BEHIND),
    "jpeg lossless": frame(0xC3),
    "jpeg arithmetic": frame(0xC9),
    "jpeg arithmetic progressive": frame(0xCA),
    "jpeg in other colours": jpeg_with(picture=scene().convert("CMYK")),
    "heic": HEIC,
    "avif": AVIF,
    "bmp": bmp(),
    "bmp, run-length coded": bmp(8, 1),
    "bmp, upside down": WHOLE["bmp"],
    "gif with a text first": encoded(scene(), "GIF", comment=b"hello"),
    "bigtiff": big((256, LONG, 64), (257, SHORT, 48)),
}


@pytest.mark.parametrize("name", LATER)
def test_what_the_first_bytes_leave_open_is_decoded(name: str) -> None:
    """Whoever opens the file knows."""
    studio = Studio()

    studio.world.upload("photo.bin", LATER[name])

    assert len(studio.world.messages.prepares) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [SHORT, LONG])
def test_a_large_tiff_tells_its_size(order: str, kind: int) -> None:
    """Its numbers are longer, and say the same."""
    header = headers.read(big((256, kind, 640), (257, kind, 480), order=order))

    assert header == headers.Header(format="tiff", width=640, height=480)


@pytest.mark.parametrize("cut", [15, 20, 40, 60])
def test_a_large_tiff_that_breaks_off_tells_nothing(cut: int) -> None:
    """Its directory is read whole, or not at all."""
    assert headers.read(big((256, LONG, 64), (257, LONG, 48))[:cut]) == headers.Header(
        format="tiff"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (AVIF.replace(b"ftypavif", b"ftypmif1").replace(b"avifmif1", b"miafmif1"), "avif"),
        (HEIC.replace(b"ftypheic", b"ftypmif1"), "heic"),
        (HEIC.replace(b"ftypheic", b"ftypavif"), "heic"),
        (HEIC[:200], "heic"),
        (HEIC.replace(b"iinf", b"free"), "heic"),
        (HEIC.replace(b"pitm", b"free"), "heic"),
        (HEIC.replace(b"hvc1", b"grid"), "heic"),
    ],
    ids=["avif by its item", "heic by its item", "a lie", "cut", "no list", "no main", "a grid"],
)
def test_a_heif_is_what_its_picture_is_coded_with(body: bytes, expected: str) -> None:
    """Its brand only counts if the items tell nothing."""
    assert headers.read(body) == headers.Header(format=expected)


def lossless(picture: Image.Image) -> bytes:
    """Return a JPEG of the lossless process (ITU T.81, annex H), each pixel from its left one."""
    width, height = picture.size
    values = picture.convert("L").tobytes()
    bits = ""
    for n, value in enumerate(values):
        left = values[n - 1] if n % width else values[n - width] if n else 128
        off = value - left
        size = abs(off).bit_length()
        bits += f"{size:05b}" + (
            f"{off if off > 0 else off + (1 << size) - 1:0{size}b}" if size else ""
        )
    bits += "1" * (-len(bits) % 8)
    pixels = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    codes = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    start = segment(0xC4, codes) + segment(
        0xC3, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
    )
    return b"\xff\xd8" + start + segment(0xDA, b"\1\1\0\1\0\0") + pixels + b"\xff\xd9"


def test_a_lossless_jpeg_is_cut_out() -> None:
    """The decoder knows it, so it is not refused."""
    prepared = PillowPreparer().prepare(io.BytesIO(lossless(scene())))

    copy, original = Image.open(prepared.file).convert("L"), scene().convert("L")
    for place in ((24, 16), (72, 16), (24, 48), (72, 48)):
        assert abs(int(str(copy.getpixel(place))) - int(str(original.getpixel(place)))) < 6
