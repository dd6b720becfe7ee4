"""Greys of more than 8 bits with 8, by what their samples are; Pillow itself would cut them off.

Large pictures are made in pieces, so that only the source and the result are in memory as a whole.
"""

from collections.abc import Callable
from typing import Any, Final

from PIL import Image, ImageMath

from cutout.adapters.decoding.decoded import bands, unsupported

SHORTS: Final = 65_535
_WHITE: Final = 255
_MOST: Final = 3.4028234663852886e38  # of the finite floats of 32 bits


def by_table(picture: Image.Image, white: int) -> Image.Image:
    """Return a picture of unsigned numbers of up to 16 bits in mode L.

    Args:
        picture: in mode I;16 or I;16B.
        white: the number that is white; those above are white, too.
    """
    table = [(min(n, white) * _WHITE + white // 2) // white for n in range(SHORTS + 1)]
    return looked_up(picture, table)


def looked_up(picture: Image.Image, table: list[int]) -> Image.Image:
    """Return in mode L what a table of 65,536 says of each number of 16 bits."""
    return _in_bands(picture, lambda piece: piece.convert("I").point(table, "L"))


def highest(picture: Image.Image) -> int:
    """Return the highest number of 16 bits; Pillow finds it in one of the two modes only."""
    extremes = (piece.convert("I").getextrema() for piece in bands(picture))
    return max(int(high) for _, high in extremes)  # type: ignore[arg-type]  # one channel, one pair


def of_words(picture: Image.Image, *, big_endian: bool, signed: bool) -> Image.Image:
    """Return a picture of whole numbers of 32 bits in mode L.

    Nobody says what is white in them: programs keep 8, 16 and 32 bits in these. So white is what
    fills the bytes up to the highest one that is used, and that byte is the grey.

    Args:
        picture: the numbers' four bytes, as they lie in the file, as RGBA.
        big_endian: the first byte is the highest one.
        signed: the highest bit says that a number is below zero.

    Raises:
        ImageError: `unsupported_format`, there are numbers below zero.
    """
    most = [int(high) for _, high in picture.getextrema()]  # type: ignore[misc]  # one pair a channel
    places = (0, 1, 2, 3) if big_endian else (3, 2, 1, 0)
    if signed and most[places[0]] > 127:  # noqa: PLR2004 the highest bit
        raise unsupported("The picture has greys below zero, which cannot be shown.")
    used = next((place for place in places if most[place]), places[3])
    grey = picture.getchannel(used)
    if signed and used == places[0]:  # seven bits of it are left
        return grey.point([min(n, 127) * _WHITE // 127 for n in range(_WHITE + 1)])
    return grey


def of_floats(picture: Image.Image, *, big_endian: bool) -> Image.Image:
    """Return a picture of floats in mode L, its finite numbers stretched from black to white.

    Infinite ones are black and white, and what is no number is black.

    Args:
        picture: in mode F, or the numbers' four bytes, as they lie in the file, as RGBA.
        big_endian: the order of these bytes.

    Raises:
        ImageError: `unsupported_format`, there are not two finite numbers to stretch.
    """
    order = "F;32BF" if big_endian else "F;32F"
    extremes = [_finite_extremes(_numbers(piece, order)) for piece in bands(picture)]
    lowest, highest = min(low for low, _ in extremes), max(high for _, high in extremes)
    if not 0 < highest - lowest <= _MOST:
        raise unsupported("The picture's numbers are all alike, or too far apart to be shown.")
    scale = _WHITE / (highest - lowest)

    def grey(piece: Image.Image) -> Image.Image:
        piece = _numbers(piece, order)
        brightest = _where(piece, lambda n: n > _MOST)
        piece.paste(lowest, mask=_where(piece, lambda n: (n - n) != 0))
        piece.paste(highest, mask=brightest)
        return _computed(piece, lambda n: (n - lowest) * scale + 0.5).convert("L")

    return _in_bands(picture, grey)


def _numbers(piece: Image.Image, order: str) -> Image.Image:
    """Return a piece in mode F."""
    if piece.mode == "F":
        return piece
    return Image.frombytes("F", piece.size, piece.tobytes(), "raw", order)


def _finite_extremes(piece: Image.Image) -> tuple[float, float]:
    """Return the least and the greatest finite number; the least is above, where there are none."""
    strange = _where(piece, lambda n: (n - n) != 0)  # infinite minus infinite is no number
    piece.paste(_MOST, mask=strange)
    lowest = float(piece.getextrema()[0])  # type: ignore[arg-type]  # one channel, one pair
    piece.paste(-_MOST, mask=strange)
    return lowest, float(piece.getextrema()[1])  # type: ignore[arg-type]  # the same


def _where(piece: Image.Image, condition: Callable[[Any], Any]) -> Image.Image:
    """Return the mask of the numbers that fulfil a condition."""
    return _computed(piece, lambda n: condition(n) * _WHITE).convert("L")


def _computed(piece: Image.Image, formula: Callable[[Any], Any]) -> Image.Image:
    """Return what a formula makes of each number."""
    found: Image.Image = ImageMath.lambda_eval(lambda given: formula(given["n"]), n=piece)
    return found


def _in_bands(picture: Image.Image, grey: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Make a picture in mode L of what each piece of another one becomes."""
    found, top = Image.new("L", picture.size), 0
    for piece in bands(picture):
        found.paste(grey(piece), (0, top))
        top += piece.height
    return found
