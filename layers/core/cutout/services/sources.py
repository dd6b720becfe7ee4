"""Whether a job's source is still what the job was made for."""

from cutout import keys
from cutout.errors import ObjectMissingError
from cutout.models import Job, ObjectRef, Reason
from cutout.ports import ImageStore

GONE = frozenset({"source_deleted", "source_replaced"})


def gone(images: ImageStore, job: Job, what: str) -> Reason | None:
    """Return why the source is not the job's version any more; None: it is.

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
    if keys.job_id(source) == job.job_id:
        return None
    return Reason(code="source_replaced", message=f"The source was replaced before it was {what}.")
