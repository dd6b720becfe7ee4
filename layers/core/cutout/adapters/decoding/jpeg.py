"""JPEG: ITU T.81, with EXIF, ICC and Adobe's segment in the markers for applications.

The file is written anew before it is decoded: tables, frame and scans as they are, of the markers
for applications only the two that say which colours the numbers mean, and nothing behind the end.
So broken metadata can't spoil a sound picture.
"""

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from cutout.adapters.decoding import directory, wholeness
from cutout.adapters.decoding.decoded import (
    Decoded,
    check_pixels,
    load,
    truncated,
    turned,
    unsupported,
)
from cutout.formats.jpeg import MAX_SCANS, MAX_SEGMENTS

_SOI, _EOI, _SOS, _DNL = 0xD8, 0xD9, 0xDA, 0xDC
_APP0, _APP1, _APP2, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_APPLICATION: Final = frozenset({*range(0xE0, 0xF0), _COM})
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # without a length (ITU T.81, B.1.1.3)
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)}) - {0xC4, 0xC8, 0xCC}
# Baseline, extended and progressive are sure to be decoded; lossless and arithmetic ones may be.
_COMMON: Final = frozenset({0xC0, 0xC1, 0xC2})
_MAYBE: Final = frozenset({0xC3, 0xC9, 0xCA})
_JPEG_LS: Final = 0xF7  # ITU T.87
_COMPONENTS: Final = frozenset({1, 3, 4})
_EXIF, _ICC = b"Exif\x00\x00", b"ICC_PROFILE\x00"
# What ends a scan's data: any marker but the restarts, and no stuffed zero (ITU T.81, B.1.1.5).
_NEXT_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass(slots=True)
class _Walk:
    """What was met on the way through a file."""

    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    exif: bytes | None = None
    icc: dict[int, bytes] = field(default_factory=dict)
    icc_parts: int = 0
    frame: int = 0
    body: bytes = b""
    segments: int = 0
    scans: int = 0
    lines_later: bool = False


def decode(data: bytes) -> Decoded:
    """Decode a JPEG."""
    walk = _walk(data)
    _check(walk)
    odd = unsupported("The JPEG is of a kind that is not decoded.")
    clean = wholeness.whole_jpeg(b"".join(walk.kept))
    picture = load(clean, "JPEG", unopened=odd, broken=odd if walk.frame in _MAYBE else None)
    orientation = 1 if walk.exif is None else directory.orientation(walk.exif)
    return turned(picture, orientation, _profile(walk))


def _walk(data: bytes) -> _Walk:
    """Go through all segments and scans, and keep what is needed for the pixels."""
    walk, place = _Walk(), 2
    while 0 <= (place := data.find(b"\xff", place)) < len(data) - 1:
        kind = data[place + 1]
        if kind == _EOI:
            break
        if kind in _ALONE or kind in (0x00, 0xFF):
            place += 2 if kind != 0xFF else 1  # noqa: PLR2004 a fill byte
            continue
        length = int.from_bytes(data[place + 2 : place + 4])
        body = data[place + 4 : place + 2 + length]
        if length < 2 and kind in _APPLICATION:  # noqa: PLR2004 the length counts itself
            place += 4
            continue
        if length < 2 or len(body) != length - 2 or kind == _SOI:  # noqa: PLR2004 the same
            raise truncated()
        place += 2 + length
        _note(walk, kind, body)
        if kind == _SOS:
            place = _keep_scan(walk, data, place)
    return walk


def _note(walk: _Walk, kind: int, body: bytes) -> None:
    """Keep a segment, or what it says."""
    walk.segments += 1
    walk.scans += kind == _SOS
    if walk.scans > MAX_SCANS or walk.segments > MAX_SEGMENTS:
        raise unsupported(f"The JPEG has more than {MAX_SCANS} scans, or far too many segments.")
    if kind == _APP1 and body[:4].lower() == _EXIF[:4].lower() and walk.exif is None:
        walk.exif = body if body.startswith(_EXIF) else b""  # the first one counts, if it is one
    elif kind == _APP2 and body.startswith(_ICC) and len(body) > 14:  # noqa: PLR2004 number and count
        walk.icc.setdefault(body[12], body[14:])
        walk.icc_parts = body[13]
    elif kind == _DNL:
        walk.lines_later = True
    elif kind in _FRAMES or kind == _JPEG_LS:
        walk.frame, walk.body = kind, body
    if kind not in _APPLICATION or _says_colours(kind, body):
        walk.kept.append(struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body)


def _says_colours(kind: int, body: bytes) -> bool:
    """Tell whether a segment is JFIF's or Adobe's: these tell YCbCr from RGB and CMYK."""
    jfif = kind == _APP0 and body.startswith(b"JFIF\x00") and len(body) >= 14  # noqa: PLR2004 whole
    adobe = kind == _APP14 and body.startswith(b"Adobe") and len(body) >= 12  # noqa: PLR2004 whole
    return jfif or adobe


def _keep_scan(walk: _Walk, data: bytes, place: int) -> int:
    """Keep a scan's data, and return where the next marker is."""
    found = _NEXT_MARKER.search(data, place)
    end = found.start() if found else len(data)
    walk.kept.append(data[place:end])
    if found and found[0][1] == _EOI:
        walk.kept.append(b"\xff\xd9")
    return end


def _check(walk: _Walk) -> None:
    """Refuse what has no picture, and the kinds that nobody here decodes."""
    if len(walk.body) < 6:  # noqa: PLR2004 precision, height, width, components
        raise truncated()
    bits, height, width, components = struct.unpack_from(">BHHB", walk.body)
    if walk.frame not in _COMMON | _MAYBE or bits != 8 or components not in _COMPONENTS:  # noqa: PLR2004
        raise unsupported(
            f"The JPEG is of a kind that is not decoded (frame {walk.frame:#x}, {bits} bits, "
            f"{components} components)."
        )
    if height == 0 and walk.lines_later:
        raise unsupported("The JPEG tells its height only behind its pixels, which is not decoded.")
    if not walk.scans:
        raise truncated()
    check_pixels(width, height)


def _profile(walk: _Walk) -> bytes | None:
    """Put the parts of the ICC profile together; None: there is none, or not all of it."""
    numbers = range(1, walk.icc_parts + 1)
    if not walk.icc or any(number not in walk.icc for number in numbers):
        return None
    return b"".join(walk.icc[number] for number in numbers)
