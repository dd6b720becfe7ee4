"""What turns a picture: EXIF's number however it was written, a HEIF's own properties; no XMP."""

import struct
import zlib

import pytest
from PIL import Image

from cutout.adapters.decoding.decoded import UNREADABLE_ORIENTATION
from tests.corpus.copies import off_the_scene, prepared
from tests.corpus.exifs import UNREADABLE, UPRIGHT, exif, odd_turns, turn
from tests.corpus.heifs import AV1, HEVC, heif, with_exif
from tests.corpus.jpegs import APP1, exif_segment, jpeg, lying, segment, xmp_segment
from tests.corpus.pictures import (
    ORIENTATION,
    SIZE,
    animation,
    encoded,
    half_clear,
    scene,
    turned,
)
from tests.corpus.pngs import deep_scene, png
from tests.corpus.tiffs import Tiff

NEAR = 40  # of 255
SIX = odd_turns()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    b'syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def lying_png(*chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """Return the lying scene as a PNG with these chunks."""
    raw, (width, height) = lying().tobytes(), lying().size
    rows = [raw[at : at + width * 3] for at in range(0, len(raw), width * 3)]
    place = {"behind": chunks} if behind else {"before": chunks}
    return png(rows, (width, height), 8, 2, **place)


def lying_webp(body: bytes) -> bytes:
    """Return the lying scene as a WebP with EXIF."""
    return encoded(lying(), "WEBP", lossless=True, exif=body)


def lying_tiff(tags: dict[int, tuple[int, list[int]]], order: str = "<") -> bytes:
    """Return the lying scene as a TIFF with these tags."""
    picture = lying()
    return Tiff(
        picture.size,
        [picture.tobytes()],
        bits=(8,) * 3,
        photometric=2,
        order=order,
        tags=dict(tags),
    ).file()


@pytest.mark.parametrize("name", SIX)
def test_the_number_that_exif_has_turns_the_picture(name: str) -> None:
    """In every format that has EXIF, whatever else is wrong with it."""
    bodies = [
        jpeg(exif_segment(SIX[name]), picture=lying()),
        lying_png((b"eXIf", SIX[name])),
        lying_png((b"eXIf", SIX[name]), behind=True),
        lying_webp(SIX[name]),
        lying_webp(b"Exif\0\0" + SIX[name]),
    ]

    assert [off_the_scene(body) <= NEAR for body in bodies] == [True] * 5
    assert [prepared(body)[1] for body in bodies] == [()] * 5


@pytest.mark.parametrize("name", UPRIGHT)
def test_what_says_nothing_turns_nothing(name: str) -> None:
    """And nothing is noted."""
    for body in (jpeg(exif_segment(UPRIGHT[name])), deep_scene(before=((b"eXIf", UPRIGHT[name]),))):
        assert off_the_scene(body) <= NEAR
        assert prepared(body)[1] == ()


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_turns_nothing_and_is_noted(name: str) -> None:
    """The picture is cut out as it lies."""
    for body in (
        jpeg(exif_segment(UNREADABLE[name])),
        deep_scene(before=((b"eXIf", UNREADABLE[name]),)),
    ):
        assert off_the_scene(body) <= NEAR
        assert prepared(body)[1] == (UNREADABLE_ORIENTATION,)


@pytest.mark.parametrize("mark", [b"EXIF\0\0", b"Exif\0\xff", b"exif"])
def test_a_mark_that_is_not_quite_exifs_is_noted(mark: bytes) -> None:
    """Viewers do not know it, so that nobody has seen the picture turned."""
    body = jpeg(segment(APP1, mark + exif(turn(6))))

    assert off_the_scene(body) <= NEAR
    assert prepared(body)[1] == (UNREADABLE_ORIENTATION,)


def test_the_first_of_two_exif_counts() -> None:
    """As most viewers have it."""
    six, one = exif_segment(exif(turn(6))), exif_segment(exif(turn(1)))

    assert off_the_scene(jpeg(six, one, picture=lying())) <= NEAR
    assert off_the_scene(jpeg(one, six)) <= NEAR


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_exif_may_be_a_text_of_a_png(kind: bytes) -> None:
    """ImageMagick wrote it so for decades; it is no EXIF unless there is no chunk for it."""
    body = b"Exif\0\0" + exif(turn(6))
    text = f"\nexif\n{len(body):8}\n{body.hex()}\n".encode()
    keyword = b"Raw profile type exif\0"
    chunk = {
        b"tEXt": keyword + text,
        b"zTXt": keyword + b"\0" + zlib.compress(text),
        b"iTXt": keyword + b"\0\0\0\0" + text,
    }[kind]

    assert off_the_scene(lying_png((kind, chunk))) <= NEAR
    broken = deep_scene(before=((b"tEXt", keyword + b"\nexif\n 4\nno digits\n"),))
    assert prepared(broken)[1] == (UNREADABLE_ORIENTATION,)


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("output", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_all_orientations_come_home_upright(output: str, number: int) -> None:
    """Also the mirrored ones, which no camera makes and editors do."""
    assert off_the_scene(turned(number, output)) <= NEAR


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_a_tiff_is_turned_by_its_tag(kind: int, order: str) -> None:
    """Whatever the type of its number, and with tags beside it that are broken."""
    tags = {ORIENTATION: (kind, [6]), 282: (2, [55, 50, 0]), 296: (2, [50, 0])}

    assert off_the_scene(lying_tiff(tags, order)) <= NEAR


def test_xmp_turns_nothing() -> None:
    """Whatever the format: EXIF, or a HEIF's own properties, decide."""
    bodies = {
        "jpeg": jpeg(xmp_segment(XMP), picture=scene().convert("CMYK")),
        "deep png": deep_scene(before=((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),)),
        "webp": encoded(scene(), "WEBP", lossless=True, xmp=XMP),
        "tiff": Tiff(
            SIZE, [scene().tobytes()], bits=(8,) * 3, photometric=2, tags={700: (1, list(XMP))}
        ).file(),
        # Its writer itself would obey, so the number is put in behind its back.
        "heic": heif(HEVC, xmp=XMP.replace(b'"6"', b'"1"')).replace(b'tion="1"', b'tion="6"'),
        "avif": heif(AV1, xmp=XMP),
    }

    assert {name: off_the_scene(body) <= NEAR for name, body in bodies.items()} == dict.fromkeys(
        bodies, True
    )


@pytest.mark.parametrize("codec", [HEVC, AV1])
def test_exif_does_not_turn_a_heif(codec: str) -> None:
    """Its property does, which is taken away here; what EXIF says was done before."""
    body = turned(6, codec)
    at = body.index(b"irot") + 4

    found, _ = prepared(body[:at] + b"\0" + body[at + 1 :])

    assert found.size == SIZE[::-1]


@pytest.mark.parametrize("codec", [HEVC, AV1])
@pytest.mark.parametrize("name", UNREADABLE)
def test_damaged_exif_does_not_spoil_a_heif(codec: str, name: str) -> None:
    """With its property beside it."""
    written = Image.Exif()
    written[ORIENTATION] = 6
    written[270] = "x" * 60
    body = encoded(lying(), codec, quality=90, exif=written.tobytes())

    assert off_the_scene(with_exif(body, (UNREADABLE[name] + bytes(60))[:60])) <= NEAR


def test_a_cropped_avif_shows_its_part() -> None:
    """Property `clap`, before the turn."""
    wide = Image.new("RGB", (128, 64), (1, 2, 3))
    wide.paste(scene(), (32, 0))
    body = heif(AV1, wide)
    box = struct.pack(">I4s4IiIiI", 40, b"clap", 96, 1, 64, 1, 0, 1, 0, 1)

    assert off_the_scene(with_property(body, box)) <= NEAR


@pytest.mark.parametrize(
    "numbers",
    [
        (96, 0, 64, 1, 0, 1, 0, 1),
        (960, 1, 64, 1, 0, 1, 0, 1),
        (0, 1, 0, 1, 0, 1, 0, 1),
        (96, 1, 64, 1, 900, 1, 0, 1),
    ],
)
def test_a_crop_that_makes_no_sense_is_none(numbers: tuple[int, ...]) -> None:
    """The whole picture is shown."""
    box = struct.pack(">I4s4IiIiI", 40, b"clap", *numbers)

    assert off_the_scene(with_property(heif(AV1), box)) <= NEAR


def with_property(body: bytes, box: bytes) -> bytes:
    """Return an AVIF of one item with one more property."""

    def grown(data: bytes, kind: bytes, more: int) -> bytes:
        at = data.index(kind) - 4
        return (
            data[:at] + struct.pack(">I", int.from_bytes(data[at : at + 4]) + more) + data[at + 4 :]
        )

    ipma = body.index(b"ipma")
    end = ipma - 4 + int.from_bytes(body[ipma - 4 : ipma])
    count_at = ipma + 4 + 4 + 4 + 2
    number = body[count_at] + 1
    index = 1
    at, stop = body.index(b"ipco") + 4, body.index(b"ipco") - 4
    stop += int.from_bytes(body[stop : stop + 4])
    place = at
    while place < stop:
        place += int.from_bytes(body[place : place + 4])
        index += 1
    changed = body[:stop] + box + body[stop:count_at] + bytes([number]) + body[count_at + 1 : end]
    changed += bytes([index | 0x80]) + body[end:]
    more = len(box) + 1
    for kind, size in ((b"ipco", len(box)), (b"ipma", 1), (b"iprp", more), (b"meta", more)):
        changed = grown(changed, kind, size)
    # The pixels have moved: `iloc` has one item of one extent, whose offset comes before its size.
    iloc = changed.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2
    offset = int.from_bytes(changed[iloc : iloc + 4]) + more
    return changed[:iloc] + struct.pack(">I", offset) + changed[iloc + 4 :]


def test_nothing_else_is_turned() -> None:
    """Formats that know of no orientation."""
    for output in ("GIF", "BMP"):
        assert off_the_scene(encoded(scene(), output)) <= NEAR
    for output in ("GIF", "PNG", "WEBP"):
        assert off_the_scene(animation(output)) <= NEAR
    assert prepared(encoded(half_clear(), "WEBP", lossless=True))[0].size == SIZE
