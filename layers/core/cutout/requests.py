"""What callers of the jobs API may do to a job, as pure steps (see jobs.py)."""

from cutout import jobs
from cutout.models import Job, JobState, Lane, Reason

CANCELLED = Reason(code="cancelled", message="The job was cancelled before it was submitted.")


def of_url(job_id: str, image_url: str, bucket: str, prefix: str, now_ms: int) -> Job:
    """Return the queued job of an image on the web; its result is written below the prefix."""
    return Job(
        job_id=job_id,
        state=JobState.QUEUED,
        lane=Lane.API,
        bucket=bucket,
        key=f"{prefix}{job_id}",
        image_url=image_url,
        etag="",
        size=0,
        created_ms=now_ms,
        updated_ms=now_ms,
        available_ms=now_ms,
    )


def promote(job: Job, now_ms: int) -> Job | None:
    """Take a waiting job out of a slower lane; None: it does not wait, or not in one."""
    if job.state is not JobState.QUEUED or job.lane is Lane.API:
        return None
    return job.model_copy(update={"lane": Lane.API, "updated_ms": now_ms})


def cancel(job: Job, now_ms: int) -> Job | None:
    """End a job that was not submitted yet; None: it was."""
    if job.state not in (JobState.PREPARING, JobState.QUEUED):
        return None
    return jobs.end(job, JobState.SKIPPED, CANCELLED, now_ms)


def look_again(job: Job, fresh: Job, now_ms: int, lane: Lane = Lane.API) -> Job | None:
    """Open a new run as a fresh look at the object decides about it; None: as `retry`.

    Args:
        job: it is over.
        fresh: the job of the same version as it would begin today: queued, to be prepared, or
            skipped; then the new run is skipped, too.
        now_ms: the time.
        lane: where the new run waits.
    """
    again = retry(job, now_ms, lane, prepares=fresh.prepares)
    if again is None:
        return None
    again = again.model_copy(update={"width": fresh.width, "height": fresh.height})
    return jobs.end(again, fresh.state, fresh.reason, now_ms) if fresh.is_over else again


def retry(job: Job, now_ms: int, lane: Lane = Lane.API, *, prepares: bool = False) -> Job | None:
    """Open a new run of a job that is over; None: it is not, or nobody was told of it yet.

    Whether there is a reason for one (it failed; its result was deleted) is the caller's question.

    The attempts of the runs before stay: a late webhook of theirs still verifies, and numbers go
    on. What they cost stays in the job's sum. An end that is not announced yet comes first, so
    that no event is lost.
    """
    if not job.is_over or not job.announced:
        return None
    kept = (
        *("job_id", "version", "bucket", "key", "image_url", "version_id", "etag", "size"),
        *("created_ms", "attempts", "last_number", "cost_microusd", "width", "height"),
    )
    fresh = {"run": job.run + 1, "lane": lane, "updated_ms": now_ms, "available_ms": now_ms}
    state = JobState.PREPARING if prepares else JobState.QUEUED
    values = {name: getattr(job, name) for name in kept}
    return Job(**values, **fresh, state=state, prepares=prepares)
