"""Colours as everybody takes them for: sRGB. By LittleCMS, which Pillow brings."""

import io
from typing import Final

from PIL import Image, ImageCms

from cutout.adapters.decoding import icc
from cutout.adapters.decoding.decoded import UNREADABLE_PROFILE, Decoded, unsupported

_MODES: Final = {
    icc.RGB: frozenset({"L", "LA", "RGB", "RGBA"}),  # a grey is three equal numbers
    icc.GREY: frozenset({"L", "LA"}),
    icc.CMYK: frozenset({"CMYK"}),
}
_HDR: Final = {icc.PQ: "PQ", icc.HLG: "HLG"}


def in_srgb(found: Decoded) -> Decoded:
    """Return a picture in RGB or RGBA and in sRGB, without its profile.

    A profile of other colours than the picture has, and one that can't be read, say nothing: the
    numbers are then taken for sRGB's, and that is noted.

    Raises:
        ImageError: `unsupported_format`, the profile's curve is one of high dynamic range.
    """
    picture, profile = found.picture, found.profile
    if picture.mode == "LAB":  # its numbers mean the same everywhere
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _with(found, _transformed(picture, lab))
    if profile is None:
        return _with(found, _simply(picture))
    refuse_hdr(icc.curve(profile))
    if picture.mode not in _MODES.get(icc.space(profile) or "", frozenset()):
        return _with(found, _simply(picture), UNREADABLE_PROFILE)
    source = _simply(picture) if icc.space(profile) == icc.RGB else picture
    try:
        used = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return _with(found, _transformed(source, used))
    except (ImageCms.PyCMSError, OSError):
        return _with(found, _simply(picture), UNREADABLE_PROFILE)


def profile_of(primaries: int, curve: int) -> bytes | None:
    """Return the profile of colours that a file tells by two numbers of ITU-T H.273.

    Returns:
        The profile; None: they are sRGB's, or unspecified.

    Raises:
        ImageError: `unsupported_format`, the curve is of high dynamic range, or a logarithm.
    """
    refuse_hdr(curve)
    try:
        return icc.of_numbers(primaries, curve)
    except KeyError as error:
        raise unsupported(f"The colours' curve is number {curve} of H.273, not decoded.") from error


def refuse_hdr(curve: int | None) -> None:
    """Refuse a curve of high dynamic range: made plain, its picture would be anybody's guess."""
    if curve in _HDR:
        message = f"The picture has high dynamic range ({_HDR[curve]}), which is not decoded."
        raise unsupported(message)


def _transformed(picture: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    """Return a picture of these colours in sRGB; one in RGB is itself changed, to spare memory.

    Raises:
        PyCMSError: the profile can't be used.
    """
    srgb = ImageCms.createProfile("sRGB")
    if picture.mode == "LA":
        greys = _transformed(picture.getchannel("L"), source)
        greys.putalpha(picture.getchannel("A"))
        return greys
    if picture.mode in ("RGB", "RGBA"):
        ImageCms.profileToProfile(picture, source, srgb, inPlace=True)
        return picture
    return ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB") or picture


def _simply(picture: Image.Image) -> Image.Image:
    """Return a picture in RGB or RGBA by arithmetic alone."""
    mode = "RGBA" if picture.mode in ("LA", "RGBA") else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _with(found: Decoded, picture: Image.Image, *notes: str) -> Decoded:
    """Return what was found with the picture in sRGB."""
    return Decoded(picture, found.turns, None, (*found.notes, *notes))
