"""Fetch a result, verify it, write it beside its source, end the job, announce it."""

from typing import BinaryIO

from cutout import jobs
from cutout.errors import (
    RESULT_UNAVAILABLE,
    LeaseHeldError,
    NewerVersionError,
    ObjectMissingError,
    ResultError,
    SourceReplacedError,
)
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    ProviderPaused,
    Reason,
    Succeeded,
    Wake,
)
from cutout.observability import logger
from cutout.ports import (
    Announcer,
    Clock,
    Messages,
    Metrics,
    ResultSource,
    VerifiedImage,
    Verifier,
)
from cutout.services.publishing import Publisher
from cutout.services.records import Records
from cutout.settings import Settings

ANNOUNCING_MS = 10_000  # who ended a job is announcing it: a webhook said twice is no second event
LEASE_MS = 60_000  # the timeout of the `store` function: after it the holder is gone


class Storing:
    """The bytes' way home; every step may be repeated after a crash."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        records: Records,
        publisher: Publisher,
        results: ResultSource,
        verifier: Verifier,
        announcer: Announcer,
        messages: Messages,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._publisher = publisher
        self._results = results
        self._verifier = verifier
        self._announcer = announcer
        self._messages = messages
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
            NewerVersionError: the job is in a newer version's state; the message is kept for it.
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
            reason = Reason(code=error.code, message=str(error))
            if error.code in jobs.BAD_RESULTS:
                self._reject(ended, reason)
                return
            if error.code == RESULT_UNAVAILABLE and not last_try and self._comes_again(job):
                raise
            self._end(job, JobState.FAILED, reason)
        except SourceReplacedError as error:
            reason = Reason(code="source_replaced", message=str(error))
            self._end(job, JobState.SKIPPED, reason)
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
        job = self._records.change(
            ended.job_id,
            lambda j: (
                None if jobs.is_rejected(j, ended.number) else jobs.lease(j, now_ms, LEASE_MS)
            ),
        )
        if job is not None:
            return job
        job = self._records.store.get(ended.job_id)
        if job is None:
            return None
        if jobs.is_rejected(job, ended.number):
            self._pass_on(job, ended)  # once more: a crash may have come between
        elif job.is_foreign:
            raise NewerVersionError(f"a newer version left the job {job.state}")
        elif not job.is_over:
            raise LeaseHeldError("another invocation is storing this job")
        if self._clock.now_ms() - (job.ended_ms or 0) >= ANNOUNCING_MS:
            self.announce(Announce(job_id=job.job_id, run=job.run))
        return None

    def _bring(self, job: Job, ended: AttemptEnded, outcome: Succeeded) -> None:
        """Fetch, verify, write, finalise, announce."""
        raw, image = self._fetch(job, outcome.result_url)
        with raw:
            result = self._publisher.publish(job, ended.provider, image)
        now_ms = self._clock.now_ms()
        done = self._records.change(
            job.job_id,
            lambda j: jobs.succeed(j, ended.number, ended.prediction_id, result, now_ms),
        )
        if done is None:
            return
        logger.info("result stored", extra={"job_id": job.job_id, "key": result.key})
        self.announce(Announce(job_id=job.job_id, run=job.run))

    def _fetch(self, job: Job, url: str) -> tuple[BinaryIO, VerifiedImage]:
        """Fetch and verify; what is bad is fetched once more, in case only its way here was."""
        try:
            return self._fetch_once(job, url)
        except ResultError as error:
            if error.code not in jobs.BAD_RESULTS:
                raise
            logger.warning("bad result", extra={"job_id": job.job_id, "reason": error.code})
        return self._fetch_once(job, url)

    def _fetch_once(self, job: Job, url: str) -> tuple[BinaryIO, VerifiedImage]:
        """Return the downloaded file, which the caller closes, and the image in it."""
        raw = self._results.fetch(url)
        try:
            return raw, self._verified(job, raw)
        except BaseException:
            raw.close()
            raise

    def _verified(self, job: Job, raw: BinaryIO) -> VerifiedImage:
        """Return the image in the file, if it is a cut-out of what the provider was given."""
        image = self._verifier.verify(raw, self._settings.output_format)
        if job.width is not None and (image.width, image.height) != (job.width, job.height):
            found = f"{image.width} x {image.height}"
            message = f"The result has {found} pixels, the image {job.width} x {job.height}."
            raise ResultError("result_wrong_size", message)
        return image

    def _reject(self, ended: AttemptEnded, reason: Reason) -> None:
        """Offer the image to the next provider; its prediction was paid and brought nothing."""
        now_ms = self._clock.now_ms()
        providers = self._settings.providers
        job = self._records.change(
            ended.job_id, lambda j: jobs.reject(j, ended.number, reason, providers, now_ms)
        )
        if job is None:
            return
        self._metrics.count("ResultRejected", provider=ended.provider, reason=reason.code)
        logger.warning("result rejected", extra={"job_id": job.job_id, "reason": reason.code})
        self._pass_on(job, ended)

    def _pass_on(self, job: Job, ended: AttemptEnded) -> None:
        """Do what follows a rejection: the ledger, and the line or the announcement."""
        attempt = job.attempt(ended.number)
        if attempt is not None:
            price = self._settings.provider(ended.provider).price_microusd
            self._records.book(job.job_id, attempt, price, "failed")
        if job.state is JobState.QUEUED:
            self._messages.wake(Wake(), 0)
        self.announce(Announce(job_id=job.job_id, run=job.run))

    def _end(self, job: Job, state: JobState, reason: Reason) -> None:
        """Step into an end state without a result, and announce it."""
        now_ms = self._clock.now_ms()
        if self._records.change(job.job_id, lambda j: jobs.end(j, state, reason, now_ms)) is None:
            return
        logger.warning(
            "job ended without a result", extra={"job_id": job.job_id, "reason": reason.code}
        )
        self.announce(Announce(job_id=job.job_id, run=job.run))
