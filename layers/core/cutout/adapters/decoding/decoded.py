"""What every decoder hands on, the errors they share, and the one way into Pillow."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from cutout import inputs
from cutout.errors import ImageError

# EXIF's numbers say how a picture was stored; these turns undo it (EXIF 2.32, tag 274).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
UNREADABLE_ORIENTATION = "orientation_unreadable"
UNREADABLE_PROFILE = "profile_unreadable"

_BAND_PIXELS = 2**20


@dataclass(frozen=True, slots=True)
class Decoded:
    """The pixels of a file as they lie in it, and what its container says about them.

    Attributes:
        picture: all pixels, in mode L, LA, RGB, RGBA, CMYK or LAB, 8 bits a sample. What is
            transparent is so by its alpha, never by a palette's entry or a colour.
        turns: what makes it upright, in this order.
        profile: the ICC profile its numbers are meant in; None means sRGB.
        notes: what could not be read and was decided, as codes for the log.
    """

    picture: Image.Image
    turns: tuple[Image.Transpose, ...] = ()
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


def turned(picture: Image.Image, orientation: int | None, profile: bytes | None) -> Decoded:
    """Return a picture with the orientation that its EXIF says; None is one that can't be read."""
    turns = (TURNS[orientation],) if orientation in TURNS else ()
    notes = (UNREADABLE_ORIENTATION,) if orientation is None else ()
    return Decoded(picture, turns, profile, notes)


def load(
    data: bytes | bytearray,
    decoder: str,
    *,
    unopened: ImageError | None = None,
    broken: ImageError | None = None,
    rawmode: str | None = None,
) -> Image.Image:
    """Decode every pixel of a file's first picture, by this decoder of Pillow's and no other.

    Args:
        data: the whole file.
        decoder: Pillow's name of the format.
        unopened: the reason when the decoder does not even open the file.
        broken: the reason when it fails later; by default of both, the file is broken.
        rawmode: how the decoded bytes are taken for pixels, instead of Pillow's own choice.

    Raises:
        ImageError: `too_many_pixels`, `truncated_image` or the given one.
    """
    with failing_as(unopened or truncated()):
        picture = Image.open(io.BytesIO(data), formats=(decoder,))
        check_pixels(*picture.size)
    with failing_as(broken or truncated()):
        if rawmode is not None:
            picture.tile = [tile._replace(args=rawmode) for tile in picture.tile]
        picture.load()
    return picture


@contextmanager
def failing_as(reason: ImageError) -> Iterator[None]:
    """Give a reason for whatever a decoder raises; on hostile bytes it may raise anything.

    Only a fault of this machine leaves as it is, so that it is tried again: the operating system
    gives those a number, which Pillow's own errors, OSErrors too, don't have.
    """
    try:
        yield
    except ImageError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageError(
            "too_many_pixels", "The decoded image does not fit into memory."
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise reason from error


def bands(picture: Image.Image) -> Iterator[Image.Image]:
    """Yield a picture from its top to its bottom in pieces of about a megapixel, to spare memory.

    Pieces of pictures of one size are alike.
    """
    rows = max(1, _BAND_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def check_pixels(width: int, height: int) -> None:
    """Refuse more pixels than fit into memory, and none at all."""
    if width < 1 or height < 1:
        raise truncated()
    if width * height > inputs.MAX_PIXELS:
        reason = inputs.too_many_pixels(width, height)
        raise ImageError(reason.code, reason.message)


def truncated() -> ImageError:
    """Return the error for a file that can't be decoded to its end."""
    return ImageError("truncated_image", "The image's file is incomplete or broken.")


def unsupported(what: str) -> ImageError:
    """Return the error for a sound file that is not decoded; the sentence is about it."""
    return ImageError("unsupported_format", what)
