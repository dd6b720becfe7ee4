"""PNG by its chunks (PNG, third edition): a length, a type, that many bytes, and a checksum."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from cutout import tiff
from cutout.formats import filler, png_pixels
from cutout.formats.glimpse import Glimpse
from cutout.formats.header import PLAIN, Header

_START, _FIRST = 29, 33  # where IHDR's body ends, and the whole chunk
_PIXELS, _LAST = b"IDAT", b"IEND"
_PALETTE = 3
# The depths of each colour type (11.2.1): grey, RGB, palette, grey and RGB with alpha.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Chunks of one length, over which decoders stumble if it is another (11.3 and 11.3.4).
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7, b"acTL": 8}
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_PROFILE = b"raw profile type"  # ImageMagick's keyword for EXIF and others as text
_COUNTED = 16_777_216
"""Of larger pictures `submit` does not count the bytes: few of their files are short enough."""
MAX_CHUNKS = 100_000
"""More chunks are no picture: pieces of 8 KB are usual, and 25 MB have 3,200 of them."""
_CANDIDATES = 4  # places in the last bytes that look like a chunk of pixels; the first one is


class Chunk(NamedTuple):
    """A chunk; `body` is None if not all of it was read, `sound` tells that its checksum holds."""

    kind: bytes
    body: bytes | None
    place: int
    length: int
    sound: bool

    @property
    def stop(self) -> int:
        """Return the offset of what follows."""
        return self.place + 12 + self.length


class _Notes:
    """What the chunks besides the pixels say."""

    def __init__(self) -> None:
        self.sound = True
        self.animated = False
        self.palette = b""
        self.alphas: bytes | None = None
        self._exif: list[bytes] = []

    def note(self, chunk: Chunk) -> None:
        """Take in one chunk."""
        body = chunk.body or b""
        odd = chunk.length != _LENGTHS.get(chunk.kind, chunk.length)
        profile = chunk.kind in _TEXTS and body[: len(_PROFILE)].lower() == _PROFILE
        if not chunk.sound or odd or profile:
            self.sound = False
        elif chunk.kind == b"acTL":
            self.animated = True
        elif chunk.kind == b"PLTE":
            self.palette = body
        elif chunk.kind == b"tRNS":
            self.alphas = body
        elif chunk.kind == b"eXIf":
            self._exif.append(body)

    @property
    def orientation(self) -> int | None:
        """Return how the picture lies; None if that is not certain."""
        if not self.sound or len(self._exif) > 1:
            return None
        return tiff.orientation(self._exif[0]) if self._exif else 1


def read(head: bytes) -> Header:
    """Read IHDR and the chunks as far as the first pixels."""
    if head[12:16] == b"CgBI":
        return Header(format="png-cgbi")
    seen, found = Glimpse(head, b"", len(head)), Header(format="png")
    first = next(chunks(seen, 8), None)
    if first is None or (first.kind, first.length, first.sound) != (b"IHDR", 13, True):
        return found
    start = head[16:_START]
    width, height = int.from_bytes(start[:4]), int.from_bytes(start[4:8])
    found = found.model_copy(update={"width": width, "height": height, "bits": start[8]})
    if not _is_valid(start):
        return Header(format="png-unknown")
    notes = _Notes()
    for chunk in chunks(seen, _FIRST):
        if chunk.kind == _PIXELS:
            return _painted(found, notes, seen, chunk)
        notes.note(chunk)
    return found


def _is_valid(start: bytes) -> bool:
    """Tell whether a PNG may be of this kind, by the body of its IHDR (11.2.1)."""
    if len(start) < _START - 16:
        return False
    bits, kind, *methods, interlaced = start[8:]
    return bits in _DEPTHS.get(kind, ()) and not any(methods) and interlaced <= 1


def _painted(found: Header, notes: _Notes, seen: Glimpse, chunk: Chunk) -> Header:
    """Return what is known when the first chunk of pixels is reached."""
    start = seen.head[16:_START]
    painted = start[9] != _PALETTE or notes.palette
    pixels = _pixels(seen, list(chunks(seen, chunk.place)))
    changes = {
        "orientation": notes.orientation,
        "animated": notes.animated,
        "colour": PLAIN if painted else None,
        "visible": png_pixels.is_visible(start, notes.alphas, pixels),
        "data_at": chunk.place,
    }
    return found.model_copy(update=changes)


def chunks(seen: Glimpse, place: int) -> Iterator[Chunk]:
    """Yield the chunks from an offset on, as far as the last one or what was not read."""
    while (start := seen.part(place, place + 8)) is not None:
        length, kind = int.from_bytes(start[:4]), start[4:]
        body = seen.part(place + 8, place + 8 + length)
        crc = seen.part(place + 8 + length, place + 12 + length) or b""
        sound = body is not None and zlib.crc32(kind + body).to_bytes(4) == crc
        yield (chunk := Chunk(kind, body, place, length, sound))
        if kind == _LAST:
            return
        place = chunk.stop


def is_settled(header: Header, seen: Glimpse) -> bool:
    """Tell whether the file is whole and says nothing new behind its pixels, as far as was read."""
    found = list(chunks(seen, header.data_at))
    first = found[0] if found else None
    if not _ends(found) and not seen.is_whole:
        found = _last_chunks(seen)
    if first is None or not _ends(found):
        return False
    pixels = [chunk for chunk in found if chunk.kind == _PIXELS]
    notes = _Notes()
    for chunk in found:
        if chunk.kind != _PIXELS:
            notes.note(chunk)
        elif not chunk.sound and (chunk.body is not None or _is_filled(chunk, seen)):
            return False
    if seen.is_whole and not _is_full(seen, found):
        return False
    # Writers make all chunks of pixels equally long but the last one: else something is missing.
    lost = not seen.is_whole and len(pixels) > 1 and first.length == pixels[-1].length
    return notes.orientation == 1 and not lost


def _is_full(seen: Glimpse, found: list[Chunk]) -> bool:
    """Tell whether the pixels of a whole file are all there, unless they are too many to count."""
    start = seen.head[16:_START]
    large = png_pixels.length(start) > _COUNTED
    return large or png_pixels.is_full(start, _pixels(seen, found))


def _ends(found: list[Chunk]) -> bool:
    """Tell whether these are the chunks as far as the end."""
    return bool(found) and found[-1].kind == _LAST


def _pixels(seen: Glimpse, found: list[Chunk]) -> bytes:
    """Return the packed pixels of these chunks, as far as they are among the first bytes."""
    kept = (chunk for chunk in found if chunk.kind == _PIXELS)
    return b"".join(seen.head[chunk.place + 8 : chunk.stop - 4] for chunk in kept)


def _is_filled(chunk: Chunk, seen: Glimpse) -> bool:
    """Tell whether a chunk, only the end of which was read, ends with what may be a filler."""
    begun = max(chunk.place + 8, seen.size - len(seen.tail), chunk.stop - filler.LOOKED_AT)
    return filler.is_suspected(seen.part(begun, chunk.stop - 4) or b"")


def _last_chunks(seen: Glimpse) -> list[Chunk]:
    """Return the chunks from one with pixels on to the end; none, if the last bytes show none."""
    at = -1
    for _ in range(_CANDIDATES):
        at = seen.tail.find(_PIXELS, at + 1)
        if at < 0:
            return []
        found = list(chunks(seen, seen.size - len(seen.tail) + at - 4))
        if _ends(found) and all(chunk.sound for chunk in found):
            return found
    return []
