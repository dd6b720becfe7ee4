"""Shapes as signed distance fields, for the sample images.

A field takes points, an array of shape (3, n), and returns their n distances from a surface,
below 0 inside. Lengths are in scene units; y is up.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

type Array = npt.NDArray[np.float32]
type Vector = tuple[float, float, float]
type Field = Callable[[Array], Array]


def column(vector: Vector) -> Array:
    """Return a vector as an array of shape (3, 1), to calculate with points."""
    return np.array(vector, np.float32)[:, None]


def at(position: Vector, field: Field) -> Field:
    """Move a field."""
    offset = column(position)
    return lambda p: field(p - offset)


def cylinder(radius: float, half: float, rounding: float = 0.03) -> Field:
    """Return an upright cylinder, `half` its height up and down, with round edges."""

    def field(p: Array) -> Array:
        side = np.hypot(p[0], p[2]) - radius + rounding
        top = np.abs(p[1]) - half + rounding
        outside = np.hypot(np.maximum(side, 0), np.maximum(top, 0))
        return np.asarray(np.minimum(np.maximum(side, top), 0) + outside - rounding)

    return field


def box(half: Vector, rounding: float = 0.03) -> Field:
    """Return a box, `half` its size from the middle, with round edges."""
    corner = column(half) - np.float32(rounding)

    def field(p: Array) -> Array:
        q = np.abs(p) - corner
        outside = np.linalg.norm(np.maximum(q, 0), axis=0)
        return np.asarray(outside + np.minimum(q.max(axis=0), 0) - rounding)

    return field


def rod(start: Vector, end: Vector, radius: float, end_radius: float) -> Field:
    """Return a rod with round ends that may get thinner."""
    a, axis = column(start), column(end) - column(start)

    def field(p: Array) -> Array:
        along = np.clip(((p - a) * axis).sum(axis=0) / (axis * axis).sum(), 0, 1)
        radii = radius + (end_radius - radius) * along
        return np.asarray(np.linalg.norm(p - a - axis * along, axis=0) - radii)

    return field


def ring(radius: float, thickness: float, stretch: float = 1) -> Field:
    """Return a ring that stands in the x-y plane, `stretch` times as high as wide."""

    def field(p: Array) -> Array:
        across = np.hypot(p[0], p[1] / stretch) - radius
        return np.asarray(np.hypot(across, p[2]) - thickness)

    return field


def ellipsoid(radii: Vector) -> Field:
    """Return an ellipsoid; its distance is an estimate."""
    size = column(radii)

    def field(p: Array) -> Array:
        near = np.linalg.norm(p / size, axis=0)
        steep = np.linalg.norm(p / (size * size), axis=0)
        return np.asarray(near * (near - 1) / np.maximum(steep, 1e-6))

    return field


def extrude(field: Field, level: float, margin: float, half: float) -> Field:
    """Return a slab with the outline that a field has at one height, `margin` wider."""

    def slab(p: Array) -> Array:
        side = field(np.stack([p[0], np.full_like(p[1], level), p[2]])) - margin + 0.04
        top = np.abs(p[1]) - half + 0.04
        outside = np.hypot(np.maximum(side, 0), np.maximum(top, 0))
        return np.asarray(np.minimum(np.maximum(side, top), 0) + outside - 0.04)

    return slab


def blend(one: Field, two: Field, width: float) -> Field:
    """Join two fields with a fillet."""

    def field(p: Array) -> Array:
        a, b = one(p), two(p)
        mix = np.maximum(width - np.abs(a - b), 0) / width
        return np.asarray(np.minimum(a, b) - mix * mix * width / 4)

    return field


def cut_out(body: Field, hole: Field) -> Field:
    """Take `hole` out of `body`."""
    return lambda p: np.maximum(body(p), -hole(p))
