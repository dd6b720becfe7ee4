"""An odd source gets a plain staged copy before its job joins the line."""

import pytest

from cutout import jobs, staging
from cutout.errors import ImageError, LeaseHeldError, StorageError
from cutout.models import Announce, Job, JobState, Prepare, Wake
from cutout.services.preparing import LEASE_MS
from cutout.services.reconcile import PREPARING_GRACE_MS
from tests.unit.test_reconcile import reconciler
from tests.world import BUCKET, JPEG, World


class Killed(Exception):  # noqa: N818 it is no error, it is the end of the invocation
    """The execution environment disappears."""


HEIC = b"\x00\x00\x00\x18ftypheic a photo"


def odd(world: World) -> Job:
    """Upload an image that must be prepared."""
    return world.upload("shoe.heic", HEIC)


def prepare(world: World, job: Job) -> Job:
    """Handle the message; return the job as it is then."""
    world.preparing.prepare(Prepare(job_id=job.job_id))
    return world.job(job)


def test_a_prepared_job_joins_the_line(world: World) -> None:
    """The provider is given the copy, and the original is not touched."""
    job = odd(world)

    ready = prepare(world, job)
    world.dispatcher.dispatch()

    assert ready.state is JobState.QUEUED
    assert (ready.width, ready.height) == (64, 48)
    assert world.stage.copies == {f"staged/{job.job_id}.jpeg": b"a copy of " + HEIC}
    assert [wake for _, wake in world.messages.wakes] == [Wake()]
    (create,) = world.provider.creates
    assert create.image_url.startswith(f"https://work.test/staged/{job.job_id}.jpeg?")
    assert world.images.objects[BUCKET, "shoe.heic"].body == HEIC


def test_a_duplicate_message_prepares_nothing(world: World) -> None:
    """It only has the line looked at once more."""
    ready = prepare(world, odd(world))
    world.preparer.error = AssertionError("decoded again")

    assert prepare(world, ready) == ready
    assert len(world.messages.wakes) == 2


@pytest.mark.parametrize(("after_ms", "held"), [(LEASE_MS - 1, True), (LEASE_MS, False)])
def test_a_lease_is_resumed_when_it_is_over(world: World, after_ms: int, *, held: bool) -> None:
    """A crashed invocation's work is done again, a running one's is left alone."""
    job = odd(world)
    world.preparer.error = Killed()
    with pytest.raises(Killed):
        prepare(world, job)
    world.preparer.error = None
    world.clock.advance(after_ms)

    if held:
        with pytest.raises(LeaseHeldError):
            prepare(world, job)
    else:
        prepare(world, job)

    assert world.job(job).state is (JobState.PREPARING if held else JobState.QUEUED)


def test_a_passing_fault_lets_the_lease_go(world: World) -> None:
    """The redelivery need not wait for its end."""
    job = odd(world)
    world.stage.fail("stage", StorageError("away"))
    with pytest.raises(StorageError):
        prepare(world, job)

    assert prepare(world, job).state is JobState.QUEUED


def test_a_lease_that_cannot_be_given_back_ends_by_itself(world: World) -> None:
    """The fault that is told is the first one."""
    job = odd(world)
    world.stage.fail("stage", StorageError("the stage is away"))
    world.preparer.on_prepare = lambda: world.jobs.fail("get", StorageError("the table is away"))

    with pytest.raises(StorageError, match="stage"):
        prepare(world, job)

    assert world.job(job).preparing_until_ms == world.clock.now_ms() + LEASE_MS


@pytest.mark.parametrize("code", ["truncated_image", "too_many_pixels", "unsupported_format"])
def test_what_cannot_be_decoded_is_skipped(world: World, code: str) -> None:
    """With its reason, announced, and nothing was paid."""
    job = odd(world)
    world.preparer.error = ImageError(code, "It is broken.")

    done = prepare(world, job)

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.SKIPPED, code)
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]
    assert world.stage.copies == {}


def test_a_lost_announcement_is_made_up_at_the_redelivery(world: World) -> None:
    """A crash between the end and its announcement."""
    job = odd(world)
    world.preparer.error = ImageError("truncated_image", "It is broken.")
    world.messages.fail("announce", StorageError("away"))
    with pytest.raises(StorageError):
        prepare(world, job)

    prepare(world, job)

    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]


@pytest.mark.parametrize(("body", "code"), [(None, "source_deleted"), (JPEG, "source_replaced")])
def test_a_source_that_is_gone_is_skipped(world: World, body: bytes | None, code: str) -> None:
    """The reason says what happened to it."""
    job = odd(world)
    del world.images.objects[BUCKET, "shoe.heic"]
    if body is not None:
        world.images.put(BUCKET, "shoe.heic", body)

    done = prepare(world, job)

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.SKIPPED, code)


def test_a_source_that_kills_the_function_fails_in_the_end(world: World) -> None:
    """Out of memory leaves no exception, only leases."""
    job = odd(world)
    world.preparer.error = Killed()
    for _ in range(jobs.MAX_SETBACKS + 1):
        with pytest.raises(Killed):
            prepare(world, job)
        world.clock.advance(LEASE_MS)

    done = prepare(world, job)

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, "internal_error")
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]


def test_an_unknown_job_is_dropped(world: World) -> None:
    """A record that expired wants nothing."""
    world.preparing.prepare(Prepare(job_id="0" * 32))

    assert world.messages.wakes == []


@pytest.mark.parametrize(
    ("after_ms", "again"), [(staging.STAGED_FOR_MS - 1, False), (staging.STAGED_FOR_MS, True)]
)
def test_an_old_copy_is_made_anew(world: World, after_ms: int, *, again: bool) -> None:
    """The WorkBucket may have dropped it; nothing is sent, and the slot is free again."""
    job = prepare(world, odd(world))
    world.messages.prepares.clear()
    world.clock.advance(after_ms)

    world.dispatcher.dispatch()

    assert world.job(job).state is (JobState.PREPARING if again else JobState.SUBMITTED)
    assert list(world.messages.prepares) == [Prepare(job_id=job.job_id)] * again
    assert len(world.provider.creates) == (not again)
    assert world.gate.gate.holds(job.job_id) is not again


def test_a_copy_made_anew_is_sent(world: World) -> None:
    """Like the first one."""
    job = prepare(world, odd(world))
    world.clock.advance(staging.STAGED_FOR_MS)
    world.dispatcher.dispatch()

    prepare(world, job)
    world.clock.advance(60_000)
    world.dispatcher.dispatch()

    assert world.job(job).state is JobState.SUBMITTED
    assert len(world.provider.creates) == 1


@pytest.mark.parametrize(
    ("after_ms", "asked"), [(PREPARING_GRACE_MS, 0), (PREPARING_GRACE_MS + 1, 1)]
)
def test_reconcile_asks_for_a_lost_copy_again(world: World, after_ms: int, asked: int) -> None:
    """Once in a while, however often it looks."""
    job = odd(world)
    world.messages.prepares.clear()
    world.clock.advance(after_ms)

    for _ in range(3):
        reconciler(world).run()

    assert list(world.messages.prepares) == [Prepare(job_id=job.job_id)] * asked


def test_reconcile_leaves_a_held_lease_alone(world: World) -> None:
    """Somebody is at it."""
    stored = world.job(odd(world))
    held = stored.model_copy(update={"preparing_until_ms": world.clock.now_ms() + 10**9})
    world.jobs.replace(stored, held)
    world.messages.prepares.clear()
    world.clock.advance(PREPARING_GRACE_MS + 1)

    reconciler(world).run()

    assert list(world.messages.prepares) == []


@pytest.mark.parametrize("state", [s for s in JobState if s is not JobState.PREPARING])
def test_only_a_preparing_job_is_prepared(world: World, state: JobState) -> None:
    """Every step leaves the others alone."""
    job = odd(world).model_copy(update={"state": state})

    assert staging.lease(job, 0, 1) is None
    assert staging.release(job, 0) is None
    assert staging.finish(job, "staged/1.jpg", 1, 1, 0) is None
    assert staging.nudge(job, 0) is None
