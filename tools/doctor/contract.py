"""What one real image showed, held against what the code assumes. Pure.

Each finding names the assumption. No URL is repeated: those of results open without a key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cutout import keys
from cutout.models import Attempt, Job, JobState, LedgerLine, SourceObject
from cutout.services.reconcile import MIN_SILENCE_MS, SILENCE_FACTOR
from cutout.settings import Settings
from tools.doctor.findings import Finding, fault, ok, warning

_SLOW = 2  # times the expected seconds


@dataclass(frozen=True, slots=True)
class Picture:
    """The result as it decodes."""

    key: str
    width: int
    height: int
    has_alpha: bool
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that one image left behind.

    `answer` is what the provider says of the prediction afterwards; None: it can't be asked.
    """

    source: SourceObject
    size: tuple[int, int]
    job: Job | None
    ledger: tuple[LedgerLine, ...] = ()
    picture: Picture | None = None
    answer: Mapping[str, Any] | None = None


def compare(seen: Evidence, settings: Settings) -> Iterator[Finding]:
    """Say which assumptions held."""
    job = seen.job
    if job is None:
        yield fault(
            "send.no_job",
            "The upload never became a job: somewhere between the bucket, EventBridge, UploadsQueue"
            " and submit it was lost; look at the log of SubmitFunction.",
        )
        return
    if job.job_id != keys.job_id(seen.source):
        message = "The job's id is not the one of the uploaded version: another upload came between"
        yield warning("send.identity", f"{message}, or S3 describes objects otherwise than assumed")
    yield _outcome(job)
    yield from _attempts(job)
    yield _money(job, seen.ledger, settings)
    if job.state is not JobState.SUCCEEDED:
        return
    yield from _timing(job, settings)
    yield from _result(seen, job, settings)
    if job.provider == "eachlabs" and job.prediction_id and seen.answer is not None:
        yield judge_status_body(seen.answer, job.prediction_id)


def judge_status_body(body: Mapping[str, Any], prediction_id: str) -> Finding:
    """Compare an answer of `GET /v1/prediction/{id}` with the one Eachlabs documents."""
    metrics = body.get("metrics")
    time_s = metrics.get("predict_time") if isinstance(metrics, dict) else None
    output = body.get("output")
    held = {
        "status is success": body.get("status") == "success",
        "predictionID is the id from create": body.get("predictionID") == prediction_id,
        "output is a URL": isinstance(output, str) and output.startswith(("https://", "http://")),
        "metrics.predict_time is a number": isinstance(time_s, int | float),
    }
    wrong = [assumption for assumption, holds in held.items() if not holds]
    if not wrong:
        return ok("send.status_answer", "The provider's status answer is as documented.")
    return warning(
        "send.status_answer",
        f"The provider's status answer is not as documented: assumed was that {'; '.join(wrong)}. "
        f"Its fields are {', '.join(sorted(map(str, body))) or 'none'}. Polling may misread it: "
        "see layers/core/cutout/providers/eachlabs.py.",
    )


def _outcome(job: Job) -> Finding:
    """Say how it ended."""
    if job.state is JobState.SUCCEEDED:
        return ok("send.outcome", f"{job.provider} cut the image out.")
    if not job.is_over:
        message = f"The image is still {job.state}: assumed was an end in time. It goes on, and its"
        return fault("send.outcome", f"{message} cut-out may still appear: remove that by hand.")
    reason = f"{job.reason.code}: {job.reason.message}" if job.reason else "no reason"
    meaning = {
        "provider_rejected": "assumed was that the provider takes a presigned S3 URL of a JPEG",
        "result_opaque": "assumed was that the result has transparency",
        "result_not_an_image": "assumed was that the result is an image",
        "result_wrong_size": "assumed was that the result has the size of the original",
        "result_unavailable": "assumed was that the result's URL can be fetched without a key",
    }.get(job.reason.code if job.reason else "", "assumed was that it succeeds")
    return fault("send.outcome", f"The image is {job.state} ({reason}); {meaning}.")


def _attempts(job: Job) -> Iterator[Finding]:
    """Say whether one attempt was enough, and that its prediction is known."""
    for attempt in job.attempts:
        if attempt.ended not in (None, "succeeded"):
            said = f"{attempt.ended}: {attempt.said}"
            message = f"Attempt {attempt.number} at {attempt.provider} failed ({said})."
            yield warning("send.attempt_failed", message)
        if attempt.prediction_id is None and attempt.ended != "provider_rejected":
            yield fault(
                "send.prediction_id",
                f"Attempt {attempt.number} at {attempt.provider} has no prediction id: assumed was "
                "that the answer to create carries it.",
            )


def _money(job: Job, ledger: tuple[LedgerLine, ...], settings: Settings) -> Finding:
    """Say whether the books agree: one line for each attempt that may have cost."""
    charged = [a for a in job.attempts if a.may_have_cost and a.prediction_id]
    expected = sum(settings.provider(a.provider).price_microusd for a in charged)
    booked = sum(line.microusd for line in ledger)
    if not expected == booked == job.cost_microusd:
        figures = f"attempts ${expected / 1e6:.4f}, ledger ${booked / 1e6:.4f}"
        message = f"The books disagree: {figures}, job ${job.cost_microusd / 1e6:.4f}"
        return fault("send.money", f"{message}. Please report it.")
    message = f"Booked are ${booked / 1e6:.4f} for {len(charged)} prediction(s); compare that with"
    return ok("send.money", f"{message} the provider's dashboard, which no API shows.")


def _timing(job: Job, settings: Settings) -> Iterator[Finding]:
    """Say how the end was learnt, and whether it came as fast as expected."""
    attempt = _paid(job)
    if attempt is None or job.ended_ms is None:
        return
    provider = settings.provider(attempt.provider)
    took_ms = job.ended_ms - attempt.started_ms
    quiet_ms = max(MIN_SILENCE_MS, SILENCE_FACTOR * provider.expected_s * 1000)
    if provider.uses_webhook and took_ms >= quiet_ms:
        yield fault(
            "send.webhook",
            f"The end was known only after {took_ms / 1000:.0f} s, by asking: assumed was that "
            f"{provider.name} posts to webhook_url. Set EachlabsCompletion to poll, or look at why "
            "the webhook does not come through.",
        )
    elif took_ms > _SLOW * provider.expected_s * 1000:
        message = f"It took {took_ms / 1000:.1f} s instead of {provider.expected_s:g}: if that is"
        yield warning("send.slow", f"{message} usual, raise the ExpectedSeconds parameter.")
    else:
        how = "by webhook" if provider.uses_webhook else "by asking"
        yield ok(
            "send.timing", f"It was done after {took_ms / 1000:.1f} s; the end was learnt {how}."
        )


def _result(seen: Evidence, job: Job, settings: Settings) -> Iterator[Finding]:
    """Say whether the cut-out is where and what it should be."""
    names = keys.result_names(job.bucket, job.key, settings.result_suffix, settings.output_format)
    picture = seen.picture
    if picture is None:
        message = f"There is no object at {job.result.key if job.result else names[0]}"
        yield fault("send.result_missing", f"{message}, though the job says so.")
        return
    held = {
        f"its name is {names[0]}": picture.key == names[0],
        "it is transparent somewhere": picture.has_alpha,
        "it has the original's size": (picture.width, picture.height) == seen.size,
        "its metadata names the job": picture.metadata.get(keys.JOB_METADATA) == job.job_id,
    }
    wrong = [assumption for assumption, holds in held.items() if not holds]
    if wrong:
        yield fault("send.result", f"The cut-out is not as it should be: {'; '.join(wrong)}.")
    else:
        yield ok("send.result", f"The cut-out {picture.key} is as it should be.")


def _paid(job: Job) -> Attempt | None:
    """Return the attempt that the result is from."""
    return next((a for a in job.attempts if a.prediction_id == job.prediction_id), None)
