"""Only a complete picture with something cut out of it may be published."""

import io
import struct
import zlib

import pytest
from PIL import Image

from cutout.adapters.imaging import PillowVerifier
from cutout.errors import ResultError
from cutout.ports import VerifiedImage

SIZE = (64, 48)


def cut_out() -> Image.Image:
    """Return a picture that is half transparent and does not compress well."""
    width, height = SIZE
    noise = Image.effect_noise(SIZE, 90)
    picture = Image.merge("RGBA", (noise, noise, noise, noise))
    picture.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    picture.paste((9, 9, 9, 255), (width - 4, 0, width, 4))
    return picture


def encoded(picture: Image.Image, output: str = "PNG", **options: object) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    picture.save(file, output, **options)
    return file.getvalue()


def verify(body: bytes, output_format: str = "png") -> VerifiedImage:
    """Verify a file."""
    return PillowVerifier().verify(io.BytesIO(body), output_format)


def code_for(body: bytes, output_format: str = "png") -> str:
    """Return the reason code a file is refused with."""
    with pytest.raises(ResultError) as caught:
        verify(body, output_format)
    return caught.value.code


def read(image: VerifiedImage) -> bytes:
    """Return what would be published."""
    image.file.seek(0)
    return image.file.read()


CUT_OUT = cut_out()
PNG = encoded(CUT_OUT)
WEBP = encoded(CUT_OUT, "WEBP", lossless=True)


@pytest.mark.parametrize(("body", "output_format"), [(PNG, "png"), (WEBP, "webp")])
def test_a_cut_out_in_the_format_asked_for_passes_as_it_is(body: bytes, output_format: str) -> None:
    """Not one byte is changed; its size is told."""
    image = verify(body, output_format)

    assert read(image) == body
    assert (image.width, image.height, image.size) == (*SIZE, len(body))
    assert image.content_type == f"image/{output_format}"


@pytest.mark.parametrize(("body", "output_format"), [(PNG, "webp"), (WEBP, "png")])
def test_the_other_format_is_converted_without_loss(body: bytes, output_format: str) -> None:
    """Wherever something is left of the picture, every pixel is the same."""
    image = verify(body, output_format)

    picture = Image.open(io.BytesIO(read(image)))
    assert (picture.format, picture.size) == (output_format.upper(), SIZE)
    assert image.size == len(read(image))
    before, after = CUT_OUT, picture.convert("RGBA")
    assert after.getchannel("A").tobytes() == before.getchannel("A").tobytes()
    black = Image.new("RGBA", SIZE, "black")
    assert Image.alpha_composite(black, after).tobytes() == (
        Image.alpha_composite(black, before).tobytes()
    )


def with_transparent_colour(mode: str, colour: int) -> bytes:
    """Return a PNG without alpha channel whose tRNS chunk names one transparent colour."""
    picture = Image.new(mode, (4, 4), 1)
    picture.putpixel((0, 0), colour)
    return encoded(picture, transparency=colour)


def a_palette() -> bytes:
    """Return a palette PNG with alpha in its tRNS chunk."""
    picture = cut_out().convert("RGB").quantize(8)
    return encoded(picture, transparency=bytes([0, 100] + [255] * 6))


@pytest.mark.parametrize("output_format", ["png", "webp"])
@pytest.mark.parametrize(
    "body",
    [
        encoded(cut_out().convert("LA")),
        a_palette(),
        with_transparent_colour("L", 5),
        with_transparent_colour("1", 0),
        with_transparent_colour("I;16", 5),
    ],
    ids=["grey with alpha", "palette", "grey with tRNS", "bilevel with tRNS", "16 bit with tRNS"],
)
def test_every_way_to_be_transparent_passes(body: bytes, output_format: str) -> None:
    """An alpha channel is not the only one."""
    assert verify(body, output_format).content_type == f"image/{output_format}"


@pytest.mark.parametrize("kept", [60, len(PNG) // 2, len(PNG) - 30])
def test_a_png_that_breaks_off_is_truncated(kept: int) -> None:
    """As long as pixels are missing."""
    assert code_for(PNG[:kept]) == "result_truncated"


@pytest.mark.parametrize("missing", [16, 12, 4, 1])
def test_a_png_without_its_end_is_truncated(missing: int) -> None:
    """A file that lacks its last chunk is not complete."""
    assert code_for(PNG[:-missing]) == "result_truncated"


@pytest.mark.parametrize("kept", [0, 8, 20, 33])
def test_a_png_without_pixels_is_no_image(kept: int) -> None:
    """What breaks off in its header is not even a picture."""
    assert code_for(PNG[:kept]) == "result_not_an_image"


@pytest.mark.parametrize("kept", [40, len(WEBP) // 2, len(WEBP) - 1])
def test_a_webp_that_breaks_off_is_refused(kept: int) -> None:
    """Whichever of the two codes names it."""
    assert code_for(WEBP[:kept], "webp") in ("result_truncated", "result_not_an_image")


def test_a_png_with_a_wrong_checksum_is_truncated() -> None:
    """A flipped bit in the pixels is seen."""
    broken = bytearray(PNG)
    broken[len(PNG) // 2] ^= 0xFF

    assert code_for(bytes(broken)) == "result_truncated"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>504</html>",
        b'{"status": "error"}',
        encoded(cut_out().convert("P"), "GIF"),
    ],
    ids=["empty", "html", "json", "gif"],
)
def test_what_is_neither_png_nor_webp_is_no_image(body: bytes) -> None:
    """Other formats are not decoded at all."""
    assert code_for(body) == "result_not_an_image"


@pytest.mark.parametrize("kind", ["JPEG", "BMP"])
def test_what_has_no_alpha_by_its_format_is_opaque(kind: str) -> None:
    """It is an image, but no cut-out; it is not decoded either."""
    assert code_for(encoded(cut_out().convert("RGB"), kind)) == "result_opaque"


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (cut_out().convert("RGB"), "result_opaque"),
        (cut_out().convert("RGB").quantize(8), "result_opaque"),
        (Image.new("RGBA", SIZE, (1, 2, 3, 255)), "result_opaque"),
        (Image.new("RGBA", SIZE, (1, 2, 3, 0)), "result_empty"),
    ],
    ids=["no alpha", "palette", "alpha all 255", "alpha all 0"],
)
def test_what_shows_no_cut_out_is_refused(picture: Image.Image, code: str) -> None:
    """Everything kept or everything gone is not what was paid for."""
    assert code_for(encoded(picture)) == code


@pytest.mark.parametrize("alpha", [0, 254])
def test_a_single_other_pixel_is_a_cut_out(alpha: int) -> None:
    """Just inside of the two boundaries."""
    picture = Image.new("RGBA", SIZE, (1, 2, 3, 255))
    picture.putpixel((0, 0), (0, 0, 0, alpha))

    assert verify(encoded(picture)).width == SIZE[0]


def a_png_header(width: int, height: int, colour_type: int = 6) -> bytes:
    """Return a tiny PNG that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"\x00\x07")
    body = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(10_000, 10_001), (20_000, 20_000), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_not_decoded(size: tuple[int, int]) -> None:
    """100 megapixels are the most, whatever Pillow's own limit says."""
    assert code_for(a_png_header(*size)) == "result_too_large"


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_a_picture_without_area_is_no_image(size: tuple[int, int]) -> None:
    """A header may say anything."""
    assert code_for(a_png_header(*size)) == "result_not_an_image"


def test_a_palette_png_without_palette_is_refused() -> None:
    """A broken file ends the job with a reason, not with a crash."""
    assert code_for(a_png_header(1, 1, colour_type=3)) == "result_truncated"


def test_a_picture_too_wide_for_webp_is_refused() -> None:
    """WebP ends at 16,383 pixels; a wider PNG can't be converted."""
    picture = Image.new("RGBA", (16_384, 2), (1, 2, 3, 0))
    picture.putpixel((0, 0), (1, 1, 1, 255))

    assert code_for(encoded(picture), "webp") == "result_too_large"
