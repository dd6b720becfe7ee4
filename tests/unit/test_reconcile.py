"""Every minute whatever the edges missed is found and made to move."""

import pytest

from cutout.errors import (
    MaybeCreatedError,
    ProviderRejectedError,
    ProviderUnavailableError,
    ResultError,
    StorageError,
)
from cutout.models import (
    Announce,
    AttemptEnded,
    Failed,
    Job,
    JobState,
    Pending,
    Place,
    Succeeded,
)
from cutout.services.reconcile import (
    ANNOUNCE_GRACE_MS,
    LEASE_STEP_MS,
    MIN_SILENCE_MS,
    STORING_GRACE_MS,
    SUBMIT_GONE_MS,
    WAITING_MS,
    Reconciler,
)
from cutout.services.shelves import MOST_LOOKS
from cutout.services.storing import LEASE_MS
from cutout.settings import CREATE_TIMEOUT_MS
from tests.fake_outside import FakeProvider
from tests.fakes import NOON_MS
from tests.world import PRICE, World

SILENCE_MS = 27_000  # three times the expected 9 s
HOLD_MS = CREATE_TIMEOUT_MS + 90_000  # ten times
TIMEOUT_MS = 600_000
URL = "https://cdn.test/1.png"


HALF_RETENTION_MS = 45 * 86_400_000


def reconciler(world: World, providers: dict[str, FakeProvider] | None = None) -> Reconciler:
    """Return the reconciler of the world."""
    return world.new_reconciler(providers=providers or world.providers)


def endings(world: World) -> list[AttemptEnded]:
    """Return what both queues were told."""
    return [m for m in world.messages.completions if isinstance(m, AttemptEnded)]


def maybe_created(world: World) -> Job:
    """Return a job whose answer to create was lost."""
    world.provider.script.append(MaybeCreatedError("no answer (ReadTimeout)"))
    return world.submitted()


@pytest.mark.parametrize(("after_ms", "given_up"), [(HOLD_MS - 1, False), (HOLD_MS, True)])
def test_a_maybe_created_attempt_is_held_and_then_given_up(
    world: World, after_ms: int, *, given_up: bool
) -> None:
    """Ten times the expected time a webhook may adopt it; the ledger says what it was."""
    job = maybe_created(world)
    world.clock.advance(after_ms)

    reconciler(world).run()
    for ended in endings(world):
        world.endings.settle(ended)

    assert (world.job(job).state is JobState.QUEUED) is given_up
    whys = [line.why for line in world.ledger.lines.values()]
    assert whys == (["maybe_created"] if given_up else [])
    assert world.gate.gate.spent_microusd == PRICE


def test_a_given_up_attempt_is_used_when_it_comes_home_after_all(world: World) -> None:
    """Its webhook brings the result, and no second prediction is paid."""
    job = maybe_created(world)
    late = world.ended(job)
    world.clock.advance(HOLD_MS)
    reconciler(world).run()
    world.endings.settle(endings(world)[0])

    world.storing.store(late, last_try=False)
    world.clock.advance(60_000)
    world.dispatcher.dispatch()

    assert world.job(job).state is JobState.SUCCEEDED
    assert len(world.provider.creates) == 1


@pytest.mark.parametrize(("after_ms", "asked"), [(SILENCE_MS - 1, False), (SILENCE_MS, True)])
def test_a_silent_prediction_is_asked_for(world: World, after_ms: int, *, asked: bool) -> None:
    """The webhook got lost: what the provider says is said to both queues."""
    job = world.submitted()
    world.provider.outcomes["prediction-1"] = Succeeded(result_url=URL)
    world.clock.advance(after_ms)

    reconciler(world).run()

    expected = [world.ended(job)] if asked else []
    assert endings(world) == expected
    assert world.metrics.sums["SilentPrediction"] == len(expected)


def test_a_fast_providers_silence_has_a_least_length() -> None:
    """Even with an expected second, nobody is asked before fifteen."""
    world = World(eachlabs_expected_seconds=1.0)
    world.submitted()
    world.provider.outcomes["prediction-1"] = Succeeded(result_url=URL)
    world.clock.advance(MIN_SILENCE_MS)

    reconciler(world).run()

    assert endings(world) == []
    world.clock.advance(1)
    reconciler(world).run()
    assert len(endings(world)) == 1


def test_a_running_prediction_keeps_its_slot(world: World) -> None:
    """Otherwise an eleventh would run."""
    job = world.submitted()
    world.provider.outcomes["prediction-1"] = Pending()
    for _ in range(5):
        world.clock.advance(60_000)
        reconciler(world).run()

    assert world.gate.gate.holds(job.job_id)
    (slot,) = world.gate.gate.provider("eachlabs").slots.values()
    assert slot.until_ms == world.clock.now_ms() + LEASE_STEP_MS
    assert endings(world) == []


@pytest.mark.parametrize(
    ("after_ms", "code"), [(TIMEOUT_MS - 1, None), (TIMEOUT_MS, "attempt_timeout")]
)
def test_a_prediction_that_never_ends_is_given_up(
    world: World, after_ms: int, code: str | None
) -> None:
    """After `AttemptTimeoutSeconds`; its slot is never held longer than that."""
    world.submitted()
    world.provider.outcomes["prediction-1"] = Pending()
    world.clock.advance(60_000)
    reconciler(world).run()
    world.clock.advance(after_ms - 60_000)

    reconciler(world).run()

    failures = [e.outcome.code for e in endings(world) if isinstance(e.outcome, Failed)]
    assert failures == ([code] if code else [])
    slots = world.gate.gate.provider("eachlabs").slots.values()
    assert all(slot.until_ms <= NOON_MS + TIMEOUT_MS for slot in slots)


def test_a_forgotten_prediction_failed(world: World) -> None:
    """404: the provider knows nothing of it any more."""
    world.submitted()
    world.clock.advance(SILENCE_MS)

    reconciler(world).run()

    (ended,) = endings(world)
    assert isinstance(ended.outcome, Failed)
    assert ended.outcome.code == "prediction_unknown"


def test_a_provider_that_can_not_be_asked_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in between says nothing about the prediction."""
    job = world.submitted()
    world.clock.advance(SILENCE_MS)

    def away(_: str) -> None:
        message = "HTTP 503"
        raise ProviderUnavailableError(message)

    monkeypatch.setattr(world.provider, "status", away)
    reconciler(world).run()

    assert endings(world) == []
    assert world.gate.gate.holds(job.job_id)


STUCK_MS = LEASE_MS + STORING_GRACE_MS


def storing(world: World) -> Job:
    """Return a job whose invocation of `store` crashed."""
    job = world.submitted()
    world.images.fail("write_result", StorageError("crash"))
    with pytest.raises(StorageError):
        world.storing.store(world.ended(job), last_try=False)
    return job


@pytest.mark.parametrize(("after_ms", "asked"), [(STUCK_MS - 1, 0), (STUCK_MS, 1)])
def test_a_stuck_result_is_fetched_from_a_fresh_url(
    world: World, after_ms: int, asked: int
) -> None:
    """The queue's own redelivery comes first; the old URL may have died."""
    storing(world)
    world.provider.outcomes["prediction-1"] = Succeeded(result_url="https://cdn.test/fresh.png")
    world.clock.advance(after_ms)

    reconciler(world).run()

    urls = [e.outcome.result_url for e in endings(world) if isinstance(e.outcome, Succeeded)]
    assert urls == ["https://cdn.test/fresh.png"] * asked


def test_a_failed_download_gets_a_fresh_url_at_once(world: World) -> None:
    """There is nothing to wait for: the same URL would only fail again."""
    job = world.submitted()
    ended = world.ended(job)
    world.results.bodies.clear()
    with pytest.raises(ResultError):
        world.storing.store(ended, last_try=False)
    world.provider.outcomes["prediction-1"] = Succeeded(result_url="https://cdn.test/fresh.png")
    world.clock.advance(SILENCE_MS)

    reconciler(world).run()

    urls = [e.outcome.result_url for e in endings(world) if isinstance(e.outcome, Succeeded)]
    assert urls == ["https://cdn.test/fresh.png"]


def test_a_result_that_can_not_be_stored_in_time_is_given_up(world: World) -> None:
    """The job ends with a reason and is announced, once."""
    job = storing(world)
    world.clock.advance(TIMEOUT_MS)

    reconciler(world).run()
    reconciler(world).run()

    stored = world.job(job)
    assert stored.reason is not None
    assert (stored.state, stored.reason.code) == (JobState.FAILED, "result_unavailable")
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]


@pytest.mark.parametrize(("after_ms", "said"), [(ANNOUNCE_GRACE_MS, 1), (ANNOUNCE_GRACE_MS + 1, 2)])
def test_an_end_nobody_published_is_announced(world: World, after_ms: int, said: int) -> None:
    """The first announcement got lost."""
    job = world.upload(body=b"hello")
    world.clock.advance(after_ms)

    reconciler(world).run()

    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)] * said


@pytest.mark.parametrize(
    ("after_ms", "held"), [(SUBMIT_GONE_MS - 1, True), (SUBMIT_GONE_MS, False)]
)
def test_a_slot_without_an_attempt_is_freed(world: World, after_ms: int, *, held: bool) -> None:
    """The invocation died between the gate's write and the job's: the price comes back."""
    job = world.upload()
    world.new_dispatcher(attempt=lambda _: None).dispatch()
    assert world.gate.gate.spent_microusd == PRICE
    world.clock.advance(after_ms)

    reconciler(world).run()

    assert world.gate.gate.holds(job.job_id) is held
    assert world.gate.gate.spent_microusd == (PRICE if held else 0)


def test_a_slot_whose_release_was_lost_is_freed(world: World) -> None:
    """The attempt has ended and was paid; only its slot was forgotten."""
    job = world.submitted()
    world.endings.settle(world.ended(job, failed="no subject"))
    world.clock.advance(SUBMIT_GONE_MS)

    reconciler(world).run()

    assert not world.gate.gate.holds(job.job_id)
    assert world.gate.gate.spent_microusd == PRICE


def test_one_jobs_fault_does_not_stop_the_round(world: World) -> None:
    """The others are looked at, and it is counted."""
    world.submitted("a.jpg")
    world.submitted("b.jpg")
    world.clock.advance(SILENCE_MS)
    world.jobs.fail("get", StorageError("away"))

    reconciler(world).run()

    assert len(endings(world)) == 1
    assert world.metrics.sums["ReconcileFailed"] == 1


def test_a_job_that_moved_on_is_left_alone(world: World) -> None:
    """An index is a little late: what it shows is looked up first."""
    job = world.submitted()
    world.clock.advance(SILENCE_MS)
    world.storing.store(world.ended(job), last_try=False)
    shown = {JobState.SUBMITTED: [Place(job_id=job.job_id, at_ms=0)]}
    world.jobs.standing = lambda shelf, *_: iter(shown.get(shelf, []))  # type: ignore[method-assign]  # an old look

    reconciler(world).run()

    assert endings(world) == []


def test_every_round_has_the_line_looked_at_while_anybody_waits(world: World) -> None:
    """Whatever wake-up was lost, a minute later somebody looks."""
    world = World(eachlabs_max_concurrent=1)
    world.submitted("a.jpg")
    world.upload("b.jpg")
    world.clock.advance(1_000)
    before = len(world.messages.wakes)

    reconciler(world).run()

    delays_s = [(at_ms - NOON_MS - 1_000) // 1000 for at_ms, _ in world.messages.wakes[before:]]
    assert delays_s == [0, 10, 20, 30, 40, 50]


def test_an_idle_round_wakes_nobody(world: World) -> None:
    """A run of `submit` every minute for nothing would be the dearest part of an idle month."""
    reconciler(world).run()

    assert world.messages.wakes == []


def test_jobs_that_wait_for_half_their_retention_are_written_again(world: World) -> None:
    """The write takes away an expiry of version 0.1.0; the job keeps its place in the line."""
    old = world.job(world.upload("old.jpg"))
    world.clock.advance(HALF_RETENTION_MS)
    world.upload("new.jpg")
    waiting = world.line.first(5, world.clock.now_ms())
    world.clock.advance(1)

    reconciler(world).run()

    written = world.job(old)
    assert (written.version, written.updated_ms) == (old.version + 1, world.clock.now_ms())
    assert written == old.model_copy(
        update={"version": written.version, "updated_ms": written.updated_ms}
    )
    assert [job.version for job in world.jobs.records.values() if job.key == "new.jpg"] == [1]
    assert world.line.first(5, world.clock.now_ms()) == waiting


def test_a_round_renews_so_many_and_the_next_one_the_others(world: World) -> None:
    """The oldest come first, and whoever was renewed makes room for those behind."""
    for number in range(MOST_LOOKS + 3):
        world.upload(f"{number:03}.jpg")
        world.clock.advance(1)
    world.clock.advance(HALF_RETENTION_MS)

    renewed = []
    for _ in range(3):
        reconciler(world).run()
        world.clock.advance(60_000)
        versions = [job.version for job in world.jobs.records.values()]
        renewed.append((versions.count(2), max(versions)))

    assert renewed == [(MOST_LOOKS, 2), (MOST_LOOKS + 3, 2), (MOST_LOOKS + 3, 2)]


def test_a_shelf_of_thousands_of_stale_jobs_starves_nobody(world: World) -> None:
    """One job on each other shelf is looked at in the first round; the thousands all come by."""
    silent, unheard = world.submitted("silent.jpg"), world.submitted("unheard.jpg")
    world.jobs.records[unheard.job_id] = unheard.model_copy(
        update={"state": JobState.FAILED, "announced": False}
    )
    stale = 25 * MOST_LOOKS
    for number in range(stale):
        job_id = f"{number:032x}"
        world.jobs.records[job_id] = unheard.model_copy(
            update={"job_id": job_id, "state": JobState.FAILED, "announced": False}
        )
    world.provider.outcomes["prediction-1"] = Succeeded(result_url=URL)
    world.clock.advance(ANNOUNCE_GRACE_MS + 1)
    rounds = reconciler(world)

    rounds.run()

    assert [ended.job_id for ended in endings(world)] == [silent.job_id]
    for _ in range(stale // MOST_LOOKS):
        rounds.run()
    told = {m.job_id for m in world.messages.completions if isinstance(m, Announce)}
    assert len(told) == stale + 1


def test_a_provider_that_hangs_leaves_time_for_the_others(world: World) -> None:
    """No question begins that the round could not see the end of, and the next goes on behind."""
    for key in ("a.jpg", "b.jpg"):
        world.submitted(key)
    asked: list[str] = []

    def hang(prediction_id: str) -> Pending:
        asked.append(prediction_id)
        world.clock.advance(40_000)
        return Pending()

    world.provider.status = hang  # type: ignore[method-assign]  # a provider that answers late
    world.clock.advance(SILENCE_MS)
    rounds = reconciler(world)

    rounds.run(left_ms=55_000)
    assert len(asked) == 1
    rounds.run(left_ms=55_000)

    assert len(set(asked)) == 2


def test_an_image_that_nobody_may_be_asked_for_ends(world: World) -> None:
    """Refused by one, it waited for the other, which was taken out of the stack."""
    world = World(providers=("eachlabs", "apiin"))
    world.provider.script.append(ProviderRejectedError("HTTP 400: no subject"))
    job = world.submitted()
    left = World(providers=("eachlabs",))
    left.jobs.records.update(world.jobs.records)
    left.clock.advance(WAITING_MS + 1)

    reconciler(left).run()

    ended = left.job(job)
    assert (ended.state, ended.reason and ended.reason.code) == ("failed", "provider_rejected")
    assert ended.reason is not None
    assert "no subject" in ended.reason.message
    assert Announce(job_id=job.job_id, run=1) in left.messages.completions
    assert left.provider.creates == []


def test_a_prediction_of_a_provider_that_was_taken_out_is_still_asked_for(world: World) -> None:
    """Its result is used, its slot freed and its price booked."""
    world.submitted()
    apiin = FakeProvider(world.clock, "apiin")
    left = World(providers=("apiin",))
    left.jobs.records.update(world.jobs.records)
    left.gate.write(world.gate.read())
    world.provider.outcomes["prediction-1"] = Succeeded(result_url=URL)
    left.clock.advance(SILENCE_MS)
    rounds = reconciler(left, {"eachlabs": world.provider, "apiin": apiin})

    rounds.run()
    (ended,) = endings(left)
    left.dispatcher.dispatch([left.endings.settle(ended)])

    assert (ended.provider, ended.outcome.status) == ("eachlabs", "succeeded")
    assert left.gate.read().provider("eachlabs").slots == {}


def test_a_prediction_of_a_provider_that_was_taken_out_ends_at_its_deadline(world: World) -> None:
    """What never answers is given up, and the image goes to a provider that is left."""
    job = world.submitted()
    left = World(providers=("apiin",))
    left.jobs.records.update(world.jobs.records)
    left.clock.advance(TIMEOUT_MS)

    reconciler(left, {"eachlabs": world.provider}).run()
    (ended,) = endings(left)
    left.endings.settle(ended)

    assert left.job(job).state is JobState.QUEUED
    assert [line.why for line in left.ledger.lines.values()] == ["failed"]
