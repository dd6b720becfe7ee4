"""JPEGs with segments of any kind, and parts of JPEGs."""

import struct

from PIL import Image

from tests.corpus.pictures import encoded, scene

APP1, APP2, COM = 0xE1, 0xE2, 0xFE


def lying(picture: Image.Image | None = None) -> Image.Image:
    """Return a picture as it is stored by a camera that was held upright: EXIF must say 6."""
    return (picture or scene()).transpose(Image.Transpose.ROTATE_90)


def segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    """Return a segment, whose length may be a lie."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2 if length is None else length) + body


def jpeg(*segments: bytes, picture: Image.Image | None = None, **options: object) -> bytes:
    """Return a JPEG with segments right behind its start."""
    body = encoded(picture or scene(), "JPEG", quality=95, **options)
    return body[:2] + b"".join(segments) + body[2:]


def exif_segment(exif: bytes) -> bytes:
    """Return the segment of EXIF."""
    return segment(APP1, b"Exif\0\0" + exif)


def xmp_segment(xmp: bytes) -> bytes:
    """Return the segment of XMP."""
    return segment(APP1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)


def entropy(body: bytes) -> int:
    """Return where the first scan's data begin."""
    at = body.index(b"\xff\xda")
    return at + 2 + int.from_bytes(body[at + 2 : at + 4])
