"""Every kind of input through the real decision, preparation and check, on stores in memory."""

import io

import pytest
from PIL import Image

from cutout.adapters.imaging import PillowVerifier
from cutout.adapters.preparing import PillowPreparer
from cutout.models import Job, JobState
from tests.corpus.pictures import (
    BREAKS,
    CUT,
    INPUTS,
    PREPARED,
    WHOLE,
    encoded,
    scene,
    turned,
)
from tests.world import BUCKET, World

TOLERANCE = 40  # of 255: what two lossy encodings may change in the middle of an even area


class Studio:
    """The application with real decoders, and a provider that cuts a frame off what it is given."""

    def __init__(self) -> None:
        self.world = World()
        self.world.storing._verifier = PillowVerifier()  # noqa: SLF001 the fake's place
        self.preparing = self.world.new_preparing(PillowPreparer())
        self.given = b""

    def run(self, body: bytes, key: str = "photo.bin") -> Job:
        """Upload a file and let everything happen to it."""
        world = self.world
        job = world.upload(key, body)
        while world.messages.prepares:
            self.preparing.prepare(world.messages.prepares.popleft())
        world.dispatcher.dispatch()
        if world.job(job).state is JobState.SUBMITTED:
            self.finish(world.job(job), self.cut(world.job(job)))
        return world.job(job)

    def finish(self, job: Job, result: bytes) -> None:
        """Let the job's prediction end with this result."""
        url = f"https://cdn.test/{job.last_number}.png"
        self.world.results.bodies[url] = result
        self.world.storing.store(self.world.ended(job, url=url), last_try=False)

    def cut(self, job: Job) -> bytes:
        """Return what a provider makes of the image: the same size, as it lies in the file."""
        self.given = (
            self.world.stage.copies[job.staged_key]
            if job.staged_key
            else self.world.images.objects[BUCKET, job.key].body
        )
        picture = Image.open(io.BytesIO(self.given)).convert("RGBA")
        alpha = Image.new("L", picture.size, 255)
        alpha.putpixel((0, 0), 0 if picture.size != (1, 1) else 128)
        picture.putalpha(alpha)
        return encoded(picture, "PNG")

    def result(self, job: Job) -> Image.Image:
        """Return the published cut-out."""
        assert job.result is not None
        body = self.world.images.objects[BUCKET, job.result.key].body
        return Image.open(io.BytesIO(body)).convert("RGBA")


@pytest.fixture
def studio() -> Studio:
    """Return a new studio."""
    return Studio()


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_gets_the_right_thing(studio: Studio, name: str) -> None:
    """It is cut out, prepared and cut out, or skipped with its reason; never more, never less."""
    body, expected = INPUTS[name]

    job = studio.run(body)

    if expected in (CUT, PREPARED):
        assert job.state is JobState.SUCCEEDED, job.reason
        assert ("staged/" in (job.staged_key or "")) is (expected == PREPARED)
        assert job.result is not None
        assert (job.result.width, job.result.height) == (job.width, job.height)
    else:
        assert job.reason is not None
        assert (job.state, job.reason.code) == (JobState.SKIPPED, expected)
        assert studio.world.provider.creates == []
    assert studio.world.images.objects[BUCKET, "photo.bin"].body == body


SHOWING_THE_SCENE = [
    name
    for name, (_, outcome) in INPUTS.items()
    if outcome in (CUT, PREPARED)
    and not any(word in name for word in ("1x1", "16 bit", "alpha", "orientation 0", "ion 9"))
    and not any(word in name for word in ("grey", "bilevel", "float"))
]


@pytest.mark.parametrize("name", SHOWING_THE_SCENE)
def test_a_cut_out_is_upright_and_in_its_colours(studio: Studio, name: str) -> None:
    """Each quarter of the result has the colour it has in the upright original."""
    result = studio.result(studio.run(INPUTS[name][0]))

    original = scene()
    assert result.size == original.size
    for x in (24, 72):
        for y in (16, 48):
            found, expected = result.getpixel((x, y)), original.getpixel((x, y))
            assert isinstance(found, tuple)
            assert isinstance(expected, tuple)
            off = max(abs(a - b) for a, b in zip(found[:3], expected, strict=True))
            assert off <= TOLERANCE, (name, (x, y), found, expected)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("place", BREAKS)
def test_a_file_that_breaks_off_is_skipped(studio: Studio, kind: str, place: str) -> None:
    """Wherever it does, nothing is paid for half a picture."""
    body = WHOLE[kind]

    job = studio.run(body[: BREAKS[place](len(body))])

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, "truncated_image")
    assert studio.world.provider.creates == []


@pytest.mark.parametrize("name", ["photo.jpg", "photo.txt", "photo", "photo.HEIC", "photo.png"])
def test_an_extension_is_not_believed(studio: Studio, name: str) -> None:
    """A HEIC is one whatever it is called."""
    assert studio.run(INPUTS["heic"][0], name).state is JobState.SUCCEEDED


@pytest.mark.parametrize("name", [n for n, (_, o) in INPUTS.items() if o == PREPARED])
def test_a_staged_copy_is_plain(studio: Studio, name: str) -> None:
    """8 bits, grey or RGB, no metadata, no profile, one frame, upright."""
    studio.run(INPUTS[name][0])

    copy = Image.open(io.BytesIO(studio.given))
    copy.load()
    assert copy.format in ("JPEG", "PNG")
    assert copy.mode in ("RGB", "RGBA")
    assert not copy.getexif()
    assert set(copy.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert getattr(copy, "n_frames", 1) == 1


def test_sixteen_bits_become_eight(studio: Studio) -> None:
    """What was bright stays bright and what was dark stays dark."""
    studio.run(INPUTS["png 16 bit grey"][0])

    copy = Image.open(io.BytesIO(studio.given)).convert("L")
    assert abs(int(str(copy.getpixel((10, 30)))) - 233) < 8
    assert abs(int(str(copy.getpixel((85, 30)))) - 8) < 8


def test_a_provider_that_turns_the_image_is_found_out(studio: Studio) -> None:
    """A result of another shape is not published."""
    world = studio.world
    job = world.submitted("photo.bin", body=turned(1))

    studio.finish(
        job, encoded(Image.open(io.BytesIO(studio.cut(job))).rotate(90, expand=True), "PNG")
    )

    done = world.job(job)
    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, "result_wrong_size")
