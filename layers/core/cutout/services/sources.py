"""Whether a job that has waited is still worth its price: its source, and its result."""

from cutout import keys, unreadable
from cutout.errors import ObjectMissingError, ResultError
from cutout.models import Job, ObjectRef, Reason
from cutout.ports import ImageStore
from cutout.settings import Settings

GONE = frozenset({"source_deleted", "source_replaced"})


def gone(images: ImageStore, job: Job, what: str) -> Reason | None:
    """Return why the source is not to be had any more; None: it is the job's version, as before.

    An object may be archived while its job waits: that changes neither its version nor its ETag.

    Args:
        images: the bucket.
        job: a job with a source in it, not one of an image on the web.
        what: what it had waited for, for the sentence: `submitted`, `prepared`.
    """
    try:
        source = images.describe(ObjectRef(bucket=job.bucket, key=job.key))
    except ObjectMissingError:
        message = f"The source was deleted before it was {what}."
        return Reason(code="source_deleted", message=message)
    if keys.job_id(source) != job.job_id:
        message = f"The source was replaced before it was {what}."
        return Reason(code="source_replaced", message=message)
    return unreadable.reason(source.unreadable) if source.unreadable else None


def done(images: ImageStore, job: Job, settings: Settings) -> Reason | None:
    """Return that the job's own result stands already; None: it has yet to be made.

    So it is where the record does not know of it: the table was restored to an earlier moment, or
    whoever stored the result died before he could say so.
    """
    suffix, output = settings.result_suffix, settings.output_format
    try:
        names = keys.result_names(job.bucket, job.key, suffix, output)
    except ResultError as error:
        return Reason(code=error.code, message=str(error))
    for name in names:
        found = images.find_result(job.bucket, name)
        if found is None:
            return None
        if found.metadata.get(keys.JOB_METADATA) == job.job_id:
            return Reason(code="already_done", message=f"Its result stands already; see {name}.")
    return None
