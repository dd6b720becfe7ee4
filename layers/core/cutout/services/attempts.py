"""The protocol of one attempt (DESIGN 4.4), after the gate has given it a slot.

    1. the gate took slot, stamp and price in one write (dispatch.py)
    2. the job goes to `submitting` with the attempt and its token's hash, else the gate is told
    3. create
    4. the ledger line and the prediction id are recorded

A crash after 2 leaves the job `submitting`: *maybe created*. Its webhook may still adopt it; the
slot is a lease that ends.
"""

import math
import random
import secrets
from collections.abc import Mapping
from dataclasses import replace

from cutout import jobs, staging
from cutout.errors import (
    ConfigurationError,
    CutoutError,
    MaybeCreatedError,
    ProviderError,
    ProviderKeyUnreadableError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from cutout.gate import ARRIVAL_GUARD_MS
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    Pending,
    PollRequest,
    Prepare,
    Reason,
    Submission,
    Succeeded,
)
from cutout.observability import logger
from cutout.ports import Clock, ImageStore, Messages, Metrics, Polls, Provider
from cutout.services import sources
from cutout.services.endings import Endings
from cutout.services.moves import Release
from cutout.services.planning import Start
from cutout.services.records import Records
from cutout.settings import ProviderSettings, Settings
from cutout.tokens import token_hash

POLL_FOR_MS = 270_000  # an Express execution ends after five minutes
TOKEN_BYTES = 32  # 256 random bits (DESIGN 4.5)
# 429 without Retry-After: somewhere in here, so that keys drift apart.
RATE_LIMIT_PAUSE_S = (5.0, 15.0)
FRESH_MS = 60_000  # so long nobody looks again whether a source is still there
SETUP_PAUSE_S = 300.0  # a wrong key or an empty account is looked at again after this long


class Attempts:
    """Runs one attempt from its slot to the provider's answer."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        records: Records,
        endings: Endings,
        images: ImageStore,
        messages: Messages,
        polls: Polls,
        providers: Mapping[str, Provider],
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._records = records
        self._endings = endings
        self._images = images
        self._messages = messages
        self._polls = polls
        self._providers = providers
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    def run(self, start: Start) -> Release | None:
        """Run the protocol; return the slot when it is not needed any more.

        Whatever goes wrong with this job stays with it: the others of the batch go on.
        """
        try:
            return self._protocol(start)
        except Exception:  # noqa: BLE001 one job must not stop the others
            # Before create the job is still in line; after it, the attempt is *maybe created*.
            # Either way the slot is a lease and ends.
            logger.exception("attempt raised", extra={"job_id": start.entry.job_id})
            return None

    def _protocol(self, start: Start) -> Release | None:
        """Steps 2 to 4."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        try:
            job = self._record_start(start, token)
            if job is None:
                return _freed(start, unsent=True)
            reason = self._not_worth_it(job)
            if reason is not None:
                return self._give_up(start, reason)
            image_url = job.image_url or self._images.presign(job)
        except Exception:  # noqa: BLE001 whatever it was, nothing was created
            logger.exception("attempt failed before create", extra={"job_id": start.entry.job_id})
            return self._set_aside(start)
        return self._create(start, job, image_url, token)

    def _record_start(self, start: Start, token: str) -> Job | None:
        """Step 2; None: the job does not want this attempt (any more), or must be prepared anew."""
        entry, stored = start.entry, token_hash(token)
        now_ms = self._clock.now_ms()
        job = self._records.change(
            entry.job_id,
            lambda j: (
                staging.again(j, now_ms)
                or jobs.start(j, entry.number, start.provider, stored, start.stamped_ms)
            ),
        )
        if job is None:
            self._leave(start)
            return None
        if job.state is not JobState.PREPARING:
            return job
        self._messages.prepare(Prepare(job_id=job.job_id))
        return None

    def _leave(self, start: Start) -> None:
        """Take the place out of the line if no job waits there, so that nobody meets it again."""
        if self._records.store.vacate(start.entry):
            logger.info("place without a job removed", extra={"job_id": start.entry.job_id})

    def _not_worth_it(self, job: Job) -> Reason | None:
        """Return why a picture is not worth its price any more; None: it is.

        Only one that was tried before or has waited is looked at: the others just were.
        """
        fresh = self._clock.now_ms() - job.created_ms < FRESH_MS
        if fresh and job.last_number == 1:
            return None
        in_bucket = job.image_url is None
        gone = sources.gone(self._images, job, "submitted") if in_bucket else None
        return gone or sources.done(self._images, job, self._settings)

    def _give_up(self, start: Start, reason: Reason) -> Release:
        """End a job that is not worth its price, as if this attempt had never been."""
        now_ms = self._clock.now_ms()

        def step(job: Job) -> Job | None:
            back = jobs.withdraw(job, start.entry.number, now_ms)
            return jobs.end(back, JobState.SKIPPED, reason, now_ms) if back is not None else None

        self._settle(start, step)
        return _freed(start, unsent=True)

    def _create(self, start: Start, job: Job, image_url: str, token: str) -> Release | None:
        """Steps 3 and 4."""
        provider = self._settings.provider(start.provider)
        if self._clock.now_ms() - start.stamped_ms > ARRIVAL_GUARD_MS:
            # Sent now, it could meet the creates of the next window at the provider's counter.
            logger.info("attempt withdrawn for its age", extra={"job_id": start.entry.job_id})
            self._settle(start, lambda j: jobs.withdraw(j, start.entry.number, start.stamped_ms))
            return _freed(start, unsent=True)
        webhook_url = self._webhook_url(provider, job.job_id, token)
        try:
            submission = self._providers[start.provider].create(
                image_url, webhook_url, self._settings.output_format
            )
        except ConfigurationError as error:
            return self._explain(start, ProviderMisconfiguredError(str(error)))
        except ProviderError as error:
            return self._explain(start, error)
        return self._created(start, provider, submission)

    def _created(
        self, start: Start, provider: ProviderSettings, submission: Submission
    ) -> Release | None:
        """Step 4, and the end of the attempt where the answer was the result already."""
        entry = start.entry
        self._metrics.count("JobSubmitted", provider=start.provider)
        self._metrics.count("CostUsd", provider.price_microusd / 1e6, provider=start.provider)
        self._records.adopt(
            entry.job_id, entry.number, submission.prediction_id, provider.price_microusd
        )
        logger.info(
            "job submitted",
            extra={
                "job_id": entry.job_id,
                "provider": start.provider,
                "provider_job_id": submission.prediction_id,
                "attempt": entry.number,
            },
        )
        if not isinstance(submission.outcome, Pending):
            ended = AttemptEnded(
                job_id=entry.job_id,
                number=entry.number,
                provider=start.provider,
                prediction_id=submission.prediction_id,
                outcome=submission.outcome,
            )
            return self._ended(start, ended)
        if not provider.uses_webhook:
            self._poll(start, provider, submission.prediction_id)
        return Release(start.provider, recovered=True) if start.in_doubt else None

    def _ended(self, start: Start, ended: AttemptEnded) -> Release:
        """Settle an attempt whose end came with the answer to create; `store` brings the result.

        No message about it goes to `submit`: this is where the slot is freed.
        """
        if isinstance(ended.outcome, Succeeded):
            self._messages.bring_home(ended)
        return replace(self._endings.settle(ended), recovered=start.in_doubt)

    def _poll(self, start: Start, provider: ProviderSettings, prediction_id: str) -> None:
        """Have the prediction polled, because no webhook will tell of its end."""
        self._polls.start(
            PollRequest(
                job_id=start.entry.job_id,
                number=start.entry.number,
                provider=start.provider,
                prediction_id=prediction_id,
                wait_s=math.ceil(provider.expected_s),
                until_ms=self._clock.now_ms() + POLL_FOR_MS,
            )
        )

    def _webhook_url(self, provider: ProviderSettings, job_id: str, token: str) -> str | None:
        """Return DESIGN 4.5's URL for this attempt; None: the provider is polled."""
        if not provider.uses_webhook:
            return None
        return f"{self._settings.webhook_base_url}/webhooks/{provider.name}/{job_id}/{token}"

    def _explain(self, start: Start, error: ProviderError) -> Release | None:
        """Turn the provider's error into what DESIGN 4.4's table says of it."""
        logger.warning(
            "create failed",
            extra={
                "job_id": start.entry.job_id,
                "provider": start.provider,
                "attempt": start.entry.number,
                "reason": type(error).__name__,
                "detail": str(error),
            },
        )
        self._metrics.count("CreateFailed", provider=start.provider, reason=type(error).__name__)
        match error:
            case MaybeCreatedError():
                return None  # the slot stays: a webhook may adopt it, or its lease ends
            case ProviderKeyUnreadableError():
                return self._postpone(start)
            case ProviderRejectedError():
                return self._refuse(start, error)
            case ProviderRateLimitedError():
                pause_s = error.retry_after_s or random.uniform(*RATE_LIMIT_PAUSE_S)  # noqa: S311
                return self._withdraw(start, "rate_limited", pause_s)
            case ProviderMisconfiguredError() | ProviderOutOfCreditError():
                reason = "out_of_credit" if isinstance(error, ProviderOutOfCreditError) else "setup"
                return self._withdraw(start, reason, SETUP_PAUSE_S)
            case ProviderUnavailableError():
                return self._fail(start, error)
        message = f"no rule for {type(error).__name__}"
        raise TypeError(message)

    def _refuse(self, start: Start, error: ProviderError) -> Release | None:
        """400: the next provider, else `failed`; unless its webhook was here first."""
        reason = Reason(code="provider_rejected", message=str(error))
        now_ms = self._clock.now_ms()
        providers = self._settings.providers
        refused = self._settle(
            start, lambda j: jobs.refuse(j, start.entry.number, reason, providers, now_ms)
        )
        return _freed(start) if refused is not None else None

    def _fail(self, start: Start, error: ProviderError) -> Release:
        """500, 503, no connection: nothing was created, try again later.

        The attempt counts against the image only while nobody doubts the provider: then others get
        through. In an outage every image would use up its attempts, so there it waits.
        """
        number, reason = start.entry.number, Reason(code=jobs.UNAVAILABLE, message=str(error))
        now_ms, most = self._clock.now_ms(), self._settings.max_attempts

        def step(job: Job) -> Job | None:
            if start.in_doubt:
                return jobs.stall(job, number, reason, now_ms)
            return jobs.fail_attempt(job, number, reason, most, now_ms)

        if self._settle(start, step) is None:
            return Release(start.provider, strike=True)  # it exists: its webhook was here first
        return _freed(start, strike=True)

    def _withdraw(self, start: Start, why: str, pause_s: float) -> Release:
        """Give the slot back as if the attempt had never been, and pause the provider."""
        now_ms = self._clock.now_ms()
        self._settle(start, lambda j: jobs.withdraw(j, start.entry.number, now_ms))
        pause = (why, now_ms + round(pause_s * 1000))
        return _freed(start, pause=pause)

    def _postpone(self, start: Start) -> Release:
        """Give everything back, the stamp as well, for a create that was not sent; pause nobody.

        Another invocation, which may have the key, can take the job up at once.
        """
        now_ms = self._clock.now_ms()
        self._settle(start, lambda j: jobs.withdraw(j, start.entry.number, now_ms))
        return _freed(start, unsent=True)

    def _set_aside(self, start: Start) -> Release | None:
        """Move a job that raised before create behind the others, and free its slot.

        If that can't be recorded either, the slot stays: the attempt may stand in the record, and
        reconcile, which frees or books it, must find both books alike.
        """
        now_ms = self._clock.now_ms()

        def step(job: Job) -> Job | None:
            back = jobs.withdraw(job, start.entry.number, now_ms) or job
            return jobs.set_aside(back, now_ms)

        try:
            self._settle(start, step)
        except CutoutError:
            logger.exception("job not set aside", extra={"job_id": start.entry.job_id})
            return None
        return _freed(start, unsent=True)

    def _settle(self, start: Start, step: jobs.Step) -> Job | None:
        """Change the job, and return it if it changed; if that ended it, have it announced."""
        job = self._records.change(start.entry.job_id, step)
        if job is not None and job.is_over:
            self._messages.announce(Announce(job_id=job.job_id, run=job.run))
        return job


def _freed(
    start: Start,
    *,
    unsent: bool = False,
    strike: bool = False,
    pause: tuple[str, int] | None = None,
) -> Release:
    """Return the slot of an attempt that created nothing."""
    return Release(
        start.provider,
        start.attempt,
        start.stamped_ms,
        refund=True,
        unsent=unsent,
        strike=strike,
        pause=pause,
    )
