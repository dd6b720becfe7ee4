"""The chunks of a PNG that say something about its picture (W3C, PNG, third edition). Pure.

A chunk is a length, a type of four letters, so many bytes and their checksum. A small first letter
marks what a decoder may leave out: there, whatever is not sound is as if it were not there.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cutout.adapters.decoding import directory
from cutout.adapters.decoding.decoded import check_pixels, truncated, unsupported
from cutout.formats.glimpse import Glimpse
from cutout.formats.png import MAX_CHUNKS, chunks

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE = 0, 2, 3  # colour types; 4 and 6 are grey and RGB with alpha
DEEP: Final = 16  # bits a sample

_DEPTHS: Final = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    4: (8, 16),
    6: (8, 16),
}
_KNOWN: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_RAW_EXIF: Final = b"Raw profile type exif\x00"  # as ImageMagick keeps EXIF in a text
_PROFILE_BYTES: Final = 2**24  # decompressed; the largest known ones have some 4 MB
_TEXT_BYTES: Final = 2**20  # decompressed; EXIF has at most 64 KB, and twice as many digits


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture's place on the canvas, and its compressed data."""

    left: int
    top: int
    width: int
    height: int
    data: bytes


@dataclass(slots=True)
class Chunks:
    """What was found: the first sound chunk of each kind, and the data of the first pictures."""

    width: int = 0
    height: int = 0
    depth: int = 0
    kind: int = 0
    interlaced: int = 0
    single: dict[bytes, bytes] = field(default_factory=dict)
    exif_text: bytes | None = None
    data: list[bytes] = field(default_factory=list)
    animated_data: list[bytes] = field(default_factory=list)
    frames: int = 0
    shown_first: bool = False  # the picture of IDAT is the animation's first frame


def read(data: bytes) -> Chunks:
    """Go through a file to its end, or as far as it goes.

    Raises:
        ImageError: `truncated_image`, `unsupported_format` or `too_many_pixels`.
    """
    found = Chunks()
    for kind, body in _sound(data):
        if kind == b"IHDR":
            _read_header(found, body)
        elif kind == b"IDAT":
            found.data.append(body)
        elif kind == b"fdAT" and found.frames == 1:
            found.animated_data.append(body[4:])  # behind its number
        elif kind in _TEXTS and body.startswith(_RAW_EXIF):
            found.exif_text = found.exif_text or _exif_of(kind, body)
        else:
            _keep(found, kind, body)
    if not found.data or (
        found.kind == PALETTE and not _is_palette(found.single.get(b"PLTE", b""))
    ):
        raise truncated()
    return found


def first_frame(found: Chunks) -> Frame:
    """Return the picture that is seen first: an animation's first frame, or else the only one."""
    whole = Frame(0, 0, found.width, found.height, b"".join(found.data))
    control = found.single.get(b"fcTL", b"")
    data = found.data if found.shown_first else found.animated_data
    if b"acTL" not in found.single or len(control) < 20 or not data:  # noqa: PLR2004 as read below
        return whole
    width, height, left, top = struct.unpack_from(">4I", control, 4)
    inside = left + width <= found.width and top + height <= found.height
    return Frame(left, top, width, height, b"".join(data)) if width and height and inside else whole


def profile(found: Chunks) -> bytes | None:
    """Return the decompressed ICC profile; None: there is none that can be read."""
    _, _, rest = found.single.get(b"iCCP", b"").partition(b"\x00")
    return _inflated(rest[1:], _PROFILE_BYTES) if rest[:1] == b"\x00" else None


def orientation(found: Chunks) -> int | None:
    """Return what EXIF says; None: it can't be read."""
    exif = found.single.get(b"eXIf", found.exif_text)
    return 1 if exif is None else directory.orientation(exif)


def _sound(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and body of each sound chunk before IEND.

    Raises:
        ImageError: `truncated_image`, one that is needed is not sound; `unsupported_format`, one
            is needed that nobody knows.
    """
    seen = Glimpse(data, b"", len(data))
    for number, chunk in enumerate(chunks(seen, len(SIGNATURE))):
        kind, needed = chunk.kind, chunk.kind[:1].isupper() and chunk.kind != b"IEND"
        if kind == b"CgBI" or (kind.isalpha() and needed and kind not in _KNOWN):
            raise unsupported(f"The PNG has a chunk {kind.decode('ascii')}, which is not decoded.")
        if number == MAX_CHUNKS or (needed and not chunk.sound):
            raise truncated()
        if chunk.sound and chunk.body is not None:
            yield kind, chunk.body
        elif not kind.isalpha():
            return


def _read_header(found: Chunks, body: bytes) -> None:
    """Read IHDR."""
    if len(body) != 13:  # noqa: PLR2004 as read below
        raise truncated()
    found.width, found.height, found.depth, found.kind, *rest = struct.unpack(">II5B", body)
    compression, filtering, found.interlaced = rest
    usual = found.depth in _DEPTHS.get(found.kind, ()) and not compression and not filtering
    if not usual or found.interlaced > 1:
        raise unsupported("The PNG is of a kind that its specification does not know.")
    check_pixels(found.width, found.height)


def _keep(found: Chunks, kind: bytes, body: bytes) -> None:
    """Keep the first chunk of a kind, and count the frames."""
    if kind == b"fcTL":
        found.frames += 1
        found.shown_first = found.shown_first or not found.data
    found.single.setdefault(kind, body)


def _is_palette(body: bytes) -> bool:
    """Tell whether PLTE holds 1 to 256 colours."""
    return len(body) % 3 == 0 and 1 <= len(body) // 3 <= 256  # noqa: PLR2004 red, green and blue


def _exif_of(kind: bytes, body: bytes) -> bytes | None:
    """Return the EXIF in a text: some lines that end with its length, and then its digits."""
    text = body[len(_RAW_EXIF) :]
    if kind == b"zTXt":
        text = _inflated(text[1:], _TEXT_BYTES) or b""
    elif kind == b"iTXt":
        compressed, text = text[:1] == b"\x01", text[2:].split(b"\x00", 2)[-1]
        text = _inflated(text, _TEXT_BYTES) or b"" if compressed else text
    _, _, digits = text.strip().partition(b"\n")
    _, _, digits = digits.strip().partition(b"\n")
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""  # there is some, and it can't be read


def _inflated(data: bytes, most: int) -> bytes | None:
    """Decompress data; None: it can't be, or is larger."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, most)
    except zlib.error:
        return None
    return None if stream.unconsumed_tail else found
