"""TIFF: its first picture, whatever its samples are.

Pillow is given the file with a new directory, which has the tags of the pixels alone: EXIF, XMP,
orientation and whatever else is broken there is not seen. Planes, and samples that Pillow would
take for something else, are described to it as simpler pictures and put together here.
"""

import struct
from dataclasses import replace
from typing import Final

from PIL import Image, ImageChops

from cutout import tiff as cameras
from cutout.adapters.decoding import directory, greys
from cutout.adapters.decoding import tiff_layout as layouts
from cutout.adapters.decoding.decoded import Decoded, load, truncated, turned, unsupported
from cutout.adapters.decoding.directory import Directory
from cutout.adapters.decoding.tiff_layout import Layout

_ICC_PROFILE: Final = 34675
_CANON_RAW: Final = b"CR"  # behind the header, in CR2
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# Tags that a compression needs beside the usual ones: fax options, old and new JPEG's tables.
_KEPT: Final = (292, 293, *range(512, 522), 347, 529, 530, 532)
_SHORT, _LONG = 3, 4
_FEW: Final = 16
_TWELVE: Final = 12

_Written = tuple[int, int, bytes]  # an entry's type, number of values, and these


def decode(data: bytes) -> Decoded:
    """Decode a TIFF."""
    tags = directory.read(data)
    if data[8:10] == _CANON_RAW or (tags is not None and cameras.is_raw(_known(tags))):
        raise unsupported("The TIFF is a camera's raw file.")
    if tags is None or not tags.entries:
        raise truncated()
    if tags.big and tags.order == ">":
        raise unsupported("Big-endian BigTIFF is not decoded.")
    if not tags.whole:
        raise truncated()
    layout = layouts.read(tags, len(data))
    file = _File(data, tags, layout)
    picture = _picture(file, layout)
    orientation = tags.integer(layouts.ORIENTATION, 1)
    profile = tags.content(_ICC_PROFILE) or None
    return turned(picture, orientation if orientation in range(1, 9) else 1, profile)


def _known(tags: Directory) -> dict[int, object]:
    """Return each tag's numbers, of those that are few; the others are only there."""
    few = (tag for tag, entry in tags.entries.items() if entry.count <= _FEW)
    return dict.fromkeys(tags.entries) | {tag: tags.integers(tag) for tag in few}


class _File:
    """A file whose first picture can be described in other ways than its own tags do."""

    def __init__(self, data: bytes, tags: Directory, layout: Layout) -> None:
        """Keep the pixels, and the tags that they cannot do without."""
        self.tags = tags
        self._data = bytearray(data) + bytes(len(data) % 2)
        self._end = len(self._data)
        reverse = tags.integer(layouts.FILL_ORDER, 1) == 2  # noqa: PLR2004 its number
        self._fill_order = 2 if reverse and layout.compression != layouts.RAW else 1
        if reverse and layout.compression == layouts.RAW:
            for at, size in set(zip(layout.offsets, layout.sizes, strict=True)):
                self._data[at : at + size] = self._data[at : at + size].translate(_REVERSED)

    def load(self, layout: Layout) -> Image.Image:
        """Decode the picture as if its tags said this.

        Raises:
            ImageError: `unsupported_format`, Pillow does not know such a picture;
                `truncated_image`, its data are broken.
        """
        # Packed samples of 12 bits have no order of bytes, and Pillow knows them in one only.
        order = "<" if layout.bits == _TWELVE else self.tags.order
        name = b"II" if order == "<" else b"MM"
        del self._data[self._end :]
        self._data[:8] = struct.pack(f"{order}2sHI", name, 42, self._end)
        self._data.extend(_directory(self._end, order, self._entries(layout, order)))
        odd = unsupported("The TIFF is of a kind that is not decoded.")
        broken = (
            odd if layout.compression == layouts.JPEG_OLD else None
        )  # it had no sound definition
        return load(self._data, "TIFF", unopened=odd, broken=broken)

    def _entries(self, layout: Layout, order: str) -> dict[int, _Written]:
        """Return the tags."""
        numbers = {
            layouts.BITS: (layout.bits,) * layout.samples,
            layouts.COMPRESSION: (layout.compression,),
            layouts.PHOTOMETRIC: (layout.photometric,),
            layouts.FILL_ORDER: (self._fill_order,),
            layouts.SAMPLES: (layout.samples,),
            layouts.FORMAT: (layout.format,) * layout.samples,
        }
        if layout.predictor > 1:
            numbers[layouts.PREDICTOR] = (layout.predictor,)
        if layout.extra:
            numbers[layouts.EXTRA] = layout.extra
        if layout.photometric == layouts.PALETTE:
            numbers[layouts.COLOUR_MAP] = _palette(self.tags, layout.bits)
        width, height = layout.piece
        large: dict[int, tuple[int, ...]] = {
            layouts.WIDTH: (layout.width,),
            layouts.HEIGHT: (layout.height,),
            (layouts.TILE_HEIGHT if layout.tiled else layouts.ROWS): (height,),
            (layouts.TILE_OFFSETS if layout.tiled else layouts.STRIP_OFFSETS): layout.offsets,
            (layouts.TILE_BYTES if layout.tiled else layouts.STRIP_BYTES): layout.sizes,
        }
        if layout.tiled:
            large[layouts.TILE_WIDTH] = (width,)
        kept = {tag: self.tags.entries[tag] for tag in _KEPT if self.tags.content(tag)}
        found = {tag: (e.kind, e.count, self.tags.content(tag)) for tag, e in kept.items()}
        found |= {tag: _written(order, _SHORT, values) for tag, values in numbers.items()}
        return found | {tag: _written(order, _LONG, values) for tag, values in large.items()}


def _written(order: str, kind: int, numbers: tuple[int, ...]) -> _Written:
    """Return an entry of whole numbers."""
    code = "H" if kind == _SHORT else "I"
    return kind, len(numbers), struct.pack(f"{order}{len(numbers)}{code}", *numbers)


def _directory(place: int, order: str, entries: dict[int, _Written]) -> bytes:
    """Return a directory that stands at a place, the values that don't fit into it behind it."""
    table, values = struct.pack(f"{order}H", len(entries)), b""
    behind = place + 2 + 12 * len(entries) + 4
    for tag, (kind, count, body) in sorted(entries.items()):
        value = body.ljust(4, b"\0")
        if len(value) > 4:  # noqa: PLR2004 bytes within the entry
            value, values = struct.pack(f"{order}I", behind + len(values)), values + value
        table += struct.pack(f"{order}HHI", tag, kind, count) + value
    return table + bytes(4) + values


def _palette(tags: Directory, bits: int) -> tuple[int, ...]:
    """Return the palette's 16-bit numbers; some programs write 8 bits."""
    numbers = tags.integers(layouts.COLOUR_MAP)
    if len(numbers) < 3 * 2**bits or max(numbers) > greys.SHORTS:
        raise truncated()
    return numbers if max(numbers) > 255 else tuple(n * 257 for n in numbers)  # noqa: PLR2004 8 bits


def _picture(file: _File, layout: Layout) -> Image.Image:
    """Decode a picture of any layout that is decoded."""
    if layout.separate:
        return _of_planes(file, layout)
    if layout.photometric in (layouts.MIN_IS_WHITE, layouts.MIN_IS_BLACK):
        grey = _grey(file, replace(layout, photometric=layouts.MIN_IS_BLACK))
        return ImageChops.invert(grey) if layout.photometric == layouts.MIN_IS_WHITE else grey
    picture = file.load(layout)
    if picture.mode in ("P", "YCbCr"):
        return picture.convert("RGB")
    if picture.mode == "PA":
        return picture.convert("RGBA")
    if picture.mode == "RGBA" and layouts.EXTRA not in file.tags.entries:
        return picture if picture.getchannel("A").getextrema()[1] else picture.convert("RGB")
    return picture


def _grey(file: _File, layout: Layout) -> Image.Image:
    """Decode a grey picture, in which 0 is black."""
    if layout.bits == layouts.WORD:
        return _of_words(file, layout)
    if layout.bits <= 8:  # noqa: PLR2004 as many as there are in the copy
        picture = file.load(layout)
        return picture.convert("LA" if layout.alpha else "L")
    picture = file.load(replace(layout, format=layouts.UNSIGNED))
    white = 2**layout.bits - 1
    if layout.format == layouts.SIGNED:
        white //= 2
        if greys.highest(picture) > white:
            raise unsupported("The TIFF has greys below zero, which cannot be shown.")
    return greys.by_table(picture, white)


def _of_words(file: _File, layout: Layout) -> Image.Image:
    """Decode whole numbers and floats of 32 bits.

    Pillow swaps the bytes of compressed big-endian ones, and knows no unsigned ones. So it is told
    that these are pixels of four bytes; only where each byte depends on the ones before it, as
    with the predictor of floats, libtiff has to know what they are.
    """
    big_endian = file.tags.order == ">"
    if layout.predictor > 1 and layout.compression != layouts.RAW:
        if big_endian:
            raise unsupported("The TIFF's predictor is not decoded for big-endian floats.")
        return greys.of_floats(file.load(layout), big_endian=False)
    four = replace(
        layout,
        photometric=layouts.RGB,
        colours=3,
        extra=(layouts.UNASSOCIATED,),
        bits=8,
        format=layouts.UNSIGNED,
        predictor=1,
    )
    picture = file.load(four)
    if layout.format == layouts.FLOAT:
        return greys.of_floats(picture, big_endian=big_endian)
    signed = layout.format == layouts.SIGNED
    return greys.of_words(picture, big_endian=big_endian, signed=signed)


def _of_planes(file: _File, layout: Layout) -> Image.Image:
    """Decode each plane as a grey picture, and put them together."""
    pieces = len(layout.offsets) // layout.samples
    bands = []
    for number in range(layout.colours + (1 if layout.alpha else 0)):
        held = slice(number * pieces, (number + 1) * pieces)
        plane = replace(
            layout,
            photometric=layouts.MIN_IS_BLACK,
            colours=1,
            extra=(),
            separate=False,
            offsets=layout.offsets[held],
            sizes=layout.sizes[held],
        )
        bands.append(_grey(file, plane))
    alpha = {0: "", layouts.ASSOCIATED: "a", layouts.UNASSOCIATED: "A"}[layout.alpha]
    picture = Image.merge({1: "L", 3: "RGB", 4: "CMYK"}[layout.colours] + alpha, bands)
    return picture.convert(picture.mode.upper()) if alpha == "a" else picture
