"""Every minute, level-triggered: whatever the edges missed is found by index and made to move.

Safe to run twice at once: every step is a conditional write or an idempotent message. What keeps
everything moving comes first: slots, and the look at the line. Then each shelf has its share of the
time, so that thousands of stale jobs on one of them keep nobody from being looked at.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from cutout import gate as gates
from cutout import jobs, staging
from cutout.errors import CutoutError, PredictionUnknownError, ProviderError
from cutout.gate import Gate
from cutout.models import (
    MAYBE_CREATED,
    UNANNOUNCED,
    Announce,
    Attempt,
    AttemptEnded,
    Failed,
    Job,
    JobState,
    Outcome,
    Pending,
    Prepare,
    Reason,
    Wake,
    attempt_id,
)
from cutout.observability import logger
from cutout.ports import Clock, JobIndex, Line, Messages, Metrics, Provider
from cutout.services.moves import Mover, Release
from cutout.services.records import Records
from cutout.services.shelves import Shelves
from cutout.settings import CREATE_TIMEOUT_MS, Settings

SUBMIT_GONE_MS = 65_000  # over the timeout of `submit`: whoever took the slot is not alive any more
SILENCE_FACTOR = 3  # a webhook this many expected times late is asked for
MIN_SILENCE_MS = 15_000
LEASE_STEP_MS = 150_000  # two rounds and a half: a running prediction's slot never ends between two
STORING_GRACE_MS = 60_000  # after a lease the queue's own redelivery comes first
ANNOUNCE_GRACE_MS = 30_000
# A long PrepareQueue is no reason to make it longer: a job is asked for again once in this time.
PREPARING_GRACE_MS = 900_000
WAITING_MS = 60_000  # younger jobs are the line's business alone
ROUND_MS = 55_000  # the timeout of the `reconcile` function
# While jobs wait the line is looked at so often, until the next round. The looks are the start of
# chains of their own (docs/decisions/0010), and a message that got lost costs ten seconds.
LOOK_EVERY_S = 10
ROUNDS_EVERY_S = 60
# A question takes at most 41 s (providers/http.py). One that began later could end the round in its
# middle, and with it the memory of what was reached.
QUESTION_MS = 42_000
LAST_MS = 3_000  # for the end of a look that began in time


# A shelf, how long a job has stood there before it is looked at, and what a look does.
type _Shelf = tuple[str, int, Callable[[Job], None]]


class Reconciler:
    """Finds silent, expired and stuck work."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        index: JobIndex,
        records: Records,
        line: Line,
        mover: Mover,
        messages: Messages,
        providers: Mapping[str, Provider],
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._shelves = Shelves(index, clock)
        self._records = records
        self._line = line
        self._mover = mover
        self._messages = messages
        self._providers = providers
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    def run(self, left_ms: int = ROUND_MS) -> None:
        """Look once at everything in flight; have `submit` look at the line, if anybody waits.

        Args:
            left_ms: how long the invocation may still run.
        """
        now_ms = self._clock.now_ms()
        left_behind = self._look_at_slots()
        self._have_the_line_looked_at(now_ms)
        self._ask_for(left_behind, now_ms + left_ms - QUESTION_MS)
        self._each(
            [
                (JobState.SUBMITTED, MIN_SILENCE_MS, self._silent),
                (JobState.STORING, MIN_SILENCE_MS, self._stuck),
            ],
            now_ms + left_ms - QUESTION_MS,
        )
        self._each(
            [
                (UNANNOUNCED, ANNOUNCE_GRACE_MS, self._announce),
                (JobState.SUBMITTING, CREATE_TIMEOUT_MS, self._unanswered),
                (JobState.PREPARING, PREPARING_GRACE_MS, self._unprepared),
                (JobState.QUEUED, WAITING_MS, self._waiting),
            ],
            now_ms + left_ms - LAST_MS,
        )

    def _have_the_line_looked_at(self, now_ms: int) -> None:
        """Wake `submit` again and again until the next round, if anybody waits.

        A fault here keeps nobody else from being looked at.
        """
        try:
            if self._line.first(1, now_ms):
                for delay_s in range(0, ROUNDS_EVERY_S, LOOK_EVERY_S):
                    self._messages.wake(Wake(), delay_s)
        except CutoutError:
            logger.exception("line not looked at")
            self._metrics.count("ReconcileFailed")

    def _each(self, shelves: Sequence[_Shelf], until_ms: int) -> None:
        """Look at what has stood on these shelves for so long; each has its share of the time."""
        for number, (shelf, age_ms, look) in enumerate(shelves):
            now_ms = self._clock.now_ms()
            share_ms = (until_ms - now_ms) // (len(shelves) - number)
            for job_id in self._shelves.some(shelf, now_ms - age_ms, now_ms + share_ms):
                with self._one(job_id):
                    job = self._records.store.get(job_id)
                    if job is not None and job.shelf == shelf:
                        look(job)

    @contextmanager
    def _one(self, job_id: str) -> Iterator[None]:
        """Keep what one job raises from the others; the next minute looks at it again."""
        try:
            yield
        except Exception:  # noqa: BLE001 whatever it is
            logger.exception("job not reconciled", extra={"job_id": job_id})
            self._metrics.count("ReconcileFailed")

    def _unprepared(self, job: Job) -> None:
        """Ask again for a staged copy whose message got lost or is in the dead-letter queue."""
        now_ms = self._clock.now_ms()
        if self._records.change(job.job_id, lambda j: staging.nudge(j, now_ms)) is not None:
            self._messages.prepare(Prepare(job_id=job.job_id))

    def _unanswered(self, job: Job) -> None:
        """Look at a job whose create was not answered in time."""
        self._maybe_created(job, job.attempts[-1])

    def _maybe_created(self, job: Job, attempt: Attempt) -> None:
        """Give up an attempt whose create was never answered, once its hold is over."""
        hold_ms = self._settings.provider(attempt.provider).hold_ms
        if self._clock.now_ms() >= attempt.started_ms + hold_ms:
            message = "the answer to create was lost, and no webhook came"
            self._say(job, attempt, Failed(code=MAYBE_CREATED, message=message))

    def _silent(self, job: Job) -> None:
        """Ask for a prediction whose webhook or poll is late."""
        attempt = job.attempts[-1]
        expected_ms = self._settings.provider(attempt.provider).expected_s * 1000
        quiet_ms = max(MIN_SILENCE_MS, SILENCE_FACTOR * expected_ms)
        if self._clock.now_ms() - attempt.started_ms >= quiet_ms:
            self._metrics.count("SilentPrediction", provider=attempt.provider)
            self._ask(job, attempt)

    def _stuck(self, job: Job) -> None:
        """Have a result stored whose lease ended: from a fresh URL, or else give it up.

        After a failed download that is at once; otherwise the queue's redelivery comes first.
        """
        now_ms = self._clock.now_ms()
        grace_ms = 0 if job.fetch_failures else STORING_GRACE_MS
        if now_ms < job.storing_until_ms + grace_ms:
            return
        deadline_ms = job.attempts[-1].started_ms + 1000 * self._settings.attempt_timeout_seconds
        if now_ms < deadline_ms:
            known = [attempt for attempt in job.attempts if attempt.prediction_id is not None]
            if known:
                self._ask(job, known[-1])
            return
        message = "The result could not be stored before the attempt's time was over."
        reason = Reason(code="result_unavailable", message=message)
        ended = self._records.change(
            job.job_id, lambda j: jobs.end(j, JobState.FAILED, reason, now_ms)
        )
        if ended is not None:
            self._announce(ended)

    def _ask(self, job: Job, attempt: Attempt) -> None:
        """Ask the provider how an attempt stands, and pass on what it says."""
        if attempt.prediction_id is None:
            return
        outcome = self._status(attempt, attempt.prediction_id)
        if not isinstance(outcome, Pending):
            self._say(job, attempt, outcome)
            return
        deadline_ms = attempt.started_ms + 1000 * self._settings.attempt_timeout_seconds
        now_ms = self._clock.now_ms()
        if now_ms >= deadline_ms:
            seconds = self._settings.attempt_timeout_seconds
            message = f"no end after {seconds} seconds"
            self._say(job, attempt, Failed(code="attempt_timeout", message=message))
            return
        name, slot = attempt.provider, attempt_id(job.job_id, attempt.number)
        until_ms = min(deadline_ms, now_ms + LEASE_STEP_MS)
        self._mover.move(lambda gate, _: gates.extend(gate, name, slot, until_ms))

    def _status(self, attempt: Attempt, prediction_id: str) -> Outcome:
        """Ask once; what cannot be learnt now is pending until the deadline."""
        try:
            return self._providers[attempt.provider].status(prediction_id)
        except PredictionUnknownError:
            return Failed(code="prediction_unknown", message="the provider forgot the prediction")
        except ProviderError as error:
            logger.warning(
                "status unknown", extra={"provider": attempt.provider, "detail": str(error)}
            )
            return Pending()

    def _say(self, job: Job, attempt: Attempt, outcome: Outcome) -> None:
        """Say to both queues that the attempt ended."""
        if isinstance(outcome, Pending):
            return
        self._messages.ended(
            AttemptEnded(
                job_id=job.job_id,
                number=attempt.number,
                provider=attempt.provider,
                prediction_id=attempt.prediction_id,
                outcome=outcome,
            )
        )

    def _announce(self, job: Job) -> None:
        """Have an end state published that was not."""
        self._messages.announce(Announce(job_id=job.job_id, run=job.run))

    def _waiting(self, job: Job) -> None:
        """End a job that nobody may be asked for any more; keep one that waits for long.

        Version 0.1.0 gave waiting jobs an expiry, which any write takes away.
        """
        now_ms, providers = self._clock.now_ms(), self._settings.providers
        half_ms = self._settings.job_retention_days * 86_400_000 // 2
        if set(providers) <= set(job.excluded):
            ended = self._records.change(job.job_id, lambda j: jobs.strand(j, providers, now_ms))
            if ended is not None:
                self._announce(ended)
        elif job.updated_ms < now_ms - half_ms:
            self._records.change(job.job_id, lambda j: jobs.renew(j, now_ms))

    def _look_at_slots(self) -> list[tuple[Job, Attempt]]:
        """Free slots that nobody needs; return the attempts that their jobs have left behind.

        A job that got its result from a late attempt is over while a later attempt still runs, or
        may have been created: nothing else would book it or keep its slot.
        """
        left: list[tuple[Job, Attempt]] = []

        def step(gate: Gate, now_ms: int) -> Gate:
            left.clear()
            for name, side in gate.providers.items():
                for slot, held in side.slots.items():
                    if now_ms - held.stamped_ms >= SUBMIT_GONE_MS:
                        gate = self._dead(name, slot, left).apply(gate, now_ms)
            return gate

        self._mover.move(step)
        return left

    def _ask_for(self, left: Sequence[tuple[Job, Attempt]], until_ms: int) -> None:
        """Look after attempts that their jobs have left behind, as long as there is time."""
        for job, attempt in random.sample(left, len(left)):  # no one is always the last
            look = self._maybe_created if attempt.prediction_id is None else self._ask
            with self._one(job.job_id):
                look(job, attempt)
            if self._clock.now_ms() >= until_ms:
                return

    def _dead(self, name: str, slot: str, left: list[tuple[Job, Attempt]]) -> Release:
        """Return the release of a slot whose attempt was never recorded or is over.

        A live attempt's slot is not released; is it one that its job has left, it goes to `left`.
        Neither is that of a job which can't be read: the others are looked at all the same.
        """
        job_id, _, number = slot.rpartition(".")
        try:
            job = self._records.store.get(job_id)
        except CutoutError:
            logger.exception("slot not looked at", extra={"job_id": job_id})
            return Release(name)
        attempt = job.attempt(int(number)) if job is not None else None
        if job is None or attempt is None:
            return Release(name, slot, refund=True)
        if attempt.ended is not None:
            return Release(name, slot, refund=not attempt.may_have_cost)
        unanswered = job.state is JobState.STORING and attempt.prediction_id is None
        if job.is_over or unanswered or attempt.number != job.last_number:
            left.append((job, attempt))
        return Release(name)
