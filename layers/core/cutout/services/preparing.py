"""Make a plain staged copy of an odd source, and put its job into the line."""

from cutout import staging
from cutout.errors import CutoutError, ImageError, LeaseHeldError, ObjectMissingError
from cutout.jobs import Step, end
from cutout.models import Announce, Job, JobState, Prepare, Reason, Wake
from cutout.observability import logger
from cutout.ports import Clock, ImageStore, Messages, Metrics, Preparer, Stage
from cutout.services import sources
from cutout.services.records import Records

LEASE_MS = 90_000  # the timeout of the `prepare` function: after it the holder is gone


class Preparing:
    """HEIC, turned, CMYK and other odd sources; every step may be repeated after a crash."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        records: Records,
        images: ImageStore,
        preparer: Preparer,
        stage: Stage,
        messages: Messages,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._images = images
        self._preparer = preparer
        self._stage = stage
        self._messages = messages
        self._clock = clock
        self._metrics = metrics

    def prepare(self, message: Prepare) -> None:
        """Stage the copy of a job's source.

        Raises:
            LeaseHeldError: somebody else is at it; come back after the lease.
            StorageError, PreparingFailedError: a passing fault; come back.
        """
        job = self._lease(message.job_id)
        if job is None:
            return
        try:
            self._bring(job)
        except ImageError as error:
            self._skip(job, Reason(code=error.code, message=str(error)))
        except ObjectMissingError:
            reason = sources.gone(self._images, job, "prepared")
            if reason is None:  # it came back meanwhile
                self._release(job)
                raise
            self._skip(job, reason)
        except CutoutError:
            self._release(job)
            raise

    def _lease(self, job_id: str) -> Job | None:
        """Take the lease; None: there is nothing to prepare (any more)."""
        now_ms = self._clock.now_ms()
        job = self._records.change(job_id, lambda j: staging.lease(j, now_ms, LEASE_MS))
        if job is None:
            job = self._records.store.get(job_id)
            if job is not None and job.state is JobState.PREPARING:
                raise LeaseHeldError("another invocation is preparing this job")
        if job is None or job.state is JobState.PREPARING:
            return job
        self._follow(job)  # once more: a crash may have come between
        return None

    def _bring(self, job: Job) -> None:
        """Read, decode, stage, queue."""
        with self._images.read(job) as source:
            image = self._preparer.prepare(source)
        with image.file:
            key = self._stage.stage(job.job_id, image)
        now_ms = self._clock.now_ms()
        self._metrics.count("JobPrepared")
        self._change(job, lambda j: staging.finish(j, key, image.width, image.height, now_ms))
        notes = {"notes": image.notes} if image.notes else {}
        logger.info("image prepared", extra={"job_id": job.job_id, "key": job.key, **notes})

    def _skip(self, job: Job, reason: Reason) -> None:
        """Step into `skipped`."""
        now_ms = self._clock.now_ms()
        self._change(job, lambda j: end(j, JobState.SKIPPED, reason, now_ms))
        logger.info("image not prepared", extra={"job_id": job.job_id, "reason": reason.code})

    def _change(self, job: Job, step: Step) -> None:
        """Change the job and have done what comes next."""
        changed = self._records.change(job.job_id, step)
        if changed is not None:
            self._follow(changed)

    def _follow(self, job: Job) -> None:
        """Have the line looked at, or the end announced."""
        if job.state is JobState.QUEUED:
            self._messages.wake(Wake(), 0)
        elif not job.announced:
            self._messages.announce(Announce(job_id=job.job_id, run=job.run))

    def _release(self, job: Job) -> None:
        """Let the lease go, if that can be written; else it ends by itself."""
        now_ms = self._clock.now_ms()
        try:
            self._records.change(job.job_id, lambda j: staging.release(j, now_ms))
        except CutoutError:
            logger.warning("lease not released", extra={"job_id": job.job_id})
