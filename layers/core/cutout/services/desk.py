"""What callers of the jobs API ask for: a job, another run of one, the end of one, an upload.

All of it is recorded here and now, in the first lane, and never waits behind a queue of uploads.
"""

import re
import secrets
from functools import partial

from cutout import addresses, keys, requests
from cutout.errors import NotNowError, NotThereError, ObjectMissingError, RequestInvalidError
from cutout.jobs import Step
from cutout.models import Announce, Job, JobState, Lane, ObjectRef, Prepare, UploadForm, Wake
from cutout.observability import logger
from cutout.ports import Clock, Handouts, ImageStore, Messages
from cutout.services.intake import Intake
from cutout.services.records import Records
from cutout.services.reopening import lost_result, reopened
from cutout.services.repeating import KEY_REUSED
from cutout.settings import Settings

FORM_SECONDS = 900

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REASONS = {
    "folder_marker": "The key names a folder; name an object in it.",
    "own_result": "The object is a result of Cutout; name its original.",
    "not_included": "The key matches none of the stack's IncludePaths.",
    "excluded": "The key matches one of the stack's ExcludePaths.",
}


class Desk:
    """Takes orders. What is not accepted is a `RequestError` whose sentence is for the caller."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        records: Records,
        intake: Intake,
        images: ImageStore,
        messages: Messages,
        handouts: Handouts,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._intake = intake
        self._images = images
        self._messages = messages
        self._handouts = handouts
        self._settings = settings
        self._clock = clock
        bases = [settings.provider(name).base_url for name in settings.providers]
        self._loopback = all(map(addresses.is_loopback_url, bases))

    def cut_key(self, key: str) -> Job:
        """Return the job of the object's current version, in the first lane."""
        _check_key(key)
        found = self._intake.admit(
            ObjectRef(bucket=self._settings.images_bucket, key=key), Lane.API
        )
        if not isinstance(found, Job):
            raise self._unfit(found)
        if lost_result(self._images, found):
            return self._run_again(found, Lane.API)
        now_ms = self._clock.now_ms()
        promoted = self._records.change(found.job_id, lambda j: requests.promote(j, now_ms))
        return self._woken(promoted or found)

    def cut_url(self, image_url: str, job_id: str | None = None) -> Job:
        """Return the job of an image on the web; the provider fetches it, not we."""
        refusal = addresses.refusal(image_url, loopback=self._loopback)
        if refusal is not None:
            raise RequestInvalidError("bad_image_url", refusal)
        settings, now_ms = self._settings, self._clock.now_ms()
        job_id = job_id or secrets.token_hex(16)
        job = requests.of_url(
            job_id, image_url, settings.images_bucket, settings.results_prefix, now_ms
        )
        found = self._records.create(job)
        if found is job:
            logger.info("job recorded", extra={"job_id": job.job_id, "state": job.state})
        if found.image_url != image_url:
            # The record of the key is gone: it is kept from the request on, a job from its end on.
            raise RequestInvalidError("idempotency_key_reused", KEY_REUSED)
        return self._woken(found)

    def retry(self, job_id: str, lane: Lane = Lane.API) -> Job:
        """Return the job with a new run, which waits in this lane.

        A succeeded one can be run again when its result was deleted.
        """
        job = self.find(job_id)
        if not job.is_over or (
            job.state is JobState.SUCCEEDED and not lost_result(self._images, job)
        ):
            message = (
                "Only jobs that failed, were skipped, or whose result was deleted can be retried; "
                f"this one is {job.state}."
            )
            raise NotNowError("nothing_to_retry", message)
        return self._run_again(job, lane)

    def _run_again(self, job: Job, lane: Lane) -> Job:
        """Return the job with a new run, if its source is still worth one."""
        now_ms = self._clock.now_ms()
        if job.image_url is not None:
            reopen: Step = partial(requests.retry, now_ms=now_ms, lane=lane)
        else:
            fresh = self._reconsider(job)
            reopen = partial(requests.look_again, fresh=fresh, now_ms=now_ms, lane=lane)
        return self._woken(reopened(self._records, self._clock, job, reopen))

    def cancel(self, job_id: str) -> Job:
        """Return the job, ended before it was submitted; cancelled already: as it is."""
        now_ms = self._clock.now_ms()
        job = self._records.change(job_id, lambda j: requests.cancel(j, now_ms))
        if job is not None:
            self._messages.announce(Announce(job_id=job_id, run=job.run))
            logger.info("job cancelled", extra={"job_id": job_id})
            return job
        job = self.find(job_id)
        if job.reason == requests.CANCELLED:
            return job
        message = f"Only a job that waits can be cancelled; this one is {job.state}."
        raise NotNowError("too_late", message)

    def find(self, job_id: str) -> Job:
        """Return a job."""
        job = self._records.store.get(job_id) if keys.is_job_id(job_id) else None
        if job is None:
            raise NotThereError("unknown_job", "There is no job with this id (any more).")
        return job

    def upload(self, filename: str, content_type: str) -> tuple[str, UploadForm]:
        """Return the key and the form of an upload, each below a folder of its own."""
        if keys.is_result_name(filename, self._settings.result_suffix):
            message = "The filename looks like a result of Cutout; choose another."
            raise RequestInvalidError("own_result", message)
        key = f"{self._settings.uploads_prefix}{secrets.token_hex(16)}/{filename}"
        form = self._handouts.upload_form(
            self._settings.images_bucket,
            key,
            content_type=content_type,
            max_bytes=self._settings.max_input_bytes,
            seconds=FORM_SECONDS,
        )
        return key, form

    def _woken(self, job: Job) -> Job:
        """Have the next step of a waiting job looked at."""
        if job.state is JobState.QUEUED:
            self._messages.wake(Wake(), 0)
        elif job.state is JobState.PREPARING:
            self._messages.prepare(Prepare(job_id=job.job_id))
        return job

    def _reconsider(self, job: Job) -> Job:
        """Return the job as it would begin today; refuse another run that would end at once."""
        try:
            source = self._images.inspect(ObjectRef(bucket=job.bucket, key=job.key))
            fresh = self._intake.judge(source, Lane.API)
        except ObjectMissingError:
            message = "The object was deleted; upload it again."
            raise NotNowError("source_deleted", message) from None
        if fresh.job_id != job.job_id:
            message = "The object was replaced; POST /jobs with its key cuts out the new version."
            raise NotNowError("source_replaced", message)
        if fresh.reason is not None:
            message = f"It would be skipped again. {fresh.reason.message}"
            raise NotNowError(fresh.reason.code, message)
        return fresh

    def _unfit(self, reason: str) -> Exception:
        """Return the error for an object that cannot have a job."""
        if reason == "source_deleted":
            message = "There is no object with this key in the bucket; upload it first."
            return NotThereError("no_such_object", message)
        if reason == "outside_prefix":
            below = f"{self._settings.input_prefix} or {self._settings.uploads_prefix}"
            return RequestInvalidError(reason, f"The key must be below {below}.")
        return RequestInvalidError(reason, _REASONS.get(reason, "The object is not an input."))


def _check_key(key: str) -> None:
    """Refuse keys that S3 or somebody on the way to it would not take literally."""
    if len(key.encode()) > keys.MAX_KEY_BYTES:
        message = f"The key is longer than S3's {keys.MAX_KEY_BYTES} bytes."
        raise RequestInvalidError("bad_key", message)
    if _CONTROL.search(key) or keys.has_dot_segments(key):
        message = "The key holds control characters, or . or .. as a folder."
        raise RequestInvalidError("bad_key", message)
