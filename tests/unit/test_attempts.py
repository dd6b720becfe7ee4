"""One attempt, for every answer a provider can give (DESIGN 4.4's table)."""

import re
from collections.abc import Callable

import pytest

from cutout import jobs, requests
from cutout.errors import (
    ConfigurationError,
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderError,
    ProviderKeyUnreadableError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
    StorageError,
)
from cutout.gate import ARRIVAL_GUARD_MS, CIRCUIT_PAUSE_MAX_MS, ProviderSide
from cutout.models import (
    Announce,
    AttemptEnded,
    Failed,
    Job,
    JobState,
    Lane,
    ObjectRef,
    Submission,
    Succeeded,
)
from cutout.services.attempts import FRESH_MS
from cutout.tokens import token_hash
from tests.fake_outside import Create
from tests.fakes import NOON_MS
from tests.world import API, BUCKET, JPEG, PRICE, World

DOWN = ProviderUnavailableError("HTTP 503")
SETUP_ERRORS = [
    (ProviderMisconfiguredError("HTTP 401"), "setup"),
    (ProviderOutOfCreditError("HTTP 402"), "out_of_credit"),
]


def test_a_good_create_is_recorded(world: World) -> None:
    """Job, ledger and gate know the prediction and its price."""
    job = world.submitted()

    assert (job.state, job.cost_microusd) == (JobState.SUBMITTED, PRICE)
    assert job.attempts[0].prediction_id == "prediction-1"
    (line,) = world.ledger.lines.values()
    assert (line.why, line.microusd, line.month) == ("created", PRICE, "2026-01")
    assert world.gate.gate.spent_microusd == PRICE
    assert world.gate.gate.holds(job.job_id)


def test_the_provider_gets_presigned_url_and_webhook() -> None:
    """The URL reads the job's version; the webhook's has provider, job and token."""
    world = World(versioned=True, output_format="webp")

    job = world.submitted("a b.jpg")

    (create,) = world.provider.creates
    assert create.image_url.startswith(f"https://{BUCKET}.test/a%20b.jpg?versionId=v1&")
    assert create.output_format == "webp"
    pattern = re.escape(f"{API}/webhooks/eachlabs/{job.job_id}/") + "[A-Za-z0-9_-]{43}"
    assert re.fullmatch(pattern, create.webhook_url or "")


def test_the_token_is_stored_only_as_its_hash(world: World) -> None:
    """Nothing that is kept holds the token or the URL."""
    job = world.submitted()

    (create,) = world.provider.creates
    assert job.attempts[0].token_sha256 == token_hash(create.token)
    kept = job.model_dump_json() + repr(world.gate.gate) + repr(world.ledger.lines)
    assert create.token not in kept
    assert create.image_url not in kept


def test_every_attempt_has_a_token_of_its_own(world: World) -> None:
    """A token of one attempt says nothing about the next one."""
    world.submitted("a.jpg")
    world.submitted("b.jpg")

    first, second = world.provider.creates
    assert first.token != second.token


def test_the_attempt_is_recorded_before_the_provider_is_asked(world: World) -> None:
    """A crash after create leaves a trace that a webhook can be matched to."""
    job = world.upload()
    seen: list[tuple[JobState, str]] = []

    def look(create: Create) -> None:
        stored = world.job(job)
        seen.append((stored.state, stored.attempts[0].token_sha256))

    world.provider.on_create = look
    world.dispatcher.dispatch()

    (create,) = world.provider.creates
    assert seen == [(JobState.SUBMITTING, token_hash(create.token))]


def test_a_refusal_by_the_only_provider_is_the_end(world: World) -> None:
    """400: failed, announced, not paid, slot free."""
    world.provider.script.append(ProviderRejectedError("HTTP 400: too small"))

    job = world.submitted()

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.FAILED, "provider_rejected")
    assert "too small" in job.reason.message
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]
    assert not world.gate.gate.holds(job.job_id)
    assert world.gate.gate.spent_microusd == 0
    assert world.ledger.lines == {}


def test_a_refusal_leaves_the_image_to_the_next_provider() -> None:
    """400 with another provider: back in line without the first, at once."""
    world = World(providers=("eachlabs", "apiin"))
    world.provider.script.append(ProviderRejectedError("HTTP 400"))

    job = world.submitted()

    assert (job.state, job.excluded) == (JobState.QUEUED, ("eachlabs",))
    assert len(world.provider.creates) == 1
    assert list(world.messages.completions) == []


@pytest.mark.parametrize(("error", "reason"), SETUP_ERRORS, ids=["setup", "credit"])
def test_a_wrong_setup_pauses_the_provider(world: World, error: Exception, reason: str) -> None:
    """401, 403, 404, 402: jobs wait without using up an attempt, one pause is announced."""
    world.provider.script.append(error)
    first, second = world.upload("a.jpg"), world.upload("b.jpg")

    world.dispatcher.dispatch()
    world.dispatcher.dispatch()

    side = world.gate.gate.provider("eachlabs")
    assert (side.pause_reason, side.paused_until_ms) == (reason, NOON_MS + 300_000)
    assert (world.job(first).state, world.job(first).failures) == (JobState.QUEUED, 0)
    assert world.job(first).attempts == ()
    assert world.job(second).state is JobState.SUBMITTED  # of the same batch: asked at once
    assert len(world.messages.completions) == 1


@pytest.mark.parametrize(("error", "reason"), SETUP_ERRORS, ids=["setup", "credit"])
def test_a_mended_setup_is_found_by_one_probe(world: World, error: Exception, reason: str) -> None:
    """After the pause a single create is tried; its success lets all others go."""
    world.provider.script.append(error)
    world.submitted("a.jpg")
    world.upload("b.jpg")
    world.upload("c.jpg")
    world.clock.advance(300_000)
    in_flight: list[int] = []
    world.provider.on_create = lambda _: in_flight.append(
        len(world.gate.gate.provider("eachlabs").slots)
    )

    world.dispatcher.dispatch()  # the look that reconcile asks for

    assert set(world.states()) == {JobState.SUBMITTED}
    assert in_flight == [1, 3, 3]
    assert world.gate.gate.provider("eachlabs").pause_reason == ""


@pytest.mark.parametrize(
    ("retry_after_s", "least_ms", "most_ms"),
    [(7.0, 7_000, 7_000), (0.5, 500, 500), (None, 5_000, 15_000), (0.0, 5_000, 15_000)],
)
def test_a_rate_limit_pauses_the_key(
    world: World, retry_after_s: float | None, least_ms: int, most_ms: int
) -> None:
    """429: for Retry-After, or with jitter; the job waits and no attempt is used up."""
    world.provider.script.append(ProviderRateLimitedError("HTTP 429", retry_after_s))

    job = world.submitted()

    paused_ms = world.gate.gate.provider("eachlabs").paused_until_ms - NOON_MS
    assert least_ms <= paused_ms <= most_ms
    assert (job.state, job.attempts, job.failures) == (JobState.QUEUED, (), 0)
    assert world.gate.gate.spent_microusd == 0
    assert len(world.messages.wakes) == 1


def test_a_rate_limited_job_keeps_its_place_and_goes_on(world: World) -> None:
    """429 then 200: the oldest is still the first."""
    world.provider.script.append(ProviderRateLimitedError("HTTP 429", 2.0))
    job = world.submitted("first.jpg")
    world.clock.advance(2_000)
    world.upload("second.jpg")

    world.dispatcher.dispatch()

    second, third = world.provider.creates[1:]
    assert "first.jpg" in second.image_url
    assert "second.jpg" in third.image_url
    assert world.job(job).state is JobState.SUBMITTED


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda world: world.images.objects.clear(), "source_deleted"),
        (lambda world: world.images.put(BUCKET, "shoe.jpg", JPEG + b"2"), "source_replaced"),
    ],
)
@pytest.mark.parametrize("versioned", [True, False])
def test_a_source_that_is_gone_is_not_paid_for_again(
    happens: Callable[[World], object], code: str, *, versioned: bool
) -> None:
    """After a failed attempt the source is looked at; what is not there is not tried again."""
    world = World(versioned=versioned)
    world.provider.script.append(ProviderUnavailableError("HTTP 503"))
    job = world.submitted("shoe.jpg")
    happens(world)

    world.clock.advance(10_000)
    world.dispatcher.dispatch()

    ended = world.job(job)
    assert (ended.state, ended.reason and ended.reason.code) == (JobState.SKIPPED, code)
    assert len(world.provider.creates) == 1
    assert not world.gate.gate.holds(job.job_id)
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]


def test_an_unavailable_provider_is_tried_again_later(world: World) -> None:
    """500, 503, no connection: the attempt counts, nothing was paid, the wait grows."""
    world.provider.script.append(ProviderUnavailableError("HTTP 503"))

    job = world.submitted()

    assert (job.state, job.failures) == (JobState.QUEUED, 1)
    assert job.available_ms == NOON_MS + 2_000
    assert world.gate.gate.spent_microusd == 0
    assert world.gate.gate.provider("eachlabs").strikes == 1
    assert len(world.messages.wakes) == 1


def test_an_image_that_others_overtake_is_not_tried_for_ever(world: World) -> None:
    """500 for this image alone: its attempts are used up, and it fails with the last sentence."""
    world.provider.script.append(DOWN)
    job = world.submitted()

    for number in range(2):
        world.submitted(f"good-{number}.jpg")  # the provider is well
        world.provider.script.append(DOWN)
        world.clock.advance(60_000)
        world.dispatcher.dispatch()

    stored = world.job(job)
    assert stored.reason is not None
    assert (stored.state, stored.reason.code) == (JobState.FAILED, "attempts_exhausted")
    assert "HTTP 503" in stored.reason.message
    assert Announce(job_id=job.job_id, run=1) in world.messages.completions


def after_an_outage(world: World, answers: int) -> Job:
    """Return the only image's job after so many answers of 503, each five minutes later."""
    world.provider.script.extend([DOWN] * answers)
    job = world.submitted()
    for _ in range(answers):
        world.clock.advance(CIRCUIT_PAUSE_MAX_MS)
        world.dispatcher.dispatch()
    return world.job(job)


def test_an_outage_fails_no_image(world: World) -> None:
    """A provider that is down for hours: one image probes it, and is cut out when it is back."""
    stored = after_an_outage(world, 20)

    assert (stored.state, stored.failures, stored.stalls) == (JobState.SUBMITTED, 1, 19)
    assert len(world.provider.creates) == 21
    assert world.gate.gate.spent_microusd == PRICE
    assert world.gate.gate.provider("eachlabs").strikes == 0


def test_a_late_webhook_of_an_outage_finds_its_attempt(world: World) -> None:
    """A 500 may lie: the last tokens are kept, however long the outage was."""
    job = after_an_outage(world, 20)

    kept = [attempt.token_sha256 for attempt in job.attempts]
    assert kept == [token_hash(create.token) for create in world.provider.creates[-11:]]


def test_an_outage_of_a_day_is_an_end(world: World) -> None:
    """An image that finds nothing but an outage does not wait for ever."""
    stored = after_an_outage(world, jobs.MAX_STALLS + 1)

    assert (stored.state, stored.reason and stored.reason.code) == (
        JobState.FAILED,
        "attempts_exhausted",
    )
    assert world.gate.gate.spent_microusd == 0
    assert Announce(job_id=stored.job_id, run=1) in world.messages.completions


@pytest.mark.parametrize("pause_reason", ["", "out_of_credit"])
def test_a_single_image_fails_over(pause_reason: str) -> None:
    """500 after 500 for the only image: the circuit opens, the next provider is asked."""
    world = World(providers=("eachlabs", "apiin"))
    second = world.add_provider("apiin")
    world.gate.gate = world.gate.gate.with_provider(
        "eachlabs", ProviderSide(pause_reason=pause_reason)
    )
    world.provider.script.extend([DOWN] * 9)

    job = world.submitted()
    for _ in range(12):
        world.clock.advance(1_000)
        world.dispatcher.dispatch()

    stored = world.job(job)
    assert (stored.state, stored.attempts[-1].provider) == (JobState.SUBMITTED, "apiin")
    assert (len(world.provider.creates), len(second.creates)) == (3, 1)


@pytest.mark.parametrize("answer", [DOWN, ProviderRejectedError("HTTP 400")])
def test_a_webhook_before_an_error_is_believed(world: World, answer: ProviderError) -> None:
    """The provider created it and said no: nothing is sent again, the price stays spent."""
    job = world.upload()
    world.provider.script.append(answer)

    def told(_: Create) -> None:
        world.records.adopt(job.job_id, 1, "prediction-1", PRICE)

    world.provider.on_create = told
    world.dispatcher.dispatch()

    stored = world.job(job)
    assert (stored.state, stored.failures) == (JobState.SUBMITTED, 0)
    assert world.gate.gate.holds(job.job_id)
    assert world.gate.gate.spent_microusd == PRICE


def test_a_lost_answer_is_maybe_created(world: World) -> None:
    """Read timeout, 502, 504: slot and price are held, and nothing is sent again."""
    world.provider.script.append(MaybeCreatedError("no answer (ReadTimeout)"))

    job = world.submitted()
    world.clock.advance(60_000)
    world.dispatcher.dispatch()

    assert world.job(job).state is JobState.SUBMITTING
    assert world.gate.gate.holds(job.job_id)
    assert world.gate.gate.spent_microusd == PRICE
    assert len(world.provider.creates) == 1


def test_an_answer_with_the_result_ends_the_attempt(world: World) -> None:
    """`store` is told to bring it home; the slot is free without any message to `submit`."""
    outcome = Succeeded(result_url="https://cdn.test/1.png")
    world.provider.script.append(Submission(prediction_id="direct-1", outcome=outcome))

    job = world.submitted()

    ended = AttemptEnded(
        job_id=job.job_id,
        number=1,
        provider="eachlabs",
        prediction_id="direct-1",
        outcome=outcome,
    )
    assert list(world.messages.completions) == [ended]
    assert list(world.messages.dispatch) == []
    assert not world.gate.gate.holds(job.job_id)
    assert world.gate.gate.spent_microusd == PRICE
    assert [line.why for line in world.ledger.lines.values()] == ["created"]


def test_an_answer_with_a_failure_ends_the_attempt(world: World) -> None:
    """It was paid and brought nothing: the image is tried again, and nobody else is told."""
    outcome = Failed(code="provider_failed", message="no subject")
    world.provider.script.append(Submission(prediction_id="direct-1", outcome=outcome))

    job = world.submitted()

    assert (job.state, job.failures) == (JobState.QUEUED, 1)
    assert [line.why for line in world.ledger.lines.values()] == ["failed"]
    assert list(world.messages.completions) == []
    assert list(world.messages.dispatch) == []
    assert not world.gate.gate.holds(job.job_id)


def test_a_direct_answer_clears_a_provider_in_doubt(world: World) -> None:
    """The probe after a pause is answered with its result: all the others may go."""
    outcome = Succeeded(result_url="https://cdn.test/1.png")
    world.provider.script.extend([DOWN, Submission(prediction_id="direct-1", outcome=outcome)])
    world.submitted("first.jpg")

    world.submitted("second.jpg")

    assert world.gate.gate.provider("eachlabs").strikes == 0


def test_a_result_that_store_could_not_be_told_of_keeps_its_slot(world: World) -> None:
    """Reconcile frees it when it has learnt how the attempt ended."""
    outcome = Succeeded(result_url="https://cdn.test/1.png")
    world.provider.script.append(Submission(prediction_id="direct-1", outcome=outcome))
    world.messages.fail("bring_home", StorageError("away"))

    job = world.submitted()

    assert job.state is JobState.SUBMITTED
    assert world.gate.gate.holds(job.job_id)


def test_a_webhook_before_the_answer_is_no_second_price(world: World) -> None:
    """The ending adopts the prediction first; the answer to create finds it recorded."""
    job = world.upload()

    def end(_: Create) -> None:
        ended = world.ended(job).model_copy(update={"prediction_id": "prediction-1"})
        world.endings.settle(ended)

    world.provider.on_create = end
    world.dispatcher.dispatch()

    assert world.job(job).cost_microusd == PRICE
    assert world.job(job).state is JobState.SUBMITTED
    assert len(world.ledger.lines) == 1


@pytest.mark.parametrize(("late_ms", "sent"), [(0, 1), (1, 0)])
def test_a_stale_stamp_is_not_sent(world: World, late_ms: int, sent: int) -> None:
    """A create that would reach the provider in another window is given back, stamp and all.

    The same invocation does not try it again: a slow stack would never end.
    """
    job = world.upload()
    presign, slow = world.images.presign, [ARRIVAL_GUARD_MS + late_ms]

    def slowly(job: object) -> str:
        world.clock.advance(slow.pop() if slow else 0)
        return presign(world.jobs.records[job.job_id])  # type: ignore[attr-defined]  # a Job

    world.images.presign = slowly  # type: ignore[method-assign]  # a slow store
    provider_saw: list[int] = []
    world.provider.on_create = lambda create: provider_saw.append(create.at_ms)
    world.dispatcher.dispatch()
    seen_at_first = len(provider_saw)
    world.clock.advance(1_000)
    world.messages.deliver_wakes(lambda wake: world.dispatcher.dispatch(woken_for_ms=wake.due_ms))

    (stamp,) = world.gate.gate.provider("eachlabs").stamps
    assert seen_at_first == sent
    assert [at - stamp <= ARRIVAL_GUARD_MS for at in provider_saw] == [True]
    assert world.job(job).last_number == 2 - sent


def test_a_fault_of_our_own_stays_with_its_job(world: World) -> None:
    """One job that can't be presigned waits behind the others, which are all submitted."""
    jobs = [world.upload(f"{name}.jpg") for name in "abc"]
    world.images.fail("presign", StorageError("presigning failed"))

    world.dispatcher.dispatch()

    assert world.states().count(JobState.SUBMITTED) == 2
    (aside,) = [world.job(job) for job in jobs if world.job(job).state is JobState.QUEUED]
    assert (aside.setbacks, aside.failures, aside.attempts) == (1, 0, ())
    assert aside.available_ms == NOON_MS + 2_000
    assert world.gate.gate.spent_microusd == 2 * PRICE
    assert len(world.gate.gate.provider("eachlabs").slots) == 2


def test_a_fault_that_can_not_even_be_recorded_leaves_the_slot(world: World) -> None:
    """The table is away, so nobody knows whether the attempt is recorded: reconcile will."""
    job = world.upload()
    world.jobs.fail("get", StorageError("away"), StorageError("away"))

    world.dispatcher.dispatch()

    assert world.job(job).state is JobState.QUEUED
    assert world.gate.gate.holds(job.job_id)
    assert world.provider.creates == []


def test_a_job_that_ended_meanwhile_is_not_paid(world: World) -> None:
    """A place in the line that its job has left gives the slot back."""
    job = world.upload()
    entry = world.line.first(1, NOON_MS)
    world.line.first = lambda count, now_ms: entry  # type: ignore[method-assign]  # an old look
    world.jobs.replace(
        world.job(job), world.job(job).model_copy(update={"state": JobState.SKIPPED})
    )

    world.dispatcher.dispatch()

    assert world.provider.creates == []
    assert world.gate.gate.spent_microusd == 0


def test_an_answer_nobody_planned_for_is_maybe_created(world: World) -> None:
    """An error without a rule holds the slot: better waited for than paid twice."""
    world.provider.script.append(PredictionUnknownError("HTTP 404"))
    world.upload("a.jpg")
    world.upload("b.jpg")

    world.dispatcher.dispatch()

    assert sorted(world.states()) == [JobState.SUBMITTED, JobState.SUBMITTING]
    assert world.gate.gate.spent_microusd == 2 * PRICE


def test_a_missing_key_pauses_the_provider(world: World) -> None:
    """The SSM parameter is not there: nothing was created, jobs wait, a pause is announced."""
    world.provider.script.append(ConfigurationError("the SSM parameter cannot be read"))

    job = world.submitted()

    assert job.state is JobState.QUEUED
    assert world.gate.gate.spent_microusd == 0
    assert world.gate.gate.provider("eachlabs").pause_reason == "setup"


def test_a_key_that_cannot_be_read_just_now_costs_nothing_and_pauses_nobody(world: World) -> None:
    """The jobs go back to their places, with their attempts, their money and their stamps."""
    hiccups = [ProviderKeyUnreadableError("the SSM parameter cannot be read: Throttling")] * 3
    world.provider.script.extend(hiccups)
    uploaded = [world.upload(f"{n}.jpg") for n in range(3)]

    world.dispatcher.dispatch()

    side = world.gate.gate.provider("eachlabs")
    waiting = [world.job(job) for job in uploaded]
    assert [job.state for job in waiting] == [JobState.QUEUED] * 3
    assert [(job.attempts, job.failures, job.setbacks, job.stalls) for job in waiting] == [
        ((), 0, 0, 0)
    ] * 3
    assert [job.available_ms for job in waiting] == [job.available_ms for job in uploaded]
    assert (side.slots, side.stamps, side.pause_reason, side.paused_until_ms) == ({}, (), "", 0)
    assert (side.strikes, world.gate.gate.spent_microusd) == (0, 0)

    world.clock.advance(2_000)
    world.messages.deliver_wakes(lambda wake: world.dispatcher.dispatch(woken_for_ms=wake.due_ms))

    assert world.states() == [JobState.SUBMITTED] * 3
    assert [world.job(job).last_number for job in uploaded] == [2] * 3


def test_a_polled_provider_gets_no_webhook_url(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a webhook there is no URL that could leak, and the prediction is polled."""
    polled = world.settings.provider("eachlabs").model_copy(update={"uses_webhook": False})
    monkeypatch.setattr(type(world.settings), "provider", lambda self, name: polled)

    job = world.submitted()

    assert world.provider.creates[0].webhook_url is None
    (request,) = world.polls.started
    assert (request.job_id, request.number) == (job.job_id, 1)
    assert (request.prediction_id, request.wait_s) == ("prediction-1", 9)


def test_a_provider_with_a_webhook_is_not_polled(world: World) -> None:
    """Every question would cost something."""
    world.submitted()

    assert world.polls.started == []


def test_a_waiting_job_starts_at_once_behind_twenty_five_places_without_one(world: World) -> None:
    """Whoever meets such a place removes it; its slot goes back as if nothing had been tried."""
    for number in range(25):
        lost = world.upload(f"{number:02}.jpg")
        world.clock.advance(1)
        world.jobs.expire(lost.job_id)
    living = world.upload("shoe.jpg")

    world.dispatcher.dispatch()

    assert world.job(living).state is JobState.SUBMITTED
    assert world.line.size() == 0
    side = world.gate.gate.provider("eachlabs")
    assert [*side.slots] == [f"{living.job_id}.1"]
    assert len(side.stamps) == 1
    assert world.gate.gate.spent_microusd == PRICE
    assert len(world.provider.creates) == 1


def test_a_place_left_behind_by_a_job_that_waits_elsewhere_is_removed(world: World) -> None:
    """The same version of the object was recorded again: it is started once, and paid once."""
    lost = world.upload()
    world.jobs.expire(lost.job_id)
    world.clock.advance(5_000)
    again = world.intake.accept(ObjectRef(bucket=BUCKET, key="shoe.jpg"), Lane.UPLOAD)
    assert again is not None

    world.dispatcher.dispatch()
    for _ in range(2):
        world.storing.store(world.ended(again), last_try=False)
        world.dispatcher.dispatch([world.endings.settle(world.ended(again))])

    assert world.line.size() == 0
    assert len(world.provider.creates) == 1
    assert world.gate.gate.provider("eachlabs").slots == {}
    assert world.gate.gate.spent_microusd == PRICE


def test_a_place_that_cannot_be_removed_now_keeps_nobody_from_starting(world: World) -> None:
    """The table fails for a moment: the slot comes back all the same, and a later look removes."""
    lost = world.upload("lost.jpg")
    world.jobs.expire(lost.job_id)
    world.clock.advance(1)
    living = world.upload("shoe.jpg")
    world.jobs.fail("vacate", StorageError("writing the jobs table failed"))

    world.dispatcher.dispatch()
    left = world.line.size()
    world.dispatcher.dispatch()

    assert world.job(living).state is JobState.SUBMITTED
    assert (left, world.line.size()) == (1, 0)
    assert world.gate.gate.spent_microusd == PRICE


@pytest.mark.parametrize("image_url", [None, "https://example.com/shoe.jpg"])
def test_a_job_whose_own_result_stands_is_not_paid_again(
    world: World, image_url: str | None
) -> None:
    """The table was restored to a moment when it waited: its record has forgotten its end."""
    if image_url is None:
        waiting = world.job(world.upload())
    else:
        waiting = requests.of_url("0" * 32, image_url, BUCKET, "cutouts/", NOON_MS)
        world.jobs.create(waiting)
        waiting = world.job(waiting)
    world.dispatcher.dispatch()
    ended = world.ended(waiting)
    world.storing.store(ended, last_try=False)
    world.dispatcher.dispatch([world.endings.settle(ended)])
    world.jobs.records[waiting.job_id] = waiting
    world.clock.advance(FRESH_MS)

    world.dispatcher.dispatch()

    job = world.job(waiting)
    assert (job.state, job.reason and job.reason.code) == (JobState.SKIPPED, "already_done")
    assert len(world.provider.creates) == 1
    assert world.gate.gate.spent_microusd == PRICE
    assert world.gate.gate.provider("eachlabs").slots == {}


def test_the_result_of_another_version_is_no_reason_to_wait(world: World) -> None:
    """It stands at the name until the new one replaces it."""
    first = world.submitted()
    world.storing.store(world.ended(first), last_try=False)
    world.clock.advance(1_000)
    second = world.upload(body=JPEG + b"2")
    world.clock.advance(FRESH_MS)

    world.dispatcher.dispatch([world.endings.settle(world.ended(first))])

    assert world.job(second).state is JobState.SUBMITTED
    assert len(world.provider.creates) == 2
