"""A directory of tags, as TIFF and EXIF have it, read as far as it can be. Pure.

A header of 8 bytes (16 in a BigTIFF) leads to the first directory: a count, and entries of 12 (20)
bytes with tag, type, count, and the value or its place (TIFF 6.0, section 2). Nothing here raises.
"""

import struct
from dataclasses import dataclass
from typing import Final

_CODES: Final = {
    1: "B",  # BYTE
    2: "B",  # ASCII
    3: "H",  # SHORT
    4: "I",  # LONG
    5: "I",  # RATIONAL, two of them
    6: "b",
    7: "B",  # UNDEFINED
    8: "h",
    9: "i",
    10: "i",  # SRATIONAL, two of them
    11: "f",
    12: "d",
    13: "I",  # IFD
    16: "Q",  # LONG8, SLONG8 and IFD8 of BigTIFF
    17: "q",
    18: "Q",
}
_INTEGERS: Final = frozenset(_CODES) - {2, 5, 7, 10, 11, 12}
_RATIONALS: Final = frozenset({5, 10})
_ORIENTATION: Final = 274
_BIG: Final = 43
_EXIF_PREFIX: Final = b"Exif\x00\x00"


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: the type and number of its values, and where these begin and how long they are."""

    kind: int
    count: int
    place: int
    size: int


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries by tag, the first of each.

    Attributes:
        data: the bytes that the entries lead into; not all of them may be there.
        order: of bytes, "<" or ">", as in `struct`.
        big: the structure is a BigTIFF.
        whole: every entry was there, wherever its values are.
        entries: by tag.
    """

    data: bytes
    order: str
    big: bool
    whole: bool
    entries: dict[int, Entry]

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return all whole numbers of a tag; none, if it has others, or not all of them."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _INTEGERS:
            return ()
        found = self.content(tag)
        return struct.unpack(
            f"{self.order}{len(found) // _size(entry.kind)}{_CODES[entry.kind]}", found
        )

    def integer(self, tag: int, otherwise: int = 0) -> int:
        """Return the first whole number of a tag, or the default."""
        return (self.integers(tag) or (otherwise,))[0]

    def content(self, tag: int) -> bytes:
        """Return a tag's bytes, whatever its type; none, if not all of them are there."""
        entry = self.entries.get(tag)
        found = self.data[entry.place : entry.place + entry.size] if entry is not None else b""
        return found if entry is not None and len(found) == entry.size else b""


def read(data: bytes) -> Directory | None:
    """Return the first directory; None: these bytes are no TIFF, or don't reach as far as it."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:  # noqa: PLR2004 the header
        return None
    big = struct.unpack(f"{order}H", data[2:4])[0] == _BIG
    place = _unpacked(order, "Q", data, 8) if big else _unpacked(order, "I", data, 4)
    count = _unpacked(order, "Q" if big else "H", data, place if place is not None else len(data))
    if place is None or count is None:
        return None
    start, size = (place + 8, 20) if big else (place + 2, 12)
    held = min(count, max(0, len(data) - start) // size)
    found: dict[int, Entry] = {}
    for at in range(start, start + held * size, size):
        tag, entry = _entry(data, at, order, big=big)
        found.setdefault(tag, entry)
    return Directory(data, order, big, held == count and count > 0, found)


def orientation(exif: bytes) -> int | None:
    """Return the orientation that EXIF says, from 1 to 8; upright, if none or nonsense is said.

    It is looked for in what there is: a directory that breaks off behind it is good enough, and
    so is another type of number. The decoder has to decide, unlike who reads only the header.

    Returns:
        The number; None: EXIF is damaged, and no orientation was found.
    """
    directory = read(exif.removeprefix(_EXIF_PREFIX))
    if directory is None:
        return None
    entry = directory.entries.get(_ORIENTATION)
    if entry is None:
        return 1 if directory.whole else None
    body = directory.content(_ORIENTATION)
    if entry.kind not in _INTEGERS | _RATIONALS or not body:
        return None
    first, second = struct.unpack_from(f"{directory.order}2{_CODES[entry.kind]}", body + bytes(8))
    if entry.kind in _RATIONALS:
        first = first / second if second else 0
    return int(first) if first in range(1, 9) else 1


def _entry(data: bytes, at: int, order: str, *, big: bool) -> tuple[int, Entry]:
    """Read the entry at a place where all of it is."""
    tag, kind = struct.unpack_from(f"{order}2H", data, at)
    count = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, at + 4)[0]
    inline, at = (8, at + 12) if big else (4, at + 8)
    size = _size(kind) * count
    if size > inline:
        at = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, at)[0]
    return tag, Entry(kind, count, at, size)


def _size(kind: int) -> int:
    """Return how many bytes a value of a type has."""
    return struct.calcsize(_CODES.get(kind, "B")) * (2 if kind in _RATIONALS else 1)


def _unpacked(order: str, code: str, data: bytes, at: int) -> int | None:
    """Return the number at a place; None: the bytes end before."""
    if at + struct.calcsize(code) > len(data):
        return None
    return int(struct.unpack_from(order + code, data, at)[0])
