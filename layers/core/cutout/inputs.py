"""What becomes of an image by its header: refused, prepared first, or sent as it is. Pure.

What is sent as it is must be exactly what everybody understands: everything odd, and everything
the header does not tell, goes through `prepare`, which decodes it and knows.
"""

from cutout.headers import PLAIN, RAW, Header
from cutout.models import Reason
from cutout.sniff import PLAIN_FORMATS

# Decoded, a pixel takes 4 bytes, and `prepare` and `store` hold two or three copies in their 2 GB.
MAX_PIXELS = 100_000_000
# The providers' pages give no limit. Half of what we can decode is what the largest common phone
# cameras make; more shows nothing more of a product, and a provider that fails on it costs money.
PROVIDER_PIXELS = 50_000_000
MAX_SIDE = 16_383  # WebP's limit, so that every result can be had in either format
TAIL_BYTES = 256  # the end marker is here, unless something is appended

TAKEN = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF are taken"
_ENDS = {"jpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82"}


def refusal(header: Header | None) -> Reason | None:
    """Return why nobody should look further at this object; None: it may be an image."""
    if header is None or header.format == RAW:
        what = "not an image" if header is None else "a camera's raw file"
        message = f"By its first bytes the object is {what}; {TAKEN}."
        return Reason(code="unsupported_format", message=message)
    if (header.width or 0) * (header.height or 0) > MAX_PIXELS:
        return too_many_pixels(header.width or 0, header.height or 0)
    return None


def too_many_pixels(width: int, height: int) -> Reason:
    """Return the reason for an image that would not fit into memory."""
    message = f"The image has {width} x {height} pixels; at most {MAX_PIXELS:,} are taken."
    return Reason(code="too_many_pixels", message=message)


def needs_tail(header: Header) -> bool:
    """Tell whether only its end says that the file is complete; WebP's beginning says its size."""
    return header.format in _ENDS


def is_plain(header: Header) -> bool:
    """Tell whether every provider understands the image as it is, if the file is complete."""
    understood = (
        header.format in PLAIN_FORMATS
        and header.colour == PLAIN
        and header.bits is not None
        and header.bits <= 8  # noqa: PLR2004 bits a sample
        and header.orientation == 1
        and header.animated is False
    )
    width, height = header.width or 0, header.height or 0
    fits = 0 < width * height <= PROVIDER_PIXELS and max(width, height) <= MAX_SIDE
    return understood and fits


def is_complete(header: Header, size: int, tail: bytes) -> bool:
    """Tell whether the file goes on to its end, as far as that can be seen from outside.

    Args:
        header: what its first bytes say.
        size: of the object in bytes.
        tail: its last bytes, for formats that need them (`needs_tail`).
    """
    if header.format in _ENDS:
        return _ENDS[header.format] in tail
    return header.size is not None and header.size <= size
