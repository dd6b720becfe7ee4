"""Decide about an uploaded object, record the job and put it into the line."""

from functools import partial

from pydantic import ValidationError

from cutout import headers, inputs, jobs, keys, requests, staging, unreadable
from cutout.errors import ImageError, ObjectMissingError, ResultError
from cutout.formats.glimpse import Glimpse
from cutout.headers import Header
from cutout.models import (
    Announce,
    Job,
    JobState,
    Lane,
    ObjectRef,
    Prepare,
    Reason,
    Requested,
    SourceObject,
    StoredObject,
)
from cutout.observability import logger
from cutout.ports import Clock, ImageStore, Messages, Metrics
from cutout.services import sources
from cutout.services.records import Records
from cutout.services.reopening import lost_result, reopened
from cutout.settings import Settings

OPT_OUT = ("cutout", "skip")  # the tag of an object that is left alone


class Intake:
    """The way into Cutout for an object, whoever names it."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        records: Records,
        images: ImageStore,
        messages: Messages,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._store = records.store
        self._images = images
        self._messages = messages
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._rules = settings.key_rules()

    def accept(self, ref: ObjectRef, lane: Lane, *, known_only: bool = False) -> Job | None:
        """Record the job of the object's current version.

        Seen again, the same version changes nothing.

        Args:
            ref: the object.
            lane: where its job waits.
            known_only: an object that has no job yet gets none.

        Returns:
            The job; None: the object is out of scope or gone, which costs a metric and no record.
        """
        found = self.admit(ref, lane, known_only=known_only)
        if isinstance(found, Job):
            return found
        self._metrics.count("ObjectIgnored", reason=found)
        # Hundreds at once are nothing new where names are excluded; the metric counts them.
        log = logger.debug if self._out_of_scope(ref) else logger.info
        log("object ignored", extra={"bucket": ref.bucket, "key": ref.key, "reason": found})
        return None

    def accept_upload(self, ref: ObjectRef, *, restored: bool = False) -> Job | None:
        """Accept an object S3 tells of; somebody waits for what came by a form of the jobs API.

        A restored object is cut out only if it was to be cut out before and was archived: people
        restore archives for many reasons.
        """
        asked_for = ref.key.startswith(self._settings.uploads_prefix)
        lane = Lane.API if asked_for else Lane.UPLOAD
        return self.accept(ref, lane, known_only=restored)

    def accept_request(self, detail: object) -> Job | None:
        """Accept the object that an event `Cutout Requested` names.

        Who asks for an object whose result was deleted wants it again. What is malformed or about
        another bucket would be no better when it came again.
        """
        try:
            request = Requested.model_validate(detail)
        except ValidationError:
            request = None
        if request is None or request.bucket != self._settings.images_bucket:
            reason = "malformed" if request is None else "other_bucket"
            self._metrics.count("RequestRefused", reason=reason)
            logger.warning("request refused", extra={"reason": reason})
            return None
        job = self.accept(ObjectRef(bucket=request.bucket, key=request.key), request.lane)
        if job is not None and lost_result(self._images, job):
            return self._resume(self._again(job, request.lane))
        return job

    def admit(self, ref: ObjectRef, lane: Lane, *, known_only: bool = False) -> Job | str:
        """Do as `accept` does, but return the reason code where there is no job."""
        reason = self._out_of_scope(ref)
        if reason is not None:
            return reason
        try:
            return self._admitted(self._images.inspect(ref), lane, known_only=known_only)
        except ObjectMissingError:
            return "source_deleted"

    def _admitted(self, source: SourceObject, lane: Lane, *, known_only: bool) -> Job | str:
        """Return the job of what was found under a name in scope, or why there is none.

        Raises:
            ObjectMissingError: the object was deleted meanwhile.
        """
        if keys.JOB_METADATA in source.metadata:
            return "own_result"
        known = self._store.get(keys.job_id(source))
        if known is not None:
            return self._resume(self._returned(known, source, lane))
        return "never_asked_for" if known_only else self._record(self.judge(source, lane))

    def _out_of_scope(self, ref: ObjectRef) -> str | None:
        """Return the reason code why this name is not an input; None: it is one."""
        if ref.bucket != self._settings.images_bucket:
            return "other_bucket"
        return keys.out_of_scope(ref.key, self._rules)

    def _returned(self, job: Job, source: SourceObject, lane: Lane) -> Job:
        """Return the job, in another run if its source had gone and is back, or can now be read.

        In a bucket without versions an upload of the same bytes within the same second is the same
        version; a restored object is the same version in any bucket.
        """
        code = job.reason.code if job.reason is not None else ""
        if code in unreadable.CODES and source.unreadable is None:
            now_ms, fresh = self._clock.now_ms(), self.judge(source, lane)
            look_again = partial(requests.look_again, fresh=fresh, now_ms=now_ms, lane=lane)
            return reopened(self._records, self._clock, job, look_again)
        return self._again(job, lane) if code in sources.GONE else job

    def _again(self, job: Job, lane: Lane) -> Job:
        """Return the job in another run."""
        now_ms, prepares = self._clock.now_ms(), job.prepares
        retry = partial(requests.retry, now_ms=now_ms, lane=lane, prepares=prepares)
        return reopened(self._records, self._clock, job, retry)

    def _resume(self, job: Job) -> Job:
        """Do again what a crash after the first sight may have left undone."""
        if not job.announced:
            self._messages.announce(Announce(job_id=job.job_id, run=job.run))
        if job.state is JobState.PREPARING:
            self._messages.prepare(Prepare(job_id=job.job_id))
        return job

    def judge(self, source: SourceObject, lane: Lane) -> Job:
        """Return the job as it begins: skipped, to be prepared, or queued."""
        now_ms = self._clock.now_ms()
        job = jobs.new_job(source, lane, now_ms)
        header = headers.read(source.head)
        try:
            reason = self._refusal(source, header)
            sent = reason is None and header is not None and self._can_be_sent(source, header)
        except ImageError as error:  # it was archived just now
            reason, sent = Reason(code=error.code, message=str(error)), False
        if reason is not None:
            return jobs.end(job, JobState.SKIPPED, reason, now_ms) or job
        if header is None or not sent:
            return staging.begin(job)
        return job.model_copy(update={"width": header.width, "height": header.height})

    def _can_be_sent(self, source: SourceObject, header: Header) -> bool:
        """Tell whether a provider can fetch and understand the object as it is."""
        understood = inputs.is_plain(header) and not keys.has_dot_segments(source.key)
        return understood and self._is_complete(source, header)

    def _is_complete(self, source: SourceObject, header: Header) -> bool:
        """Tell whether the file is all there; of a large one the end is read, too."""
        large = source.size > len(source.head)
        tail = self._images.tail(source, inputs.TAIL_BYTES) if large else b""
        return inputs.is_complete(header, Glimpse(source.head, tail, source.size))

    def _record(self, job: Job) -> Job:
        """Write the job, and have done what comes next."""
        stored = self._records.create(job)
        if stored is job:
            said = {"bucket": job.bucket, "key": job.key, "state": job.state}
            logger.info("job recorded", extra={"job_id": job.job_id} | said)
        return self._resume(stored)

    def _refusal(self, source: SourceObject, header: Header | None) -> Reason | None:
        """Return why this object is not worth a paid call; None: it is."""
        if source.unreadable is not None:
            return unreadable.reason(source.unreadable)
        if source.tag_count and OPT_OUT in self._images.tags(source).items():
            message = f"The object is tagged {'='.join(OPT_OUT)}."
            return Reason(code="opted_out", message=message)
        if source.size == 0:
            return Reason(code="empty_object", message="The object has no bytes.")
        most = self._settings.max_input_bytes
        if source.size > most:
            message = f"The object has {source.size} bytes; the limit is {most}."
            return Reason(code="too_large", message=message)
        return inputs.refusal(header) or self._already_done(source)

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
        for name in names:
            found = self._images.find_result(source.bucket, name)
            if found is None:
                return None
            if keys.is_result_of(found.metadata, source) or self._same_content(found, source):
                message = f"The same content was cut out before; see {name}."
                return Reason(code="already_done", message=message)
        return None

    def _same_content(self, found: StoredObject, source: SourceObject) -> bool:
        """Tell whether a result was made of these bytes, although their ETag is another one.

        An upload in other parts, a copy onto itself and KMS change it. A few milliseconds of
        reading cost a thousandth of a cut-out.
        """
        ours = keys.same_source(found.metadata.get(keys.JOB_METADATA, ""), keys.job_id(source))
        mark = keys.content_mark(found.metadata) if ours else ""
        return bool(mark) and mark == self._images.checksum(source, mark.partition(":")[0])
