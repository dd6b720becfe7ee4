"""PNG: its pixels, with everything that makes some of them transparent.

The file is written anew before it is decoded, of its header, palette and first picture alone. So
nothing in its other chunks can spoil the picture, and transparency that Pillow does not know is
not lost.
"""

import struct
import zlib
from typing import Final

from PIL import Image, ImageChops

from cutout.adapters.decoding import colour, greys, icc, png_chunks
from cutout.adapters.decoding.decoded import Decoded, load, truncated, turned, unsupported
from cutout.adapters.decoding.png_chunks import DEEP, GREY, PALETTE, RGB, Chunks, Frame
from cutout.formats import png_pixels

# Pillow takes the first byte of each sample for 8 bits; read as little-endian, it takes the other.
_HIGH, _LOW = "RGB;16B", "RGB;16L"
_GAMMA: Final = 100_000  # gAMA and cHRM hold whole numbers of this part
_GAMMA_SRGB: Final = 45_455
_POINTS_SRGB: Final = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
_NEAR: Final = 500  # of 100,000: closer, it is sRGB rounded


def decode(data: bytes) -> Decoded:
    """Decode a PNG, of an animation its first frame on its canvas, with nothing around it."""
    found = png_chunks.read(data)
    profile = _profile(found)
    frame = png_chunks.first_frame(found)
    picture = _picture(found, frame)
    if (frame.width, frame.height) != (found.width, found.height):
        piece, picture = picture.convert("RGBA"), Image.new("RGBA", (found.width, found.height))
        picture.paste(piece, (frame.left, frame.top))
    return turned(picture, png_chunks.orientation(found), profile)


def _picture(found: Chunks, frame: Frame) -> Image.Image:
    """Decode one picture, with its transparency."""
    if not png_pixels.is_full(_start(found, frame), frame.data):
        raise truncated()
    key = found.single.get(b"tRNS", b"")
    file = _file(found, frame)
    picture = load(file, "PNG")
    if found.kind == PALETTE:
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if found.kind == GREY and found.depth == DEEP:
        grey = greys.by_table(picture, greys.SHORTS)
        return _with_alpha(grey, _deep_grey_alpha(picture, key)) if len(key) > 1 else grey
    if found.kind == GREY:
        grey = picture.convert("L")
        return _with_alpha(grey, _grey_alpha(grey, key, found.depth)) if len(key) > 1 else grey
    if found.kind == RGB and len(key) > 5:  # noqa: PLR2004 three of two bytes
        return _with_alpha(picture, _rgb_alpha(picture, key, found, file))
    return picture


def _file(found: Chunks, frame: Frame) -> bytes:
    """Return a PNG of one picture, with the palette and its transparency, and nothing else."""
    parts = [png_chunks.SIGNATURE, _chunk(b"IHDR", _start(found, frame))]
    if found.kind == PALETTE:
        palette = found.single[b"PLTE"]
        parts.append(_chunk(b"PLTE", palette))
        if b"tRNS" in found.single:
            parts.append(_chunk(b"tRNS", found.single[b"tRNS"][: len(palette) // 3]))
    return b"".join([*parts, _chunk(b"IDAT", frame.data), _chunk(b"IEND", b"")])


def _start(found: Chunks, frame: Frame) -> bytes:
    """Return the body of IHDR for one picture."""
    numbers = (frame.width, frame.height, found.depth, found.kind, 0, 0, found.interlaced)
    return struct.pack(">II5B", *numbers)


def _chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _with_alpha(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    """Return a picture with this alpha."""
    picture.putalpha(alpha)
    return picture


def _grey_alpha(grey: Image.Image, key: bytes, depth: int) -> Image.Image:
    """Return the alpha of a grey picture one of whose greys is transparent.

    Pillow has stretched the greys; of the key's two bytes so many bits count as a sample has.
    """
    most = 2**depth - 1
    return grey.point(_all_but((int.from_bytes(key[:2]) & most) * 255 // most, 256))


def _deep_grey_alpha(picture: Image.Image, key: bytes) -> Image.Image:
    """Return the same for 16 bits."""
    return greys.looked_up(picture, _all_but(int.from_bytes(key[:2]), greys.SHORTS + 1))


def _rgb_alpha(picture: Image.Image, key: bytes, found: Chunks, file: bytes) -> Image.Image:
    """Return the alpha of an RGB picture one of whose colours is transparent, at its full depth."""
    alpha = _differing(picture, key[1:6:2] if found.depth < DEEP else key[0:6:2])
    if found.depth == DEEP:
        low = load(file, "PNG", rawmode=_LOW)
        alpha = ImageChops.lighter(alpha, _differing(low, key[1:6:2]))
    return alpha


def _differing(picture: Image.Image, colour_key: bytes) -> Image.Image:
    """Return white where an RGB picture has another colour, and black where it has this one."""
    found = Image.new("L", picture.size)
    for channel, value in enumerate(colour_key):  # one after the other, to spare memory
        mask = picture.getchannel(channel).point(_all_but(value, 256))
        found = ImageChops.lighter(found, mask)
    return found


def _all_but(value: int, count: int) -> list[int]:
    """Return a table that makes one number transparent, and all others opaque."""
    return [0 if number == value else 255 for number in range(count)]


def _profile(found: Chunks) -> bytes | None:
    """Return what the numbers are meant in, by the first of cICP, iCCP, sRGB and gAMA.

    That is the order of the specification (section 4.3). cHRM says something with gAMA only.
    """
    numbers = found.single.get(b"cICP", b"")
    if len(numbers) == 4 and numbers[2] == 0:  # noqa: PLR2004 bytes; a matrix is none of RGB's
        if numbers[3] == 0:
            raise unsupported("The PNG's colours have the narrow range of video, not decoded.")
        return colour.profile_of(numbers[0], numbers[1])
    embedded = png_chunks.profile(found)
    if embedded is not None or b"sRGB" in found.single:
        return embedded
    gamma = int.from_bytes(found.single.get(b"gAMA", b"")[:4])
    if not _GAMMA // 20 <= gamma <= _GAMMA * 5:  # none, or nonsense
        return None
    return _calibrated(gamma, found.single.get(b"cHRM", b""))


def _calibrated(gamma: int, chromaticities: bytes) -> bytes | None:
    """Return the profile of gAMA and cHRM; None: it is as good as sRGB's."""
    points = _POINTS_SRGB
    if len(chromaticities) == 32:  # noqa: PLR2004 eight numbers of four bytes
        points = struct.unpack(">8I", chromaticities)
    usual = all(abs(a - b) <= _NEAR for a, b in zip(points, _POINTS_SRGB, strict=True))
    exponent = None if abs(gamma - _GAMMA_SRGB) <= _NEAR else _GAMMA / gamma
    if usual and exponent is None:
        return None
    white, red, green, blue = ((points[n] / _GAMMA, points[n + 1] / _GAMMA) for n in (0, 2, 4, 6))
    try:
        return icc.of_points((red, green, blue, white), exponent)
    except (ValueError, ArithmeticError):
        return None
