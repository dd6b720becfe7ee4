"""What several use cases do to a job record: change it safely, note a created prediction."""

import random

from cutout import jobs
from cutout.errors import ConflictError
from cutout.gate import month_of
from cutout.models import MAYBE_CREATED, Attempt, Job, LedgerLine, LedgerReason
from cutout.ports import Clock, JobStore, Ledger

_TRIES = 8
_BACKOFF_S = 0.02


class Records:
    """The job records and the ledger, changed one conditional write at a time."""

    def __init__(self, store: JobStore, ledger: Ledger, clock: Clock) -> None:
        """Keep the collaborators."""
        self.store = store
        self._ledger = ledger
        self._clock = clock

    def create(self, job: Job) -> Job:
        """Write a new job; return it, or the stored one if there is one with its id already.

        Raises:
            ConflictError: others were writing every time, and left no record.
        """
        for attempt in range(_TRIES):
            if self.store.create(job):
                return job
            known = self.store.get(job.job_id)
            if known is not None:
                return known
            self._pause(attempt)
        message = "the job record was being written by others every time"
        raise ConflictError(message)

    def change(self, job_id: str, step: jobs.Step) -> Job | None:
        """Apply a pure step to the stored job; read again and redo it when somebody else wrote.

        Returns:
            The job as written; None: there is no such job, or the step says there is nothing to do.

        Raises:
            ConflictError: others won every time.
        """
        for attempt in range(_TRIES):
            job = self.store.get(job_id)
            changed = step(job) if job is not None else None
            if job is None or changed is None:
                return None
            written = self.store.replace(job, changed)
            if written is not None:
                return written
            self._pause(attempt)
        message = "the job record was written by others every time"
        raise ConflictError(message)

    def _pause(self, attempt: int) -> None:
        """Wait a little before the next try, each time longer."""
        self._clock.sleep(_BACKOFF_S * (attempt + 1) * random.uniform(0.5, 1.5))  # noqa: S311

    def adopt(self, job_id: str, number: int, prediction_id: str | None, price: int) -> None:
        """Record that an attempt's prediction exists: its ledger line first, then the job.

        Whoever learns of the prediction first calls this: the answer to create, the webhook, the
        poll. The ledger line is keyed by the attempt, so a repetition changes nothing.
        """
        if prediction_id is None:
            return
        job = self.store.get(job_id)
        attempt = job.attempt(number) if job is not None else None
        if attempt is None or attempt.prediction_id is not None:
            return
        given_up = attempt.ended == MAYBE_CREATED
        self.book(job_id, attempt, price, MAYBE_CREATED if given_up else "created")
        now_ms = self._clock.now_ms()
        self.change(job_id, lambda j: jobs.adopt(j, number, prediction_id, price, now_ms))

    def book(self, job_id: str, attempt: Attempt, price: int, why: LedgerReason) -> None:
        """Write an attempt's ledger line, in the month in which the gate counted it."""
        line = LedgerLine(
            month=month_of(attempt.started_ms),
            provider=attempt.provider,
            job_id=job_id,
            number=attempt.number,
            microusd=price,
            why=why,
            at_ms=self._clock.now_ms(),
        )
        self._ledger.record(line)
