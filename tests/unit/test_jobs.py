"""Each step of a job's life: when it is allowed, what it changes, and when it is refused."""

import pytest

from cutout import jobs
from cutout.models import END_STATES, Job, JobState, Lane, Reason, Result
from tests.examples import TOKEN_SHA256, a_job, a_source, a_submitted_job, a_submitting_job
from tests.fakes import NOON_MS

LATER_MS = NOON_MS + 9_000
REASON = Reason(code="provider_failed", message="eachlabs: no subject")
RESULT = Result(key="r", etag="e", size=1, content_type="image/png", width=1, height=1)
NOT_QUEUED = [state for state in JobState if state is not JobState.QUEUED]
ENDS = sorted(END_STATES)


def in_state(state: JobState) -> Job:
    """Return a job with one attempt, in this state."""
    return a_submitted_job(state=state)


def test_a_new_job_waits_for_its_first_attempt() -> None:
    """It is queued from now on, for attempt 1."""
    job = jobs.new_job(a_source(), Lane.API, NOON_MS)

    entry = jobs.entry_of(job)
    assert (job.state, job.announced, job.attempts) == (JobState.QUEUED, True, ())
    assert (entry.lane, entry.available_ms, entry.number) == (Lane.API, NOON_MS, 1)
    assert (job.version_id, job.etag) == ("v1", a_source().etag)


def test_start_records_the_attempt() -> None:
    """The attempt has provider, token hash and time."""
    job = jobs.start(a_job(), 1, "eachlabs", TOKEN_SHA256, LATER_MS)

    assert job is not None
    assert (job.state, job.last_number, job.updated_ms) == (JobState.SUBMITTING, 1, LATER_MS)
    attempt = job.attempts[0]
    assert (attempt.provider, attempt.token_sha256) == ("eachlabs", TOKEN_SHA256)
    assert attempt.prediction_id is None


@pytest.mark.parametrize("state", NOT_QUEUED)
def test_start_refuses_a_job_that_does_not_wait(state: JobState) -> None:
    """Only a queued job may be paid for."""
    assert jobs.start(in_state(state), 2, "eachlabs", TOKEN_SHA256, LATER_MS) is None


@pytest.mark.parametrize("number", [0, 2])
def test_start_refuses_another_attempt(number: int) -> None:
    """An old place in the line starts nothing."""
    assert jobs.start(a_job(), number, "eachlabs", TOKEN_SHA256, LATER_MS) is None


def test_adopt_records_prediction_and_price() -> None:
    """The job is submitted."""
    job = jobs.adopt(a_submitting_job(), 1, "prediction-1", 17_000, LATER_MS)

    assert job is not None
    assert (job.state, job.submitted_ms, job.cost_microusd) == (
        JobState.SUBMITTED,
        LATER_MS,
        17_000,
    )
    assert job.attempts[0].prediction_id == "prediction-1"


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.STORING, *ENDS])
def test_adopt_of_a_job_elsewhere_only_counts_the_price(state: JobState) -> None:
    """A late answer moves nothing back."""
    job = jobs.adopt(a_submitting_job(state=state), 1, "prediction-1", 17_000, LATER_MS)

    assert job is not None
    assert (job.state, job.cost_microusd) == (state, 17_000)


def test_adopt_of_an_abandoned_attempt_leaves_the_next_one_alone() -> None:
    """Attempt 1's late answer does not make attempt 2 submitted."""
    job = jobs.adopt(a_submitting_job(2), 1, "prediction-1", 17_000, LATER_MS)

    assert job is not None
    assert job.state is JobState.SUBMITTING
    assert [a.prediction_id for a in job.attempts] == ["prediction-1", None]


def test_adopt_refuses_a_second_time_and_unknown_attempts() -> None:
    """The price is counted once, and for attempts that exist."""
    assert jobs.adopt(a_submitted_job(), 1, "prediction-1", 17_000, LATER_MS) is None
    assert jobs.adopt(a_submitted_job(), 2, "prediction-1", 17_000, LATER_MS) is None


@pytest.mark.parametrize(("available_ms", "expected"), [(None, NOON_MS), (LATER_MS, LATER_MS)])
def test_withdraw_puts_the_job_back(available_ms: int | None, expected: int) -> None:
    """The attempt never was; its number is not used again; the place in line is kept."""
    job = jobs.withdraw(a_submitting_job(), 1, LATER_MS, available_ms=available_ms)

    assert job is not None
    assert (job.state, job.attempts, job.available_ms) == (JobState.QUEUED, (), expected)
    assert (jobs.entry_of(job).number, job.failures) == (2, 0)


@pytest.mark.parametrize("state", [s for s in JobState if s is not JobState.SUBMITTING])
def test_withdraw_refuses_what_is_not_being_submitted(state: JobState) -> None:
    """A prediction that exists can't be taken back."""
    assert jobs.withdraw(in_state(state), 1, LATER_MS) is None
    assert jobs.withdraw(a_submitting_job(2), 1, LATER_MS) is None


def test_set_aside_waits_longer_every_time_and_then_fails() -> None:
    """2, 4, 8, 16, 32 s; the sixth fault of our own ends the job with a reason."""
    job, waits = a_job(), []
    for _ in range(jobs.MAX_SETBACKS):
        job = jobs.set_aside(job, NOON_MS) or job
        waits.append(job.available_ms - NOON_MS)

    failed = jobs.set_aside(job, NOON_MS)

    assert waits == [2_000, 4_000, 8_000, 16_000, 32_000]
    assert failed is not None
    assert failed.reason is not None
    assert (failed.state, failed.reason.code) == (JobState.FAILED, "internal_error")


@pytest.mark.parametrize("state", NOT_QUEUED)
def test_set_aside_refuses_a_job_that_does_not_wait(state: JobState) -> None:
    """Nothing under way is disturbed."""
    assert jobs.set_aside(in_state(state), LATER_MS) is None


@pytest.mark.parametrize("job", [a_submitting_job(), a_submitted_job()], ids=["maybe", "known"])
def test_fail_attempt_tries_again_later(job: Job) -> None:
    """The attempt has ended with its reason, and the job waits 2 s for the next one."""
    failed = jobs.fail_attempt(job, 1, REASON, 3, NOON_MS)

    assert failed is not None
    assert (failed.state, failed.failures) == (JobState.QUEUED, 1)
    assert failed.available_ms == NOON_MS + 2_000
    assert failed.attempts[0].ended == "provider_failed"


@pytest.mark.parametrize(
    ("before", "pause_ms"), [(0, 2_000), (1, 4_000), (4, 32_000), (5, 60_000), (50, 60_000)]
)
def test_fail_attempt_waits_longer_every_time(before: int, pause_ms: int) -> None:
    """The pause doubles up to a minute."""
    job = jobs.fail_attempt(a_submitted_job(failures=before), 1, REASON, 99, NOON_MS)

    assert job is not None
    assert job.available_ms == NOON_MS + pause_ms


@pytest.mark.parametrize(("before", "state"), [(1, JobState.QUEUED), (2, JobState.FAILED)])
def test_fail_attempt_gives_up_at_the_last(before: int, state: JobState) -> None:
    """The third failure of three is the end."""
    job = jobs.fail_attempt(a_submitted_job(failures=before), 1, REASON, 3, NOON_MS)

    assert job is not None
    assert job.state is state


def test_fail_attempt_says_what_the_last_one_said() -> None:
    """The reason is the stable code and the provider's sentence; it is announced later."""
    job = jobs.fail_attempt(a_submitted_job(), 1, REASON, 1, NOON_MS)

    assert job is not None
    assert job.reason is not None
    assert (job.reason.code, job.announced, job.ended_ms) == ("attempts_exhausted", False, NOON_MS)
    assert "no subject" in job.reason.message


@pytest.mark.parametrize("state", [JobState.QUEUED, *ENDS])
def test_fail_attempt_of_a_job_elsewhere_only_marks_the_attempt(state: JobState) -> None:
    """A late failure does not move a job that goes its way."""
    job = jobs.fail_attempt(in_state(state), 1, REASON, 1, LATER_MS)

    assert job is not None
    assert (job.state, job.failures) == (state, 0)
    assert job.attempts[0].ended == "provider_failed"


def test_fail_attempt_leaves_a_held_storing_lease_alone() -> None:
    """While somebody stores a result, a contradiction changes nothing."""
    storing = in_state(JobState.STORING).model_copy(update={"storing_until_ms": LATER_MS + 1})

    job = jobs.fail_attempt(storing, 1, REASON, 1, LATER_MS)

    assert job is not None
    assert job.state is JobState.STORING


def test_fail_attempt_refuses_a_second_time_and_unknown_attempts() -> None:
    """One attempt is one failure."""
    once = jobs.fail_attempt(a_submitted_job(), 1, REASON, 3, NOON_MS)
    assert once is not None

    assert jobs.fail_attempt(once, 1, REASON, 3, LATER_MS) is None
    assert jobs.fail_attempt(once, 2, REASON, 3, LATER_MS) is None


def test_refuse_offers_the_image_to_the_next_provider() -> None:
    """The refusing one is left out from now on, and there is no pause."""
    job = jobs.refuse(a_submitting_job(), 1, REASON, ("eachlabs", "apiin"), LATER_MS)

    assert job is not None
    assert (job.state, job.excluded) == (JobState.QUEUED, ("eachlabs",))
    assert (job.available_ms, job.failures) == (LATER_MS, 0)


def test_refuse_by_all_is_the_end() -> None:
    """Nobody is left to ask; the reason holds each provider's words."""
    job = jobs.refuse(
        a_submitting_job(excluded=("apiin",)), 1, REASON, ("eachlabs", "apiin"), LATER_MS
    )

    assert job is not None
    words = Reason(code=REASON.code, message=f"eachlabs: {REASON.message}")
    assert (job.state, job.reason) == (JobState.FAILED, words)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.STORING, *ENDS])
def test_refuse_refuses_a_job_elsewhere(state: JobState) -> None:
    """A late refusal changes nothing."""
    assert jobs.refuse(in_state(state), 1, REASON, ("eachlabs",), LATER_MS) is None
    assert jobs.refuse(a_submitting_job(2), 1, REASON, ("eachlabs",), LATER_MS) is None


@pytest.mark.parametrize("state", [s for s in JobState if s not in END_STATES])
def test_lease_may_be_taken_in_every_state_that_wants_a_result(state: JobState) -> None:
    """A late webhook of an abandoned attempt can still be used."""
    job = jobs.lease(in_state(state), NOON_MS, 60_000)

    assert job is not None
    assert (job.state, job.storing_until_ms) == (JobState.STORING, NOON_MS + 60_000)


@pytest.mark.parametrize(("after_ms", "taken"), [(59_999, False), (60_000, True)])
def test_a_lease_is_held_until_it_ends(after_ms: int, *, taken: bool) -> None:
    """Then the next one resumes."""
    job = jobs.lease(a_submitted_job(), NOON_MS, 60_000)
    assert job is not None

    assert (jobs.lease(job, NOON_MS + after_ms, 60_000) is not None) is taken


@pytest.mark.parametrize("state", ENDS)
def test_nothing_follows_an_end_state(state: JobState) -> None:
    """The first end state stays."""
    job = in_state(state)

    assert jobs.lease(job, LATER_MS, 60_000) is None
    assert jobs.succeed(job, 1, "prediction-1", RESULT, LATER_MS) is None
    assert jobs.end(job, JobState.FAILED, REASON, LATER_MS) is None


def test_succeed_names_result_provider_and_prediction() -> None:
    """The end state is announced later."""
    job = jobs.succeed(in_state(JobState.STORING), 1, "prediction-1", RESULT, LATER_MS)

    assert job is not None
    assert (job.state, job.result, job.announced) == (JobState.SUCCEEDED, RESULT, False)
    assert (job.provider, job.prediction_id) == ("eachlabs", "prediction-1")
    assert (job.ended_ms, job.attempts[0].ended) == (LATER_MS, "succeeded")


def test_succeed_refuses_an_unknown_attempt() -> None:
    """A result needs an attempt it came from."""
    assert jobs.succeed(a_submitted_job(), 7, "prediction-1", RESULT, LATER_MS) is None


def test_announced_is_noted_once_and_for_its_run() -> None:
    """Another run's announcement is not this one's."""
    job = jobs.end(a_job(), JobState.SKIPPED, REASON, NOON_MS)
    assert job is not None

    noted = jobs.announced(job, 1, LATER_MS)

    assert noted is not None
    assert noted.announced
    assert jobs.announced(noted, 1, LATER_MS) is None
    assert jobs.announced(job, 2, LATER_MS) is None
