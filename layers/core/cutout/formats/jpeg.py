"""JPEG by its markers (ITU T.81, annex B): what stands before the pixels, and where they end."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from cutout import tiff
from cutout.formats import filler
from cutout.formats.glimpse import Glimpse
from cutout.formats.header import CMYK, PLAIN, Header

MAX_SCANS = 50
"""More scans are an attack: each is a walk through the whole picture, however few bytes it has.

libjpeg writes 10. At 100 megapixels one takes 0.1 to 0.15 s (libjpeg-turbo, one x86_64 core).
"""
MAX_SEGMENTS = 20_000
"""More segments are no picture: of the longest kind, 65,535 bytes, 25 MB have 400."""
_END, _SCAN, _HEIGHT = 0xD9, 0xDA, 0xDC
_APP1 = 0xE1
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length (B.1.1.3)
_BETWEEN = frozenset({0xC4, 0xCC, 0xDB, _SCAN, _HEIGHT, 0xDD, *range(0xE0, 0xF0), 0xFE})
# Baseline, extended and progressive: every decoder knows them. Ours also knows lossless and
# arithmetic coding (libjpeg-turbo 3), so that it may try.
_COMMON_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_FRAMES = _COMMON_FRAMES | {0xC3, 0xC9, 0xCA}
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_JPEG_LS = 0xF7  # SOF55 of ITU T.87
_EXIF = b"Exif\x00\x00"
_COLOURS = {1: PLAIN, 3: PLAIN, 4: CMYK}
# Among coded pixels FF is followed by 00, or by the number of a restart; all else ends them.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class Segment(NamedTuple):
    """A marker segment: its marker's second byte, what follows its length, and its offset."""

    kind: int
    body: bytes
    place: int

    @property
    def stop(self) -> int:
        """Return the offset of what follows."""
        return self.place + 4 + len(self.body)


class Ending(NamedTuple):
    """Where and how the pixels of a JPEG end; offsets in bytes.

    The last scan's data are from `pixels_at` to before `stop`. `closed` tells that the end marker
    stands there, `all_there` that the scans bring every coefficient of every colour, `endless` that
    there are too many scans or segments to go on.
    """

    pixels_at: int
    stop: int
    closed: bool
    all_there: bool
    endless: bool


def read(head: bytes) -> Header:
    """Walk the segments as far as the first scan."""
    found = Header(format="jpeg", animated=False, visible=True)
    exif: list[bytes] = []
    for segment in segments(head):
        if segment.kind == _APP1 and segment.body[:4].lower() == b"exif":
            exif.append(segment.body)
        elif segment.kind == _SCAN:
            changes = {"orientation": _orientation(exif), "data_at": segment.place}
            return found.model_copy(update=changes)
        elif segment.kind == _JPEG_LS or segment.kind in _FRAMES | _HIERARCHICAL:
            found = _framed(found, segment)
    return found


def segments(data: bytes, place: int = 2) -> Iterator[Segment]:
    """Yield each whole segment from an offset on, as far as a scan's header or what is none."""
    while data[place : place + 1] == b"\xff" and place + 4 <= len(data):
        kind = data[place + 1]
        if kind == 0xFF:  # noqa: PLR2004 a fill byte
            place += 1
            continue
        if kind in _ALONE:
            place += 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4])
        body = data[place + 4 : place + 2 + length]
        if kind == _END or len(body) != length - 2:
            return
        yield (segment := Segment(kind, body, place))
        if kind == _SCAN:
            return
        place = segment.stop


def _framed(found: Header, segment: Segment) -> Header:
    """Read the frame header (B.2.2): precision, height, width, number of colours."""
    kind, body, _ = segment
    if len(body) < 6 or found.colour is not None or found.format != "jpeg":  # noqa: PLR2004 as read here
        return found.model_copy(update={"colour": None})
    bits, height, width, colours = body[0], body[1:3], body[3:5], body[5]
    untaken = {
        "jpeg-ls": kind == _JPEG_LS,
        "jpeg-hierarchical": kind in _HIERARCHICAL,
        "jpeg-deep": bits != 8,  # noqa: PLR2004
        "jpeg-dnl": not any(height) and any(width),
        "jpeg-samples": colours not in _COLOURS,
    }
    changes = {
        "format": next((name for name, holds in untaken.items() if holds), "jpeg"),
        "bits": bits,
        "height": int.from_bytes(height),
        "width": int.from_bytes(width),
        "colour": _COLOURS.get(colours) if kind in _COMMON_FRAMES else None,
    }
    return found.model_copy(update=changes)


def _orientation(exif: list[bytes]) -> int | None:
    """Return how the picture lies; None if there are several EXIF, or one that is not sound."""
    if not exif:
        return 1
    if len(exif) > 1 or not exif[0].startswith(_EXIF):
        return None
    return tiff.orientation(exif[0][len(_EXIF) :])


def is_settled(header: Header, seen: Glimpse) -> bool:
    """Tell whether the pixels are all there, as far as that can be seen without decoding them."""
    if seen.is_whole:
        found = ending(seen.head)
        begun = max(found.pixels_at, found.stop - filler.LOOKED_AT)
        return found.closed and not filler.is_suspected(seen.head[begun : found.stop])
    if _guessed_scans(header, seen) > MAX_SCANS:
        return False
    picture, appended, _ = seen.tail.partition(b"\xff\xd8\xff")
    return _is_closed(picture) and (not appended or _is_closed(seen.tail))


def _is_closed(tail: bytes) -> bool:
    """Tell whether a picture ends there; some writers fill up a block of their card with zeros."""
    end = tail.rstrip(b"\x00")
    return end.endswith(b"\xff\xd9") and not filler.is_suspected(end[-filler.LOOKED_AT : -2])


def _guessed_scans(header: Header, seen: Glimpse) -> int:
    """Guess the number of scans from those that begin in either end of a large file."""
    ends = (seen.head[header.data_at :], seen.tail)
    begun = sum(end.count(b"\xff\xda\x00") for end in ends)
    usual = 3  # one in the first bytes and one in the last, and one of a second, smaller picture
    return max(0, begun - usual) * seen.size // sum(map(len, ends))


class _Scans:
    """What the scans of a picture bring, which together must be everything."""

    def __init__(self) -> None:
        self.count, self._segments = 0, 0
        self._progressive = False
        self._missing: dict[int, set[int]] = {}

    def note(self, segment: Segment) -> None:
        """Learn of the colours from a frame header (B.2.2), of coefficients from a scan (B.2.3)."""
        kind, body, _ = segment
        self._segments += 1
        if kind in _FRAMES:
            self._progressive = kind in _PROGRESSIVE
            self._missing = {colour: set(range(64)) for colour in body[6::3]}
        if kind != _SCAN:
            return
        self.count += 1
        if len(body) < 6:  # noqa: PLR2004 one colour's scan
            return
        colours, (first, last, bits) = body[1:-3:2], body[-3:]
        done = set(range(first, last + 1)) if self._progressive else set(range(64))
        for colour in colours if not self._progressive or bits & 15 == 0 else ():
            self._missing.get(colour, set()).difference_update(done)

    @property
    def too_many(self) -> bool:
        """Tell whether nobody should decode this."""
        return self.count > MAX_SCANS or self._segments >= MAX_SEGMENTS

    @property
    def all_there(self) -> bool:
        """Tell whether every coefficient of every colour came, to its last bit."""
        return bool(self._missing) and not any(self._missing.values())


def ending(data: bytes) -> Ending:
    """Find where the pixels of a whole file end, and whether they are all there by its markers.

    What follows the end marker is not looked at: cameras append videos and second pictures. The
    search ends when there are too many scans or segments.
    """
    scans, pixels_at, stop = _Scans(), 0, 2
    while not scans.too_many:
        last = None
        for last in islice(segments(data, stop), MAX_SEGMENTS):
            scans.note(last)
        if last is None or last.kind != _SCAN:
            break
        pixels_at = last.stop
        marker = _MARKER.search(data, pixels_at)
        stop = marker.start() if marker else len(data)
        if marker is None or data[stop + 1] not in _BETWEEN:
            break
    closed = pixels_at > 0 and not scans.too_many and data[stop : stop + 2] == b"\xff\xd9"
    return Ending(pixels_at, stop, closed, scans.all_there, scans.too_many)
