"""BMP: Windows' bitmaps, and the first ones of OS/2."""

import struct
from typing import Final

from cutout.adapters.decoding.decoded import (
    Decoded,
    check_pixels,
    load,
    truncated,
    unsupported,
)

_FILE_HEADER: Final = 14
_OS2: Final = 12  # bytes of BITMAPCOREHEADER, the shortest one
_V5: Final = 124  # bytes of BITMAPV5HEADER, the only one with a profile
_EMBEDDED: Final = b"DEBM"  # PROFILE_EMBEDDED, `MBED`, as a little-endian number


def decode(data: bytes) -> Decoded:
    """Decode a BMP.

    Programs that know of no alpha write zeros where it is. So one that is zero everywhere says
    nothing, and the picture is opaque.
    """
    header = int.from_bytes(data[_FILE_HEADER : _FILE_HEADER + 4], "little")
    if len(data) < _FILE_HEADER + max(header, _OS2):
        raise truncated()
    sides = struct.unpack_from("<2H" if header == _OS2 else "<2i", data, _FILE_HEADER + 4)
    check_pixels(*map(abs, sides))  # a negative height is upside down
    odd = unsupported("The BMP's depth, compression or layout of bits is one that is not decoded.")
    picture = load(data, "BMP", unopened=odd)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema()[1] == 0:
        picture = picture.convert("RGB")
    if picture.mode not in ("RGB", "RGBA", "L"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return Decoded(picture, profile=_profile(data) if header == _V5 else None)


def _profile(data: bytes) -> bytes | None:
    """Return the ICC profile behind the pixels; its place is counted from the header's start."""
    if data[_FILE_HEADER + 56 : _FILE_HEADER + 60] != _EMBEDDED:
        return None
    place, size = struct.unpack_from("<2I", data, _FILE_HEADER + 112)
    return data[_FILE_HEADER + place : _FILE_HEADER + place + size] or None
