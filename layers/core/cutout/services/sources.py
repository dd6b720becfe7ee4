"""Whether a job's source is still what the job was made for."""

from cutout import keys, unreadable
from cutout.errors import ObjectMissingError
from cutout.models import Job, ObjectRef, Reason
from cutout.ports import ImageStore

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
