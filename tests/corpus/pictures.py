"""Inputs made by code: every format, orientation, colour mode and way to be broken we know of."""

import io
import struct
import zlib
from collections.abc import Callable

import pillow_heif
from PIL import Image, ImageCms

SIZE = (96, 64)
ORIENTATION = 274
# Four quarters of one colour each show how a picture is turned.
RED, GREEN, BLUE, WHITE = (220, 40, 40), (40, 180, 60), (50, 70, 210), (240, 240, 240)

pillow_heif.register_heif_opener()


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return an upright picture."""
    width, height = size
    picture = Image.new("RGB", size, WHITE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    return picture


def encoded(picture: Image.Image, output: str, **options: object) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    picture.save(file, output, **options)
    return file.getvalue()


def turned(orientation: int, output: str = "JPEG", **options: object) -> bytes:
    """Return a file whose EXIF says how the scene must be turned to be upright."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = scene()
    if orientation in undo:
        picture = picture.transpose(undo[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(picture, output, exif=exif.tobytes(), **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk."""
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def png_header(width: int, height: int, colour_type: int = 2) -> bytes:
    """Return a PNG that says it is this large and has next to no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg_header(width: int, height: int) -> bytes:
    """Return a JPEG that says it is this large and has no pixels."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8" + frame + scan + b"\xff\xd9"


def bmp_header(width: int, height: int) -> bytes:
    """Return a BMP that says it is this large."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def gif_header(width: int, height: int) -> bytes:
    """Return a GIF that says it is this large."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b"\x3b"


def deep_png() -> bytes:
    """Return a grey PNG of 16 bits that is bright on its left and dark on its right."""
    width, height = SIZE
    row = struct.pack("<H", 60_000) * (width // 2) + struct.pack("<H", 2_000) * (width // 2)
    return encoded(Image.frombytes("I;16", SIZE, row * height), "PNG")


def deep_rgb_png() -> bytes:
    """Return an RGB PNG of 16 bits, which Pillow itself cannot write."""
    width, height = SIZE
    row = b"\0" + struct.pack(">HHH", 0xDC00, 0x2800, 0x2800) * width
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    pixels = zlib.compress(row * height)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def half_clear() -> Image.Image:
    """Return the scene with a transparent left half."""
    picture = scene().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, SIZE[0] // 2, SIZE[1]))
    return picture


def animation(output: str) -> bytes:
    """Return an animation that begins with the scene."""
    second = Image.new("RGB", SIZE, (1, 2, 3))
    return encoded(scene(), output, save_all=True, append_images=[second], duration=100)


def with_long_header() -> bytes:
    """Return a JPEG whose EXIF stands behind more than is read of it."""
    body = turned(6)
    segment = b"\xff\xe2" + struct.pack(">H", 65_535) + bytes(65_533)
    return body[:2] + segment * 2 + body[2:]


def adobe_rgb_like() -> bytes:
    """Return an ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noisy(output: str, **options: object) -> bytes:
    """Return a picture that does not compress, so that every part of its file matters."""
    noise = [Image.effect_noise((200, 150), 80) for _ in range(3)]
    return encoded(Image.merge("RGB", noise), output, **options)


JPEG = encoded(scene(), "JPEG", quality=95)
PNG = encoded(scene(), "PNG")
HEIC = encoded(scene(), "HEIF", quality=90)
AVIF = encoded(scene(), "AVIF", quality=90)
TIFF = encoded(scene(), "TIFF")

CUT = "cut"
PREPARED = "prepared"

# name: (the file, `cut` as it is, `prepared` first, or the reason code it is skipped with)
INPUTS: dict[str, tuple[bytes, str]] = {
    "jpeg": (JPEG, CUT),
    "jpeg progressive": (encoded(scene(), "JPEG", progressive=True), CUT),
    "jpeg grey": (encoded(scene().convert("L"), "JPEG"), CUT),
    "jpeg with icc": (encoded(scene(), "JPEG", icc_profile=adobe_rgb_like()), CUT),
    "jpeg with comment": (encoded(scene(), "JPEG", comment=b"hello"), CUT),
    "jpeg 1x1": (encoded(Image.new("RGB", (1, 1), RED), "JPEG"), CUT),
    "jpeg cmyk": (encoded(scene().convert("CMYK"), "JPEG"), PREPARED),
    "jpeg with appendix": (JPEG + b"a motion photo" * 100, CUT),
    "jpeg with long header": (with_long_header(), PREPARED),
    **{
        f"jpeg orientation {n}": (turned(n, quality=95), CUT if n == 1 else PREPARED)
        for n in range(1, 9)
    },
    "jpeg orientation 0": (turned(0), CUT),
    "jpeg orientation 9": (turned(9), CUT),
    "png": (PNG, CUT),
    "png grey": (encoded(scene().convert("L"), "PNG"), CUT),
    "png bilevel": (encoded(scene().convert("1"), "PNG"), CUT),
    "png palette": (encoded(scene().quantize(8), "PNG"), CUT),
    "png with alpha": (encoded(half_clear(), "PNG"), CUT),
    "png grey with alpha": (encoded(half_clear().convert("LA"), "PNG"), CUT),
    "png 1x1": (encoded(Image.new("RGB", (1, 1), RED), "PNG"), CUT),
    "png 16 bit grey": (deep_png(), PREPARED),
    "png 16 bit rgb": (deep_rgb_png(), PREPARED),
    "png orientation 6": (turned(6, "PNG"), PREPARED),
    "apng": (animation("PNG"), PREPARED),
    "png with appendix": (PNG + bytes(1000), CUT),
    "webp lossy": (encoded(scene(), "WEBP", quality=95), CUT),
    "webp lossless": (encoded(scene(), "WEBP", lossless=True), CUT),
    "webp with alpha": (encoded(half_clear(), "WEBP", lossless=True), PREPARED),
    "webp with icc": (encoded(scene(), "WEBP", icc_profile=adobe_rgb_like()), CUT),
    "webp orientation 6": (turned(6, "WEBP", quality=95), PREPARED),
    "webp animated": (animation("WEBP"), PREPARED),
    "gif": (encoded(scene(), "GIF"), PREPARED),
    "gif animated": (animation("GIF"), PREPARED),
    "bmp": (encoded(scene(), "BMP"), PREPARED),
    "bmp palette": (encoded(scene().quantize(8), "BMP"), PREPARED),
    "tiff": (TIFF, PREPARED),
    "tiff lzw": (encoded(scene(), "TIFF", compression="tiff_lzw"), PREPARED),
    "tiff cmyk": (encoded(scene().convert("CMYK"), "TIFF"), PREPARED),
    "tiff 16 bit": (encoded(Image.new("I;16", SIZE, 30_000), "TIFF"), PREPARED),
    "tiff float": (encoded(scene().convert("F"), "TIFF"), PREPARED),
    "tiff lab": (encoded(scene().convert("LAB"), "TIFF"), PREPARED),
    "tiff with alpha": (encoded(half_clear(), "TIFF"), PREPARED),
    "tiff orientation 6": (turned(6, "TIFF"), PREPARED),
    "heic": (HEIC, PREPARED),
    "heic orientation 6": (turned(6, "HEIF", quality=90), PREPARED),
    "heic with alpha": (encoded(half_clear(), "HEIF", quality=90), PREPARED),
    "avif": (AVIF, PREPARED),
    "avif orientation 6": (turned(6, "AVIF", quality=90), PREPARED),
    "jpeg with a png behind": (JPEG + PNG, CUT),
    "png with a zip behind": (PNG + b"PK\x03\x04" * 200, CUT),
    "zero bytes": (b"", "empty_object"),
    "text": (b"hello", "unsupported_format"),
    "html": (b"<html><img></html>", "unsupported_format"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported_format"),
    "pdf": (b"%PDF-1.7" + bytes(100), "unsupported_format"),
    "mp4": (b"\0\0\0\x18ftypisom" + bytes(100), "unsupported_format"),
    "html before a jpeg": (b"<html>" + JPEG, "unsupported_format"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100), "unsupported_format"),
    "camera raw": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(100), "unsupported_format"),
    "jpeg 20000x20000": (jpeg_header(20_000, 20_000), "too_many_pixels"),
    "png 20000x20000": (png_header(20_000, 20_000), "too_many_pixels"),
    "png 2147483647x1": (png_header(2**31 - 1, 1), "too_many_pixels"),
    "bmp 20000x20000": (bmp_header(20_000, 20_000), "too_many_pixels"),
    "gif 65535x65535": (gif_header(65_535, 65_535), "too_many_pixels"),
    "png 0x0": (png_header(0, 0), "truncated_image"),
    "jpeg signature only": (b"\xff\xd8\xff", "truncated_image"),
    "png signature only": (b"\x89PNG\r\n\x1a\n", "truncated_image"),
    "heic signature only": (b"\0\0\0\x18ftypheic", "truncated_image"),
    "avif signature only": (b"\0\0\0\x1cftypavif", "truncated_image"),
}

WHOLE: dict[str, bytes] = {
    "jpeg": noisy("JPEG"),
    "png": noisy("PNG"),
    "webp": noisy("WEBP", lossless=True),
    "gif": noisy("GIF"),
    "bmp": noisy("BMP"),
    "tiff": noisy("TIFF"),
    "heic": noisy("HEIF", quality=80),
    "avif": noisy("AVIF", quality=80),
}
# Where a file breaks off: so many bytes from its start, or this share of it.
BREAKS: dict[str, Callable[[int], int]] = {
    "after 12 bytes": lambda _: 12,
    "after 20 bytes": lambda _: 20,
    "after 40 bytes": lambda _: 40,
    "after 100 bytes": lambda _: 100,
    "after 300 bytes": lambda _: 300,
    "after a tenth": lambda size: size // 10,
    "in the middle": lambda size: size // 2,
    "after nine tenths": lambda size: size * 9 // 10,
    "100 bytes early": lambda size: size - 100,
    "30 bytes early": lambda size: size - 30,
}
