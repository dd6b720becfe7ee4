"""Make a plain image out of whatever was uploaded. Needs the imaging layer.

The file is opened by the decoder of the format its first bytes name and by no other, so that what
is two formats at once is only ever the one.
"""

import io
import warnings
from typing import BinaryIO

import pillow_heif
from PIL import Image, ImageCms, ImageOps

from cutout import headers
from cutout.adapters import wholeness
from cutout.errors import ImageError
from cutout.inputs import MAX_PIXELS, MAX_SIDE, PROVIDER_PIXELS, too_many_pixels
from cutout.ports import PreparedImage

JPEG_QUALITY = 92
HEAD_BYTES = 65_536  # as much as `submit` saw

_DECODERS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "heic": "HEIF",
    "avif": "AVIF",
}
_OPAQUE = 255
_DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


class PillowPreparer:
    """Decodes a source, turns it upright, and writes it as an 8-bit sRGB JPEG or PNG."""

    def __init__(self) -> None:
        """Register the decoder of HEIC; AVIF is Pillow's own."""
        pillow_heif.register_heif_opener()

    def prepare(self, image: BinaryIO) -> PreparedImage:
        """Return a plain, upright copy without metadata.

        Raises:
            ImageError: `unsupported_format`, `too_many_pixels` or `truncated_image`.
        """
        with warnings.catch_warnings():
            # Pillow's own limit warns below ours, and decoders warn of broken metadata.
            warnings.simplefilter("ignore")
            picture = _plain(_decode(image))
        picture.thumbnail(_room(picture.size), Image.Resampling.LANCZOS, reducing_gap=None)
        return _encode(picture)


def _decode(image: BinaryIO) -> Image.Image:
    """Open and decode every pixel of the first picture."""
    size = image.seek(0, io.SEEK_END)
    image.seek(0)
    header = headers.read(image.read(HEAD_BYTES))
    image.seek(0)
    if header is None or header.format not in _DECODERS:
        raise ImageError("unsupported_format", "The object is not an image that can be decoded.")
    if (header.width or 0) * (header.height or 0) > MAX_PIXELS:
        raise _bomb(header.width or 0, header.height or 0)
    image = wholeness.checked(image, header.format)
    try:
        picture = Image.open(image, formats=(_DECODERS[header.format],))
    except Image.DecompressionBombError as error:
        raise _bomb(header.width or 0, header.height or 0) from error
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise _not_opened(header, size) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise _bomb(*picture.size)
    try:
        picture.load()
    except MemoryError as error:
        raise _bomb(*picture.size) from error
    except Exception as error:  # the same
        raise _truncated() from error
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    """Return the picture upright, in sRGB with 8 bits a sample, with alpha if some of it is."""
    profile = picture.info.get("icc_profile")
    picture = _upright(picture)
    if picture.mode in _DEEP:
        picture = _shallow(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema()[0] == _OPAQUE:
            picture = picture.convert("RGB")
    elif picture.mode not in ("RGB", "CMYK"):
        picture = picture.convert("RGB")
    if profile:
        picture = _in_srgb(picture, profile)
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


def _upright(picture: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF says; what can't be read says nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001 EXIF is parsed leniently or not at all
        return picture


def _shallow(picture: Image.Image) -> Image.Image:
    """Return a grey picture of more than 8 bits with 8; Pillow itself would only cut it off."""
    wide = picture.convert("F")
    lowest, highest = (float(str(value)) for value in wide.getextrema())
    if picture.mode == "F":  # floats have no natural black and white
        scale, offset = 255 / max(highest - lowest, 1e-9), lowest
    else:
        scale, offset = (255 / 65_535 if highest > _OPAQUE else 1.0), 0.0
    return wide.point(lambda value: value * scale - offset * scale).convert("L")


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return the picture in sRGB, as the copy carries no profile; a broken one says nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        found = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return found or picture


def _room(size: tuple[int, int]) -> tuple[int, int]:
    """Return the largest size of this shape that a provider is given."""
    width, height = size
    factor = min(1, (PROVIDER_PIXELS / (width * height)) ** 0.5, MAX_SIDE / max(size))
    return max(1, int(width * factor)), max(1, int(height * factor))


def _encode(picture: Image.Image) -> PreparedImage:
    """Write the pixels and nothing else."""
    picture.info = {}
    file = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(file, "PNG", compress_level=1)  # it is read once; time counts more than size
    else:
        picture.save(file, "JPEG", quality=JPEG_QUALITY)
    file.seek(0)
    kind = "image/png" if picture.mode == "RGBA" else "image/jpeg"
    return PreparedImage(file, picture.width, picture.height, kind)


def _not_opened(header: headers.Header, size: int) -> ImageError:
    """Return the error for a file whose format is known and that does not open."""
    if header.width is None or header.orientation is None or (header.size or 0) > size:
        return _truncated()
    message = f"The {header.format.upper()} file is of a kind that cannot be decoded."
    return ImageError("unsupported_format", message)


def _truncated() -> ImageError:
    """Return the error for a file that can't be decoded to its end."""
    return ImageError("truncated_image", "The image's file is incomplete or broken.")


def _bomb(width: int, height: int) -> ImageError:
    """Return the error for more pixels than can be decoded."""
    reason = too_many_pixels(width, height)
    return ImageError(reason.code, reason.message)
