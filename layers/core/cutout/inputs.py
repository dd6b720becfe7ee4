"""What becomes of an image by its header: refused, prepared first, or sent as it is. Pure.

What is sent as it is must be exactly what everybody understands: everything odd, and everything
the header does not tell, goes through `prepare`, which decodes it and knows.
"""

from cutout.formats import jpeg, png, webp
from cutout.formats.glimpse import Glimpse
from cutout.headers import PLAIN, UNTAKEN, Header
from cutout.models import Reason

# Decoded, a pixel takes 4 bytes, and `prepare` and `store` hold two or three copies in their 2 GB.
MAX_PIXELS = 100_000_000
# The providers' pages give no limit. Half of what we can decode is what the largest common phone
# cameras make; more shows nothing more of a product, and a provider that fails on it costs money.
PROVIDER_PIXELS = 50_000_000
MAX_SIDE = 16_383  # WebP's limit, so that every result can be had in either format
TAIL_BYTES = 69_632
"""How much is read of a large file's end: one piece of a PNG's pixels, of which Pillow makes the
largest (65,536 bytes), and 4 KB for what stands behind it. A GET costs the same for any length.
"""

TAKEN = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF are taken"
# What the providers' pages say they take: API in One names JPEG, PNG and WebP; Eachlabs names none
# and shows a PNG.
_SETTLED = {"jpeg": jpeg.is_settled, "png": png.is_settled, "webp": webp.is_settled}


def refusal(header: Header | None) -> Reason | None:
    """Return why nobody should look further at this object; None if it may be an image."""
    if header is None or header.format in UNTAKEN:
        what = "not an image" if header is None else UNTAKEN[header.format]
        message = f"By its first bytes the object is {what}; {TAKEN}."
        return Reason(code="unsupported_format", message=message)
    if (header.width or 0) * (header.height or 0) > MAX_PIXELS:
        return too_many_pixels(header.width or 0, header.height or 0)
    return None


def too_many_pixels(width: int, height: int) -> Reason:
    """Return the reason for an image that would not fit into memory."""
    message = f"The image has {width} x {height} pixels; at most {MAX_PIXELS:,} are taken."
    return Reason(code="too_many_pixels", message=message)


def is_plain(header: Header) -> bool:
    """Tell whether every provider understands the image as it is, if the file is complete."""
    understood = (
        header.format in _SETTLED
        and header.colour == PLAIN
        and header.bits is not None
        and header.bits <= 8  # noqa: PLR2004 bits a sample
        and header.orientation == 1
        and header.animated is False
        and header.visible is True
    )
    width, height = header.width or 0, header.height or 0
    fits = 0 < width * height <= PROVIDER_PIXELS and max(width, height) <= MAX_SIDE
    return understood and fits


def is_complete(header: Header, seen: Glimpse) -> bool:
    """Tell whether a plain image is all there, as far as that can be seen from outside.

    Args:
        header: what its first bytes say.
        seen: its first bytes and, if it is longer, its last `TAIL_BYTES`.
    """
    return header.data_at > 0 and _SETTLED[header.format](header, seen)
