"""Renders scenes of distance fields: a product on a light floor, with soft shadows.

Colours are linear RGB, 0..1; lengths are in scene units; the floor is y = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from local.fields import Array, Field, Vector, column

OVERSAMPLING = 2
TOUCHING, HORIZON = 0.0012, 16
LIGHT: Vector = (-0.5, 0.75, 0.43)
FILL: Vector = (0.85, 0.3, 0.45)


@dataclass(frozen=True)
class Part:
    """A piece of one material: its distance field (points (3, n) to n), colour and gloss 0..1."""

    field: Field
    colour: Vector
    gloss: float = 0.4


@dataclass(frozen=True)
class Scene:
    """A file name, what is in it, and the camera; `size` is (width, height) in pixels."""

    name: str
    size: tuple[int, int]
    parts: Sequence[Part]
    camera: Vector
    target: Vector
    zoom: float
    backdrop: Vector = (0.80, 0.80, 0.79)


def _unit(vectors: npt.NDArray[np.floating]) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0), np.float32)


def _distances(parts: Sequence[Part], p: Array) -> Array:
    return np.stack([part.field(p) for part in parts])


def _nearest(parts: Sequence[Part], p: Array) -> Array:
    return np.asarray(_distances(parts, p).min(axis=0))


def _rays(scene: Scene, width: int, height: int) -> Array:
    forward = _unit(column(scene.target) - column(scene.camera))[:, 0]
    right = _unit(np.cross(forward, (0, 1, 0))[:, None])[:, 0]
    up = np.cross(right, forward)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (x + 0.5 - width / 2) / height
    y = (height / 2 - y - 0.5) / height
    rays = (forward[:, None] * scene.zoom) + np.outer(right, x) + np.outer(up, y)
    return _unit(rays.astype(np.float32))


def _trace(scene: Scene, rays: Array) -> tuple[Array, npt.NDArray[np.intp]]:
    """Return how far each ray goes, and which rays hit something."""
    origin = column(scene.camera)
    travelled = np.full(rays.shape[1], 2, np.float32)
    active = np.arange(rays.shape[1])
    hits = []
    for _ in range(110):
        gap = _nearest(scene.parts, origin + rays[:, active] * travelled[active])
        travelled[active] += gap * 0.85
        there = gap < TOUCHING
        hits.append(active[there])
        active = active[~there & (travelled[active] < HORIZON)]
    return travelled, np.sort(np.concatenate(hits))


def _normals(parts: Sequence[Part], p: Array) -> Array:
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        step = column(corner)
        total += step * _nearest(parts, p + step * np.float32(0.002))
    return _unit(total)


def _lit(parts: Sequence[Part], p: Array, sharpness: float) -> Array:
    """Return how much of the light reaches each point, 0..1, with soft edges."""
    light = _unit(column(LIGHT))
    reached = np.ones(p.shape[1], np.float32)
    travelled = np.full(p.shape[1], 0.02, np.float32)
    for _ in range(40):
        gap = _nearest(parts, p + light * travelled)
        reached = np.minimum(reached, sharpness * gap / travelled)
        travelled += np.clip(gap, 0.02, 0.25)
    reached = np.clip(reached, 0, 1)
    return np.asarray(reached * reached * (3 - 2 * reached))


def _open(parts: Sequence[Part], p: Array, normals: Array, reach: float) -> Array:
    """Return how open the surroundings of each point are, 0..1: ambient occlusion."""
    hidden = np.zeros(p.shape[1], np.float32)
    for step in (0.12, 0.3, 0.6, 1.0):
        above = p + normals * np.float32(step * reach)
        gap = np.minimum(_nearest(parts, above), above[1])
        hidden += np.maximum(step * reach - gap, 0) / (step * reach) * (0.45 - 0.2 * step)
    return np.clip(1 - hidden, 0, 1)


def _shade(scene: Scene, p: Array, rays: Array) -> Array:
    """Return the colour of each point of a surface."""
    material = _distances(scene.parts, p).argmin(axis=0)
    colour = np.array([part.colour for part in scene.parts], np.float32)[material].T
    gloss = np.array([part.gloss for part in scene.parts], np.float32)[material]
    normals = _normals(scene.parts, p)
    light, fill = _unit(column(LIGHT)), _unit(column(FILL))
    lit = _lit(scene.parts, p + normals * np.float32(0.01), 9)
    key = np.maximum((normals * light).sum(axis=0), 0) * lit
    side = np.maximum((normals * fill).sum(axis=0), 0)
    sky = _open(scene.parts, p, normals, 0.6) * (0.72 + 0.28 * normals[1])
    half = _unit(light - rays)
    shine = np.maximum((normals * half).sum(axis=0), 0) ** (20 + 120 * gloss) * lit
    facing = np.clip(-(normals * rays).sum(axis=0), 0, 1)
    rim = (1 - facing) ** 4 * (0.1 + 0.35 * gloss) * sky
    return np.asarray(colour * (key * 0.85 + side * 0.16 + sky * 0.42) + shine * gloss * 0.6 + rim)


def _backdrop(scene: Scene, width: int, height: int) -> Array:
    """Return the floor with its shadow, running into a wall without an edge."""
    rays = _rays(scene, width, height)
    down = np.minimum(rays[1], -1e-3)
    travelled = np.clip(-scene.camera[1] / down, 0, HORIZON)
    p = column(scene.camera) + rays * travelled
    p[1] = 0
    up = np.zeros_like(p)
    up[1] = 1
    shadow = 0.55 + 0.45 * _lit(scene.parts, p, 4)
    shadow *= 0.45 + 0.55 * _open(scene.parts, p, up, 0.5)
    shadow = np.where(travelled < HORIZON, shadow, 1)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    glow = 1.12 - 0.16 * np.hypot(x, y - 0.1) ** 2 + 0.05 * y
    plane = column(scene.backdrop) * (glow.ravel() * shadow)
    return np.asarray(plane.T.reshape(height, width, 3), np.float32)


def _worth_tracing(scene: Scene, width: int, height: int) -> npt.NDArray[np.intp]:
    """Return which rays come near something: a look at every eighth pixel, generously."""
    coarse = np.zeros((height // 8, width // 8), np.uint8)
    coarse.ravel()[_trace(scene, _rays(scene, *coarse.shape[::-1]))[1]] = 1
    near = cv2.dilate(coarse, np.ones((7, 7), np.uint8))
    return np.flatnonzero(cv2.resize(near, (width, height), interpolation=cv2.INTER_NEAREST))


def _products(scene: Scene, width: int, height: int) -> Array:
    """Return what stands on the floor: colour times coverage, and coverage."""
    rays = _rays(scene, width, height)
    layer = np.zeros((height * width, 4), np.float32)
    near = _worth_tracing(scene, width, height)
    for part in np.array_split(near, len(near) // 200_000 + 1):
        travelled, hits = _trace(scene, rays[:, part])
        if hits.size:
            seen = rays[:, part[hits]]
            p = column(scene.camera) + seen * travelled[hits]
            layer[part[hits], :3] = np.minimum(_shade(scene, p, seen), 1).T
            layer[part[hits], 3] = 1
    return layer.reshape(height, width, 4)


def render(scene: Scene) -> npt.NDArray[np.uint8]:
    """Return a scene as 8-bit sRGB pixels in BGR order."""
    width, height = scene.size
    small = _backdrop(scene, width // 4, height // 4)
    image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    layer = _products(scene, width * OVERSAMPLING, height * OVERSAMPLING)
    layer = np.asarray(cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA))
    mixed = np.clip(np.asarray(image) * (1 - layer[..., 3:]) + layer[..., :3], 0, 1)
    return np.asarray((mixed ** (1 / 2.2) * 255).round().astype(np.uint8)[..., ::-1])
