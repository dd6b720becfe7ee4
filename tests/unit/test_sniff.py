"""File formats by their first bytes."""

import pytest

from cutout.sniff import PLAIN_FORMATS, image_format


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\xff\xd8\xff\xdb", "jpeg"),
        (b"\xff\xd8", None),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\x89PNG\n\x1a\n", None),
        (b"RIFF\x24\x00\x00\x00WEBPVP8L", "webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"BM\x00\x00", "bmp"),
        (b"II*\x00", "tiff"),
        (b"MM\x00*", "tiff"),
        (b"\x00\x00\x00\x18ftypheic", "heic"),
        (b"\x00\x00\x00\x18ftypmif1", "heic"),
        (b"\x00\x00\x00\x1cftypavif", "avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00miafavif", "avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heic", "heic"),
        (b"II+\x00\x08\x00\x00\x00", "tiff"),
        (b"MM\x00+\x00\x08\x00\x00", "tiff"),
        (b"\x00\x00\x00\x18ftypisom", None),
        (b"<svg xmlns=", None),
        (b"%PDF-1.7", None),
        (b"", None),
        (b" \xff\xd8\xff", None),
    ],
)
def test_image_format_names_the_format(head: bytes, expected: str | None) -> None:
    """Only the signature counts, at its exact place."""
    assert image_format(head) == expected
    assert image_format(head + b"\x00" * 100) == expected


def test_plain_formats_are_what_both_providers_take() -> None:
    """GIF, HEIC and TIFF are not sent as they are."""
    assert {"jpeg", "png", "webp"} == PLAIN_FORMATS
