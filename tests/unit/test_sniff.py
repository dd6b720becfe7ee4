"""File formats by their first bytes."""

import pytest

from cutout.sniff import image_format


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x01", "jpeg"),
        (b"\xff\xd8\xff\xdb\x00\x43\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01", "jpeg"),
        (b"\xff\xd8\xff\xff\xff\xe1\x00\x10Exif\x00\x00II", "jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", "png"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8L", "webp"),
        (b"GIF87a\x40\x01\xf0\x00\x80\x00\x00\x00\x00\x00", "gif"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00!\xf9\x04", "gif"),
        (b"BM\x36\x00\x0c\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00", "bmp"),
        (b"II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00", "tiff"),
        (b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x00\x00\x03\x00\x00", "tiff"),
        (b"II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00", "tiff"),
        (b"MM\x00+\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10", "tiff"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "heic"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00", "heic"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00miafavif", "avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heic", "heic"),
    ],
)
@pytest.mark.parametrize("count", [16, 12, 100])
def test_image_format_names_the_format(head: bytes, expected: str, count: int) -> None:
    """Sixteen bytes are enough, and most of a signature is, where a file breaks off."""
    assert image_format(head[:count] if "mif1" not in str(head) else head) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8",
        b"\xff\xd8\xff\xd8",
        b"\x89PNG\n\x1a\n",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"RIFF\x24\x00\x00\x00WEBPALPH",
        b"BM\x00\x00" + bytes(100),
        b"GIF89a" + bytes(7) + b"\x07",
        b"II*\x00" + bytes(100),
        b"MM\x00*" + bytes(100),
        b"II+\x00\x04\x00\x00\x00" + bytes(100),
        b"\x00\x00\x00\x0cftypheic",
        b"\x7f\x00\x00\x18ftypheic",
        b"\x00\x00\x00\x18ftypisom",
        b"<svg xmlns=",
        b"%PDF-1.7",
        b"",
        b" \xff\xd8\xff",
    ],
)
def test_what_does_not_go_on_as_a_picture_is_none(head: bytes) -> None:
    """The signature counts at its exact place, and only with what must follow it."""
    assert image_format(head) is None
