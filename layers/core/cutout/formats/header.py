"""What is known of an image before anybody decodes it."""

from typing import Final

from cutout.models import Model

CMYK: Final = "cmyk"
PLAIN: Final = "plain"

RAW: Final = "raw"
UNTAKEN: Final = {
    RAW: "a camera's raw file",
    "png-cgbi": "a PNG in Apple's own form (CgBI)",
    "png-unknown": "a PNG of a colour type or depth that PNG does not have",
    "jpeg-ls": "a JPEG-LS file",
    "jpeg-hierarchical": "a hierarchical JPEG",
    "jpeg-deep": "a JPEG of more than 8 bits a sample",
    "jpeg-dnl": "a JPEG that tells its height behind its pixels",
    "jpeg-samples": "a JPEG of other than 1, 3 or 4 colours",
    "bmp-rare": "a BMP of a rare depth or compression",
    "heif-codec": "a HEIF file whose codec is neither HEVC nor AV1",
}
"""Formats that are intact and that no decoder of ours takes, each with words for people."""


class Header(Model):
    """What the first bytes say; None is what they leave open, so that it takes a decoder to know.

    `format` is one of `jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`, `heic`, `avif`, or a name in
    `UNTAKEN`. `width` and `height` are in pixels, as the pixels lie in the file. `orientation` is
    EXIF's, 1 to 8; None, too, where EXIF is there and was not read whole. `colour` is `plain`
    (grey, RGB or palette, with or without alpha) or `cmyk`. `bits` is the depth of a sample.
    `visible` tells that some pixel is not wholly transparent. `data_at` is the offset in bytes of
    the segment or chunk with the first pixels, or 0 if it was not reached. `size` is what the file
    says of its own length in bytes.
    """

    format: str
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    colour: str | None = None
    bits: int | None = None
    animated: bool | None = None
    visible: bool | None = None
    data_at: int = 0
    size: int | None = None
