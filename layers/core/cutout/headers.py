"""What an image's first bytes say about it. Pure, without Pillow: `submit` pays for no decoder.

What the bytes do not say, because they break off or the format hides it, is None: then somebody
has to decode the image to know. Nothing here raises, whatever the bytes are.
"""

from collections.abc import Callable
from functools import partial

from cutout import tiff
from cutout.formats import bitmap, heif, jpeg, png, webp
from cutout.formats.header import CMYK, PLAIN, RAW, UNTAKEN, Header
from cutout.sniff import image_format

__all__ = ["CMYK", "PLAIN", "RAW", "UNTAKEN", "Header", "read"]

# Bytes 8 to 11 of Canon's CR2 and of Phase One's IIQ, which are TIFFs but for them.
_RAW_MARKS = (b"CR\x02\x00", b"IIII", b"MMMM")


def read(head: bytes) -> Header | None:
    """Return what the first bytes of an object say; None if it is not an image."""
    name = image_format(head)
    if name is None:
        return None
    found = _READERS[name](head)
    if not found.width or not found.height:
        return found.model_copy(update={"width": None, "height": None})
    return found


def _tiff(head: bytes) -> Header:
    """Read the first directory, if it is among the first bytes."""
    tags = {entry.tag: entry.number for entry in tiff.first_directory(head) or ()}
    raw = head[8:12] in _RAW_MARKS or tiff.is_raw(tags)
    return Header(
        format=RAW if raw else "tiff",
        width=tags.get(tiff.WIDTH),
        height=tags.get(tiff.HEIGHT),
    )


_READERS: dict[str, Callable[[bytes], Header]] = {
    "jpeg": jpeg.read,
    "png": png.read,
    "webp": webp.read,
    "gif": bitmap.read_gif,
    "bmp": bitmap.read_bmp,
    "tiff": _tiff,
    "heic": partial(heif.read, brand="heic"),
    "avif": partial(heif.read, brand="avif"),
}
