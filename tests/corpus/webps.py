"""WebPs put together from chunks: animations and metadata that Pillow does not write."""

import struct

from PIL import Image

from tests.corpus.pictures import encoded

ALPHA, ANIMATION, EXIF, XMP, ICC = 0x10, 0x02, 0x08, 0x04, 0x20


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk."""
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)


def webp(*chunks: bytes) -> bytes:
    """Return a file."""
    body = b"WEBP" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def canvas(size: tuple[int, int], flags: int) -> bytes:
    """Return the chunk of what is extended."""
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def pixels(picture: Image.Image, **options: object) -> bytes:
    """Return a picture's chunks: its pixels, and its alpha if that is apart."""
    body = encoded(picture, "WEBP", **(options or {"lossless": True}))
    at, kept = 12, b""
    while at < len(body):
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        kept += body[at:end] if body[at : at + 4] in (b"VP8 ", b"VP8L", b"ALPH") else b""
        at = end
    return kept


def frame(picture: Image.Image, left: int, top: int, **options: object) -> bytes:
    """Return an animation's frame at an even place."""
    numbers = (left // 2, top // 2, picture.width - 1, picture.height - 1, 100)
    head = b"".join(number.to_bytes(3, "little") for number in numbers) + b"\0"
    return chunk(b"ANMF", head + pixels(picture, **options))


def animation(size: tuple[int, int], *frames: bytes, flags: int = ANIMATION) -> bytes:
    """Return an animation."""
    return webp(canvas(size, flags), chunk(b"ANIM", bytes(6)), *frames)
