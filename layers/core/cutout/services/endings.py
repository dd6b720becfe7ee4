"""What `submit` does when an attempt ended: adopt it, end or retry the job, free the slot."""

from cutout import jobs
from cutout.models import (
    MAYBE_CREATED,
    SUCCEEDED,
    Announce,
    AttemptEnded,
    Failed,
    LedgerReason,
    Reason,
    attempt_id,
)
from cutout.observability import logger
from cutout.ports import Clock, Messages, Metrics
from cutout.services.moves import Release
from cutout.services.records import Records
from cutout.settings import Settings


class Endings:
    """The dispatch side of DESIGN 2's sentence "attempt X ended so"; `store` moves the bytes."""

    def __init__(
        self,
        *,
        records: Records,
        messages: Messages,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._messages = messages
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    def settle(self, ended: AttemptEnded) -> Release:
        """Record what the ending means for the job; return the slot it frees.

        Everything here is idempotent by attempt: the sentence may be said any number of times.

        Returns:
            The slot; none is freed when the attempt is not over after all, because its prediction
            turned up while it was given up.
        """
        price = self._settings.provider(ended.provider).price_microusd
        self._records.adopt(ended.job_id, ended.number, ended.prediction_id, price)
        if isinstance(ended.outcome, Failed) and not self._failed(ended, ended.outcome, price):
            return Release(ended.provider)
        return Release(ended.provider, attempt_id(ended.job_id, ended.number))

    def _failed(self, ended: AttemptEnded, outcome: Failed, price: int) -> bool:
        """Try again or give up; the ledger says that this attempt was paid and brought nothing.

        Returns:
            Whether the attempt is over.
        """
        reason = Reason(code=outcome.code, message=outcome.message)
        now_ms = self._clock.now_ms()
        most = self._settings.max_attempts
        changed = self._records.change(
            ended.job_id, lambda j: jobs.fail_attempt(j, ended.number, reason, most, now_ms)
        )
        job = changed or self._records.store.get(ended.job_id)
        attempt = job.attempt(ended.number) if job is not None else None
        if job is None or attempt is None or attempt.ended == SUCCEEDED:
            return True  # a contradiction after its result was stored changes nothing
        if attempt.ended is None:
            return False
        why: LedgerReason = MAYBE_CREATED if attempt.ended == MAYBE_CREATED else "failed"
        self._records.book(ended.job_id, attempt, price, why)
        if changed is not None:
            self._metrics.count("AttemptFailed", provider=ended.provider)
            logger.warning(
                "attempt failed at the provider",
                extra={"job_id": job.job_id, "attempt": ended.number, "detail": outcome.message},
            )
        if not job.announced:
            self._messages.announce(Announce(job_id=job.job_id, run=job.run))
        return True
