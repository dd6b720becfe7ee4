"""What is transparent stays so, what is not does not become it, and nothing is cut from nothing."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from tests.corpus import webps
from tests.corpus.bmps import BITFIELDS, MASKS, RAW, V3, V4, V5, bmp
from tests.corpus.copies import off_the_scene, pixels, refusal
from tests.corpus.heifs import AV1, HEVC, heif
from tests.corpus.pictures import BLUE, GREEN, SIZE, chunk, encoded, half_clear, scene
from tests.corpus.pngs import GREY, PALETTE, RGB, SIGNATURE, png
from tests.corpus.test_decode_kinds import bottom_up
from tests.corpus.tiffs import DEFLATE, Tiff

NEAR = 4
WIDE = (8, 4)  # pixels of the small pictures here


def packed(levels: list[int], depth: int) -> bytes:
    """Return a row of samples."""
    text = "".join(f"{level:0{depth}b}" for level in levels)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_is_transparent(depth: int) -> None:
    """Chunk tRNS; exactly that grey is, with all its bits."""
    most = 2**depth - 1
    key = most // 3 if depth > 1 else 0
    levels = [key, most, key, most, key, min(key + 1, most), most, key]
    row = packed(levels, depth)

    body = png([row] * 4, WIDE, depth, GREY, before=((b"tRNS", struct.pack(">H", key)),))

    found = pixels(body)
    assert [bool(alpha) for alpha in found[0, :, 3]] == [level != key for level in levels]
    opaque = [level * 255 // most for level in levels if level != key]
    assert abs(found[0, found[0, :, 3] > 0, 0] - opaque).max() <= 1


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_only_as_many_bits_of_a_key_count_as_a_sample_has(depth: int) -> None:
    """PNG specification, 11.3.2.1."""
    row = packed([1, 2] * 4, depth)

    found = pixels(png([row] * 4, WIDE, depth, GREY, before=((b"tRNS", b"\xff\x01"),)))

    key = 0xFF01 & (2**depth - 1)
    assert [bool(alpha) for alpha in found[0, :, 3]] == [level != key for level in [1, 2] * 4]


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_is_transparent(depth: int) -> None:
    """With 16 bits a colour that differs in the lower eight alone is another one."""
    code = {8: ">3B", 16: ">3H"}[depth]
    key, other = (10, 20, 30), (10, 21, 30)
    row = b"".join(struct.pack(code, *(key if n % 2 else other)) for n in range(8))

    found = pixels(png([row] * 4, WIDE, depth, RGB, before=((b"tRNS", struct.pack(">3H", *key)),)))

    assert list(found[0, :, 3]) == [255, 0] * 4


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_may_be_transparent(depth: int) -> None:
    """One alpha an entry, fewer than entries, and more than there are."""
    palette = bytes([200, 40, 40, 40, 180, 60])
    row = packed([0, 1] * 4, depth)
    for alphas, wanted in ((b"\0", [0, 255]), (b"\x80\x40", [128, 64]), (b"\xff\0" * 9, [255, 0])):
        before = ((b"PLTE", palette), (b"tRNS", alphas))

        found = pixels(png([row] * 4, WIDE, depth, PALETTE, before=before))

        assert list(found[0, :, 3]) == wanted * 4


def test_a_palette_that_is_not_there_is_no_black() -> None:
    """Nobody knows its colours."""
    row = packed([0, 1] * 4, 8)

    for before in ((), ((b"PLTE", b""),), ((b"PLTE", bytes(5)),), ((b"tRNS", b"\0"),)):
        assert refusal(png([row] * 4, WIDE, 8, PALETTE, before=before)) == "truncated_image"


def test_transparency_of_an_interlaced_png_is_kept() -> None:
    """Seven passes, each a picture of its own."""
    levels = np.where(np.arange(SIZE[0]) < 48, 5, 12)[None, :].repeat(SIZE[1], axis=0)
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)]
    starts += [(1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [
        b"\0" + packed(list(row), 4)
        for left, top, across, down in starts
        for row in levels[top::down, left::across]
    ]
    header = chunk(b"IHDR", struct.pack(">II5B", *SIZE, 4, GREY, 0, 0, 1))
    data = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    body = SIGNATURE + header + chunk(b"tRNS", b"\0\x05") + data + chunk(b"IEND", b"")

    found = pixels(body)

    assert (found[..., 3] == np.where(levels == 5, 0, 255)).all()
    assert (found[:, 60, 0] == 204).all()


def premultiplied(colours: int) -> list[int]:
    """Return a pixel that is half opaque, as it is multiplied by that."""
    return [*[60] * colours, 128]


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("colours", [1, 3])
def test_associated_alpha_is_taken_out_of_the_colours(
    colours: int, compression: int, *, planes: bool
) -> None:
    """60 of 128 become 119 of 255."""
    pixel, count = premultiplied(colours), WIDE[0] * WIDE[1]
    data = [bytes([value]) * count for value in pixel] if planes else [bytes(pixel) * count]

    body = Tiff(
        WIDE,
        data,
        bits=(8,) * len(pixel),
        photometric=1 if colours == 1 else 2,
        extra=(1,),
        compression=compression,
    ).file()

    assert abs(pixels(body)[2, 2] - [119, 119, 119, 128]).max() <= 1


def test_deep_associated_alpha_is_taken_out_of_the_colours() -> None:
    """16 bits a sample."""
    pixel = struct.pack("<4H", *[60 * 257] * 3, 128 * 257)

    body = Tiff(WIDE, [pixel * 32], bits=(16,) * 4, photometric=2, extra=(1,)).file()

    assert abs(pixels(body)[2, 2] - [119, 119, 119, 128]).max() <= 1


def test_other_alphas_of_tiff() -> None:
    """Unassociated is as it is, anything is none, and what is not named is one if it is used."""
    pixel = bytes([60, 61, 62, 128]) * 32
    described = {"bits": (8,) * 4, "photometric": 2}
    for extra, wanted in (((2,), 128), ((0,), 255), ((999,), 128), ((), 128)):
        found = pixels(Tiff(WIDE, [pixel], extra=extra, **described).file())  # type: ignore[arg-type]
        assert abs(found[2, 2] - [60, 61, 62, wanted]).max() <= NEAR
    unused = bytes([60, 61, 62, 0]) * 32
    assert pixels(Tiff(WIDE, [unused], **described).file())[2, 2, 3] == 255  # type: ignore[arg-type]


def test_a_grey_tiff_with_alpha() -> None:
    """Extra sample 2, and 0 that is none."""
    pixel = bytes([60, 128]) * 32
    for extra, wanted in ((2, 128), (0, 255)):
        found = pixels(Tiff(WIDE, [pixel], bits=(8, 8), extra=(extra,)).file())
        assert abs(found[2, 2] - [60, 60, 60, wanted]).max() <= NEAR


def test_a_palette_with_alpha() -> None:
    """A TIFF may have both."""
    colours = [n * 257 for n in [*range(256)] * 3]
    pixel = bytes([90, 64]) * 32

    body = Tiff(
        WIDE, [pixel], bits=(8, 8), photometric=3, extra=(2,), tags={320: (3, colours)}
    ).file()

    assert list(pixels(body)[2, 2]) == [90, 90, 90, 64]


def test_a_premultiplied_heif() -> None:
    """Its reference `prem` says so."""
    raw = bytes(premultiplied(3)) * (64 * 64)
    file = pillow_heif.from_bytes("RGBa", (64, 64), raw)
    written = io.BytesIO()
    file.save(written, quality=-1, chroma=444)

    assert abs(pixels(written.getvalue())[30, 30] - [119, 119, 119, 128]).max() <= NEAR


OPAQUE_BMPS = {
    "V5 with alpha that is zero": bmp(bottom_up(), SIZE, 32, header=V5, compression=BITFIELDS),
    "V4 with alpha that is zero": bmp(bottom_up(), SIZE, 32, header=V4, compression=BITFIELDS),
    "V5 without bit fields": bmp(bottom_up(), SIZE, 32, header=V5, compression=RAW),
    "V3 without bit fields": bmp(bottom_up(), SIZE, 32, header=V3, compression=RAW),
    "V3 with bit fields": bmp(bottom_up(), SIZE, 32, header=V3, compression=BITFIELDS),
    "V5 with no mask for alpha": bmp(
        bottom_up(), SIZE, 32, header=V5, compression=BITFIELDS, masks=(*MASKS[:3], 0)
    ),
    "as Pillow writes RGBA, alpha zero": encoded(
        Image.merge("RGBA", (*scene().split(), Image.new("L", SIZE))), "BMP"
    ),
}


def without_fourth(rows: bytes) -> bytes:
    """Return rows whose every fourth byte is zero."""
    return bytes(0 if at % 4 == 3 else value for at, value in enumerate(rows))


@pytest.mark.parametrize("name", OPAQUE_BMPS)
def test_a_bmp_whose_alpha_says_nothing_is_opaque(name: str) -> None:
    """Zero everywhere is what programs write that know of none."""
    body = OPAQUE_BMPS[name]
    assert off_the_scene(body) <= 40
    assert (pixels(body)[..., 3] == 255).all()


def test_a_bmp_with_alpha_keeps_it() -> None:
    """Some of it is not zero."""
    rows = bytearray(without_fourth(bottom_up()))
    for x in range(SIZE[0] // 2):
        rows[x * 4 + 3] = 255

    found = pixels(bmp(bytes(rows), SIZE, 32, header=V5, compression=BITFIELDS))

    assert list(found[-1, [0, 40, 50, 90], 3]) == [255, 255, 0, 0]
    assert abs(found[-1, 10, :3] - BLUE).max() <= NEAR


def clear(mode: str = "RGBA") -> Image.Image:
    """Return a picture that is transparent everywhere."""
    picture = scene().convert("RGBA")
    picture.putalpha(0)
    return picture.convert(mode)


def clear_gif() -> bytes:
    """Return a GIF whose every pixel is the transparent one."""
    return encoded(Image.new("P", SIZE, 3), "GIF", transparency=3)


NOTHING = {
    "png": encoded(clear(), "PNG"),
    "png, grey": encoded(clear("LA"), "PNG"),
    "png, palette": encoded(Image.new("P", SIZE, 0), "PNG", transparency=0),
    "png, a transparent grey": png([bytes(8)] * 4, WIDE, 8, GREY, before=((b"tRNS", b"\0\0"),)),
    "webp": encoded(clear(), "WEBP", lossless=True, exact=True),
    "webp, lossy": encoded(clear(), "WEBP"),
    "gif": clear_gif(),
    "tiff": encoded(clear(), "TIFF"),
    "heic": heif(HEVC, clear()),
    "avif": heif(AV1, clear()),
    "apng, its first frame": encoded(clear(), "PNG", save_all=True, append_images=[scene()]),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_transparent_everywhere_is_not_paid_for(name: str) -> None:
    """Its cut-out would be empty, and refused when it is paid."""
    assert refusal(NOTHING[name]) == "nothing_to_cut"


def test_one_visible_pixel_is_something_to_cut() -> None:
    """However faint."""
    picture = clear()
    picture.putpixel((5, 5), (1, 2, 3, 1))

    assert pixels(encoded(picture, "PNG"))[..., 3].max() == 1


def apng(box: tuple[int, int, int, int], *, default: bool = False) -> bytes:
    """Return an animation of one opaque frame at a place, with another default image or not."""
    left, top, width, height = box
    piece = zlib.compress((b"\0" + bytes(GREEN) * width) * height)
    control = struct.pack(">5I2H2B", 0, width, height, left, top, 1, 10, 0, 0)
    header = struct.pack(">II5B", *SIZE, 8, RGB, 0, 0, 0)
    parts = [(b"IHDR", header), (b"acTL", struct.pack(">II", 1, 0))]
    if default:
        whole = zlib.compress((b"\0" + bytes(BLUE) * SIZE[0]) * SIZE[1])
        parts += [(b"IDAT", whole), (b"fcTL", control), (b"fdAT", struct.pack(">I", 1) + piece)]
    else:
        parts += [(b"fcTL", control), (b"IDAT", piece)]
    return SIGNATURE + b"".join(chunk(*part) for part in [*parts, (b"IEND", b"")])


def gif(box: tuple[int, int, int, int], *, local: bool = False) -> bytes:
    """Return a GIF whose only frame, of one colour, does not fill its screen."""
    left, top, width, height = box
    body = encoded(Image.new("RGB", (width, height), GREEN), "GIF")
    body = body[:6] + struct.pack("<2H", *SIZE) + body[10:]
    at = body.index(b"," + struct.pack("<4H", 0, 0, width, height))
    place = struct.pack("<4H", left, top, width, height)
    if not local:
        return body[:at] + b"," + place + body[at + 9 :]
    table = body[13 : 13 + (6 << (body[10] & 7))]
    screen = body[:10] + bytes([body[10] & 0x70, *body[11:13]])
    flags = bytes([0x80 | body[10] & 7])
    return screen + body[13 + len(table) : at] + b"," + place + flags + table + body[at + 10 :]


BOX = (48, 16, 32, 24)
PARTIAL = {
    "apng": apng(BOX),
    "apng with a default image": apng(BOX, default=True),
    "webp": webps.animation(SIZE, webps.frame(Image.new("RGB", BOX[2:], GREEN), *BOX[:2])),
    "webp, lossy": webps.animation(
        SIZE, webps.frame(Image.new("RGB", BOX[2:], GREEN), *BOX[:2], quality=95)
    ),
    "webp whose flags know of alpha": webps.animation(
        SIZE,
        webps.frame(Image.new("RGB", BOX[2:], GREEN), *BOX[:2]),
        flags=webps.ANIMATION | webps.ALPHA,
    ),
    "gif": gif(BOX),
    "gif with a palette of the frame's own": gif(BOX, local=True),
}


@pytest.mark.parametrize("name", PARTIAL)
def test_around_a_first_frame_there_is_nothing(name: str) -> None:
    """The copy has the canvas's size, the frame where it belongs, and no black."""
    left, top, width, height = BOX

    found = pixels(PARTIAL[name])

    assert found.shape == (SIZE[1], SIZE[0], 4)
    inside = np.zeros(SIZE[::-1], bool)
    inside[top : top + height, left : left + width] = True
    assert (found[..., 3] == np.where(inside, 255, 0)).all()
    assert abs(found[inside][:, :3] - GREEN).max() <= 12


def test_a_frame_that_is_transparent_itself_keeps_that() -> None:
    """Lossy WebP keeps its alpha in a chunk of its own."""
    piece = half_clear()
    for options in ({"lossless": True}, {"quality": 95}):
        body = webps.animation((128, 96), webps.frame(piece, 20, 30, **options))

        found = pixels(body)

        assert found.shape == (96, 128, 4)
        assert found[40, 30, 3] == 0
        assert abs(found[40, 100] - [*GREEN, 255]).max() <= 12
        assert found[90, 120, 3] == 0


def test_invalid_animations_are_their_still_picture() -> None:
    """A frame that leads out of the canvas, and a chunk that counts no frames."""
    beyond = apng((90, 60, 32, 24), default=True)

    assert abs(pixels(beyond)[10, 10, :3] - BLUE).max() <= NEAR


def test_transparent_stays_transparent_in_every_format() -> None:
    """The left half of the scene."""
    bodies = [
        encoded(half_clear(), "PNG"),
        encoded(half_clear().convert("LA"), "PNG"),
        encoded(half_clear(), "WEBP", lossless=True),
        encoded(half_clear(), "WEBP", quality=90),
        encoded(half_clear(), "GIF"),
        encoded(half_clear(), "TIFF"),
        heif(HEVC, half_clear()),
        heif(AV1, half_clear()),
    ]

    for body in bodies:
        found = pixels(body)
        assert found[..., 3][:, :44].max() <= NEAR
        assert found[..., 3][:, 52:].min() >= 255 - NEAR
