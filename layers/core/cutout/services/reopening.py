"""Another run of a job that is over."""

from cutout import jobs, keys
from cutout.errors import NotNowError
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


def reopened(records: Records, clock: Clock, job_id: str, step: jobs.Step) -> Job:
    """Return the job in its new run.

    An end that is not announced yet comes first, so that no event is lost; that takes a moment,
    which is waited here: who asks has often just seen the end.

    Args:
        records: the job records.
        clock: time.
        job_id: a job that is over.
        step: opens the run (`requests.retry`).

    Raises:
        NotNowError: `not_announced`, the end was not announced within five seconds.
    """
    for _ in range(_TRIES):
        job = records.change(job_id, step)
        if job is not None:
            logger.info("job reopened", extra={"job_id": job_id, "run": job.run})
            return job
        found = records.store.get(job_id)
        if found is not None and not found.is_over:
            return found  # somebody else was faster
        clock.sleep(_PAUSE_S)
    message = "The end of the last run is just being announced; try again in a moment."
    raise NotNowError("not_announced", message)
