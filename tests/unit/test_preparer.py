"""Any picture becomes a plain one, or is refused; what `tests/corpus` shows is not repeated."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, UnidentifiedImageError

from cutout import inputs
from cutout.adapters.preparing import PillowPreparer
from cutout.errors import ImageError
from cutout.ports import PreparedImage
from tests.corpus.pictures import AVIF, HEIC, JPEG, SIZE, encoded, half_clear, scene, turned


def prepare(body: bytes) -> PreparedImage:
    """Prepare a file."""
    return PillowPreparer().prepare(io.BytesIO(body))


def code_for(body: bytes) -> str:
    """Return the reason code a file is refused with."""
    with pytest.raises(ImageError) as caught:
        prepare(body)
    return caught.value.code


@pytest.mark.parametrize(
    ("pixels", "side", "expected"),
    [(10**6, 10**4, SIZE), (SIZE[0] * SIZE[1] // 4, 10**4, (48, 32)), (10**6, 24, (24, 16))],
)
def test_what_is_larger_than_a_provider_takes_is_shrunk(
    monkeypatch: pytest.MonkeyPatch, pixels: int, side: int, expected: tuple[int, int]
) -> None:
    """In its own shape; its size is told."""
    monkeypatch.setattr(inputs, "PROVIDER_PIXELS", pixels)
    monkeypatch.setattr(inputs, "MAX_SIDE", side)

    image = prepare(encoded(scene(), "BMP"))

    assert (image.width, image.height) == expected
    assert Image.open(image.file).size == expected


@pytest.mark.parametrize("body", [JPEG, HEIC, AVIF], ids=["jpeg", "heic", "avif"])
def test_pixels_are_counted_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """Also where the header does not tell them."""
    monkeypatch.setattr(inputs, "MAX_PIXELS", SIZE[0] * SIZE[1] - 1)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))

    assert code_for(body) == "too_many_pixels"


def test_pillows_own_limit_is_the_same_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some decoders look at it before we can."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    assert code_for(encoded(scene(), "BMP")) == "too_many_pixels"


def test_memory_that_does_not_suffice_is_the_same_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header may lie to the decoder as well."""

    def load(_: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.BmpImagePlugin.BmpImageFile.load", load)

    assert code_for(encoded(scene(), "BMP")) == "too_many_pixels"


@pytest.mark.parametrize("body", [b"hello", b"II*\0\x10\0\0\0CR\x02\0"], ids=["text", "raw"])
def test_what_no_decoder_is_there_for_is_unsupported(body: bytes) -> None:
    """Whoever sent it here."""
    assert code_for(body) == "unsupported_format"


def test_what_the_decoder_does_not_know_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is whole and says nothing odd, and still it does not open."""

    def unknown(*_: object, **__: object) -> None:
        raise UnidentifiedImageError

    monkeypatch.setattr(Image, "open", unknown)

    assert code_for(JPEG) == "unsupported_format"


def test_alpha_that_hides_nothing_is_dropped() -> None:
    """JPEG is smaller."""
    assert prepare(encoded(scene().convert("RGBA"), "TIFF")).content_type == "image/jpeg"
    assert prepare(encoded(half_clear(), "TIFF")).content_type == "image/png"


def test_colours_of_another_space_become_srgb() -> None:
    """The copy carries no profile, so its numbers must mean what everybody takes them for."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    for profile in (srgb, lab, b"broken"):
        image = prepare(encoded(scene(), "TIFF", icc_profile=profile))
        found = Image.open(image.file).convert("RGB").getpixel((10, 10))
        assert isinstance(found, tuple)
        assert abs(found[0] - 220) < 12


def test_broken_exif_says_nothing() -> None:
    """The picture stays as it lies."""
    body = encoded(scene(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")

    assert prepare(body).width == SIZE[0]


UPRIGHT = Image.open(io.BytesIO(turned(6)))
# A grey one, because a picture in RGB needs no converting.
TURNED = encoded(UPRIGHT.convert("L"), "JPEG", exif=UPRIGHT.getexif().tobytes())
ODD_ERRORS = [
    ValueError("mode"),
    KeyError("La"),
    TypeError(),
    SyntaxError("header"),
    OSError("decoder error -2"),
    UnidentifiedImageError("unknown"),
    EOFError(),
    IndexError(),
    RuntimeError("libheif"),
    RecursionError(),
    ZeroDivisionError(),
    OverflowError(),
    struct.error("unpack"),
    zlib.error("data"),
    UnicodeDecodeError("ascii", b"", 0, 1, "no"),
    AttributeError("none"),
]


@pytest.mark.parametrize("error", ODD_ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["resize", "transpose", "convert", "save"])
def test_any_error_behind_the_decoder_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, step: str, error: Exception
) -> None:
    """Nothing that a file causes comes back as a dead letter."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(inputs, "MAX_SIDE", SIZE[0] - 1)
    monkeypatch.setattr(Image.Image, step, fail)

    assert code_for(TURNED) == "unsupported_format"


@pytest.mark.parametrize("step", ["resize", "transpose", "convert", "save"])
def test_memory_that_does_not_suffice_later_is_the_same_reason(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Turning and shrinking need some, too."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(inputs, "MAX_SIDE", SIZE[0] - 1)
    monkeypatch.setattr(Image.Image, step, fail)

    assert code_for(TURNED) == "too_many_pixels"


@pytest.mark.parametrize(("lowest", "highest"), [(0, 200), (0, 65_535), (300, 1_000)])
def test_deep_integers_become_eight_bits(lowest: int, highest: int) -> None:
    """65,535 is white, unless nothing is above what eight bits hold."""
    picture = Image.new("I", SIZE, lowest)
    picture.paste(highest, (0, 0, 48, 64))

    image = prepare(encoded(picture, "TIFF"))

    found = Image.open(image.file).convert("L").getpixel((10, 10))
    expected = highest if highest <= 255 else highest * 255 // 65_535
    assert abs(int(str(found)) - expected) < 4
