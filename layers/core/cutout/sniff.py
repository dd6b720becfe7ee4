"""What kind of file the first bytes say it is. Pure; Content-Type is never trusted (PEERS P12)."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
)
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

# What the providers' pages say they take: API in One names JPEG, PNG and WebP (seed 002); Eachlabs
# names none and shows a PNG (seed 000).
PLAIN_FORMATS = frozenset({"jpeg", "png", "webp"})


def image_format(head: bytes) -> str | None:
    """Return `jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`, `heic`, `avif`, or None: not an image."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _ftyp(head)
    return next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)


def _ftyp(head: bytes) -> str | None:
    """Name a file of the ISO base media format by its brand; `mif1` is both, so ask the others."""
    brand = head[8:12]
    if brand in (b"mif1", b"msf1"):
        others = head[16 : min(int.from_bytes(head[:4]), 256)]
        return "avif" if b"avif" in others or b"avis" in others else "heic"
    return _FTYP_BRANDS.get(brand)
