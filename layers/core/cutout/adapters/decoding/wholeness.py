"""Decide by decoding whether a file's pixels end where the file does.

A download that broke off is often filled up to its length, and decoders paint something for the
filler: half a picture, and half a grey one. Even pictures end in repetitions, too. What tells them
apart is that a picture's last bytes are needed, and that nothing behind them is.
"""

import hashlib
import io

from PIL import Image

from cutout.adapters.decoding.decoded import truncated
from cutout.formats import filler, heif, jpeg, webp

_NEEDED = 16
"""Bytes at the end of the data that hold pixels; writers and readers are off by less than that."""
_DENSE = 12  # bits a pixel; chance itself has 24
_JPEG_END = b"\xff\xd9"
_STRIP = 256  # rows that are hashed at once: a picture of 100 megapixels is not copied as a whole

# Bits that are as good as any, with every restart marker among them, wherever the decoder waits
# for one: pixels that are missing come out otherwise than without them.
_NOISE = bytes((170 + n * 73) % 251 for n in range(251))
_OTHER_BITS = _NOISE + b"".join(b"\xff" + bytes([0xD0 + n % 8]) + _NOISE for n in range(16))


def whole_jpeg(data: bytes) -> bytes:
    """Return a JPEG that is all there, with the end marker if it lacks that alone.

    It is decoded more than once only if it ends without its marker, or in what may be a filler.

    Raises:
        ImageError: `truncated_image`, pixels are missing that a decoder would make up.
    """
    found = jpeg.ending(data)
    even = filler.is_suspected(data[found.pixels_at : found.stop])
    if found.closed and not even:
        return data
    end = data[: found.stop].rstrip(b"\xff")
    if not found.closed:  # what the decoder would make of zeros is not needed to be whole
        end = end.rstrip(b"\0")
        end += b"\0" if end.endswith(b"\xff") else b""
    if not (found.closed or found.all_there) or not _ends_there(end):
        raise truncated()
    return data if found.closed else end + _JPEG_END


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


def check_webp(data: bytes) -> None:
    """Check a WebP of one picture that ends in what may be a filler.

    Its decoder raises if bytes are missing, and paints something for others.

    Raises:
        ImageError: `truncated_image`, pixels are missing.
    """
    kind, pixels = webp.picture(data) or (b"", b"")
    if not filler.is_suspected(pixels):
        return
    kept = pixels[: filler.start(pixels) + _NEEDED]
    needed = not _is_dense(kind, pixels) and not _decodes(kind, pixels[:-_NEEDED])
    if not needed and (len(kept) == len(pixels) or not _decodes(kind, kept)):
        raise truncated()


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


def check_heif(data: bytes) -> None:
    """Check a HEIC or AVIF, in whose data no filler is a picture.

    Raises:
        ImageError: `truncated_image`, pixels are missing.
    """
    if heif.is_filled(data):
        raise truncated()
