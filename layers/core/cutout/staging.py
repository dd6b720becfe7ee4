"""The life of a job before the line, as pure steps: a plain copy of an odd source is made first.

    preparing -> queued, and back when the staged copy has expired

Like `storing`, `preparing` holds a lease: a redelivery after it resumes, and repeats nothing that
could not be repeated.
"""

from cutout import jobs
from cutout.models import Job, JobState, Reason

# The WorkBucket keeps everything for at least a day; a provider must still find the copy hours
# after the URL was signed.
STAGED_FOR_MS = 20 * 3_600_000


def begin(job: Job) -> Job:
    """Return a new job as one that is prepared before it joins the line."""
    return job.model_copy(update={"state": JobState.PREPARING, "prepares": True})


def again(job: Job, now_ms: int) -> Job | None:
    """Send a waiting job back whose staged copy may be gone; None: the copy is there."""
    fresh = job.staged_key is not None and now_ms - job.staged_ms < STAGED_FOR_MS
    if job.state is not JobState.QUEUED or not job.prepares or fresh:
        return None
    return _step(job, now_ms, state=JobState.PREPARING, staged_key=None, preparing_until_ms=0)


def lease(job: Job, now_ms: int, lease_ms: int) -> Job | None:
    """Take the lease; None: nothing to prepare, or somebody holds it.

    A source that takes the whole function down with it leaves nothing but its leases: after some
    of them the job fails.
    """
    if job.state is not JobState.PREPARING or job.preparing_until_ms > now_ms:
        return None
    if job.setbacks > jobs.MAX_SETBACKS:
        message = f"Preparing failed {job.setbacks} times for a reason inside Cutout; see the logs."
        reason = Reason(code="internal_error", message=message)
        return jobs.end(job, JobState.FAILED, reason, now_ms)
    until_ms = now_ms + lease_ms
    return _step(job, now_ms, preparing_until_ms=until_ms, setbacks=job.setbacks + 1)


def release(job: Job, now_ms: int) -> Job | None:
    """Let the lease go after a passing fault, so that the redelivery need not wait for its end."""
    if job.state is not JobState.PREPARING:
        return None
    return _step(job, now_ms, preparing_until_ms=0)


def finish(job: Job, staged_key: str, width: int, height: int, now_ms: int) -> Job | None:
    """Put the job into the line, at the place its age gives it; None: somebody else did."""
    if job.state is not JobState.PREPARING:
        return None
    changes = {"staged_key": staged_key, "staged_ms": now_ms, "width": width, "height": height}
    return _step(job, now_ms, state=JobState.QUEUED, preparing_until_ms=0, setbacks=0, **changes)


def nudge(job: Job, now_ms: int) -> Job | None:
    """Note that a message about the job is sent anew; None: it is being prepared, or was."""
    if job.state is not JobState.PREPARING or job.preparing_until_ms > now_ms:
        return None
    return _step(job, now_ms)


def _step(job: Job, now_ms: int, **changes: object) -> Job:
    """Return the job changed, with the time of the change."""
    return job.model_copy(update={"updated_ms": now_ms, **changes})
