"""What kind of file the first bytes say it is. Pure; Content-Type is never trusted.

Two or six letters make no picture: a text begins with `BM` or `GIF89a`, too. So a signature counts
only if what must follow it is there, as far as the bytes go.
"""

from collections.abc import Callable

_TEXT_BYTES = 64
# What no text holds: control characters other than tab, line feed, form feed and carriage return.
_CONTROLS = frozenset({*range(32), 127} - {9, 10, 12, 13})

# Lengths of a BMP's information header: BITMAPCOREHEADER, OS/2 2.x short and long, BITMAPINFOHEADER
# and its three extensions (Microsoft, "Bitmap header types"; 52 and 56 are Adobe's).
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_BMP_DEPTHS = frozenset({0, 1, 2, 4, 8, 16, 24, 32, 64})

_FTYP_LIMIT = 4096  # bytes of an `ftyp` box; real ones name up to some twenty brands of 4 bytes
_FTYP_BRANDS = {
    b"heic": "heic",
    b"heix": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"hevc": "heic",
    b"hevx": "heic",
    b"avif": "avif",
    b"avis": "avif",
}


def image_format(head: bytes) -> str | None:
    """Return `jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`, `heic` or `avif`; None if it is no image.

    Sixteen bytes are enough for an answer; the more there are, the less passes for an image.
    """
    if head[4:8] == b"ftyp":
        return _ftyp(head)
    for signature, name, goes_on in _SIGNATURES:
        if head.startswith(signature):
            return name if goes_on(head) else None
    return None


def _is_text(rest: bytes) -> bool:
    """Tell whether what follows letters goes on as text, in which no small number stands."""
    return bool(rest) and not set(rest[:_TEXT_BYTES]) & _CONTROLS


def _jpeg(head: bytes) -> bool:
    """Tell whether a marker follows that can be a JPEG's first (ITU T.81, table B.1)."""
    return len(head) < 4 or head[3] in range(0xC0, 0xD0) or head[3] > 0xD8  # noqa: PLR2004


def _png(_: bytes) -> bool:
    """Accept all eight bytes, which were made to be nobody else's."""
    return True


def _webp(head: bytes) -> bool:
    """Tell whether a chunk follows with which a WebP may begin (RFC 9649)."""
    if _is_text(head[4:]):
        return False
    return head[8:12] == b"WEBP" and head[12:16] in (b"VP8 ", b"VP8L", b"VP8X", head[12:15])


def _gif(head: bytes) -> bool:
    """Tell whether a block follows the screen and its colours (GIF89a, sections 18 to 27)."""
    if _is_text(head[6:]):
        return False
    flags = head[10] if len(head) > 10 else 0  # noqa: PLR2004
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    block = head[place : place + 2]
    if block[:1] == b"!":
        return block[1:] in (b"\xf9", b"\xfe", b"\xff", b"\x01", b"")
    return block[:1] in (b",", b";", b"\x00", b"")  # some writers end nothing with a zero


def _bmp(head: bytes) -> bool:
    """Tell whether the information header has a known length, at most one plane, and a depth."""
    if len(head) < 18:  # noqa: PLR2004 its length is not there, but four reserved bytes may be
        return not any(head[6:10]) and not _is_text(head[2:])
    length = int.from_bytes(head[14:18], "little")
    numbers = head[22:26] if length == 12 else head[26:30]  # noqa: PLR2004 BITMAPCOREHEADER
    planes, depth = (int.from_bytes(numbers[n : n + 2], "little") for n in (0, 2))
    fits = len(numbers) < 4 or (planes <= 1 and depth in _BMP_DEPTHS)  # noqa: PLR2004
    return length in _BMP_HEADERS and fits


def _tiff(head: bytes) -> bool:
    """Tell whether a directory follows the header (TIFF 6.0, section 2)."""
    return len(head) < 8 or _number(head, 4, 8) >= 8  # noqa: PLR2004


def _big_tiff(head: bytes) -> bool:
    """Tell whether the offsets have 8 bytes, and a directory follows the header (BigTIFF)."""
    sizes = (_number(head, 4, 6), _number(head, 6, 8))
    return len(head) < 16 or (sizes == (8, 0) and _number(head, 8, 16) >= 16)  # noqa: PLR2004


def _number(head: bytes, start: int, stop: int) -> int:
    """Return a number of a TIFF's header, in the order that its first letter names."""
    return int.from_bytes(head[start:stop], "little" if head[:1] == b"I" else "big")


_SIGNATURES: tuple[tuple[bytes, str, Callable[[bytes], bool]], ...] = (
    (b"\xff\xd8\xff", "jpeg", _jpeg),
    (b"\x89PNG\r\n\x1a\n", "png", _png),
    (b"RIFF", "webp", _webp),
    (b"GIF87a", "gif", _gif),
    (b"GIF89a", "gif", _gif),
    (b"BM", "bmp", _bmp),
    (b"II*\x00", "tiff", _tiff),
    (b"MM\x00*", "tiff", _tiff),
    (b"II+\x00", "tiff", _big_tiff),
    (b"MM\x00+", "tiff", _big_tiff),
)


def _ftyp(head: bytes) -> str | None:
    """Name a file of the ISO base media format by its brand; `mif1` is both, so ask the others."""
    length = int.from_bytes(head[:4])
    if not 16 <= length <= _FTYP_LIMIT:  # noqa: PLR2004 its own header, a brand and a version
        return None
    brand = head[8:12]
    if brand in (b"mif1", b"msf1"):
        others = head[16:length]
        return "avif" if b"avif" in others or b"avis" in others else "heic"
    return _FTYP_BRANDS.get(brand)
