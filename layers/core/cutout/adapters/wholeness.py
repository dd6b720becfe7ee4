"""Decide by decoding whether a file's pixels end where the file does. Needs the imaging layer.

A download that broke off is often filled up to its length, and decoders paint something for the
filler: half a picture, and half a grey one. Even pictures end in repetitions, too. What tells them
apart is that a picture's last bytes are needed, and that nothing behind them is.
"""

import hashlib
import io
from typing import BinaryIO

from PIL import Image

from cutout.errors import ImageError
from cutout.formats import filler, heif, jpeg, png, webp

_NEEDED = 16
"""Bytes at the end of the data that hold pixels; writers and readers are off by less than that."""
_DENSE = 12  # bits a pixel; chance itself has 24
_JPEG_END = b"\xff\xd9"
_STRIP = 256  # rows that are hashed at once: a picture of 100 megapixels is not copied as a whole

# Bits that are as good as any, with every restart marker among them, wherever the decoder waits
# for one: pixels that are missing come out otherwise than without them.
_NOISE = bytes(n * 73 % 251 for n in range(251))
_OTHER_BITS = _NOISE + b"".join(b"\xff" + bytes([0xD0 + n % 8]) + _NOISE for n in range(16))


def checked(image: BinaryIO, kind: str) -> BinaryIO:
    """Return the file to be decoded: this one, or a JPEG with the end marker that it lacks.

    Args:
        image: the whole file.
        kind: its format, as `cutout.headers` names it.

    Raises:
        ImageError: `truncated_image` if pixels are missing that a decoder would make up;
            `unsupported_format` if a decoder would be busy for minutes.
    """
    if kind not in _CHECKS:
        return image
    image.seek(0)
    data = image.read()
    image.seek(0)
    return _CHECKS[kind](image, data)


def _jpeg(image: BinaryIO, data: bytes) -> BinaryIO:
    """Check a JPEG that ends without its marker, or in what may be a filler."""
    found = jpeg.ending(data)
    if found.endless:
        message = f"The JPEG has more than {jpeg.MAX_SCANS} scans, or far too many segments."
        raise ImageError("unsupported_format", message)
    even = filler.is_suspected(data[found.pixels_at : found.stop])
    if not found.pixels_at or (found.closed and not even):
        return image
    if not (found.closed or found.all_there) or not _ends_there(data[: found.stop].rstrip(b"\xff")):
        raise _truncated()
    return image if found.closed else io.BytesIO(data[: found.stop] + _JPEG_END)


def _ends_there(data: bytes) -> bool:
    """Tell whether a JPEG's pixels need these bytes, and no more.

    The picture must stay the same with other bits behind it, and become another with other bits in
    the place of its last ones, or else in the place of nothing but the filler.
    """
    as_it_is = _pixels(data + _JPEG_END)
    if as_it_is is None or as_it_is != _pixels(data + _OTHER_BITS + _JPEG_END):
        return False
    if as_it_is != _pixels(data[:-_NEEDED] + _OTHER_BITS + _JPEG_END):
        return True
    kept = data[: filler.start(data) + _NEEDED]
    return len(kept) < len(data) and as_it_is == _pixels(kept + _OTHER_BITS + _JPEG_END)


def _pixels(data: bytes) -> bytes | None:
    """Return a hash of a JPEG's pixels; None if it does not decode."""
    found = hashlib.blake2b()
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            width, height = picture.size
            for top in range(0, height, _STRIP):
                strip = picture.crop((0, top, width, min(top + _STRIP, height)))
                found.update(strip.tobytes())
    except Exception:  # noqa: BLE001 a decoder may raise anything on hostile bytes
        return None
    return found.digest()


def _webp(image: BinaryIO, data: bytes) -> BinaryIO:
    """Check a WebP that ends in what may be a filler; its decoder raises if bytes are missing."""
    kind, pixels = webp.picture(data) or (b"", b"")
    if not filler.is_suspected(pixels):
        return image
    kept = pixels[: filler.start(pixels) + _NEEDED]
    needed = not _is_dense(kind, pixels) and not _decodes(kind, pixels[:-_NEEDED])
    if needed or (len(kept) < len(pixels) and _decodes(kind, kept)):
        return image
    raise _truncated()


def _is_dense(kind: bytes, pixels: bytes) -> bool:
    """Tell whether a lossless picture has so many bits a pixel that nothing in it is even.

    Where all colours are as frequent and take as many bits, a filler fits by its length, too.
    """
    width, height = webp.sides(kind, pixels[:10]) or (0, 0)
    return kind == webp.LOSSLESS and 8 * len(pixels) > _DENSE * width * height


def _decodes(kind: bytes, pixels: bytes) -> bool:
    """Tell whether a WebP of nothing but these pixels decodes."""
    pixels += bytes(len(pixels) % 2)
    chunk = kind + len(pixels).to_bytes(4, "little") + pixels
    file = b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk
    try:
        with Image.open(io.BytesIO(file), formats=("WEBP",)) as picture:
            picture.load()
    except Exception:  # noqa: BLE001 a decoder may raise anything on hostile bytes
        return False
    return True


def _png(image: BinaryIO, data: bytes) -> BinaryIO:
    """Check that a PNG has all of its rows, and colours for them."""
    if png.is_incomplete(data):
        raise _truncated()
    return image


def _heif(image: BinaryIO, data: bytes) -> BinaryIO:
    """Check a HEIC or AVIF, in whose data no filler is a picture."""
    if heif.is_filled(data):
        raise _truncated()
    return image


def _truncated() -> ImageError:
    """Return the error for a file that was filled up."""
    return ImageError("truncated_image", "The image's file is incomplete or broken.")


_CHECKS = {"jpeg": _jpeg, "png": _png, "webp": _webp, "heic": _heif, "avif": _heif}
