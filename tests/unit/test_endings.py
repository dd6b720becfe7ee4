"""What an ended attempt means for job, ledger and slot, however often it is said."""

import pytest

from cutout.errors import ConflictError, StorageError
from cutout.models import Announce, AttemptEnded, JobState, attempt_id
from cutout.services.moves import Release
from tests.fakes import NOON_MS
from tests.world import PRICE, World


def test_a_success_frees_the_slot_and_leaves_the_job_to_store(world: World) -> None:
    """The dispatch side neither fetches nor ends anything."""
    job = world.submitted()

    release = world.endings.settle(world.ended(job))

    assert release == Release("eachlabs", attempt_id(job.job_id, 1))
    assert world.job(job).state is JobState.SUBMITTED
    assert [line.why for line in world.ledger.lines.values()] == ["created"]


def test_a_success_adopts_what_create_never_answered(world: World) -> None:
    """*Maybe created* becomes known: price, ledger and prediction id are recorded."""
    world.provider.on_create = lambda _: (_ for _ in ()).throw(OSError("crash"))
    job = world.submitted()
    assert job.state is JobState.SUBMITTING

    world.endings.settle(world.ended(job))

    stored = world.job(job)
    assert (stored.state, stored.cost_microusd) == (JobState.SUBMITTED, PRICE)
    assert stored.attempts[0].prediction_id == "late-1"
    assert len(world.ledger.lines) == 1


def test_a_failure_tries_again_and_keeps_the_price(world: World) -> None:
    """The image waits in line again; the ledger says that this attempt brought nothing."""
    job = world.submitted()

    world.dispatcher.dispatch([world.endings.settle(world.ended(job, failed="no subject"))])

    stored = world.job(job)
    assert (stored.state, stored.failures) == (JobState.QUEUED, 1)
    assert stored.available_ms == NOON_MS + 2_000
    assert [line.why for line in world.ledger.lines.values()] == ["failed"]
    assert world.gate.gate.spent_microusd == PRICE
    assert not world.gate.gate.holds(job.job_id)


def test_the_last_failure_is_the_end(world: World) -> None:
    """Three predictions, three prices, one end that is announced."""
    job = world.submitted()
    for _ in range(3):
        release = world.endings.settle(world.ended(job, failed="no subject"))
        world.clock.advance(60_000)
        world.dispatcher.dispatch([release])

    stored = world.job(job)
    assert stored.reason is not None
    assert (stored.state, stored.reason.code) == (JobState.FAILED, "attempts_exhausted")
    assert stored.cost_microusd == 3 * PRICE
    assert len(world.provider.creates) == 3
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]


@pytest.mark.parametrize("failed", ["", "no subject"])
def test_an_ending_said_five_times_is_one_ending(world: World, failed: str) -> None:
    """Webhooks come twice, and polls say the same."""
    job = world.submitted()
    ended = world.ended(job, failed=failed)
    world.endings.settle(ended)
    once = world.job(job)

    for _ in range(4):
        world.endings.settle(ended)

    assert world.job(job) == once
    assert len(world.ledger.lines) == 1


def test_an_end_that_was_not_announced_is_announced_at_the_redelivery(world: World) -> None:
    """The queue was away for a moment after the job's record was written."""
    world = World(max_attempts=1)
    job = world.submitted()
    ended = world.ended(job, failed="no subject")
    world.messages.fail("announce", StorageError("away"))
    with pytest.raises(StorageError):
        world.endings.settle(ended)

    world.endings.settle(ended)

    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]


def test_a_late_failure_does_not_disturb_the_next_attempt(world: World) -> None:
    """Attempt 1 fails, attempt 2 runs, attempt 1's failure is said again."""
    job = world.submitted()
    ended = world.ended(job, failed="no subject")
    release = world.endings.settle(ended)
    world.clock.advance(2_000)
    world.dispatcher.dispatch([release])

    world.dispatcher.dispatch([world.endings.settle(ended)])

    stored = world.job(job)
    assert (stored.state, stored.last_number, stored.failures) == (JobState.SUBMITTED, 2, 1)
    assert world.gate.gate.holds(job.job_id)


def test_a_contradiction_after_a_failure_leaves_the_ledger(world: World) -> None:
    """A later word on a prediction that is known does not book it again."""
    job = world.submitted()
    success = world.ended(job)
    world.endings.settle(world.ended(job, failed="no subject"))

    world.endings.settle(success)

    assert [line.why for line in world.ledger.lines.values()] == ["failed"]
    assert world.job(job).cost_microusd == PRICE


def test_an_unknown_job_is_nobodys_ending(world: World) -> None:
    """A record that expired is not written again, and releasing its slot is harmless."""
    job = world.submitted()
    ended = world.ended(job, failed="no subject")
    world.jobs.records.clear()

    release = world.endings.settle(ended)

    assert release.attempt == attempt_id(job.job_id, 1)
    assert world.jobs.records == {}


def test_a_contradiction_after_success_leaves_the_ledger(world: World) -> None:
    """A prediction that brought the result is not booked as one that failed."""
    job = world.submitted()
    world.storing.store(world.ended(job), last_try=False)

    world.endings.settle(world.ended(job, failed="timed out"))

    assert world.job(job).state is JobState.SUCCEEDED
    assert [line.why for line in world.ledger.lines.values()] == ["created"]


def test_a_conflict_is_tried_again(world: World) -> None:
    """Two invocations write one record; the slower one reads again and redoes its step."""
    job = world.submitted()
    ended = world.ended(job, failed="no subject")
    replace = world.jobs.replace
    others = [world.job(job)]

    def contested(old: object, new: object) -> object:
        if others:
            stored = others.pop()
            replace(stored, stored.model_copy(update={"setbacks": 4}))
        return replace(old, new)  # type: ignore[arg-type]  # two jobs

    world.jobs.replace = contested  # type: ignore[method-assign,assignment]  # a race
    world.endings.settle(ended)

    stored = world.job(job)
    assert (stored.state, stored.setbacks) == (JobState.QUEUED, 4)


def test_a_conflict_every_time_sends_the_message_back(world: World) -> None:
    """Others write the record again and again; nothing is lost, it comes again."""
    job = world.submitted()
    world.jobs.replace = lambda old, new: None  # type: ignore[method-assign]  # always too late

    with pytest.raises(ConflictError):
        world.endings.settle(world.ended(job, failed="no subject"))

    assert world.job(job) == job


def test_a_prediction_is_recorded_under_the_month_of_its_slot(world: World) -> None:
    """The ledger and the gate count an attempt in the same month."""
    world.clock.advance(1_769_903_999_000 - NOON_MS)
    job = world.upload()
    world.provider.on_create = lambda _: world.clock.advance(2_000)
    world.dispatcher.dispatch()

    ended: AttemptEnded = world.ended(job)
    world.endings.settle(ended)

    assert [line.month for line in world.ledger.lines.values()] == ["2026-01"]
