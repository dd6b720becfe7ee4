"""What a PNG's pixels tell without being restored: whether one shows, and whether all are there.

A wholly transparent picture has nothing to cut out, and only its pixels say so. Where every alpha
is 0, each filter of PNG writes 0 for it, too (PNG, third edition, section 9).
"""

import zlib
from collections.abc import Callable
from itertools import islice

_LOOKED_AT = (65_536, 4_194_304)
"""How many bytes of pixels are unpacked, at first and at most: most pictures show something."""
_ROWS = 10_000
_PIECE = 1_048_576  # bytes that are unpacked at once, when all are only counted
# Where the passes of an interlaced picture begin and how far apart their pixels are: column, row,
# step to the right, step down (section 8.2).
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_WITH_ALPHA = frozenset({4, 6})

type _Shows = Callable[[bytes], bool]


def is_visible(start: bytes, alphas: bytes | None, packed: bytes) -> bool | None:
    """Tell whether some pixel is not wholly transparent; None if none was found so far.

    Args:
        start: the body of a valid IHDR: width, height, depth, colour type; at its end 1 if the
            picture is interlaced.
        alphas: the body of tRNS, if there is one.
        packed: the first bytes of the pixels, as IDAT has them.
    """
    width, height = int.from_bytes(start[:4]), int.from_bytes(start[4:8])
    bits, kind = start[8], start[9]
    pixel = _CHANNELS[kind] * bits
    if start[-1]:  # the first of seven passes has every eighth pixel of every eighth row
        width, height = -(-width // 8), -(-height // 8)
    if kind in _WITH_ALPHA:
        shows = _by_channel(pixel // 8, bits // 8)
        return _look(packed, _stride(width, pixel), height, shows)
    hidden = frozenset(n for n, alpha in enumerate(alphas or b"") if alpha == 0)
    if alphas is None or (kind == _PALETTE and not hidden):
        return True
    if kind != _PALETTE:
        return None
    shows = _by_index(hidden, bits, width * bits % 8)
    return _look(packed, _stride(width, pixel), height, shows)


def length(start: bytes) -> int:
    """Return how many bytes the unpacked pixels have by a valid IHDR's body."""
    width, height = int.from_bytes(start[:4]), int.from_bytes(start[4:8])
    pixel = _CHANNELS[start[9]] * start[8]
    return sum(
        -(-(height - row) // down) * _stride(-(-(width - column) // right), pixel)
        for column, row, right, down in (_PASSES if start[-1] else ((0, 0, 1, 1),))
        if column < width and row < height
    )


def is_full(start: bytes, packed: bytes) -> bool:
    """Tell whether the pixels are as many as a valid IHDR's body says.

    Decoders are content with fewer, if their end is marked as one.

    Args:
        start: that body.
        packed: all of the pixels, as IDAT has them.
    """
    left, unpacker = length(start), zlib.decompressobj()
    try:
        while left > 0 and (piece := unpacker.decompress(packed, min(left, _PIECE))):
            left -= len(piece)
            packed = unpacker.unconsumed_tail
        unpacker.decompress(packed, 1)
    except zlib.error:
        return False
    return left <= 0


def _stride(width: int, pixel: int) -> int:
    """Return the bytes of a row of so many pixels of so many bits, with its filter's number."""
    return 1 - (-width * pixel // 8)


def _look(packed: bytes, stride: int, height: int, shows: _Shows) -> bool | None:
    """Unpack rows, each one a filter's number and its bytes, until one shows something."""
    unpacker, rows = zlib.decompressobj(), b""
    for most in _LOOKED_AT:
        try:
            rows += unpacker.decompress(packed, most - len(rows))
        except zlib.error:
            return None
        packed = unpacker.unconsumed_tail
        starts = range(0, min(len(rows), height * stride), stride)
        if any(shows(rows[at : at + stride]) for at in islice(starts, _ROWS)):
            return True
    return None


def _by_channel(pixel: int, sample: int) -> _Shows:
    """Look at the alphas of a row, the last bytes of each pixel."""

    def shows(row: bytes) -> bool:
        return any(any(row[1 + pixel - n :: pixel]) for n in range(1, sample + 1))

    return shows


def _by_index(hidden: frozenset[int], bits: int, spare: int) -> _Shows:
    """Look for other colours than the hidden ones in a row without a filter.

    Args:
        hidden: the transparent colours of the palette.
        bits: of an index; a byte holds one or several.
        spare: not 0, if the last byte of a row has bits that are no pixel's.
    """
    ones = (1 << bits) - 1
    clear = bytes(
        byte for byte in range(256) if all(byte >> at & ones in hidden for at in range(0, 8, bits))
    )

    def shows(row: bytes) -> bool:
        pixels = row[1:-1] if spare else row[1:]
        return row[0] == 0 and bool(pixels.translate(None, clear))

    return shows
