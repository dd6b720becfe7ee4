"""Small examples of the models, alike but for what a test says."""

from cutout import jobs, keys
from cutout.models import Attempt, Job, JobState, Lane, SourceObject
from tests.fakes import NOON_MS

TOKEN_SHA256 = "0" * 64


def a_source(key: str = "photos/shoe.jpg", **changes: object) -> SourceObject:
    """Return version v1 of an object."""
    source = SourceObject(
        bucket="images",
        key=key,
        version_id="v1",
        etag="9a0364b9e99bb480dd25e1f0284c8555",
        last_modified_ms=NOON_MS,
        size=1000,
        head=b"\xff\xd8\xff\xe0",
    )
    return source.model_copy(update=changes)


def a_job(key: str = "photos/shoe.jpg", **changes: object) -> Job:
    """Return a queued job."""
    job = jobs.new_job(a_source(key), Lane.UPLOAD, NOON_MS)
    return job.model_copy(update=changes)


def an_attempt(number: int = 1, **changes: object) -> Attempt:
    """Return an attempt at Eachlabs."""
    attempt = Attempt(
        number=number,
        run=1,
        provider="eachlabs",
        token_sha256=TOKEN_SHA256,
        started_ms=NOON_MS,
    )
    return attempt.model_copy(update=changes)


def a_submitting_job(number: int = 1, **changes: object) -> Job:
    """Return a job whose last attempt's create is under way."""
    attempts = tuple(an_attempt(n) for n in range(1, number + 1))
    state = JobState.SUBMITTING
    return a_job(state=state, attempts=attempts, last_number=number).model_copy(update=changes)


def a_submitted_job(**changes: object) -> Job:
    """Return a job whose prediction runs."""
    return a_submitting_job().model_copy(
        update={
            "state": JobState.SUBMITTED,
            "attempts": (an_attempt(prediction_id="prediction-1"),),
            **changes,
        }
    )


def job_id_of(key: str) -> str:
    """Return the job id of version v1 of an object."""
    return keys.job_id(a_source(key))
