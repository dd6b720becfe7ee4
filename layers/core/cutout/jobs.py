"""The life of a job as pure steps: each takes a job and returns the next one, or None: not now.

    [preparing ->] queued -> submitting -> submitted -> storing -> succeeded | failed | skipped

`storing` is a lease and not a decision; only the step into an end state decides (DESIGN 4.3).
"""

from collections.abc import Callable

from cutout import keys
from cutout.models import (
    MAYBE_CREATED,
    SUCCEEDED,
    Attempt,
    Job,
    JobState,
    Lane,
    LineEntry,
    Reason,
    Result,
    SourceObject,
)

type Step = Callable[[Job], Job | None]

RETRY_BASE_MS = 2_000
RETRY_MAX_MS = 60_000
MAX_SETBACKS = 5
MAX_FETCH_FAILURES = 3
MAX_STALLS = 288  # a day of the circuit's longest pauses, 300 s each (gate.py)
STALLS_KEPT = 10  # a record has room for the tokens of these, in case one was created after all
UNAVAILABLE = "provider_unavailable"  # reason code of an attempt that created nothing

# A result with one of these was paid for and must not be published.
BAD_RESULTS = frozenset(
    {
        "result_not_an_image",
        "result_truncated",
        "result_opaque",
        "result_empty",
        "result_too_large",
        "result_wrong_size",
    }
)

# What excludes a provider for the rest of the run.
_TURNED_AWAY = BAD_RESULTS | {"provider_rejected"}

_IN_FLIGHT = frozenset({JobState.SUBMITTING, JobState.SUBMITTED})


def new_job(source: SourceObject, lane: Lane, now_ms: int) -> Job:
    """Return the queued job of this version of the object."""
    return Job(
        job_id=keys.job_id(source),
        state=JobState.QUEUED,
        lane=lane,
        bucket=source.bucket,
        key=source.key,
        version_id=source.version_id,
        etag=source.etag,
        size=source.size,
        created_ms=now_ms,
        updated_ms=now_ms,
        available_ms=now_ms,
    )


def entry_of(job: Job) -> LineEntry:
    """Return the place in the line of a queued job's next attempt.

    Who failed with a prediction of this image is asked for another one only if nobody else can be:
    it would be paid again, for the same thing probably.
    """
    failed = (a.provider for a in job.attempts if a.run == job.run and a.prediction_id and a.ended)
    return LineEntry(
        job_id=job.job_id,
        lane=job.lane,
        available_ms=job.available_ms,
        number=job.last_number + 1,
        excluded=job.excluded,
        avoided=tuple(dict.fromkeys(failed)),
    )


def waits_at(job: Job, entry: LineEntry) -> bool:
    """Tell whether the job waits at this place, for whichever attempt."""
    here = job.lane is entry.lane and job.available_ms == entry.available_ms
    return here and job.state is JobState.QUEUED and job.job_id == entry.job_id


def renew(job: Job, now_ms: int) -> Job | None:
    """Write a waiting job again as it is; None: it does not wait.

    Version 0.1.0 gave every record its expiry at its creation; any write takes that away. The new
    time moves the job to the end of its shelf, so that the next round finds others.
    """
    return _step(job, now_ms) if job.state is JobState.QUEUED else None


def strand(job: Job, providers: tuple[str, ...], now_ms: int) -> Job | None:
    """End a waiting job that no provider of the stack may be asked for; None: one may be.

    It was to go to a provider that has been taken out of the stack since, and every other one has
    refused the image or sent a bad result for it, which would be paid again.
    """
    if job.state is not JobState.QUEUED or not set(providers) <= set(job.excluded):
        return None
    tried = [a for a in job.attempts if a.run == job.run and a.ended in _TURNED_AWAY]
    code = (tried[-1].ended if tried else None) or "provider_rejected"
    message = "; ".join(f"{a.provider}: {a.said}" for a in tried) or "No provider takes the image."
    return end(job, JobState.FAILED, Reason(code=code, message=message), now_ms)


def end(job: Job, state: JobState, reason: Reason | None, now_ms: int) -> Job | None:
    """Step into an end state; None: the run has one already, or is not ours. It is announced later.

    Without a result the job names the provider it was tried at last.
    """
    if job.is_over or job.is_foreign:
        return None
    last = next((a for a in reversed(job.attempts) if a.run == job.run), None)
    if job.result is None and last is not None:
        tried = {"provider": last.provider, "prediction_id": last.prediction_id}
        job = job.model_copy(update=tried)
    return _step(job, now_ms, state=state, reason=reason, ended_ms=now_ms, announced=False)


def start(job: Job, number: int, provider: str, token_sha256: str, now_ms: int) -> Job | None:
    """Begin the attempt the job waits for; None: the job does not wait for this one."""
    if job.state is not JobState.QUEUED or number != job.last_number + 1:
        return None
    attempt = Attempt(
        number=number,
        run=job.run,
        provider=provider,
        token_sha256=token_sha256,
        started_ms=now_ms,
    )
    return _step(
        job,
        now_ms,
        state=JobState.SUBMITTING,
        attempts=(*job.attempts, attempt),
        last_number=number,
    )


def adopt(job: Job, number: int, prediction_id: str, price: int, now_ms: int) -> Job | None:
    """Record that an attempt's prediction exists, and its price; None: recorded already."""
    attempt = job.attempt(number)
    if attempt is None or attempt.prediction_id is not None:
        return None
    job = _with_attempt(job, attempt.model_copy(update={"prediction_id": prediction_id}))
    cost = job.cost_microusd + price
    if job.state is JobState.SUBMITTING and number == job.last_number:
        return _step(job, now_ms, state=JobState.SUBMITTED, submitted_ms=now_ms, cost_microusd=cost)
    return _step(job, now_ms, cost_microusd=cost)


def withdraw(job: Job, number: int, now_ms: int, *, available_ms: int | None = None) -> Job | None:
    """Put a job back into the line because nothing was created; the attempt never happened."""
    if job.state is not JobState.SUBMITTING or number != job.last_number:
        return None
    attempts = tuple(a for a in job.attempts if a.number != number)
    return _step(
        job,
        now_ms,
        state=JobState.QUEUED,
        attempts=attempts,
        available_ms=job.available_ms if available_ms is None else available_ms,
    )


def set_aside(job: Job, now_ms: int) -> Job | None:
    """Move a queued job that raised an exception behind the others; after some it fails."""
    if job.state is not JobState.QUEUED:
        return None
    if job.setbacks >= MAX_SETBACKS:
        message = (
            f"Submitting failed {job.setbacks + 1} times for a reason inside Cutout; see the logs."
        )
        return end(job, JobState.FAILED, Reason(code="internal_error", message=message), now_ms)
    delay = RETRY_BASE_MS * 2**job.setbacks
    return _step(job, now_ms, available_ms=now_ms + delay, setbacks=job.setbacks + 1)


def fail_attempt(
    job: Job, number: int, reason: Reason, max_attempts: int, now_ms: int
) -> Job | None:
    """End an attempt: back into the line after a growing pause, or `failed` at the last."""
    attempt = job.attempt(number)
    if attempt is None or attempt.ended is not None:
        return None
    if reason.code in (MAYBE_CREATED, UNAVAILABLE) and attempt.prediction_id is not None:
        return None  # it was adopted in the meantime
    job = _with_attempt(job, _failed(attempt, reason))
    abandoned = job.state is JobState.STORING and job.storing_until_ms <= now_ms
    abandoned = abandoned and reason.code != MAYBE_CREATED  # an earlier attempt's result is stored
    if number != job.last_number or (job.state not in _IN_FLIGHT and not abandoned):
        return _step(job, now_ms)
    failures = job.failures + 1
    job = job.model_copy(update={"failures": failures})
    if failures >= max_attempts:
        message = f"{failures} attempts failed; {attempt.provider} said: {reason.message}"
        return _exhausted(job, message, now_ms)
    pause = min(RETRY_BASE_MS * 2 ** (failures - 1), RETRY_MAX_MS)
    return _step(job, now_ms, state=JobState.QUEUED, available_ms=now_ms + pause)


def stall(job: Job, number: int, reason: Reason, now_ms: int) -> Job | None:
    """Put a job back that met an outage: no attempt is used up.

    It waits only briefly: the circuit decides when this provider is asked again, and another one
    may be asked at once. After a day of nothing else the job fails. None: the attempt is over, or
    was created after all.
    """
    attempt = job.attempt(number)
    if attempt is None or job.state is not JobState.SUBMITTING or number != job.last_number:
        return None
    job = _with_attempt(job, _failed(attempt, reason))
    idle = [a for a in job.attempts if a.ended == UNAVAILABLE and a.prediction_id is None]
    kept = tuple(a for a in job.attempts if a not in idle[:-STALLS_KEPT])
    stalls = job.stalls + 1
    job = job.model_copy(update={"attempts": kept, "stalls": stalls})
    if stalls >= MAX_STALLS:
        message = f"{attempt.provider} was unavailable {stalls} times; it said: {reason.message}"
        return _exhausted(job, message, now_ms)
    return _step(job, now_ms, state=JobState.QUEUED, available_ms=now_ms + RETRY_BASE_MS)


def refuse(
    job: Job, number: int, reason: Reason, providers: tuple[str, ...], now_ms: int
) -> Job | None:
    """Offer an image one provider refused to the next one; refused by all: `failed`.

    None: the attempt is over, or was created after all.
    """
    attempt = job.attempt(number)
    if attempt is None or job.state is not JobState.SUBMITTING or number != job.last_number:
        return None
    excluded = (*job.excluded, attempt.provider)
    job = _with_attempt(job, _failed(attempt, reason))
    if set(providers) <= set(excluded):
        words = "; ".join(f"{a.provider}: {a.said}" for a in job.attempts if a.ended == reason.code)
        return end(job, JobState.FAILED, Reason(code=reason.code, message=words), now_ms)
    return _step(job, now_ms, state=JobState.QUEUED, excluded=excluded, available_ms=now_ms)


def reject(
    job: Job, number: int, reason: Reason, providers: tuple[str, ...], now_ms: int
) -> Job | None:
    """Offer an image whose result is bad to the next provider; bad from all: `failed`.

    The bad result of an abandoned attempt gives the job back to the attempt that runs.
    """
    attempt = job.attempt(number)
    if attempt is None or job.state is not JobState.STORING or is_rejected(job, number):
        return None
    excluded = tuple(dict.fromkeys((*job.excluded, attempt.provider)))
    job = _with_attempt(job, _failed(attempt, reason)).model_copy(
        update={"excluded": excluded, "storing_until_ms": 0, "fetch_failures": 0}
    )
    last = job.attempts[-1]
    if last.number != number and last.ended is None:
        state = JobState.SUBMITTED if last.prediction_id else JobState.SUBMITTING
        return _step(job, now_ms, state=state)
    if set(providers) <= set(excluded):
        words = "; ".join(
            f"{a.provider}: {a.said}" for a in job.attempts if a.ended in _TURNED_AWAY
        )
        return end(job, JobState.FAILED, Reason(code=reason.code, message=words), now_ms)
    return _step(job, now_ms, state=JobState.QUEUED, available_ms=now_ms)


def is_rejected(job: Job, number: int) -> bool:
    """Tell whether this attempt's result was looked at and is bad."""
    attempt = job.attempt(number)
    return attempt is not None and attempt.ended in BAD_RESULTS


def lease(job: Job, now_ms: int, lease_ms: int) -> Job | None:
    """Take the storing lease; None: the run is over or not ours, or somebody holds the lease."""
    if job.is_over or job.is_foreign or job.storing_until_ms > now_ms:
        return None
    return _step(job, now_ms, state=JobState.STORING, storing_until_ms=now_ms + lease_ms)


def fetch_failed(job: Job, now_ms: int) -> Job | None:
    """Note that a result could not be downloaded, and let the lease go; None: not storing."""
    if job.state is not JobState.STORING:
        return None
    failures = job.fetch_failures + 1
    return _step(job, now_ms, storing_until_ms=now_ms, fetch_failures=failures)


def succeed(
    job: Job, number: int, prediction_id: str | None, result: Result, now_ms: int
) -> Job | None:
    """Step into `succeeded`; None: the run has an end state already."""
    attempt = job.attempt(number)
    if attempt is None:
        return None
    job = _with_attempt(job, attempt.model_copy(update={"ended": SUCCEEDED}))
    job = job.model_copy(
        update={"result": result, "provider": attempt.provider, "prediction_id": prediction_id}
    )
    return end(job, JobState.SUCCEEDED, None, now_ms)


def announced(job: Job, run: int, now_ms: int) -> Job | None:
    """Note that the run's end state was published; None: it was noted before."""
    if job.announced or job.run != run:
        return None
    return _step(job, now_ms, announced=True)


def _exhausted(job: Job, message: str, now_ms: int) -> Job | None:
    """Fail a job that was tried often enough."""
    return end(job, JobState.FAILED, Reason(code="attempts_exhausted", message=message), now_ms)


def _failed(attempt: Attempt, reason: Reason) -> Attempt:
    """Return the attempt with what ended it."""
    return attempt.model_copy(update={"ended": reason.code, "said": reason.message})


def _with_attempt(job: Job, attempt: Attempt) -> Job:
    """Return the job with this attempt in the place of the one with its number."""
    attempts = tuple(attempt if a.number == attempt.number else a for a in job.attempts)
    return job.model_copy(update={"attempts": attempts})


def _step(job: Job, now_ms: int, **changes: object) -> Job:
    """Return the job changed, with the time of the change."""
    return job.model_copy(update={"updated_ms": now_ms, **changes})
