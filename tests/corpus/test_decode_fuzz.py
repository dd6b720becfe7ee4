"""Whatever the bytes are, there is a decision: a picture or a reason, never an exception."""

import io
import os

import pytest
from PIL import Image

from cutout import inputs
from cutout.adapters.preparing import PillowPreparer
from cutout.errors import ImageError
from cutout.models import JobState
from tests.corpus.heifs import AV1, HEVC, heif
from tests.corpus.mutations import mutations
from tests.corpus.pictures import INPUTS, WHOLE
from tests.corpus.test_decode_alpha import NOTHING, OPAQUE_BMPS, PARTIAL
from tests.corpus.test_decode_depth import REFUSED
from tests.corpus.test_decode_kinds import SOUND, UNSUPPORTED
from tests.world import World

SOURCES = (
    *(body for body, _ in INPUTS.values()),
    *WHOLE.values(),
    *SOUND.values(),
    *UNSUPPORTED.values(),
    *NOTHING.values(),
    *OPAQUE_BMPS.values(),
    *PARTIAL.values(),
    *REFUSED.values(),
    heif(HEVC),
    heif(AV1),
)
SEEDS = [body for body in SOURCES if body and len(body) < 100_000]
REASONS = {"unsupported_format", "truncated_image", "too_many_pixels", "nothing_to_cut"}
FIRST = {JobState.QUEUED, JobState.PREPARING, JobState.SKIPPED}
# Large enough for every seed, and small enough that a number made extreme costs no second.
MOST_PIXELS = 2_000_000


def check(count: int, seed: int) -> None:
    """Decide about so many changed files."""
    preparer = PillowPreparer()
    for number, body in enumerate(mutations(SEEDS, count, seed)):
        world = World()
        assert world.upload("photo.bin", body).state in FIRST, (seed, number)
        assert outcome(preparer, body) in REASONS | {"picture"}, (seed, number)


def outcome(preparer: PillowPreparer, body: bytes) -> str:
    """Return what becomes of a file: a picture of the size it says, or a reason."""
    try:
        made = preparer.prepare(io.BytesIO(body))
    except ImageError as error:
        return error.code
    copy = Image.open(made.file)
    copy.load()
    return "picture" if copy.size == (made.width, made.height) else "another size"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take small pictures only."""
    monkeypatch.setattr(inputs, "MAX_PIXELS", MOST_PIXELS)


@pytest.mark.parametrize("seed", range(4))
def test_changed_files_get_a_decision(seed: int) -> None:
    """A few hundred, the same ones each time."""
    check(300, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_changed_files_get_a_decision(seed: int) -> None:
    """As many as `FUZZ` says, from another seed each time if `FUZZ_SEED` is set."""
    check(int(os.environ.get("FUZZ", "2000")), int(os.environ.get("FUZZ_SEED", "0")) + seed)


def test_chance_itself_gets_a_decision() -> None:
    """Behind the first bytes of every format."""
    chance = list(mutations([bytes(400)], 60, 7))
    for body in SEEDS[:40]:
        for rest in chance[:3]:
            with pytest.raises(ImageError):
                PillowPreparer().prepare(io.BytesIO(body[:16] + rest[16:]))
