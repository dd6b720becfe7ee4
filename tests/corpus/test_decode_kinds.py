"""Sound files of a kind that is not decoded are no broken files, and the other way round."""

import struct
import zlib

import numpy as np
import pytest

from tests.corpus.bmps import JPEG_INSIDE, RAW, V3, V4, bmp
from tests.corpus.copies import off_the_scene, refusal
from tests.corpus.heifs import AV1, HEVC, heif, with_codec
from tests.corpus.jpegs import entropy, jpeg
from tests.corpus.pictures import SIZE, chunk, encoded, scene
from tests.corpus.pngs import RGB, SIGNATURE, deep_scene, png
from tests.corpus.tiffs import DEFLATE, Tiff

NEAR = 40
PLANE = bytes(SIZE[0] * SIZE[1])


def tiff(samples: int, bits: int, photometric: int, **changes: object) -> bytes:
    """Return a TIFF of zeros."""
    data = PLANE * (samples * bits // 8)
    options = {"bits": (bits,) * samples, "photometric": photometric, **changes}
    return Tiff(SIZE, [data], **options).file()  # type: ignore[arg-type]


def frame(marker: int, bits: int = 8, components: int = 3, height: int | None = None) -> bytes:
    """Return the scene as a JPEG whose frame header says something else."""
    body = jpeg()
    at = body.index(b"\xff\xc0")
    tall = body[at + 5 : at + 7] if height is None else struct.pack(">H", height)
    head = bytes([0xFF, marker]) + body[at + 2 : at + 4] + bytes([bits]) + tall
    return body[:at] + head + body[at + 7 : at + 9] + bytes([components]) + body[at + 10 :]


def with_lines_behind() -> bytes:
    """Return a JPEG that tells its height behind its scan, by DNL (ITU T.81, B.2.5)."""
    body = frame(0xC0, height=0)
    return body[:-2] + b"\xff\xdc\x00\x04" + struct.pack(">H", SIZE[1]) + body[-2:]


def box(kind: bytes, body: bytes) -> bytes:
    """Return a box of the ISO base media format."""
    return struct.pack(">I", len(body) + 8) + kind + body


SEQUENCE = box(b"ftyp", b"msf1" + bytes(4) + b"msf1hevc")


def cgbi() -> bytes:
    """Return a PNG as Xcode makes it: another first chunk, pixels without zlib's frame, BGRA."""
    header = struct.pack(">II5B", *SIZE, 8, 6, 0, 0, 0)
    packed = zlib.compressobj(wbits=-15)
    data = packed.compress(bytes((SIZE[0] * 4 + 1) * SIZE[1])) + packed.flush()
    parts = ((b"CgBI", b"\x50\0\x20\x02"), (b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return SIGNATURE + b"".join(chunk(*part) for part in parts)


def odd_png(depth: int, kind: int, *, interlace: int = 0) -> bytes:
    """Return a PNG whose header says what no specification knows."""
    header = struct.pack(">II5B", *SIZE, depth, kind, 0, 0, interlace)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(PLANE)) + chunk(b"IEND", b"")
    return SIGNATURE + body


def behind_its_thumbnail(tags: dict[int, tuple[int, list[int]]]) -> bytes:
    """Return a TIFF whose directory lies behind more than is read of a file's beginning."""
    size = (200, 160)
    return Tiff(
        size, [bytes(3 * size[0] * size[1])], bits=(8,) * 3, photometric=2, tags=dict(tags)
    ).file()


UNSUPPORTED = {
    "tiff, 16-bit grey and alpha": tiff(2, 16, 1, extra=(2,)),
    "tiff, 16-bit grey and alpha in planes": Tiff(
        SIZE, [PLANE * 2] * 2, bits=(16, 16), extra=(2,)
    ).file(),
    "tiff, CMYK and alpha": tiff(5, 8, 5, extra=(2,)),
    "tiff, CMYK and associated alpha": tiff(5, 8, 5, extra=(1,)),
    "tiff, other inks than CMYK": tiff(4, 8, 5, tags={332: (3, [2])}),
    "tiff, seven inks": tiff(7, 8, 5, extra=(0, 0, 0)),
    "tiff, ICC L*a*b*": tiff(3, 8, 9),
    "tiff, 16-bit L*a*b*": tiff(3, 16, 8),
    "tiff, LogLuv": tiff(3, 8, 32845),
    "tiff, transparency mask": tiff(1, 1, 4),
    "tiff, raw YCbCr that is subsampled": tiff(3, 8, 6),
    "tiff, 16-bit palette": tiff(1, 16, 3, tags={320: (3, [0] * 3)}),
    "tiff, big-endian BigTIFF": tiff(3, 8, 2, order=">", big=True),
    "tiff, JPEG 2000": tiff(3, 8, 2, tags={259: (3, [34712])}),
    "tiff, JPEG XL": tiff(3, 8, 2, tags={259: (3, [50002])}),
    "tiff, LERC": tiff(3, 8, 2, tags={259: (3, [34887])}),
    "tiff, WebP": tiff(3, 8, 2, tags={259: (3, [50001])}),
    "tiff, JBIG": tiff(1, 1, 1, tags={259: (3, [34661])}),
    "tiff, JPEG of 12 bits": tiff(3, 12, 2, tags={259: (3, [7])}),
    "tiff, fax of colours": tiff(3, 8, 2, tags={259: (3, [4])}),
    "tiff, more pieces than pixels are worth": Tiff(
        (1, 2**17 + 1), [bytes(2**17 + 1)], tags={278: (4, [1])}
    ).file(),
    "bmp, 64 bits": bmp(bytes(SIZE[0] * SIZE[1] * 8), SIZE, 64),
    "bmp, 2 bits": bmp(bytes(SIZE[0] * SIZE[1]), SIZE, 2),
    "bmp, a JPEG inside": bmp(jpeg(), SIZE, 0, compression=JPEG_INSIDE),
    "bmp, 10 bits a colour": bmp(
        bytes(SIZE[0] * SIZE[1] * 4),
        SIZE,
        32,
        header=V4,
        compression=3,
        masks=(0x3FF00000, 0xFFC00, 0x3FF, 0),
    ),
    "bmp, alpha bit fields": bmp(bytes(SIZE[0] * SIZE[1] * 4), SIZE, 32, compression=6),
    **{
        f"heif, {codec}": with_codec(heif(HEVC), codec.encode())
        for codec in ("vvc1", "unci", "j2k1", "jpeg", "avc1", "evc1", "xxxx")
    },
    "heic, another profile": heif(HEVC).replace(b"hvcC\x01\x04", b"hvcC\x01\x09"),
    "heic, no still picture": SEQUENCE + box(b"moov", b""),
    "heic, a picture that is not there": SEQUENCE + box(b"meta", bytes(4)),
    "png, CgBI": cgbi(),
    "png, a needed chunk that nobody knows": deep_scene(before=((b"ABCD", b"?"),)),
    "png, 16-bit palette": odd_png(16, 3),
    "png, colour type 5": odd_png(8, 5),
    "png, 2-bit RGB": odd_png(2, 2),
    "png, another interlacing": odd_png(8, 2, interlace=2),
    "jpeg, JPEG-LS": frame(0xF7),
    "jpeg, hierarchical": frame(0xC5),
    "jpeg, hierarchical arithmetic": frame(0xCD),
    "jpeg, lossless arithmetic": frame(0xCB),
    "jpeg, 12 bits": frame(0xC1, bits=12),
    "jpeg, 16 bits lossless": frame(0xC3, bits=16),
    "jpeg, two colours": frame(0xC0, components=2),
    "jpeg, its height behind its pixels": with_lines_behind(),
    "webp, another first chunk": b"RIFF\x20\0\0\0WEBPVP9 " + bytes(40),
    "dng": behind_its_thumbnail({50706: (1, [1, 4, 0, 0])}),
    "raw whose first picture is a smaller one": behind_its_thumbnail({254: (4, [1])}),
    "raw, the sensor's mosaic": behind_its_thumbnail({262: (3, [32803])}),
    "raw of a camera, with directories below": behind_its_thumbnail(
        {271: (2, list(b"NIKON\0")), 330: (4, [8])}
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_kind_that_is_not_decoded_is_unsupported(name: str) -> None:
    """The file is sound: nobody should look for a broken upload."""
    assert refusal(UNSUPPORTED[name]) == "unsupported_format"


def in_planes() -> bytes:
    """Return the scene's colours in a plane each."""
    planes = [channel.tobytes() for channel in scene().split()]
    return Tiff(SIZE, planes, bits=(8,) * 3, photometric=2).file()


def with_fifth_ink() -> bytes:
    """Return the scene in CMYK, and a number more a pixel."""
    raw = scene().convert("CMYK").tobytes()
    return b"".join(raw[at : at + 4] + b"\x09" for at in range(0, len(raw), 4))


def bottom_up() -> bytes:
    """Return the scene's rows as BMP has them."""
    raw, width = scene().convert("RGB").tobytes("raw", "BGRX"), SIZE[0] * 4
    return b"".join(raw[at : at + width] for at in range(len(raw) - width, -1, -width))


def ycbcr(step: int) -> bytes:
    """Return the scene in YCbCr, in units of so many rows and columns with one colour."""
    y, cb, cr = (np.asarray(channel) for channel in scene().convert("YCbCr").split())
    units = []
    for top in range(0, SIZE[1], step):
        for left in range(0, SIZE[0], step):
            unit = y[top : top + step, left : left + step].tobytes()
            units.append(unit + bytes([cb[top, left], cr[top, left]]))
    tags: dict[int, tuple[int, list[int]]] = {530: (3, [step, step])}
    return Tiff(
        SIZE,
        [b"".join(units)],
        bits=(8,) * 3,
        photometric=6,
        compression=DEFLATE,
        tags=dict(tags),
    ).file()


SOUND = {
    "tiff, BigTIFF": Tiff(SIZE, [scene().tobytes()], bits=(8,) * 3, photometric=2, big=True).file(),
    "tiff, its directory first": Tiff(
        SIZE, [scene().tobytes()], bits=(8,) * 3, photometric=2, directory_first=True
    ).file(),
    "tiff, one number of bits for all": Tiff(
        SIZE, [scene().tobytes()], bits=(8,), photometric=2, tags={277: (3, [3]), 339: (3, [1])}
    ).file(),
    "tiff, planes": in_planes(),
    "tiff, CMYK and a fifth ink": Tiff(
        SIZE,
        [with_fifth_ink()],
        bits=(8,) * 5,
        photometric=5,
        extra=(0,),
    ).file(),
    "tiff, raw YCbCr": Tiff(
        SIZE,
        [scene().convert("YCbCr").tobytes()],
        bits=(8,) * 3,
        photometric=6,
        tags={530: (3, [1, 1])},
    ).file(),
    "tiff, YCbCr, compressed": ycbcr(1),
    "tiff, YCbCr, subsampled and compressed": ycbcr(2),
    **{
        f"tiff, {name}": encoded(scene(), "TIFF", compression=name)
        for name in ("jpeg", "tiff_lzw", "packbits", "lzma", "zstd", "tiff_deflate")
    },
    "bmp, 32 bits": bmp(bottom_up(), SIZE, 32, header=V3, compression=RAW),
    "heic, tiles": heif(HEVC, tile_size=64),
    "heic, by its other name": heif(HEVC).replace(b"ftypheix", b"ftypmif1"),
    "avif, by its other name": heif(AV1).replace(b"ftypavif", b"ftypmif1"),
    "jpeg, extended": frame(0xC1),
    "jpeg, restarts": jpeg(restart_marker_blocks=2),
    "jpeg, a comment with a wrong length": jpeg(b"\xff\xfe\x00\x01"),
    "png, what stands behind its end": deep_scene() + b"rubbish" * 99,
}


@pytest.mark.parametrize("name", SOUND)
def test_a_kind_that_is_decoded_shows_its_picture(name: str) -> None:
    """The neighbours of those above."""
    assert off_the_scene(SOUND[name]) <= NEAR


def broken_at(body: bytes, at: int) -> bytes:
    """Return a file with one byte changed."""
    return body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]


DEEP = deep_scene()
BROKEN = {
    "png, a wrong checksum of its pixels": broken_at(DEEP, DEEP.index(b"IDAT") + 9),
    "png, a wrong checksum of its header": broken_at(DEEP, 17),
    "png, pixels that are too few": png([bytes(SIZE[0] * 6)] * 9, SIZE, 16, RGB),
    "png, its first half": DEEP[: len(DEEP) // 2],
    "png, no pixels": SIGNATURE + chunk(b"IHDR", struct.pack(">II5B", 9, 9, 8, 2, 0, 0, 0)),
    "png, a short header": SIGNATURE + chunk(b"IHDR", b"\0" * 9),
    "jpeg, no scan": jpeg()[: entropy(jpeg()) - 14],
    "jpeg, no height": frame(0xC0, height=0),
    "jpeg, no frame": jpeg().replace(b"\xff\xc0", b"\xff\xfe"),
    "tiff, strips that lead out of it": tiff(3, 8, 2, tags={273: (4, [10**6])}),
    "tiff, fewer strips than rows": tiff(3, 8, 2, tags={278: (4, [1])}),
    "tiff, no pixels": tiff(3, 8, 2, tags={257: (4, [0])}),
    "tiff, an empty directory": b"II*\0\x08\0\0\0" + bytes(20),
    "tiff, a palette that is too short": tiff(1, 8, 3, tags={320: (3, [0] * 9)}),
    "tiff, no palette": tiff(1, 8, 3),
    "tiff, broken deflate": tiff(3, 8, 2, tags={259: (3, [DEFLATE])}),
    "tiff, fewer samples than colours": tiff(3, 8, 2, tags={277: (3, [2])}),
    "bmp, its first half": bmp(bottom_up(), SIZE, 32)[:999],
    "bmp, no pixels": bmp(b"", (0, 0), 32),
    "gif, no palette": b"GIF89a" + struct.pack("<2H3B", 9, 9, 0, 0, 0) + b",\0\0\0\0\x09\0\x09\0\0",
    "webp, no picture": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x09\0\0\x09\0\0",
    "heic, no boxes but the first": SEQUENCE + box(b"free", b""),
    "heic, a box of no size": SEQUENCE + b"\0\0\0\7meta",
    "tiff, tiles of no size": Tiff(SIZE, [PLANE], tile=(16, 16), tags={322: (4, [0])}).file(),
    "heic, its first half": heif(HEVC)[: len(heif(HEVC)) // 2],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_is_broken(name: str) -> None:
    """A kind that is decoded, but not all of it is there, or not as it was."""
    assert refusal(BROKEN[name]) == "truncated_image"
