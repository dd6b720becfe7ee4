"""What an image's first bytes say about it. Pure, without Pillow: `submit` pays for no decoder.

What the bytes do not say, because they break off or the format hides it, is None: then somebody
has to decode the image to know. Nothing here raises, whatever the bytes are.
"""

from collections.abc import Callable, Iterator
from typing import Final

from cutout import tiff
from cutout.models import Model
from cutout.sniff import image_format

RAW: Final = "raw"  # format of a camera's raw file: a TIFF whose first picture is a thumbnail
CMYK: Final = "cmyk"
PLAIN: Final = "plain"

_JPEG_SCAN, _JPEG_END, _JPEG_APP1 = 0xDA, 0xD9, 0xE1
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length (ITU T.81, B.1.1.3)
# Baseline, extended and progressive; other frames (lossless, arithmetic) are decoded by few.
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_JPEG_ODD_FRAMES = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_EXIF = b"Exif\x00\x00"


class Header(Model):
    """What the first bytes say.

    `orientation` is EXIF's, 1 to 8; `colour` is `plain` (grey, RGB or palette, with or without
    alpha), `cmyk`, or None; `data_at` is where the pixels begin; `size` is what the file says of
    its own length.
    """

    format: str
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    colour: str | None = None
    bits: int | None = None
    animated: bool | None = None
    data_at: int = 0
    size: int | None = None


def read(head: bytes) -> Header | None:
    """Return what the first bytes of an object say; None: it is not an image."""
    name = image_format(head)
    if name is None:
        return None
    found = _READERS[name](head) if name in _READERS else Header(format=name)
    if not found.width or not found.height:
        return found.model_copy(update={"width": None, "height": None})
    return found


def _jpeg(head: bytes) -> Header:
    """Walk the segments as far as the scan (ITU T.81, annex B)."""
    found = Header(format="jpeg", animated=False)
    turned = 1
    for kind, body, place in _segments(head):
        if kind == _JPEG_APP1 and body.startswith(_EXIF):
            turned = tiff.orientation(body[len(_EXIF) :])
        elif kind in _JPEG_FRAMES | _JPEG_ODD_FRAMES and len(body) > 5:  # noqa: PLR2004 as read below
            colours = {1: PLAIN, 3: PLAIN, 4: CMYK}
            changes = {
                "bits": body[0],
                "height": int.from_bytes(body[1:3]),
                "width": int.from_bytes(body[3:5]),
                "colour": colours.get(body[5]) if kind in _JPEG_FRAMES else None,
            }
            found = found.model_copy(update=changes)
        elif kind == _JPEG_SCAN:
            return found.model_copy(update={"orientation": turned, "data_at": place})
    return found


def _segments(head: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield kind, body and place of each whole segment; the last one is the scan's header."""
    place = 2
    while head[place : place + 1] == b"\xff" and place + 4 <= len(head):
        kind = head[place + 1]
        if kind == 0xFF:  # noqa: PLR2004 a fill byte
            place += 1
            continue
        if kind in _JPEG_ALONE:
            place += 2
            continue
        length = int.from_bytes(head[place + 2 : place + 4])
        body = head[place + 4 : place + 2 + length]
        if kind == _JPEG_END or len(body) != length - 2:
            return
        yield kind, body, place
        if kind == _JPEG_SCAN:
            return
        place += 2 + length


def _png(head: bytes) -> Header:
    """Read IHDR, and walk to the pixels: an animation or EXIF stands before them."""
    found = Header(format="png")
    if head[12:16] != b"IHDR" or len(head) < 33:  # noqa: PLR2004 signature and the whole IHDR
        return found
    width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    found = Header(format="png", width=width, height=height, bits=head[24], colour=PLAIN)
    place, turned, animated = 33, 1, False
    while place + 8 <= len(head):
        length, kind = int.from_bytes(head[place : place + 4]), head[place + 4 : place + 8]
        if kind == b"IDAT":
            changes = {"orientation": turned, "animated": animated, "data_at": place}
            return found.model_copy(update=changes)
        animated = animated or kind == b"acTL"
        if kind == b"eXIf":
            turned = tiff.orientation(head[place + 8 : place + 8 + length])
        place += 12 + length
    return found


def _webp(head: bytes) -> Header:
    """Read the first chunk; EXIF stands behind the pixels (WebP container specification)."""
    kind, body = head[12:16], head[20:30]
    size = int.from_bytes(head[4:8], "little") + 8
    found = Header(format="webp", bits=8, colour=PLAIN, orientation=1, animated=False, size=size)
    if kind == b"VP8X" and len(body) == 10:  # noqa: PLR2004 flags and canvas
        width, height = (int.from_bytes(body[n : n + 3], "little") + 1 for n in (4, 7))
        changes = {
            "width": width,
            "height": height,
            "animated": bool(body[0] & 0x02),
            "orientation": None if body[0] & 0x08 else 1,
        }
        return found.model_copy(update=changes)
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:  # noqa: PLR2004 two times 14 bits
        sizes = int.from_bytes(body[1:5], "little")
        changes = {"width": (sizes & 0x3FFF) + 1, "height": (sizes >> 14 & 0x3FFF) + 1}
        return found.model_copy(update=changes)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) == 10:  # noqa: PLR2004 a key frame's start
        width, height = (int.from_bytes(body[n : n + 2], "little") & 0x3FFF for n in (6, 8))
        return found.model_copy(update={"width": width, "height": height})
    return Header(format="webp")


def _gif(head: bytes) -> Header:
    """Read the logical screen."""
    width, height = (int.from_bytes(head[n : n + 2], "little") for n in (6, 8))
    return Header(format="gif", width=width, height=height)


def _bmp(head: bytes) -> Header:
    """Read the information header, old or new; a negative height is upside down."""
    if int.from_bytes(head[14:18], "little") == 12:  # noqa: PLR2004 BITMAPCOREHEADER
        width, height = (int.from_bytes(head[n : n + 2], "little") for n in (18, 20))
    else:
        sides = (int.from_bytes(head[n : n + 4], "little", signed=True) for n in (18, 22))
        width, height = (abs(side) for side in sides)
    return Header(format="bmp", width=width, height=height)


def _tiff(head: bytes) -> Header:
    """Read the first directory; raw files of cameras are TIFFs whose first picture is a preview."""
    tags = tiff.first_directory(head) or {}
    raw = head[8:10] == b"CR" or tiff.is_raw(tags)
    return Header(
        format=RAW if raw else "tiff",
        width=tags.get(tiff.WIDTH),
        height=tags.get(tiff.HEIGHT),
    )


_READERS: dict[str, Callable[[bytes], Header]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": _tiff,
}
