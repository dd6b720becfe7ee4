"""The boxes of a HEIF file that say what its primary picture is (ISO 14496-12, 23008-12). Pure.

A box is a size, a type of four letters, and its body; everything is big-endian. The box `meta` has
a picture's items in `iinf`, their properties in `iprp`, and what they are made of in `iref`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cutout.adapters.decoding.decoded import truncated, unsupported

_METADATA: Final = frozenset({b"Exif", b"mime"})
_DERIVED: Final = frozenset({b"grid", b"iden", b"iovl"})  # made of other items
_LEVELS: Final = 3  # of items made of others


@dataclass(frozen=True, slots=True)
class Primary:
    """The picture that is shown.

    Attributes:
        codecs: of all coded items that it is made of.
        properties: type and body of its own, or of its parts where it has none of a type.
        metadata: where in the file the types of the items with EXIF and XMP stand.
    """

    codecs: frozenset[bytes]
    properties: tuple[tuple[bytes, bytes], ...]
    metadata: tuple[int, ...]

    def first(self, kind: bytes) -> bytes:
        """Return the body of the first property of a type, or none."""
        return next((body for name, body in self.properties if name == kind), b"")


@dataclass(slots=True)
class _Meta:
    """What was read of the box `meta`."""

    primary: int = -1
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    associated: dict[int, list[int]] = field(default_factory=dict)


def read(data: bytes) -> Primary:
    """Return the primary picture.

    Raises:
        ImageError: `truncated_image`, the file breaks off; `unsupported_format`, there is no still
            picture.
    """
    top = list(_boxes(data, 0, len(data), strict=True))
    place = next(((start, end) for kind, start, end in top if kind == b"meta"), None)
    if place is None and not any(kind == b"moov" for kind, _, _ in top):
        raise truncated()
    meta = _Meta()
    for kind, start, end in _boxes(data, place[0] + 4, place[1]) if place else ():
        if kind in _READERS and end > start:
            _READERS[kind](meta, data, start, end)
    if meta.primary not in meta.kinds:
        raise unsupported("The file has no still picture, only a sequence of them.")
    items = _made_of(meta, meta.primary)
    coded = [item for item in items if meta.kinds.get(item) not in _DERIVED]
    return Primary(
        codecs=frozenset(meta.kinds.get(item, b"") for item in coded),
        properties=tuple(_properties(meta, [meta.primary, *coded[:1]])),
        metadata=tuple(meta.places[n] for n, kind in meta.kinds.items() if kind in _METADATA),
    )


def _boxes(
    data: bytes, start: int, end: int, *, strict: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each body.

    Raises:
        ImageError: `truncated_image`, a box does not end where it should, if that is looked at.
    """
    while start + 8 <= end:
        size, head = int.from_bytes(data[start : start + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16]), 16
        stop = start + size if size else end
        if size and size < head:
            stop = end + 1
        if stop > end:
            if strict:
                raise truncated()
            return
        yield data[start + 4 : start + 8], start + head, stop
        start = stop


def _read_primary(meta: _Meta, data: bytes, start: int, end: int) -> None:
    """Read the number of the primary item (`pitm`)."""
    meta.primary = int.from_bytes(data[start + 4 : min(end, start + (8 if data[start] else 6))])


def _read_items(meta: _Meta, data: bytes, start: int, end: int) -> None:
    """Read what items there are (`iinf`)."""
    for kind, at, stop in _boxes(data, start + (8 if data[start] else 6), end):
        if kind == b"infe" and stop > at:
            _read_item(meta, data, at, stop)


def _read_item(meta: _Meta, data: bytes, start: int, end: int) -> None:
    """Read an item's number and type (`infe`)."""
    width = 4 if data[start] > 2 else 2  # noqa: PLR2004 version 3 has longer numbers
    place = start + 4 + width + 2
    if place + 4 <= end:
        number = int.from_bytes(data[start + 4 : start + 4 + width])
        meta.kinds[number], meta.places[number] = data[place : place + 4], place


def _read_references(meta: _Meta, data: bytes, start: int, end: int) -> None:
    """Read what items are made of (`iref`): an item, how many others, and these."""
    width = 4 if data[start] else 2
    for kind, at, stop in _boxes(data, start + 4, end):
        if kind == b"dimg":
            item, parts = data[at : at + width], data[at + width + 2 : stop]
            meta.parts.setdefault(int.from_bytes(item), []).extend(_numbers(parts, width))


def _read_properties(meta: _Meta, data: bytes, start: int, end: int) -> None:
    """Read all properties, and which item has which (`iprp`)."""
    for kind, at, stop in _boxes(data, start, end):
        if kind == b"ipco":
            meta.properties = [(name, data[a:b]) for name, a, b in _boxes(data, at, stop)]
        elif kind == b"ipma":
            _read_associations(meta, data[at:stop])


def _read_associations(meta: _Meta, body: bytes) -> None:
    """Read which item has which properties, in their order (`ipma`)."""
    version, long = body[:1], bool(body[3:4] and body[3] & 1)
    width, place = (2 if version in (b"", b"\x00") else 4), 8
    while place + width < len(body):
        item, count = int.from_bytes(body[place : place + width]), body[place + width]
        place += width + 1
        size = 2 if long else 1
        numbers = _numbers(body[place : place + count * size], size)
        mask = 0x7FFF if long else 0x7F  # the highest bit says that it is essential
        meta.associated.setdefault(item, []).extend(number & mask for number in numbers)
        place += count * size


def _numbers(body: bytes, width: int) -> Iterator[int]:
    """Yield numbers of so many bytes."""
    for place in range(0, len(body) - width + 1, width):
        yield int.from_bytes(body[place : place + width])


def _made_of(meta: _Meta, item: int) -> list[int]:
    """Return an item and all those that it is made of, each once."""
    found = {item: None}
    for _ in range(_LEVELS):
        for one in list(found):
            if meta.kinds.get(one) in _DERIVED:
                found |= dict.fromkeys(meta.parts.get(one, []))
    return list(found)


def _properties(meta: _Meta, items: list[int]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the properties of an item, and then those of the next one that it had none of."""
    had: set[bytes] = set()
    for item in items:
        numbers = [n for n in meta.associated.get(item, []) if 1 <= n <= len(meta.properties)]
        mine = [meta.properties[number - 1] for number in numbers]
        yield from (one for one in mine if one[0] not in had)
        had |= {kind for kind, _ in mine}


_READERS: Final[dict[bytes, Callable[[_Meta, bytes, int, int], None]]] = {
    b"pitm": _read_primary,
    b"iinf": _read_items,
    b"iref": _read_references,
    b"iprp": _read_properties,
}
