"""HEIC and AVIF by their boxes (ISO/IEC 14496-12 and 23008-12): the codec, and where its data are.

The pixels are items of the `meta` box: `iinf` names their types, `iloc` says where they are.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cutout.formats import filler
from cutout.formats.header import Header

_HEVC, _AV1 = b"hvc1", b"av01"
# Types of coded items: AVC, JPEG, JPEG 2000, VVC, EVC, layered HEVC, and uncompressed.
_OTHERS = frozenset({b"avc1", b"jpeg", b"j2k1", b"vvc1", b"evc1", b"lhv1", b"unci"})
_CODED = _OTHERS | {_HEVC, _AV1}
_MOST_EXTENTS = 4096  # a grid of tiles of 256 x 256 pixels has 1,600 at 100 megapixels


class Box(NamedTuple):
    """A box: its type, and where its body begins and ends."""

    kind: bytes
    start: int
    stop: int


class _Reader:
    """Big-endian numbers of a full box, one behind the other; beyond its end they are 0."""

    def __init__(self, data: bytes, box: Box) -> None:
        self._data = data
        self._place = box.start
        self._stop = box.stop
        self.version = self.number(4) >> 24  # the rest are flags

    def number(self, size: int) -> int:
        """Return the next number of so many bytes."""
        found = self._data[self._place : min(self._place + size, self._stop)]
        self._place += size
        return int.from_bytes(found)

    @property
    def ended(self) -> bool:
        """Tell whether nothing is left."""
        return self._place >= self._stop


def read(head: bytes, brand: str) -> Header:
    """Return the format by the codec of the picture, if the first bytes tell; else by its brand."""
    kinds, main = _item_kinds(head), _main_item(head)
    coded = _CODED & ({kinds[main]} if main in kinds else set())
    coded = coded or _CODED & set(kinds.values())  # a picture of tiles has their codec
    if coded and coded <= _OTHERS:
        return Header(format="heif-codec")
    name = {frozenset({_HEVC}): "heic", frozenset({_AV1}): "avif"}.get(coded, brand)
    return Header(format=name)


def is_filled(data: bytes) -> bool:
    """Tell whether some coded picture of a whole file lies beyond its end, or ends in a filler.

    Decoders paint something for a filler. Both codecs' data look like chance to their last bytes.
    """
    kinds = _item_kinds(data)
    for item, start, stop in _extents(data):
        if kinds.get(item) in _CODED and (
            stop > len(data) or filler.is_suspected(data[start:stop])
        ):
            return True
    return False


def _boxes(data: bytes, start: int, stop: int) -> Iterator[Box]:
    """Yield the boxes between two offsets, as far as they are sound."""
    while start + 8 <= stop:
        length, body = int.from_bytes(data[start : start + 4]), start + 8
        if length == 1:
            length, body = int.from_bytes(data[body : body + 8]), body + 8
        end = start + length if length else stop
        if not body <= end <= stop:
            return
        yield Box(data[start + 4 : start + 8], body, end)
        start = end


def _meta(data: bytes) -> dict[bytes, Box]:
    """Return what is in the `meta` box, if that is whole."""
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"meta":
            return {inner.kind: inner for inner in _boxes(data, box.start + 4, box.stop)}
    return {}


def _item_kinds(data: bytes) -> dict[int, bytes]:
    """Return the type of each item by its number (`iinf`)."""
    table = _meta(data).get(b"iinf")
    if table is None:
        return {}
    start = table.start + (8 if data[table.start] else 6)  # version, flags, and how many there are
    found = {}
    for box in _boxes(data, start, table.stop):
        entry = _Reader(data, box)
        item = entry.number(4 if entry.version > 2 else 2)  # noqa: PLR2004 its versions 2 and 3
        entry.number(2)  # how it is protected
        found[item] = entry.number(4).to_bytes(4)
    return found


def _main_item(data: bytes) -> int | None:
    """Return the number of the item that is the picture (`pitm`)."""
    box = _meta(data).get(b"pitm")
    if box is None:
        return None
    entry = _Reader(data, box)
    return entry.number(4 if entry.version else 2)


def _extents(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and stop of each stretch of each item that is outside `meta` (`iloc`)."""
    box = _meta(data).get(b"iloc")
    if box is None:
        return
    table = _Reader(data, box)
    sizes = table.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    long = 4 if table.version > 1 else 2
    left = _MOST_EXTENTS
    for _ in range(table.number(long)):
        item = table.number(long)
        inside = table.number(2) & 15 if table.version else 0
        table.number(2)  # the file it is in: this one
        begin = table.number(base)
        for _ in range(min(table.number(2), left)):
            table.number(index if table.version else 0)
            start = begin + table.number(offset)
            stop = start + table.number(length)
            if not inside:
                yield item, start, stop
            left -= 1
        if table.ended or not left:
            return
