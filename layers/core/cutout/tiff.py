"""The first directory of a TIFF structure, which EXIF is one of too. Pure, for hostile bytes.

Layout: byte order, 42, offset of the directory; there a count and entries of 12 bytes: tag, type,
count, value (TIFF 6.0, section 2). Only entries that hold their number in place are read.
"""

from typing import Literal

ORIENTATION = 274
WIDTH, HEIGHT = 256, 257
SUBFILE_TYPE = 254
DNG_VERSION = 50706

_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\x00": "little", b"MM\x00*": "big"}
_SIZES = {1: 1, 3: 2, 4: 4}  # BYTE, SHORT, LONG
_ENTRY = 12


def first_directory(data: bytes) -> dict[int, int] | None:
    """Return the first number of each entry by its tag.

    Returns:
        None: this is no TIFF, or its directory is not (wholly) within these bytes.
    """
    order = _ORDERS.get(data[:4])
    if order is None or len(data) < 8:  # noqa: PLR2004 the header's length
        return None
    place = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[place : place + 2], order)
    entries = data[place + 2 : place + 2 + count * _ENTRY]
    if not count or len(entries) < count * _ENTRY:
        return None
    found: dict[int, int] = {}
    for start in range(0, len(entries), _ENTRY):
        tag, kind = (int.from_bytes(entries[start + n : start + n + 2], order) for n in (0, 2))
        if kind in _SIZES:
            value = entries[start + 8 : start + 8 + _SIZES[kind]]
            found.setdefault(tag, int.from_bytes(value, order))
    return found


def orientation(data: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; what says none, or nonsense, is upright."""
    found = (first_directory(data) or {}).get(ORIENTATION, 1)
    return found if found in range(1, 9) else 1
