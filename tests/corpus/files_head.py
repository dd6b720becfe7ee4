"""Files put together byte by byte, for what only their first and last bytes say."""

import random
import struct
import zlib
from collections.abc import Sequence

from PIL import Image

from tests.corpus.pictures import ORIENTATION, chunk, encoded, scene

ASCII, SHORT, LONG, RATIONAL, BYTE, SLONG = 2, 3, 4, 5, 1, 9
EXIF_MARK = b"Exif\x00\x00"
XMP = (
    b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
    b"xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'/></rdf:RDF></x:xmpmeta>"
)


def entry(tag: int, kind: int, value: int, count: int = 1, order: str = "<") -> bytes:
    """Return an entry of a directory with a number in place."""
    form = {BYTE: "B", SHORT: "H", SLONG: "i"}.get(kind, "I")
    number = struct.pack(f"{order}{form}", value).ljust(4, b"\0")
    return struct.pack(f"{order}HHI", tag, kind, count) + number


def exif(
    *entries: bytes, count: int | None = None, order: str = "<", offset: int = 8, after: bytes = b""
) -> bytes:
    """Return the TIFF structure that EXIF is, with these entries in its first directory."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    number = struct.pack(f"{order}H", len(entries) if count is None else count)
    directory = number + b"".join(entries) + bytes(4)
    return mark + struct.pack(f"{order}I", offset) + bytes(offset - 8) + directory + after


def lying(value: int, order: str = "<") -> bytes:
    """Return an EXIF structure that says how the picture lies."""
    return exif(entry(ORIENTATION, SHORT, value, order=order), order=order)


def lies_on_its_side() -> Image.Image:
    """Return the scene as it lies in a file of orientation 6."""
    return scene().transpose(Image.Transpose.ROTATE_90)


def grain(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Return a picture that does not compress, the same at every call."""
    pixels = random.Random(9).randbytes(size[0] * size[1] * len(mode))
    return Image.frombytes(mode, size, pixels)


def segment(marker: int, body: bytes) -> bytes:
    """Return a JPEG's marker segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def app1(structure: bytes, mark: bytes = EXIF_MARK) -> bytes:
    """Return a JPEG's segment with EXIF."""
    return segment(0xE1, mark + structure)


def jpeg_with(*segments: bytes, picture: Image.Image | None = None, **options: object) -> bytes:
    """Return a JPEG with these segments at its beginning."""
    body = encoded(picture or lies_on_its_side(), "JPEG", quality=95, **options)
    return body[:2] + b"".join(segments) + body[2:]


def png_with(*chunks: bytes, behind: Sequence[bytes] = (), body: bytes | None = None) -> bytes:
    """Return a PNG with these chunks before and behind its pixels."""
    body = body or encoded(lies_on_its_side(), "PNG")
    end = len(body) - 12
    return body[:33] + b"".join(chunks) + body[33:end] + b"".join(behind) + body[end:]


def png_of(
    kind: int,
    bits: int,
    rows: Sequence[bytes],
    width: int,
    *chunks: bytes,
    height: int | None = None,
    interlaced: bool = False,
) -> bytes:
    """Return a PNG of a colour type and a depth, with rows as they are, filters included.

    `height` is what it says if that is not the number of rows; those of an interlaced one are those
    of its seven passes.
    """
    sides = width, len(rows) if height is None else height
    header = struct.pack(">IIBBBBB", *sides, bits, kind, 0, 0, interlaced)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    parts = (chunk(b"IHDR", header), *chunks, pixels, chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP of these chunks."""
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_chunk(picture: Image.Image, **options: object) -> tuple[bytes, bytes]:
    """Return the only chunk of a WebP without extras."""
    body = encoded(picture, "WEBP", **options)
    return body[12:16], body[20 : 20 + int.from_bytes(body[16:20], "little")]


def vp8x(flags: int, size: tuple[int, int]) -> tuple[bytes, bytes]:
    """Return the chunk that says what else is in a WebP, and how large its canvas is."""
    width, height = ((side - 1).to_bytes(3, "little") for side in size)
    return b"VP8X", bytes([flags, 0, 0, 0]) + width + height
