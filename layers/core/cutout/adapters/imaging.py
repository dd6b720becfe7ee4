"""Decide by decoding whether a downloaded result may be published. Needs the imaging layer."""

import io
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from cutout import sniff
from cutout.errors import ResultError
from cutout.ports import VerifiedImage

MAX_PIXELS = 100_000_000  # decoded RGBA is 4 bytes a pixel; the `store` function has 2 GB
_FORMATS = {"png": "PNG", "webp": "WEBP"}
_WITHOUT_ALPHA = frozenset({"jpeg", "bmp"})
_OPAQUE = 255


class PillowVerifier:
    """Decodes the whole file: complete, with alpha, neither fully transparent nor fully opaque."""

    def verify(self, image: BinaryIO, output_format: str) -> VerifiedImage:
        """Return the image, converted when the provider sent the other format or an animation.

        Raises:
            ResultError: `result_not_an_image`, `result_truncated`, `result_opaque`, `result_empty`
                or `result_too_large`.
        """
        picture = _decode(image)
        _check_alpha(picture)
        as_it_is = picture.format == _FORMATS[output_format] and not _moves(picture)
        file = image if as_it_is else _convert(picture, output_format)
        return VerifiedImage(
            file=file,
            width=picture.width,
            height=picture.height,
            size=file.seek(0, io.SEEK_END),
            content_type=f"image/{output_format}",
        )


def _decode(image: BinaryIO) -> Image.Image:
    """Open and decode every pixel."""
    image.seek(0)
    try:
        picture = Image.open(image, formats=tuple(_FORMATS.values()))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _another_kind(image) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large()
    try:
        picture.load()
        palette = picture.mode != "P" or picture.palette is not None
        complete = palette and _ends(image, picture.format)
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise _truncated() from error
    if not complete:
        raise _truncated()
    return picture


def _another_kind(image: BinaryIO) -> ResultError:
    """Return the error for what is neither PNG nor WebP."""
    image.seek(0)
    if sniff.image_format(image.read(16)) in _WITHOUT_ALPHA:
        return ResultError("result_opaque", "The result is a JPEG or BMP, which has no alpha.")
    return ResultError("result_not_an_image", "The result is not a PNG or WebP image.")


def _moves(picture: Image.Image) -> bool:
    """Tell whether the file has more frames than the one that was looked at."""
    return bool(getattr(picture, "is_animated", False))


def _ends(image: BinaryIO, kind: str | None) -> bool:
    """Tell whether a file goes on to its end, and cut off what stands behind that.

    Pillow is content with the last pixel, and what is behind the end is nobody's picture.
    """
    return _png_ends(image) if kind == "PNG" else _webp_ends(image)


def _webp_ends(image: BinaryIO) -> bool:
    """Do that for a WebP: after `RIFF` stands how much follows, little-endian (RFC 9649)."""
    image.seek(4)
    end = int.from_bytes(image.read(4), "little") + 8
    if image.seek(0, io.SEEK_END) < end:
        return False
    image.truncate(end)
    return True


def _png_ends(image: BinaryIO) -> bool:
    """Do that for a PNG, which ends with its IEND chunk.

    A chunk is a big-endian length, a type, that many bytes and a checksum (PNG specification).
    """
    image.seek(8)
    while len(head := image.read(8)) == 8:  # noqa: PLR2004 length and type
        rest = int.from_bytes(head[:4]) + 4
        if len(image.read(rest)) < rest:
            return False
        if head[4:] == b"IEND":
            image.truncate()
            return True
    return False


def _check_alpha(picture: Image.Image) -> None:
    """Refuse what shows no cut-out: no alpha channel, nothing cut away, or everything."""
    if not picture.has_transparency_data:
        raise ResultError("result_opaque", "The result has no alpha channel.")
    lowest, highest = picture.convert("RGBA").getchannel("A").getextrema()
    if lowest == _OPAQUE:
        raise ResultError("result_opaque", "The result is opaque everywhere: nothing was cut out.")
    if highest == 0:
        raise ResultError("result_empty", "The result is transparent everywhere: nothing is left.")


def _convert(picture: Image.Image, output_format: str) -> BinaryIO:
    """Return the picture in another format, without loss."""
    file = io.BytesIO()
    try:
        picture.convert("RGBA").save(file, _FORMATS[output_format], lossless=True)
    except ValueError as error:
        message = f"The result has more pixels in a row than {output_format} can hold."
        raise ResultError("result_too_large", message) from error
    return file


def _truncated() -> ResultError:
    """Return the error for a file that can't be decoded to its end."""
    return ResultError("result_truncated", "The result's file is incomplete or broken.")


def _too_large() -> ResultError:
    """Return the error for more pixels than can be decoded."""
    return ResultError("result_too_large", f"The result has more than {MAX_PIXELS} pixels.")
