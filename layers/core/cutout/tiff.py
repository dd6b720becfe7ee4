"""The first directory of a TIFF structure, which EXIF is one of too. Pure, for hostile bytes.

Layout: byte order, 42, offset of the directory; there a count and entries of 12 bytes: tag, type,
count, value (TIFF 6.0, section 2). Only entries that hold their number in place are read.
"""

from collections.abc import Mapping
from typing import Literal

ORIENTATION = 274
WIDTH, HEIGHT = 256, 257
SUBFILE_TYPE = 254
COMPRESSION, PHOTOMETRIC = 259, 262
MAKE = 271
SUB_DIRECTORIES = 330
CFA_SIZE, CFA_PATTERN = 33421, 33422  # TIFF/EP (ISO 12234-2)
EP_STANDARD = 37398
DNG_VERSION = 50706

_REDUCED = 1  # the bit of SUBFILE_TYPE that says: a smaller version of another picture here
_SENSOR = frozenset({32803, 34892})  # PHOTOMETRIC: colour filter array, LinearRaw (DNG 1.7)
# COMPRESSION of Sony ARW, Epson ERF, Samsung SRW, Nikon NEF, Kodak KDC and DCR, Pentax PEF, as
# ExifTool's list of TIFF tags names them; no decoder of ours knows one of them.
_CAMERA_COMPRESSIONS = frozenset({32767, 32769, 32770, 34713, 32867, 65000, 65535})

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


def is_raw(tags: Mapping[int, object]) -> bool:
    """Tell whether a TIFF is a camera's raw file, whose first picture is a preview or a mosaic.

    Args:
        tags: the values of its first directory by tag; a value is a number, a sequence whose
            first element counts, or anything else, which says nothing.
    """
    subfile = _number(tags.get(SUBFILE_TYPE))
    if any(tag in tags for tag in (DNG_VERSION, CFA_SIZE, CFA_PATTERN)):
        return True
    if _number(tags.get(PHOTOMETRIC)) in _SENSOR:
        return True
    if _number(tags.get(COMPRESSION)) in _CAMERA_COMPRESSIONS or (subfile or 0) & _REDUCED:
        return True
    # Raw files keep the sensor's data in a sub-directory. So do programs that write smaller
    # versions of a photo there, but those say that the first picture is the full one.
    camera = MAKE in tags or EP_STANDARD in tags
    return camera and SUB_DIRECTORIES in tags and subfile is None


def _number(value: object) -> int | None:
    """Return the whole number that a decoder read for a tag; None: it is none."""
    if isinstance(value, (tuple, list)) and value:
        value = value[0]
    return value if isinstance(value, int) else None
