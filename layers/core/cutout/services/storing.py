"""Fetch a result, verify it, write it beside its source, end the job, announce it."""

from cutout import jobs, keys
from cutout.errors import RESULT_UNAVAILABLE, LeaseHeldError, ObjectMissingError, ResultError
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    ObjectRef,
    ProviderPaused,
    Reason,
    Result,
    ResultAttributes,
    SourceObject,
    Succeeded,
)
from cutout.observability import logger
from cutout.ports import (
    Announcer,
    Clock,
    ImageStore,
    Metrics,
    ResultSource,
    VerifiedImage,
    Verifier,
)
from cutout.services.records import Records
from cutout.settings import Settings

LEASE_MS = 60_000  # the timeout of the `store` function: after it the holder is gone


class Storing:
    """The bytes' way home; every step may be repeated after a crash."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        records: Records,
        images: ImageStore,
        results: ResultSource,
        verifier: Verifier,
        announcer: Announcer,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._images = images
        self._results = results
        self._verifier = verifier
        self._announcer = announcer
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    def announce(self, message: Announce) -> None:
        """Publish a run's end state and note that it was; noted before: do nothing."""
        job = self._records.store.get(message.job_id)
        if job is None or job.announced or not job.is_over or job.run != message.run:
            return
        self._announcer.publish(job)
        now_ms = self._clock.now_ms()
        done = self._records.change(job.job_id, lambda j: jobs.announced(j, message.run, now_ms))
        if done is not None:
            self._measure(done)

    def _measure(self, job: Job) -> None:
        """Count an end state once, however it came about."""
        if job.state is JobState.SUCCEEDED:
            seconds = ((job.ended_ms or job.updated_ms) - job.created_ms) / 1000
            self._metrics.count("JobSucceeded", provider=job.provider or "")
            self._metrics.count("JobSeconds", seconds)
            return
        name = "JobFailed" if job.state is JobState.FAILED else "ObjectSkipped"
        self._metrics.count(name, reason=job.reason.code if job.reason else "")

    def announce_pause(self, pause: ProviderPaused) -> None:
        """Publish that a provider is paused or the budget reached."""
        self._announcer.publish_pause(pause)

    def store(self, ended: AttemptEnded, *, last_try: bool) -> None:
        """Bring the result of an attempt home.

        Args:
            ended: the attempt and where its result is.
            last_try: the queue will not deliver this again: a passing fault is final now.

        Raises:
            LeaseHeldError: somebody else is at it; come back after the lease.
            ResultError: the result could not be had this time; come back.
        """
        if not isinstance(ended.outcome, Succeeded):
            return  # the dispatch side ends or retries the job
        job = self._lease(ended)
        if job is None:
            return
        try:
            self._bring(job, ended, ended.outcome)
        except ResultError as error:
            if error.code == RESULT_UNAVAILABLE and not last_try and self._comes_again(job):
                raise
            self._end(job, JobState.FAILED, Reason(code=error.code, message=str(error)))
        except ObjectMissingError:
            message = "The source was deleted before its result was stored."
            self._end(job, JobState.SKIPPED, Reason(code="source_deleted", message=message))

    def _comes_again(self, job: Job) -> bool:
        """Note a failed download; tell whether it is tried again, by redelivery or a fresh URL."""
        now_ms = self._clock.now_ms()
        noted = self._records.change(job.job_id, lambda j: jobs.fetch_failed(j, now_ms))
        return noted is not None and noted.fetch_failures < jobs.MAX_FETCH_FAILURES

    def _lease(self, ended: AttemptEnded) -> Job | None:
        """Take the storing lease and note the prediction; None: the job wants no result."""
        price = self._settings.provider(ended.provider).price_microusd
        self._records.adopt(ended.job_id, ended.number, ended.prediction_id, price)
        now_ms = self._clock.now_ms()
        job = self._records.change(ended.job_id, lambda j: jobs.lease(j, now_ms, LEASE_MS))
        if job is None:
            job = self._records.store.get(ended.job_id)
            if job is not None and not job.is_over:
                message = "another invocation is storing this job"
                raise LeaseHeldError(message)
            if job is not None:
                self.announce(Announce(job_id=job.job_id, run=job.run))
            return None
        return job

    def _bring(self, job: Job, ended: AttemptEnded, outcome: Succeeded) -> None:
        """Fetch, verify, write, finalise, announce."""
        with self._results.fetch(outcome.result_url) as raw:
            image = self._verifier.verify(raw, self._settings.output_format)
            source = self._images.inspect(ObjectRef(bucket=job.bucket, key=job.key))
            if keys.job_id(source) != job.job_id:
                message = "The source was replaced before its result was stored."
                reason = Reason(code="source_replaced", message=message)
                self._end(job, JobState.SKIPPED, reason)
                return
            result = self._publish(job, ended.provider, source, image)
        now_ms = self._clock.now_ms()
        done = self._records.change(
            job.job_id,
            lambda j: jobs.succeed(j, ended.number, ended.prediction_id, result, now_ms),
        )
        if done is None:
            return
        logger.info("result stored", extra={"job_id": job.job_id, "key": result.key})
        self.announce(Announce(job_id=job.job_id, run=job.run))

    def _publish(
        self, job: Job, provider: str, source: SourceObject, image: VerifiedImage
    ) -> Result:
        """Write the image under the first name that is free or ours (DESIGN 4.2).

        Raises:
            ResultError: `result_name_taken`, every name belongs to somebody else.
        """
        metadata = {
            keys.JOB_METADATA: job.job_id,
            "cutout-source-etag": source.etag,
            "cutout-source-version": keys.metadata_value(source.version_id or ""),
            "cutout-provider": keys.metadata_value(provider),
        }
        suffix, output = self._settings.result_suffix, self._settings.output_format
        for name in keys.result_names(job.bucket, job.key, suffix, output):
            etag = self._write(job, name, source, image, metadata)
            if etag is not None:
                return Result(
                    key=name,
                    etag=etag,
                    size=image.size,
                    content_type=image.content_type,
                    width=image.width,
                    height=image.height,
                )
        code, message = "result_name_taken", "Every name for the result belongs to another object."
        raise ResultError(code, message)

    def _write(
        self,
        job: Job,
        name: str,
        source: SourceObject,
        image: VerifiedImage,
        metadata: dict[str, str],
    ) -> str | None:
        """Write one name if it is free or holds a result of the same source; None: it does not."""
        attributes = ResultAttributes(content_type=image.content_type, metadata=metadata)
        etag = self._images.write_result(source, name, image.file, attributes)
        if etag is not None:
            return etag
        there = self._images.find_result(job.bucket, name)
        owner = there.metadata.get(keys.JOB_METADATA, "") if there is not None else ""
        if there is None or not keys.same_source(owner, job.job_id):
            return None
        attributes = attributes.model_copy(update={"replaces": there.etag})
        return self._images.write_result(source, name, image.file, attributes)

    def _end(self, job: Job, state: JobState, reason: Reason) -> None:
        """Step into an end state without a result, and announce it."""
        now_ms = self._clock.now_ms()
        if self._records.change(job.job_id, lambda j: jobs.end(j, state, reason, now_ms)) is None:
            return
        logger.warning(
            "job ended without a result", extra={"job_id": job.job_id, "reason": reason.code}
        )
        self.announce(Announce(job_id=job.job_id, run=job.run))
