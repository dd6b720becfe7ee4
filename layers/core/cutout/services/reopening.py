"""Another run of a job that is over."""

from cutout import keys
from cutout.errors import NotNowError
from cutout.jobs import Step
from cutout.models import Job
from cutout.observability import logger
from cutout.ports import Clock, ImageStore
from cutout.services.records import Records

_TRIES = 20
_PAUSE_S = 0.25


def lost_result(images: ImageStore, job: Job) -> bool:
    """Tell whether a job's result is not there any more, or is somebody else's by now."""
    if job.result is None:
        return False
    found = images.find_result(job.bucket, job.result.key)
    writer = found.metadata.get(keys.JOB_METADATA, "") if found is not None else ""
    return not keys.same_source(writer, job.job_id)


def reopened(records: Records, clock: Clock, job: Job, reopen: Step) -> Job:
    """Return the job in its new run; in the one that somebody else opened meanwhile, if any did.

    An end that is not announced yet comes first, so that no event is lost; that takes a moment,
    which is waited here: who asks has often just seen the end.

    Args:
        records: the job records.
        clock: time.
        job: as it was seen, over.
        reopen: opens the new run.

    Raises:
        NotNowError: `not_announced`, the end was not announced within five seconds.
    """

    def step(found: Job) -> Job | None:
        return reopen(found) if found.run == job.run else None

    for _ in range(_TRIES):
        again = records.change(job.job_id, step)
        if again is not None:
            logger.info("job reopened", extra={"job_id": again.job_id, "run": again.run})
            return again
        found = records.store.get(job.job_id)
        if found is not None and (found.run != job.run or not found.is_over):
            return found  # somebody else was faster
        clock.sleep(_PAUSE_S)
    message = "The end of the last run is just being announced; try again in a moment."
    raise NotNowError("not_announced", message)
