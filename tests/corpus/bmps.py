"""BMPs written by code: every header, depth and layout of bits."""

import struct

V3, V4, V5 = 40, 108, 124
RAW, BITFIELDS, JPEG_INSIDE = 0, 3, 4
MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def bmp(
    rows: bytes,
    size: tuple[int, int],
    bits: int,
    *,
    header: int = V3,
    compression: int = RAW,
    masks: tuple[int, ...] = MASKS,
    profile: bytes = b"",
) -> bytes:
    """Return a BMP of rows from its bottom to its top, padded to four bytes each.

    An old header has masks behind it if `compression` says so, new ones hold them; only the newest
    one may have a profile, behind the pixels.
    """
    info = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, len(rows), 0, 0, 0, 0)
    held = struct.pack("<4I", *masks)
    if header >= V4:
        info += held + (b"DEBM" if profile else b"BGRs")
        info = info.ljust(112, b"\0")
        info += struct.pack("<4I", header + len(rows), len(profile), 0, 0)
        info = info[:header]
    extra = held[:12] if header == V3 and compression == BITFIELDS else b""
    offset = 14 + header + len(extra)
    file = struct.pack("<2sIHHI", b"BM", offset + len(rows) + len(profile), 0, 0, offset)
    return file + info + extra + rows + profile
