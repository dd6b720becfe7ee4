"""The first directory of a TIFF structure, which EXIF is one of too. Pure, for hostile bytes.

Layout: byte order, 42, offset of the directory; there a count and entries of 12 bytes: tag, type,
count, value (TIFF 6.0, section 2). BigTIFF has 43, and longer numbers (libtiff, "The BigTIFF File
Format"). Only entries that hold their number in place are read.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

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

_SHORT = 3
_SIZES = {1: 1, _SHORT: 2, 4: 4, 16: 8}  # BYTE, SHORT, LONG, and BigTIFF's LONG8
# The types of TIFF 6.0 (1 to 12), its supplement 1 (13), BigTIFF (16 to 18) and EXIF 3.0 (129).
_TYPES = frozenset({*range(1, 14), 16, 17, 18, 129})


class _Form(NamedTuple):
    """How long the numbers are, in bytes."""

    order: Literal["little", "big"]
    offset: int  # of an offset, and of a value in place
    counter: int  # of the number of entries

    @property
    def entry(self) -> int:
        """Return the length of an entry: tag, type, number of values, and value or offset."""
        return 4 + 2 * self.offset

    def number(self, data: bytes) -> int:
        """Return the number that stands there."""
        return int.from_bytes(data, self.order)


class Entry(NamedTuple):
    """An entry of a directory; `number` is the first of its values, if that is held in place."""

    tag: int
    kind: int
    values: int
    number: int | None


_BIG = (b"+\x00", b"\x00+")
_FORMS = {
    b"II*\x00": _Form("little", 4, 2),
    b"MM\x00*": _Form("big", 4, 2),
    b"II+\x00\x08\x00\x00\x00": _Form("little", 8, 8),
    b"MM\x00+\x00\x08\x00\x00": _Form("big", 8, 8),
}


def first_directory(data: bytes) -> list[Entry] | None:
    """Return the entries of the first directory.

    Returns None if this is no TIFF, or if its directory is not wholly within these bytes.
    """
    form = _FORMS.get(data[:4]) or _FORMS.get(data[:8])
    if form is None:
        return None
    at = 8 if form.offset == 8 else 4  # noqa: PLR2004 where the offset stands in either form
    place = form.number(data[at : at + form.offset])
    count = form.number(data[place : place + form.counter])
    first = place + form.counter
    if place < at + form.offset or not count or first + count * form.entry > len(data):
        return None
    starts = range(first, first + count * form.entry, form.entry)
    return [_entry(data[start : start + form.entry], form) for start in starts]


def _entry(data: bytes, form: _Form) -> Entry:
    """Read an entry."""
    tag, kind = form.number(data[:2]), form.number(data[2:4])
    count = form.number(data[4 : 4 + form.offset])
    value = data[4 + form.offset :]
    size = _SIZES.get(kind)
    in_place = size is not None and 0 < size * count <= len(value)
    return Entry(tag, kind, count, form.number(value[:size]) if in_place else None)


def orientation(data: bytes) -> int | None:
    """Return the orientation that EXIF's TIFF structure tells, 1 to 8.

    Returns None if it is not certain that every reader finds the same: the directory breaks off or
    holds what is no entry, or the orientation is there twice or is not one SHORT (EXIF 3.0,
    4.6.5.1). A directory without one says 1, and so do numbers without a meaning, such as 0 and 9.
    """
    entries = None if data[2:4] in _BIG else first_directory(data)
    if entries is None or any(entry.kind not in _TYPES for entry in entries):
        return None
    found = [entry for entry in entries if entry.tag == ORIENTATION]
    if not found:
        return 1
    (_, kind, count, number), *more = found
    if more or (kind, count) != (_SHORT, 1):
        return None
    return number if number in range(1, 9) else 1


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
    """Return the whole number that a decoder read for a tag; None, if it is none."""
    if isinstance(value, (tuple, list)) and value:
        value = value[0]
    return value if isinstance(value, int) else None
