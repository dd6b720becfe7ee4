"""Make a plain image out of whatever was uploaded. Needs the imaging layer.

The file is opened by the decoder of the format its first bytes name and by no other, so that what
is two formats at once is only ever the one.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Final

import pillow_heif
from PIL import Image

from cutout import inputs, sniff
from cutout.adapters.decoding import bmp, colour, gif, heif, jpeg, png, tiff, webp
from cutout.adapters.decoding.decoded import Decoded, failing_as, unsupported
from cutout.errors import ImageError
from cutout.ports import PreparedImage

JPEG_QUALITY = 92

_DECODERS: Final[dict[str, Callable[[bytes], Decoded]]] = {
    "jpeg": jpeg.decode,
    "png": png.decode,
    "webp": webp.decode,
    "gif": gif.decode,
    "bmp": bmp.decode,
    "tiff": tiff.decode,
    "heic": heif.decode,
    "avif": heif.decode,
}
_OPAQUE: Final = 255
_WITH_ALPHA: Final = frozenset({"LA", "RGBA"})
# These would be sent as they are, did not their alpha have to be looked at; so nothing is lost.
_EXACT: Final = frozenset({"png", "webp"})


class PillowPreparer:
    """Decodes a source, turns it upright, and writes it as an 8-bit sRGB JPEG or PNG."""

    def __init__(self) -> None:
        """Register the decoder of HEIC, for the picture alone; AVIF is Pillow's own."""
        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)

    def prepare(self, image: BinaryIO) -> PreparedImage:
        """Return a plain, upright copy without metadata.

        Raises:
            ImageError: `unsupported_format`, `too_many_pixels`, `truncated_image` or
                `nothing_to_cut`. Whatever a decoder raises is one of them.
            OSError: a fault of this machine, such as a full disk.
        """
        image.seek(0)
        with warnings.catch_warnings():
            # Pillow's own limit warns below ours, and decoders warn of broken metadata.
            warnings.simplefilter("ignore")
            with failing_as(unsupported("No plain picture could be made of the image.")):
                return _prepared(image.read())


def _prepared(data: bytes) -> PreparedImage:
    """Decode a file and make its picture plain, in an order that spares memory."""
    kind = sniff.image_format(data) or ""
    if kind not in _DECODERS:
        raise unsupported("The object is not an image that can be decoded.")
    decoded = _DECODERS[kind](data)
    lossless = kind in _EXACT and decoded.picture.mode in _WITH_ALPHA
    found = _without_idle_alpha(decoded)
    found = colour.in_srgb(replace(found, picture=_shrunk(found.picture)))
    picture = found.picture
    for turn in found.turns:
        picture = picture.transpose(turn)
    return _encoded(picture, found.notes, lossless=lossless)


def _without_idle_alpha(found: Decoded) -> Decoded:
    """Return a picture without its alpha if that hides nothing.

    Raises:
        ImageError: `nothing_to_cut`, it hides everything.
    """
    picture = found.picture
    if picture.mode not in _WITH_ALPHA:
        return found
    lowest, highest = picture.getchannel("A").getextrema()
    if highest == 0:
        message = "The image is transparent everywhere: there is nothing to cut out."
        raise ImageError("nothing_to_cut", message)
    if lowest == _OPAQUE:
        return replace(found, picture=picture.convert(picture.mode[:-1]))
    return found


def _shrunk(picture: Image.Image) -> Image.Image:
    """Return a picture of the largest size that a provider is given, in its own shape."""
    width, height = picture.size
    pixels = (inputs.PROVIDER_PIXELS / (width * height)) ** 0.5
    factor = min(1, pixels, inputs.MAX_SIDE / max(width, height))
    if factor == 1:
        return picture
    size = max(1, int(width * factor)), max(1, int(height * factor))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _encoded(picture: Image.Image, notes: tuple[str, ...], *, lossless: bool) -> PreparedImage:
    """Write the pixels and nothing else."""
    picture.info = {}
    file, as_png = io.BytesIO(), lossless or picture.mode == "RGBA"
    if as_png:
        picture.save(file, "PNG", compress_level=1)  # it is read once; time counts more than size
    else:
        picture.save(file, "JPEG", quality=JPEG_QUALITY)
    file.seek(0)
    kind = "image/png" if as_png else "image/jpeg"
    return PreparedImage(file, picture.width, picture.height, kind, notes)
