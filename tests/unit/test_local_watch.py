"""What a job's record says about an image."""

from decimal import Decimal
from pathlib import Path

import pytest

from local import demo
from local.console import LocalError
from local.watch import Image, read_outcome

IMAGE = Image(name="shoe.jpg", path=Path("shoe.jpg"), key="photos/shoe.jpg")
RESULT = "photos/shoe.cutout.png"


def test_success_counts_when_the_object_is_there() -> None:
    """The outcome has the provider, the price and the key."""
    job = {
        "state": "succeeded",
        "result": {"key": RESULT},
        "provider": "eachlabs",
        "cost_microusd": Decimal(17_000),
    }

    outcome = read_outcome(IMAGE, job, {RESULT}, 2.5)

    assert outcome is not None
    assert (outcome.succeeded, outcome.seconds, outcome.result_key) == (True, 2.5, RESULT)
    assert (outcome.provider, outcome.cost_microusd) == ("eachlabs", 17_000)


def test_success_without_its_object_goes_on() -> None:
    """A record alone is not what a user sees."""
    job = {"state": "succeeded", "result": {"key": RESULT}}

    assert read_outcome(IMAGE, job, {"photos/shoe.jpg"}, 2.5) is None


@pytest.mark.parametrize("state", ["preparing", "queued", "submitting", "submitted", "storing"])
def test_a_job_under_way_goes_on(state: str) -> None:
    """Only the end states end the wait, even when an older result is there."""
    assert read_outcome(IMAGE, {"state": state}, {RESULT}, 2.5) is None


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_a_job_without_result_ends_with_its_reason(state: str) -> None:
    """The reason has the code and the sentence."""
    job = {"state": state, "reason": {"code": "too_large", "message": "It is too large."}}

    outcome = read_outcome(IMAGE, job, set(), 2.5)

    assert outcome is not None
    assert not outcome.succeeded
    assert outcome.reason == "too_large: It is too large."


def test_find_images_returns_files_of_any_kind(tmp_path: Path) -> None:
    """Folders are walked; hidden files and folders are left out."""
    for name in ("b.JPG", "sub/é a.heic", "notes", ".DS_Store", ".git/config"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    images = demo.find_images(tmp_path, "photos/")

    assert [image.name for image in images] == ["b.JPG", "notes", "sub/é a.heic"]
    assert images[2].key == "photos/sub/é a.heic"


def test_find_images_refuses_an_empty_directory(tmp_path: Path) -> None:
    """Without images there is nothing to wait for."""
    with pytest.raises(LocalError, match="no images"):
        demo.find_images(tmp_path, "photos/")
