"""Decide about an uploaded object, record the job and put it into the line."""

from cutout import jobs, keys, sniff
from cutout.errors import ObjectMissingError, ResultError
from cutout.keys import KeyRules
from cutout.models import Announce, Job, JobState, Lane, ObjectRef, Reason, SourceObject
from cutout.observability import logger
from cutout.ports import Clock, ImageStore, JobStore, Messages, Metrics
from cutout.settings import Settings


class Intake:
    """The way into Cutout for an object, whoever names it."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        store: JobStore,
        images: ImageStore,
        messages: Messages,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._store = store
        self._images = images
        self._messages = messages
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._rules = KeyRules(
            result_suffix=settings.result_suffix,
            input_prefix=settings.input_prefix,
            include=settings.include_paths,
            exclude=settings.exclude_paths,
        )

    def accept(self, ref: ObjectRef, lane: Lane) -> Job | None:
        """Record the job of the object's current version.

        Seen again, the same version changes nothing.

        Returns:
            The job; None: the object is out of scope or gone, which costs a metric and no record.
        """
        reason = keys.out_of_scope(ref.key, self._rules)
        if reason is not None:
            self._ignore(ref, reason)
            return None
        try:
            source = self._images.inspect(ref)
        except ObjectMissingError:
            self._ignore(ref, "source_deleted")
            return None
        if keys.JOB_METADATA in source.metadata:
            self._ignore(ref, "own_result")
            return None
        known = self._store.get(keys.job_id(source))
        return self._resume(known) if known is not None else self._record(source, lane)

    def _ignore(self, ref: ObjectRef, reason: str) -> None:
        """Count an object that is none of our business."""
        self._metrics.count("ObjectIgnored", reason=reason)
        logger.info(
            "object ignored", extra={"bucket": ref.bucket, "key": ref.key, "reason": reason}
        )

    def _resume(self, job: Job) -> Job:
        """Do again what a crash after the first sight may have left undone."""
        if not job.announced:
            self._messages.announce(Announce(job_id=job.job_id, run=job.run))
        return job

    def _record(self, source: SourceObject, lane: Lane) -> Job:
        """Write the job, and have a refusal announced."""
        now_ms = self._clock.now_ms()
        job = jobs.new_job(source, lane, now_ms)
        reason = self._refusal(source)
        if reason is not None:
            job = jobs.end(job, JobState.SKIPPED, reason, now_ms) or job
        if not self._store.create(job):
            return self._resume(self._store.get(job.job_id) or job)
        logger.info(
            "job recorded",
            extra={"job_id": job.job_id, "bucket": job.bucket, "key": job.key, "state": job.state},
        )
        return self._resume(job)

    def _refusal(self, source: SourceObject) -> Reason | None:
        """Return why this object is not worth a paid call; None: it is."""
        if source.size == 0:
            return Reason(code="empty_object", message="The object has no bytes.")
        most = self._settings.max_input_bytes
        if source.size > most:
            message = f"The object has {source.size} bytes; the limit is {most}."
            return Reason(code="too_large", message=message)
        found = sniff.image_format(source.head)
        if found not in sniff.PLAIN_FORMATS:
            what = f"a {found} file" if found else "not an image"
            message = f"By its first bytes the object is {what}; JPEG, PNG and WebP are taken."
            return Reason(code="unsupported_format", message=message)
        return self._already_done(source)

    def _already_done(self, source: SourceObject) -> Reason | None:
        """Tell whether this content has its result already, from an earlier upload of the key."""
        try:
            names = keys.result_names(
                source.bucket,
                source.key,
                self._settings.result_suffix,
                self._settings.output_format,
            )
        except ResultError as error:
            return Reason(code=error.code, message=str(error))
        ours = keys.job_id(source)
        for name in names:
            found = self._images.find_result(source.bucket, name)
            if found is None:
                return None
            same = keys.same_source(found.metadata.get(keys.JOB_METADATA, ""), ours)
            if same and found.metadata.get("cutout-source-etag") == source.etag:
                message = f"The same content was cut out before; see {name}."
                return Reason(code="already_done", message=message)
        return None
