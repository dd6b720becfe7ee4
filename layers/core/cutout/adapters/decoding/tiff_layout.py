"""How a TIFF's pixels lie in it, by the tags of its first directory (TIFF 6.0). Pure.

What the tags say together decides whether the picture is decoded, before anything is.
"""

from dataclasses import dataclass, replace
from typing import Final

from cutout.adapters.decoding.decoded import check_pixels, truncated, unsupported
from cutout.adapters.decoding.directory import Directory

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS, STRIP_BYTES, PLANES = 273, 274, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, EXTRA, FORMAT = 317, 320, 338, 339
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
_INKS, _SUBSAMPLING = 332, 530

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
RAW, JPEG_OLD, JPEG = 1, 6, 7
ASSOCIATED, UNASSOCIATED = 1, 2  # what an extra sample is; 0 is anything
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WORD: Final = 32

_COLOURS: Final = {MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3}
# What Pillow's libtiff decodes: raw, fax, LZW, JPEG, deflate, PackBits, LZMA, Zstandard.
_FAX: Final = frozenset({2, 3, 4})
_COMPRESSIONS: Final = _FAX | {RAW, 5, JPEG_OLD, JPEG, 8, 32773, 32946, 34925, 50000}
_JPEGS: Final = frozenset({JPEG_OLD, JPEG})
# Bits of a sample by photometric interpretation, for unsigned numbers and no extra samples.
_GREY_BITS: Final = frozenset({1, 2, 4, 8, 12, 16, WORD})
_BITS: Final = {
    MIN_IS_WHITE: _GREY_BITS,
    MIN_IS_BLACK: _GREY_BITS,
    RGB: frozenset({8, 16}),
    PALETTE: frozenset({1, 2, 4, 8}),
    CMYK: frozenset({8, 16}),
    YCBCR: frozenset({8}),
    LAB: frozenset({8}),
}
# How many extra samples are decoded beside how many bits; those that are not named, none.
_EXTRA: Final = {(MIN_IS_BLACK, 8): 1, (RGB, 8): 3, (RGB, 16): 1, (PALETTE, 8): 1, (CMYK, 8): 2}
_COREL: Final = 999  # what CorelDRAW 10 calls unassociated alpha
_UNDEFINED: Final = 4  # a sample's format, taken for unsigned, as the specification wants it
# A piece costs some microseconds whatever is in it. A row each of a tall scan is still allowed.
_MOST_PIECES: Final = 2**17


@dataclass(frozen=True, slots=True)
class Layout:
    """What the samples of a picture are, and in which pieces they lie.

    Attributes:
        colours: samples a pixel, without the extra ones.
        extra: what each extra sample is.
        bits, format: of every sample.
        separate: each sample has a plane of its own.
        tiled: the pieces are tiles, else strips.
        piece: width and height of one.
        offsets, sizes: of the pieces in the file, plane after plane.
    """

    width: int
    height: int
    photometric: int
    colours: int
    extra: tuple[int, ...]
    bits: int
    format: int
    compression: int
    predictor: int
    separate: bool
    tiled: bool
    piece: tuple[int, int]
    offsets: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def samples(self) -> int:
        """Return the number of samples a pixel, with the extra ones."""
        return self.colours + len(self.extra)

    @property
    def alpha(self) -> int:
        """Return what the first extra sample is, or 0."""
        return self.extra[0] if self.extra else 0


def read(tags: Directory, file_size: int) -> Layout:
    """Return the layout of the first picture.

    Raises:
        ImageError: `unsupported_format`, nobody decodes this; `truncated_image`, the tags are
            incomplete, or lead out of the file; `too_many_pixels`.
    """
    width, height = tags.integer(WIDTH), tags.integer(HEIGHT)
    check_pixels(width, height)
    photometric, colours, extra = _colours(tags)
    tiled = STRIP_OFFSETS not in tags.entries
    if tiled:
        piece = tags.integer(TILE_WIDTH), tags.integer(TILE_HEIGHT)
    else:
        piece = width, min(tags.integer(ROWS, height), height)
    found = Layout(
        width=width,
        height=height,
        photometric=photometric,
        colours=colours,
        extra=extra,
        bits=_shared(tags, BITS, 1),
        format=_shared(tags, FORMAT, UNSIGNED),
        compression=tags.integer(COMPRESSION, RAW),
        predictor=tags.integer(PREDICTOR, 1),
        separate=tags.integer(PLANES, 1) == 2 and colours + len(extra) > 1,  # noqa: PLR2004 its number
        tiled=tiled,
        piece=piece,
    )
    _check(found, tags)
    return _with_pieces(found, tags, file_size)


def _colours(tags: Directory) -> tuple[int, int, tuple[int, ...]]:
    """Return the photometric interpretation, its number of samples, and the extra samples."""
    photometric = tags.integer(PHOTOMETRIC, MIN_IS_WHITE)
    if tags.integer(COMPRESSION) == JPEG_OLD:
        photometric = YCBCR  # whatever it says
    colours = _COLOURS.get(photometric)
    if colours is None or (photometric == CMYK and tags.integer(_INKS, 1) != 1):
        raise unsupported(f"The TIFF's colours (photometric {photometric}) are not decoded.")
    samples = tags.integer(SAMPLES, colours)
    if samples < colours:
        raise truncated()
    named = tags.integers(EXTRA)
    if EXTRA not in tags.entries and photometric == RGB:
        named = (UNASSOCIATED,)  # what programs mean that say nothing
    extra = (*named, *([0] * min(samples, 9)))[: samples - colours]
    first = UNASSOCIATED if extra[:1] in ((UNASSOCIATED,), (_COREL,)) else (*extra, 0)[0]
    return photometric, colours, (first, *([0] * len(extra)))[: len(extra)]


def _shared(tags: Directory, tag: int, otherwise: int) -> int:
    """Return the number that all samples share.

    Raises:
        ImageError: `unsupported_format`, they have different ones.
    """
    numbers = set(tags.integers(tag) or (otherwise,))
    if len(numbers) != 1:
        raise unsupported("The TIFF's samples are of different kinds, which is not decoded.")
    number = numbers.pop()
    return UNSIGNED if tag == FORMAT and number == _UNDEFINED else number


def _check(found: Layout, tags: Directory) -> None:
    """Refuse what Pillow does not decode, and what it decodes to something else."""
    grey = found.photometric in (MIN_IS_WHITE, MIN_IS_BLACK)
    usual = found.format == UNSIGNED and found.bits in _BITS[found.photometric]
    signed = found.format == SIGNED and grey and found.bits in (16, WORD)
    floating = found.format == FLOAT and grey and found.bits == WORD
    most_extra = _EXTRA.get((found.photometric, found.bits), 0)
    sound = (
        (usual or signed or floating)
        and len(found.extra) <= most_extra
        and _is_alpha_decoded(found)
        and _is_compression_decoded(found)
        and (not found.separate or found.photometric in (MIN_IS_BLACK, RGB, CMYK))
    )
    # Raw YCbCr is decoded only where each pixel has colours of its own.
    subsampled = found.photometric == YCBCR and tags.integers(_SUBSAMPLING)[:2] != (1, 1)
    if not sound or (subsampled and found.compression == RAW):
        raise unsupported(
            f"The TIFF is of a kind that is not decoded (photometric {found.photometric}, "
            f"{found.samples} samples of {found.bits} bits, compression {found.compression})."
        )


def _is_alpha_decoded(found: Layout) -> bool:
    """Tell whether the first extra sample may be what it is."""
    allowed = {CMYK: (0,), PALETTE: (0, UNASSOCIATED)}
    return found.alpha in allowed.get(found.photometric, (0, ASSOCIATED, UNASSOCIATED))


def _is_compression_decoded(found: Layout) -> bool:
    """Tell whether the compression goes with what it compresses."""
    if found.compression in _FAX:
        return found.bits == 1 and found.samples == 1
    if found.compression in _JPEGS and found.bits != 8:  # noqa: PLR2004 the only depth of common JPEGs
        return False
    plain = found.compression == RAW or found.predictor == 1
    differing = found.predictor == 2 and found.bits in (8, 16)  # noqa: PLR2004 from the one before
    floating = found.predictor == 3 and found.format == FLOAT  # noqa: PLR2004 its bytes in planes
    return found.compression in _COMPRESSIONS and (plain or differing or floating)


def _with_pieces(found: Layout, tags: Directory, file_size: int) -> Layout:
    """Return the layout with its pieces, each of which must be in the file."""
    width, height = found.piece
    if width < 1 or height < 1:
        raise truncated()
    across, down = -(-found.width // width), -(-found.height // height)
    count = across * down * (found.samples if found.separate else 1)
    if count > _MOST_PIECES:
        raise unsupported(f"The TIFF is in {count} pieces, which is not decoded.")
    offsets = tags.integers(TILE_OFFSETS if found.tiled else STRIP_OFFSETS)[:count]
    sizes = tags.integers(TILE_BYTES if found.tiled else STRIP_BYTES)[:count]
    if found.compression == RAW:
        sizes = _raw_sizes(found, count)
    elif not sizes and count == 1 and offsets:
        sizes = (file_size - offsets[0],)
    if len(offsets) < count or len(sizes) < count:
        raise truncated()
    if any(at + size > file_size for at, size in zip(offsets, sizes, strict=True)):
        raise truncated()
    return replace(found, offsets=offsets, sizes=sizes)


def _raw_sizes(found: Layout, count: int) -> tuple[int, ...]:
    """Return how many bytes each piece has without compression; the last strip may be shorter."""
    width, height = found.piece
    row = -(-width * found.bits * (1 if found.separate else found.samples) // 8)
    if found.tiled:
        return (row * height,) * count
    down = -(-found.height // height)
    last = found.height - (down - 1) * height
    return ((row * height,) * (down - 1) + (row * last,)) * (count // down)
