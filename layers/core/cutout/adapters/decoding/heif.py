"""HEIC and AVIF: pictures in boxes (ISO 23008-12), coded by HEVC or AV1.

The decoder is chosen by the codec of the primary picture, not by what the file calls itself. EXIF
and XMP are hidden before it is decoded: what turns the picture are its own properties alone.
"""

import struct
from typing import Final

from PIL import Image

from cutout.adapters.decoding import boxes, colour, greys, wholeness
from cutout.adapters.decoding.boxes import Primary
from cutout.adapters.decoding.decoded import Decoded, check_pixels, load, unsupported

_HEVC: Final = frozenset({b"hvc1", b"hev1"})
_AV1: Final = frozenset({b"av01"})
# Main, Main 10, Main Still Picture, format range extensions (ITU-T H.265, annex A).
_HEVC_PROFILES: Final = frozenset({1, 2, 3, 4})
_SHORT: Final = 16
_HIDDEN: Final = b"free"  # a type that no decoder takes for metadata
_QUARTERS: Final = {  # of a turn, anti-clockwise
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
}
_MIRRORS: Final = {0: Image.Transpose.FLIP_TOP_BOTTOM, 1: Image.Transpose.FLIP_LEFT_RIGHT}


def decode(data: bytes) -> Decoded:
    """Decode a HEIC or AVIF."""
    primary = boxes.read(data)
    size = primary.first(b"ispe")[4:12]
    if len(size) == 8:  # noqa: PLR2004 width and height
        check_pixels(*struct.unpack(">2I", size))
    wholeness.check_heif(data)
    profile = _profile(primary)
    file = bytearray(data)
    for place in primary.metadata:
        file[place : place + 4] = _HIDDEN
    if primary.codecs <= _AV1:
        file[8:12] = b"avif"
        # Pillow neither crops nor turns an AVIF by its properties, libheif does both to a HEIC. Its
        # picture keeps the decoder with its planes, so that it is copied.
        return _turned(primary, load(file, "AVIF").copy(), profile)
    kind = primary.first(b"hvcC")[1:2]
    if not primary.codecs <= _HEVC or (kind and kind[0] & 0x1F not in _HEVC_PROFILES):
        names = ", ".join(sorted(codec.decode("ascii", "replace") for codec in primary.codecs))
        raise unsupported(f"The picture is coded by {names or 'nothing known'}, not decoded.")
    file[8:12] = b"heic"
    return Decoded(_plain(load(file, "HEIF")), profile=profile)


def _profile(primary: Primary) -> bytes | None:
    """Return what the colours are meant in: the ICC profile, or else the one that numbers tell."""
    colours = [body for kind, body in primary.properties if kind == b"colr"]
    embedded = next((body[4:] for body in colours if body[:4] in (b"prof", b"rICC")), None)
    numbers = next((body[4:8] for body in colours if body[:4] == b"nclx"), b"")
    if len(numbers) < 4:  # noqa: PLR2004 primaries and curve
        return embedded
    primaries, curve = struct.unpack(">2H", numbers)
    colour.refuse_hdr(curve)
    return embedded or colour.profile_of(primaries, curve)


def _plain(picture: Image.Image) -> Image.Image:
    """Return what libheif decoded in one of the modes that are handed on."""
    if picture.mode.startswith("I;16"):  # grey, its samples shifted up to 16 bits
        bits = int(picture.info.get("bit_depth", _SHORT))
        return greys.by_table(picture, (2**bits - 1) << (_SHORT - bits))
    return picture.convert("RGBA") if picture.mode == "RGBa" else picture


def _turned(primary: Primary, picture: Image.Image, profile: bytes | None) -> Decoded:
    """Return an AVIF's picture with what its properties do to it, in their order."""
    turns = []
    for kind, body in primary.properties:
        if kind == b"clap":
            picture = picture.crop(_aperture(body, picture.size))
        elif kind == b"irot" and body[:1]:
            turns.append(_QUARTERS.get(body[0] & 3))
        elif kind == b"imir" and body[:1]:
            turns.append(_MIRRORS[body[0] & 1])
    return Decoded(picture, tuple(turn for turn in turns if turn is not None), profile)


def _aperture(body: bytes, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the edges of the part that is shown: all of it, if the property makes no sense.

    It has four fractions: width, height, and how far its middle is from the picture's, to the
    right and downwards (ISO 14496-12, 12.1.4).
    """
    whole = (0, 0, *size)
    if len(body) < 32:  # noqa: PLR2004 four fractions of twice four bytes
        return whole
    numbers = struct.unpack(">4IiIiI", body[:32])
    if 0 in numbers[1::2]:
        return whole
    width, height, right, down = (numbers[n] / numbers[n + 1] for n in (0, 2, 4, 6))
    left, top = round(right + (size[0] - width) / 2), round(down + (size[1] - height) / 2)
    edges = (left, top, left + round(width), top + round(height))
    inside = 0 <= left < edges[2] <= size[0] and 0 <= top < edges[3] <= size[1]
    return edges if inside else whole
