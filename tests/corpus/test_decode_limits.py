"""No file takes the function with it: a limit, or the end of a process, is a reason."""

import errno
import faulthandler
import io
import os
import signal
import time
from typing import BinaryIO

import pytest
from PIL import Image

from cutout import inputs
from cutout.adapters.isolated import IsolatedPreparer
from cutout.adapters.preparing import PillowPreparer
from cutout.errors import ImageError, PreparingFailedError
from cutout.formats.jpeg import MAX_SCANS
from cutout.ports import PreparedImage
from tests.corpus.copies import off_the_scene, refusal
from tests.corpus.jpegs import jpeg
from tests.corpus.pictures import INPUTS, JPEG, SIZE, encoded, scene, turned


def with_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    body = jpeg(progressive=True)
    begin = body.rindex(b"\xff\xda")
    written = body.count(b"\xff\xda")
    return body[:-2] + body[begin:-2] * (count - written) + body[-2:]


@pytest.mark.parametrize("count", [10, MAX_SCANS])
def test_a_progressive_jpeg_is_decoded(count: int) -> None:
    """As many scans as encoders write, and many more."""
    assert off_the_scene(with_scans(count)) <= 40


@pytest.mark.parametrize("count", [MAX_SCANS + 1, 1_000])
def test_a_jpeg_of_more_scans_than_pictures_have_is_refused(count: int) -> None:
    """Each goes through the whole picture: a thousand of them keep the function beyond its time."""
    assert refusal(with_scans(count)) == "unsupported_format"


@pytest.mark.parametrize(
    "name", ["jpeg", "png", "webp lossy", "gif", "bmp", "tiff", "heic", "avif"]
)
def test_pixels_are_counted_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In every format, also where the first bytes do not tell."""
    monkeypatch.setattr(inputs, "MAX_PIXELS", SIZE[0] * SIZE[1] - 1)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))

    assert refusal(INPUTS[name][0]) == "too_many_pixels"


class Acting:
    """A preparer that does something else."""

    def __init__(self, act: object) -> None:
        self.act = act

    def prepare(self, image: BinaryIO) -> PreparedImage:
        """Do it."""
        self.act(image)  # type: ignore[operator]
        raise AssertionError


def outcome(act: object, **limits: int) -> Exception:
    """Return what becomes of a source while whose decoding something happens."""
    preparer = IsolatedPreparer(Acting(act), **limits)
    with pytest.raises((ImageError, PreparingFailedError)) as caught:
        preparer.prepare(io.BytesIO(JPEG))
    return caught.value


def spin(_: BinaryIO) -> None:
    """Compute for ever."""
    while True:
        time.process_time()


def die_of(number: signal.Signals) -> object:
    """Return what ends the process by a signal."""

    def die(_: BinaryIO) -> None:
        faulthandler.disable()  # the tests' own, which would tell it at length
        os.kill(os.getpid(), number)

    return die


def test_a_process_of_its_own_prepares_as_well() -> None:
    """The copy, its size and its notes come back; reasons do, too."""
    preparer = IsolatedPreparer(PillowPreparer())
    source = turned(6, "JPEG", quality=95)

    with preparer.prepare(io.BytesIO(source)).file as file:
        copy = file.read()

    with PillowPreparer().prepare(io.BytesIO(source)).file as file:
        assert copy == file.read()
    with pytest.raises(ImageError) as caught:
        preparer.prepare(io.BytesIO(b"hello"))
    assert (caught.value.code, str(caught.value)[-1]) == ("unsupported_format", ".")


def test_notes_come_back() -> None:
    """For the log."""
    body = jpeg(b"\xff\xe1\x00\x0aExif\0\0II")

    made = IsolatedPreparer(PillowPreparer()).prepare(io.BytesIO(body))

    made.file.close()
    assert made.notes == ("orientation_unreadable",)


def test_what_computes_for_ever_is_refused() -> None:
    """Its time is over, and that of the function is not."""
    found = outcome(spin, cpu_seconds=1)

    assert isinstance(found, ImageError)
    assert found.code == "unsupported_format"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE])
def test_what_crashes_the_decoder_is_refused(number: signal.Signals) -> None:
    """The function itself goes on."""
    found = outcome(die_of(number))

    assert isinstance(found, ImageError)
    assert found.code == "unsupported_format"


def test_what_needs_too_much_memory_is_refused() -> None:
    """The decoder is not given it."""

    class Wide:
        def prepare(self, image: BinaryIO) -> PreparedImage:
            picture = encoded(Image.new("RGBA", (6_000, 5_000), (1, 2, 3, 4)), "PNG")
            return PillowPreparer().prepare(io.BytesIO(picture))

    limited = IsolatedPreparer(Wide(), data_bytes=10 * 2**20)
    with pytest.raises((ImageError, PreparingFailedError)) as caught:
        limited.prepare(io.BytesIO(b""))

    assert getattr(caught.value, "code", "too_many_pixels") == "too_many_pixels"


def full_disk(_: BinaryIO) -> None:
    """Fail as a disk does that is full."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("act", [full_disk, die_of(signal.SIGKILL), die_of(signal.SIGTERM)])
def test_a_fault_of_the_machine_is_no_reason(act: object) -> None:
    """The message comes again, and another time it may go well."""
    assert isinstance(outcome(act), PreparingFailedError)


def test_a_fault_of_the_machine_leaves_the_decoder_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has a number of the operating system's, which errors about a picture have not."""

    def load(_: Image.Image) -> None:
        full_disk(io.BytesIO())

    monkeypatch.setattr("PIL.BmpImagePlugin.BmpImageFile.load", load)

    with pytest.raises(OSError, match="No space left"):
        PillowPreparer().prepare(io.BytesIO(encoded(scene(), "BMP")))
