"""ICC profiles and colours computed here, by the definitions of sRGB and its relatives."""

import struct

import numpy as np
from numpy.typing import NDArray

D65 = (0.3127, 0.3290)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65)
BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65)
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
_D50 = struct.pack(">3i", 63_190, 65_536, 54_061)

Points = tuple[tuple[float, float], ...]
Colour = NDArray[np.float64]


def grey_profile(gamma: float) -> bytes:
    """Return a profile of greys, light being the number to this power (ICC.1:2001, version 2)."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    return profile(b"GRAY", {b"wtpt": b"XYZ " + bytes(4) + _D50, b"kTRC": curve})


def profile(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr") -> bytes:
    """Return a profile with these tags."""
    start, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4xI4s4s4s12x4s", start + len(body), 0x02400000, kind, space, b"XYZ ", b"acsp"
    )
    head = head.ljust(68, b"\0") + _D50
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def rgb_profile(points: Points, gamma: float) -> bytes:
    """Return a profile of RGB with these primaries and white."""
    white = _xyz(points[3])
    d50 = np.array([0.9642, 1.0, 0.8249])
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    adapt = np.linalg.inv(cones) @ np.diag(cones @ d50 / (cones @ white)) @ cones
    columns = adapt @ _to_xyz(points)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": b"XYZ " + bytes(4) + _D50}
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True):
        tags[name] = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65_536) for v in column))
    return profile(b"RGB ", tags | {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def in_srgb(colour: tuple[int, int, int], points: Points, gamma: float | None = None) -> Colour:
    """Return a colour of these primaries in sRGB; without a gamma its curve is sRGB's, too."""
    numbers = np.array(colour) / 255
    light = numbers**gamma if gamma else _light(numbers)
    seen = np.linalg.inv(_to_xyz(SRGB)) @ _to_xyz(points) @ light
    return shown(seen)


def shown(light: Colour) -> Colour:
    """Return the numbers of sRGB, from 0 to 255, of some light."""
    bounded = np.clip(light, 0, 1)
    curve = np.where(bounded <= 0.0031308, 12.92 * bounded, 1.055 * bounded ** (1 / 2.4) - 0.055)
    return np.asarray(curve * 255)


def _light(numbers: Colour) -> Colour:
    """Return the light of sRGB's numbers (IEC 61966-2-1)."""
    return np.where(numbers <= 0.04045, numbers / 12.92, ((numbers + 0.055) / 1.055) ** 2.4)


def _xyz(point: tuple[float, float]) -> Colour:
    """Return XYZ of a point, with a luminance of 1."""
    x, y = point
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_xyz(points: Points) -> Colour:
    """Return the matrix from light to XYZ."""
    primaries = np.stack([_xyz(point) for point in points[:3]], axis=-1)
    amounts = np.linalg.inv(primaries) @ _xyz(points[3])
    return np.asarray(primaries * amounts)
