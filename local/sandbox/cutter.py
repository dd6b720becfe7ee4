"""Removes backgrounds with classical means, offline.

GrabCut on a small copy, then a guided filter at full size. It is rough on hard photos (hair, glass,
busy backgrounds) and it is not the product: it is here so that the sandbox gives back real
cut-outs of real pictures.
"""

import cv2
import numpy as np
import numpy.typing as npt

type Pixels = npt.NDArray[np.uint8]
type Plane = npt.NDArray[np.float32]

WORK_SIDE = 320
"""Longest side in pixels of the copy that GrabCut works on."""


class UnreadableImageError(Exception):
    """The bytes are not an image that can be decoded."""


def cut(data: bytes) -> bytes:
    """Remove the background of an image.

    Args:
        data: An image in any format OpenCV reads. Its EXIF orientation is not applied.

    Returns:
        An RGBA PNG with as many pixels as the stored input.

    Raises:
        UnreadableImageError: It cannot be decoded.
    """
    image = _decode(data)
    return _encode(image, _refine(image, _segment(_shrink(image))))


def cut_flat(data: bytes) -> bytes:
    """Cut a soft ellipse out of an image: cheap, for load tests; otherwise like `cut`."""
    image = _decode(data)
    height, width = image.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    return _encode(image, np.clip((1 - x * x - y * y) * 8, 0, 1))


def to_webp(png: bytes) -> bytes:
    """Turn a PNG into a lossless WebP; what is fully transparent loses its hidden colours."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]  # above 100, in cv2's words
    return cv2.imencode(".webp", np.asarray(image), lossless)[1].tobytes()


def _decode(data: bytes) -> Pixels:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        message = f"{len(data)} bytes that cannot be decoded"
        raise UnreadableImageError(message)
    return np.asarray(image, np.uint8)


def _encode(image: Pixels, alpha: Plane) -> bytes:
    pixels = np.dstack([image, (alpha * 255).round().astype(np.uint8)])
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 2])[1].tobytes()


def _shrink(image: Pixels) -> Pixels:
    height, width = image.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _distance(image: Pixels) -> Plane:
    """Return how far each pixel is from the background, in Lab units.

    The background is a smooth surface per channel, fitted to the border. Darkening counts
    half, because a soft shadow is still background.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    height, width = lab.shape[:2]
    y, x = (plane.ravel() for plane in np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    border = _border(height, width).ravel()
    fit, *_ = np.linalg.lstsq(terms[border], lab.reshape(-1, 3)[border], rcond=None)
    difference = lab.reshape(-1, 3) - terms @ fit
    difference[:, 0] *= np.where(difference[:, 0] < 0, 0.5, 1)
    return np.asarray(np.linalg.norm(difference, axis=1).reshape(height, width), np.float32)


def _border(height: int, width: int) -> npt.NDArray[np.bool_]:
    thickness = max(1, round(0.03 * max(height, width)))
    border = np.ones((height, width), bool)
    border[thickness:-thickness, thickness:-thickness] = False
    return border


def _segment(image: Pixels) -> Plane:
    """Return 1 for the subject and 0 for the background of a small image."""
    distance = _distance(image)
    scaled = np.clip(distance * 4, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_OTSU)
    guess = np.where(scaled > threshold, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    guess[_border(*scaled.shape) & (scaled <= threshold)] = cv2.GC_BGD
    mask = guess.astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(image, mask, (0, 0, 0, 0), *models, 5, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # it refuses a mask without background or without subject
        return np.clip(distance / 20, 0, 1)
    subject = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    if not 0.005 < subject.mean() < 0.98:  # noqa: PLR2004
        return np.clip(distance / 20, 0, 1)
    return subject


def _refine(image: Pixels, subject: Plane) -> Plane:
    """Fit the small mask to the edges of the full-size image with a guided filter."""
    height, width = image.shape[:2]
    guide = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32) / np.float32(255)
    coarse = np.asarray(cv2.resize(subject, (width, height)), np.float32)
    side = 2 * max(2, round(2 * max(height, width) / WORK_SIDE)) + 1

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.blur(plane, (side, side)), np.float32)

    mean_guide, mean_coarse = mean(guide), mean(coarse)
    variance = mean(guide * guide) - mean_guide**2
    slope = (mean(guide * coarse) - mean_guide * mean_coarse) / (variance + np.float32(1e-4))
    alpha = mean(slope) * guide + mean(mean_coarse - slope * mean_guide)
    return np.asarray(np.clip((alpha - 0.1) / 0.8, 0, 1), np.float32)
