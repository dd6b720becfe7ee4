"""What the jobs API does to a job."""

import pytest

from cutout import jobs, keys, requests
from cutout.models import END_STATES, Job, JobState, Lane, Reason
from tests.examples import a_job, a_source, a_submitted_job, an_attempt
from tests.fakes import NOON_MS

LATER = NOON_MS + 1000
BAD = Reason(code="attempts_exhausted", message="3 attempts failed.")


def test_a_job_of_a_url_is_named_below_the_prefix() -> None:
    """Its result's name is that of a result, so that the loop guards know it."""
    job = requests.of_url("0" * 32, "https://a.example/x.jpg", "images", "cutouts/", NOON_MS)

    (name, *_) = keys.result_names(job.bucket, job.key, ".cutout", "png")
    assert name == f"cutouts/{'0' * 32}.cutout.png"
    assert keys.is_result_name(name, ".cutout")
    assert (job.lane, job.state, job.etag, job.version_id) == ("api", "queued", "", None)


def test_the_url_of_a_job_is_not_in_its_text() -> None:
    """A signature in it would be logged."""
    job = requests.of_url("0" * 32, "https://a.example/x?sig=secret", "b", "cutouts/", NOON_MS)

    assert "secret" not in repr(job)
    assert "secret" not in str(job)


def test_promote_moves_a_waiting_job_to_the_first_lane() -> None:
    """Its age stays."""
    job = requests.promote(a_job(), LATER)

    assert job is not None
    assert (job.lane, job.available_ms, job.updated_ms) == (Lane.API, NOON_MS, LATER)


@pytest.mark.parametrize("job", [a_job(lane=Lane.API), a_submitted_job()])
def test_promote_leaves_others_alone(job: Job) -> None:
    """Who is in the lane, or does not wait any more."""
    assert requests.promote(job, LATER) is None


@pytest.mark.parametrize("state", [JobState.PREPARING, JobState.QUEUED])
def test_cancel_ends_a_waiting_job(state: JobState) -> None:
    """Skipped, with a reason of its own, and announced like every end."""
    job = requests.cancel(a_job(state=state), LATER)

    assert job is not None
    assert (job.state, job.reason, job.announced) == ("skipped", requests.CANCELLED, False)


@pytest.mark.parametrize("state", sorted(set(JobState) - {JobState.PREPARING, JobState.QUEUED}))
def test_cancel_comes_too_late(state: JobState) -> None:
    """What was submitted is paid."""
    assert requests.cancel(a_job(state=state), LATER) is None


def test_retry_opens_a_new_run() -> None:
    """Counters and exclusions are new; attempts, their numbers and costs stay."""
    failed = a_job(
        state=JobState.FAILED,
        reason=BAD,
        attempts=(an_attempt(prediction_id="p1", ended="x"), an_attempt(2, ended="y")),
        last_number=2,
        failures=2,
        setbacks=3,
        fetch_failures=1,
        storing_until_ms=5,
        excluded=("eachlabs",),
        ended_ms=NOON_MS,
        submitted_ms=NOON_MS,
        cost_microusd=34_000,
        version=7,
    )

    job = requests.retry(failed, LATER)

    assert job == failed.model_copy(
        update={
            "run": 2,
            "state": JobState.QUEUED,
            "lane": Lane.API,
            "available_ms": LATER,
            "updated_ms": LATER,
            "reason": None,
            "failures": 0,
            "setbacks": 0,
            "fetch_failures": 0,
            "storing_until_ms": 0,
            "excluded": (),
            "ended_ms": None,
            "submitted_ms": None,
        }
    )
    assert jobs.entry_of(job).number == 3


def test_a_retry_may_wait_behind_the_others() -> None:
    """A thousand of them are not to go before uploads."""
    failed = a_job(state=JobState.FAILED, reason=BAD)

    lanes = [requests.retry(failed, LATER), requests.retry(failed, LATER, Lane.BACKFILL)]

    assert [job.lane for job in lanes if job is not None] == [Lane.API, Lane.BACKFILL]


def test_a_new_attempt_is_of_the_new_run() -> None:
    """And has the next number."""
    job = requests.retry(a_job(state=JobState.FAILED, last_number=2, reason=BAD), LATER)
    assert job is not None

    started = jobs.start(job, 3, "eachlabs", "0" * 64, LATER)

    assert started is not None
    assert (started.attempts[-1].number, started.attempts[-1].run) == (3, 2)


def test_retry_prepares_again_what_was_prepared() -> None:
    """The staged copy is gone after a day."""
    failed = a_job(state=JobState.FAILED, prepares=True, staged_key="x", staged_ms=5)

    job = requests.retry(failed, LATER, prepares=True)

    assert job is not None
    assert (job.state, job.staged_key) == (JobState.PREPARING, None)


@pytest.mark.parametrize("state", sorted(set(JobState) - END_STATES))
def test_retry_is_for_ends(state: JobState) -> None:
    """Everything else runs."""
    assert requests.retry(a_job(state=state), LATER) is None


def test_retry_waits_for_the_announcement_of_the_end() -> None:
    """Or nobody would ever hear of it."""
    job = a_job(state=JobState.FAILED, announced=False)

    assert requests.retry(job, LATER) is None


def test_an_upload_of_ours_is_an_input_wherever_others_are() -> None:
    """Prefix and include are about other objects; the loop guard and excludes hold for all."""
    rules = keys.KeyRules(
        result_suffix=".cutout",
        input_prefix="photos/",
        include=("photos/*",),
        exclude=("*.tmp",),
        uploads_prefix="uploads/",
    )
    reasons = {
        key: keys.out_of_scope(key, rules)
        for key in ("uploads/a/x.jpg", "uploads/x.cutout.png", "uploads/x.tmp", "other/x.jpg")
    }

    assert list(reasons.values()) == [None, "own_result", "excluded", "outside_prefix"]
    assert a_source("photos/x.jpg").key.startswith(rules.input_prefix)
