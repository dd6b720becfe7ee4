"""What Cutout emits: every sample is what the code makes, and has the form its schema says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import (  # type: ignore[import-untyped]  # no stubs are installed
    Draft202012Validator,
    FormatChecker,
    ValidationError,
)

from cutout import inputs, jobs
from cutout.adapters.messages import (
    DETAIL_TYPES,
    EVENT_SOURCE,
    backfill_detail_of,
    detail_of,
    pause_detail_of,
)
from cutout.backfills import Backfill, Tally
from cutout.models import Job, JobState, ProviderPaused, Reason, Result
from cutout.pauses import SENTENCES
from tests.conftest import EVENTS
from tests.examples import a_job, a_submitted_job, an_attempt
from tests.fakes import NOON_MS

type Sample = dict[str, Any]


def succeeded() -> Job:
    """Return a job with its result."""
    result = Result(
        key="photos/shoe.cutout.png",
        etag="5d41402abc4b2a76b9719d911017c592",
        size=91_240,
        content_type="image/png",
        width=1600,
        height=1200,
    )
    attempt = an_attempt(prediction_id="5f1c7d0e-6c1b-4b6f-9a57-2d9e8f1b3c40")
    job = a_submitted_job(attempts=(attempt,), submitted_ms=NOON_MS + 250, cost_microusd=17_000)
    prediction_id = str(attempt.prediction_id)
    return jobs.succeed(job, 1, prediction_id, result, NOON_MS + 9_800) or job


def failed() -> Job:
    """Return a job that used up its attempts."""
    attempts = tuple(
        an_attempt(n, prediction_id=f"prediction-{n}", ended="provider_failed") for n in (1, 2, 3)
    )
    job = a_submitted_job(attempts=attempts, submitted_ms=NOON_MS + 250, cost_microusd=51_000)
    message = "3 attempts failed; the last one said: eachlabs: no subject found"
    reason = Reason(code="attempts_exhausted", message=message)
    return jobs.end(job, JobState.FAILED, reason, NOON_MS + 40_000) or job


def skipped() -> Job:
    """Return a job that was not worth a paid call."""
    job = a_job("photos/flyer.pdf", version_id=None)
    return jobs.end(job, JobState.SKIPPED, inputs.refusal(None), NOON_MS + 40) or job


PAUSE = ProviderPaused(provider="eachlabs", reason="setup", until_ms=NOON_MS + 300_000)
BACKFILL = Backfill(
    backfill_id="20260115T110000-1a2b",
    prefix="photos/",
    total=2000,
    batches=96,
    created_ms=NOON_MS - 3_600_000,
)
TALLY = Tally(count=2000, succeeded=1985, failed=2, skipped=10, changed=3)
BUDGET = ProviderPaused(provider=None, reason="budget_reached")


def envelope(detail_type: str, detail: dict[str, Any]) -> Sample:
    """Return an event as EventBridge delivers it."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": detail_type,
        "source": EVENT_SOURCE,
        "account": "111122223333",
        "time": "2026-01-15T12:00:10Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }


def samples() -> dict[str, Sample]:
    """Return what stands in events/out, by file name."""
    ended = {"job_succeeded": succeeded(), "job_failed": failed(), "job_skipped": skipped()}
    made = {n: envelope(DETAIL_TYPES[job.state], detail_of(job)) for n, job in ended.items()}
    made["provider_paused"] = envelope("Cutout Provider Paused", pause_detail_of(PAUSE))
    finished = backfill_detail_of(BACKFILL, TALLY)
    made["backfill_finished"] = envelope("Cutout Backfill Finished", finished)
    return made


def validator(name: str) -> Draft202012Validator:
    """Return the checked schema of an event."""
    schema = json.loads((EVENTS / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.mark.parametrize("name", samples())
def test_the_sample_is_what_the_code_emits(name: str) -> None:
    """A change of the code is a change of the sample, seen in review."""
    stored = json.loads((EVENTS / "out" / f"{name}.json").read_text("utf-8"))

    assert stored == samples()[name]


@pytest.mark.parametrize("name", samples())
def test_the_sample_has_the_form_of_its_schema(name: str) -> None:
    """Nothing missing, nothing that the schema does not name."""
    validator(name).validate(samples()[name])


@pytest.mark.parametrize("reason", SENTENCES)
def test_every_pause_has_the_form_of_the_schema(reason: str) -> None:
    """Whatever the reason, with and without provider and time."""
    for pause in (PAUSE, BUDGET):
        detail = pause_detail_of(pause.model_copy(update={"reason": reason}))
        validator("provider_paused").validate(envelope("Cutout Provider Paused", detail))


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize(
    "change",
    [{"version": "2"}, {"surprise": 1}, {"reason": {"code": "Not A Code", "message": ""}}],
)
def test_the_schema_refuses_something_else(name: str, change: dict[str, object]) -> None:
    """A schema that takes everything would say nothing."""
    sample = samples()[name]
    sample["detail"] |= change

    with pytest.raises(ValidationError):
        validator(name).validate(sample)


@pytest.mark.parametrize("name", ["job_succeeded", "job_failed", "job_skipped"])
def test_the_schema_names_the_contracts_fields(name: str) -> None:
    """DESIGN 4.6, letter by letter."""
    detail = samples()[name]["detail"]

    names = "version job_id run bucket key version_id etag result provider prediction_id attempts"
    assert list(detail) == [*names.split(), "cost_usd", "timings", "reason"]


def test_every_sample_is_known_and_has_no_real_account() -> None:
    """A file nobody loads would rot; example accounts only."""
    out = {path.stem for path in (EVENTS / "out").glob("*.json")}
    schemas = {path.name.split(".")[0] for path in (EVENTS / "schemas").glob("*.json")}

    assert out == schemas == set(samples())
    for path in Path(EVENTS).rglob("*.json"):
        text = path.read_text("utf-8")
        assert "AKIA" not in text
        assert "arn:aws" not in text or ":111122223333:" in text or "arn:aws:s3:::" in text
