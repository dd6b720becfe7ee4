"""ICC profiles: what their header says, and new ones for colours that are told in numbers. Pure.

A profile is a header of 128 bytes, a table of tags and their data, everything big-endian
(ICC.1:2022, section 7). Those made here are of the simplest kind: three primaries and one curve.
"""

import struct
from collections.abc import Sequence
from typing import Final

RGB, GREY, CMYK = "RGB", "GRAY", "CMYK"

Point = tuple[float, float]  # x and y of CIE 1931

D65: Final[Point] = (0.3127, 0.3290)
_SRGB: Final = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
# Primaries red, green, blue and white by their number (ITU-T H.273, table 2). Number 2 says that
# they are unspecified, 1 that they are those of sRGB.
PRIMARIES: Final[dict[int, tuple[Point, Point, Point, Point]]] = {
    1: _SRGB,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
PQ, HLG = 16, 18
# Curves by their number (H.273, table 3), as the exponent that gives light; None is sRGB's own.
# Those of television (1, 6, 7, 14, 15) are what cameras write who mean sRGB's, and viewers take
# them for it.
CURVES: Final[dict[int, float | None]] = {
    1: None,
    2: None,
    4: 2.2,
    5: 2.8,
    6: None,
    7: None,
    8: 1.0,
    13: None,
    14: None,
    15: None,
}
_UNSPECIFIED: Final = 2

_HEADER: Final = 128
_SPACES: Final = {b"RGB ": RGB, b"GRAY": GREY, b"CMYK": CMYK}
_CLASSES: Final = frozenset({b"scnr", b"mntr", b"prtr", b"spac"})
_D50: Final = (0.9642, 1.0, 0.8249)  # the profile connection space's white (ICC.1:2022, 7.2.16)
# Bradford's cone responses, by which a white is adapted to another one (ICC.1:2022, annex E).
_BRADFORD: Final = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

_Matrix = Sequence[Sequence[float]]


def space(profile: bytes) -> str | None:
    """Return which colours a profile is about: RGB, GREY or CMYK; None: others, or it is none."""
    if len(profile) < _HEADER or profile[36:40] != b"acsp" or profile[12:16] not in _CLASSES:
        return None
    return _SPACES.get(profile[16:20])


def curve(profile: bytes) -> int | None:
    """Return the number of the curve that a profile's tag `cicp` names (ICC.1:2022, 9.2.17)."""
    count = min(int.from_bytes(profile[128:132]), (len(profile) - 132) // 12)
    for place in range(132, 132 + count * 12, 12):
        if profile[place : place + 4] == b"cicp":
            at = int.from_bytes(profile[place + 4 : place + 8])
            return profile[at + 9] if at + 9 < len(profile) else None
    return None


def of_numbers(primaries: int, curve: int) -> bytes | None:
    """Return the profile of colours told by two numbers of H.273; None: they are sRGB's.

    Raises:
        KeyError: the curve is of none of the kinds above.
    """
    exponent = CURVES[curve]
    points = PRIMARIES.get(primaries, _SRGB)
    return None if points is _SRGB and exponent is None else of_points(points, exponent)


def of_points(points: tuple[Point, Point, Point, Point], exponent: float | None) -> bytes:
    """Return a profile for RGB.

    Args:
        points: red, green, blue and white.
        exponent: light is the number to its power; None is sRGB's own curve.

    Raises:
        ValueError, ZeroDivisionError: no colours can be made of these points.
    """
    columns = _colorants(points)
    if exponent is None:  # IEC 61966-2-1
        numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        curve = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *map(_fixed, numbers))
    else:
        curve = b"para" + bytes(4) + struct.pack(">HHi", 0, 0, _fixed(exponent))
    tags = {b"wtpt": _xyz(_D50), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    tags |= {name: _xyz(column) for name, column in zip(names, columns, strict=True)}
    return _assembled(tags)


def _colorants(points: tuple[Point, Point, Point, Point]) -> list[tuple[float, ...]]:
    """Return XYZ of red, green and blue under the profile's white."""
    red, green, blue, white = (_of_point(point) for point in points)
    primaries = _transposed((red, green, blue))
    amounts = _times(_inverse(primaries), white)
    found, wanted = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    scale = [[wanted[i] / found[i] if i == j else 0.0 for j in range(3)] for i in range(3)]
    adapt = _product(_inverse(_BRADFORD), _product(scale, _BRADFORD))
    return [
        _times(adapt, [part * amount for part in colour])
        for colour, amount in zip((red, green, blue), amounts, strict=True)
    ]


def _of_point(point: Point) -> tuple[float, float, float]:
    """Return XYZ of a point, with a luminance of 1."""
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: _Matrix, vector: Sequence[float]) -> tuple[float, ...]:
    """Multiply a matrix by a vector."""
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _product(one: _Matrix, other: _Matrix) -> _Matrix:
    """Multiply two matrices."""
    return _transposed([_times(one, column) for column in _transposed(other)])


def _transposed(matrix: _Matrix) -> _Matrix:
    """Exchange rows and columns."""
    return list(zip(*matrix, strict=True))


def _inverse(m: _Matrix) -> _Matrix:
    """Invert a matrix of 3 x 3, by its cofactors."""
    rows = [[_cofactor(m, i, j) for j in range(3)] for i in range(3)]
    whole = sum(m[0][j] * rows[0][j] for j in range(3))
    return [[rows[j][i] / whole for j in range(3)] for i in range(3)]


def _cofactor(m: _Matrix, i: int, j: int) -> float:
    """Return the signed determinant of what is neither in this row nor in this column."""
    a, b, c, d = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
    return m[a][c] * m[b][d] - m[a][d] * m[b][c]


def _fixed(value: float) -> int:
    """Return a number as s15Fixed16 (ICC.1:2022, section 4.6)."""
    fixed = round(value * 65_536)
    if not -(2**31) <= fixed < 2**31:
        raise ValueError("the number does not fit into a profile")
    return fixed


def _xyz(values: Sequence[float]) -> bytes:
    """Return a tag of three numbers."""
    return b"XYZ " + bytes(4) + struct.pack(">3i", *map(_fixed, values))


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """Return a display's profile for RGB (ICC.1:2022, sections 7.2 and 7.3)."""
    table, body, start = b"", b"", _HEADER + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", *map(_fixed, _D50))
    return head.ljust(_HEADER, b"\0") + struct.pack(">I", len(tags)) + table + body
