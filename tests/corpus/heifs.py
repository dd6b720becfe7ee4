"""HEIC and AVIF, patched where Pillow and its plugin write nothing odd."""

import struct

from PIL import Image

from tests.corpus.pictures import encoded, scene

HEVC, AV1 = "HEIF", "AVIF"


def heif(codec: str, picture: Image.Image | None = None, **options: object) -> bytes:
    """Return a picture coded as well as can be."""
    shown = picture or scene()
    full: dict[str, object] = {"quality": -1, "chroma": 444}
    if codec == AV1:
        full = {"quality": 100, "subsampling": "4:0:0" if shown.mode == "L" else "4:4:4"}
    return encoded(shown, codec, **full, **options)


def with_colours(body: bytes, primaries: int, curve: int) -> bytes:
    """Return a file whose `nclx` says these two numbers instead."""
    at = body.index(b"colrnclx") + 8
    return body[:at] + struct.pack(">HH", primaries, curve) + body[at + 4 :]


def with_codec(body: bytes, codec: bytes) -> bytes:
    """Return a file whose items say that they are coded by something else."""
    at = body.index(b"infe")
    place = at + body[at:].index(b"hvc1")
    return body[:place] + codec + body[place + 4 :]


def with_exif(body: bytes, exif: bytes) -> bytes:
    """Return a file whose EXIF, of at least that length, is replaced."""
    at = body.rindex(b"MM\0*")
    return body[:at] + exif + body[at + len(exif) :]
