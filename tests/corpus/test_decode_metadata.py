"""What stands beside the pixels can't spoil them; what is missing of them can't be made up."""

import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from tests.corpus import webps
from tests.corpus.copies import off_the_scene, prepared, refusal
from tests.corpus.exifs import exif, turn
from tests.corpus.heifs import AV1, HEVC, heif, with_exif
from tests.corpus.jpegs import APP1, APP2, COM, entropy, jpeg, segment
from tests.corpus.pictures import SIZE, encoded, noisy, scene
from tests.corpus.pngs import Part, deep_scene, spoiled
from tests.corpus.tiffs import Tiff

NEAR = 40
TEXT = b"Comment\0" + b"words " * 200_000
ODD_PNG_CHUNKS: dict[str, Part] = {
    "1.2 MB of text": (b"tEXt", TEXT),
    "a text that unpacks to more": (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**24))),
    "text in another language that does": (
        b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(2**24)),
    ),
    "text packed by nobody knows what": (b"zTXt", b"Comment\0\7rubbish"),
    "text without a keyword": (b"tEXt", b""),
    "a profile packed by nobody knows what": (b"iCCP", b"name\0\7rubbish"),
    "a profile that unpacks to too much": (b"iCCP", b"name\0\0" + zlib.compress(bytes(2**25))),
    "a profile without a name": (b"iCCP", b""),
    "a wrong checksum in tIME": spoiled(b"tIME", b"\x07\xe0\x01\x01\0\0\0"),
    "a wrong checksum in a text": spoiled(b"tEXt", b"a\0b"),
    "a wrong checksum in gAMA": spoiled(b"gAMA", b"\0\1\2\3"),
    "a gAMA of one byte": (b"gAMA", b"\x01"),
    "a cHRM of one byte": (b"cHRM", b"\x01"),
    "an sRGB of none": (b"sRGB", b""),
    "a pHYs of one byte": (b"pHYs", b"\x01"),
    "a tRNS of one byte": (b"tRNS", b"\x01"),
    "a cICP of one byte": (b"cICP", b"\x01"),
    "an acTL of one byte": (b"acTL", b"\x01"),
    "an acTL that counts none": (b"acTL", bytes(8)),
    "an fcTL of one byte": (b"fcTL", b"\x01"),
    "an fdAT of one byte": (b"fdAT", b"\x01"),
    "a chunk that nobody knows": (b"abCd", b"?"),
    "a chunk whose name is not ASCII": (b"\xe4bCd", b"?"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_PNG_CHUNKS)
def test_a_png_is_prepared_whatever_its_other_chunks_are(name: str) -> None:
    """Before its pixels, and behind them."""
    assert off_the_scene(deep_scene(before=(ODD_PNG_CHUNKS[name],))) <= NEAR
    assert off_the_scene(deep_scene(behind=(ODD_PNG_CHUNKS[name],))) <= NEAR


def test_a_png_without_its_end_is_whole_in_pixels() -> None:
    """IEND says nothing."""
    body = deep_scene(behind=((b"tEXt", b"a\0" + b"b" * 99),))

    for cut in (4, 12, 20, 100):
        assert off_the_scene(body[:-cut]) <= NEAR


ODD_JPEG_SEGMENTS = {
    "JFIF of two bytes": segment(0xE0, b"JF"),
    "JFIF that is cut": segment(0xE0, b"JFIF\0\1"),
    "Adobe that is cut": segment(0xEE, b"Adobe\0"),
    "an index of pictures that is none": segment(APP2, b"MPF\0rubbish"),
    "an index of pictures that are not there": segment(
        APP2,
        b"MPF\0II*\0\x08\0\0\0\x03\0"
        + struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
        + struct.pack("<HHII", 0xB001, 4, 1, 2)
        + struct.pack("<HHII", 0xB002, 7, 32, 50)
        + bytes(44),
    ),
    "Photoshop's block that is cut": segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0"),
    "a segment whose length is zero": segment(0xE5, b"", 0),
    "a segment whose length is one": segment(0xE5, b"", 1),
    "an empty comment": segment(COM, b""),
    "a profile without a number": segment(APP2, b"ICC_PROFILE\0"),
    "a profile's part zero": segment(APP2, b"ICC_PROFILE\0\0\0rubbish"),
    "EXIF of nothing": segment(APP1, b"Exif\0\0"),
    "bytes between the segments": segment(COM, b"words") + b"rubbish",
    "filling before a marker": b"\xff" * 9,
    "a hundred comments": segment(COM, b"x" * 9_999) * 100,
}


@pytest.mark.parametrize("name", ODD_JPEG_SEGMENTS)
def test_a_jpeg_is_prepared_whatever_its_other_segments_are(name: str) -> None:
    """They are not shown to the decoder."""
    odd = ODD_JPEG_SEGMENTS[name]

    assert off_the_scene(jpeg(odd)) <= NEAR
    assert off_the_scene(jpeg(odd, picture=scene().convert("CMYK"))) <= NEAR


@pytest.mark.parametrize(
    "odd",
    [
        webps.chunk(b"EXIF", b"rubbish"),
        webps.chunk(b"EXIF", b""),
        webps.chunk(b"XMP ", b"\xff" * 99),
        webps.chunk(b"ICCP", b"rubbish"),
        webps.chunk(b"????", b"rubbish"),
        b"EXIF\xff\xff\xff\x7frubbish",
        b"XMP \xff\xff\xff\xffrubbish",
        b"rub",
    ],
)
def test_a_webp_is_prepared_whatever_its_other_chunks_are(odd: bytes) -> None:
    """Behind its pixels, where EXIF and XMP stand."""
    flags = webps.EXIF | webps.XMP

    assert off_the_scene(webps.webp(webps.canvas(SIZE, flags), webps.pixels(scene()), odd)) <= NEAR


def test_a_webp_that_ends_within_its_exif_is_whole_in_pixels() -> None:
    """What EXIF said is gone."""
    body = encoded(scene(), "WEBP", lossless=True, exif=exif(turn(1)) + bytes(200))

    assert off_the_scene(body[:-100]) <= NEAR


@pytest.mark.parametrize(
    "tags",
    [
        {282: (2, [55, 50, 0]), 296: (2, [50, 0])},
        {306: (12, []), 305: (9, [1, 2, 3])},
        {34665: (4, [10**6]), 34853: (4, [10**6]), 330: (4, [10**6])},
        {700: (1, list(b"<rubbish"))},
        {33723: (4, [1, 2, 3]), 34377: (7, list(b"8BIM"))},
        {34675: (7, list(b"rubbish"))},
        {270: (2, [255] * 99), 65_000: (3, [1])},
        {274: (2, [54, 0])},
        {256: (3, [SIZE[0]]), 257: (3, [SIZE[1]]), 273: (4, [8])},
        {279: (4, [3])},
    ],
)
def test_a_tiff_is_prepared_whatever_its_other_tags_are(
    tags: dict[int, tuple[int, list[int]]],
) -> None:
    """They are not shown to the decoder; without compression, nor are the strips' sizes."""
    body = Tiff(SIZE, [scene().tobytes()], bits=(8,) * 3, photometric=2, tags=dict(tags)).file()

    assert off_the_scene(body) <= NEAR


@pytest.mark.parametrize("codec", [HEVC, AV1])
def test_a_heif_is_prepared_whatever_its_metadata_are(codec: str) -> None:
    """Rubbish for EXIF and XMP, as large as it likes."""
    written = Image.Exif()
    written[270] = "x" * 600
    body = heif(codec, exif=written.tobytes(), xmp=b"\xff" * 500)

    assert off_the_scene(with_exif(body, b"MM\0*" + b"\xff" * 500)) <= NEAR


ODD_GIF_PARTS = {
    "a comment": b"!\xfe\x05words\0",
    "an extension without blocks": b"!\xfe\0",
    "a graphic control that is too short": b"!\xf9\x01\0\0",
    "a graphic control that is too long": b"!\xf9\x09" + bytes(9) + b"\0",
    "an animation's extension that is cut": b"!\xff\x0bNETSCAPE2.0\0",
    "what is no part at all": b"\0\0\0",
}


@pytest.mark.parametrize("name", ODD_GIF_PARTS)
def test_a_gif_is_prepared_whatever_its_other_parts_are(name: str) -> None:
    """Before its picture."""
    body = encoded(scene(), "GIF")
    at = 13 + (6 << (body[10] & 7))

    assert off_the_scene(body[:at] + ODD_GIF_PARTS[name] + body[at:]) <= NEAR


CODINGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "optimized": {"optimize": True},
    "with restarts": {"restart_marker_blocks": 4},
}


@pytest.mark.parametrize("name", CODINGS)
def test_a_jpeg_that_lacks_its_end_alone_is_whole_in_pixels(name: str) -> None:
    """Cameras that lose their power, and writers that forget it."""
    body = jpeg(**CODINGS[name])

    for ending in (b"", b"\xff", b"\0" * 3_000):
        assert off_the_scene(body[:-2] + ending) <= NEAR


@pytest.mark.parametrize("name", CODINGS)
def test_a_jpeg_of_which_more_is_missing_is_broken(name: str) -> None:
    """A few bytes or half of it, filled with zeros or not."""
    body = noisy("JPEG", quality=90, **CODINGS[name])
    start = entropy(body)

    for cut in (*range(3, 40), (len(body) - start) // 2, len(body) - start - 9):
        assert refusal(body[:-cut]) == "truncated_image", cut
        assert refusal(body[:-cut] + bytes(cut)) == "truncated_image", cut


def test_what_stands_behind_a_jpeg_is_not_looked_at() -> None:
    """A video, another picture, and zeros."""
    cmyk = scene().convert("CMYK")

    for behind in (b"a video" * 999, jpeg(), bytes(5_000), b"\xff\xd8\xff\xda"):
        assert off_the_scene(jpeg(picture=cmyk) + behind) <= NEAR


def test_the_first_of_many_frames_is_all_that_is_read() -> None:
    """Broken ones behind it are no matter."""
    still = Image.new("RGB", SIZE, (1, 2, 3))
    for output in ("GIF", "PNG", "WEBP"):
        options: dict[str, object] = {"lossless": True} if output == "WEBP" else {}
        frames = [still.copy() for _ in range(3)]
        body = encoded(scene(), output, save_all=True, append_images=frames, **options)

        assert off_the_scene(body[:-10]) <= NEAR
        assert prepared(body)[0].size == SIZE


def test_an_unfinished_chunk_before_the_pixels_is_broken() -> None:
    """Nobody knows where the next one begins."""
    body = deep_scene()
    at = body.index(b"IDAT") - 4
    endless = struct.pack(">I", 2**31 - 1) + b"tEXt" + b"words"

    assert refusal(body[:at] + endless + body[at:]) == "truncated_image"
