"""What the doctor concludes from one real image."""

from dataclasses import replace
from typing import Any

import pytest

from cutout import keys
from cutout.models import Attempt, Job, JobState, Lane, LedgerLine, Reason, Result, SourceObject
from cutout.settings import Settings
from tools.doctor.contract import Evidence, Picture, compare, judge_status_body
from tools.doctor.findings import Finding, Status

SETTINGS = Settings()
T0 = 1_795_000_000_000
SOURCE = SourceObject(
    bucket="images", key="a/x.jpg", version_id=None, etag="e", last_modified_ms=T0, size=9
)
ID = keys.job_id(SOURCE)
ATTEMPT = Attempt(
    number=1,
    run=1,
    provider="eachlabs",
    token_sha256="0" * 64,
    started_ms=T0,
    prediction_id="p1",
    ended="succeeded",
)
RESULT = Result(
    key="a/x.cutout.png", etag="r", size=5, content_type="image/png", width=320, height=240
)
JOB = Job(
    job_id=ID,
    state=JobState.SUCCEEDED,
    lane=Lane.UPLOAD,
    bucket="images",
    key="a/x.jpg",
    etag="e",
    size=9,
    created_ms=T0,
    updated_ms=T0 + 9_000,
    available_ms=T0,
    ended_ms=T0 + 9_000,
    attempts=(ATTEMPT,),
    provider="eachlabs",
    prediction_id="p1",
    cost_microusd=17_000,
    result=RESULT,
)
LINE = LedgerLine(
    month="2026-11",
    provider="eachlabs",
    job_id=ID,
    number=1,
    microusd=17_000,
    why="created",
    at_ms=T0,
)
ANSWER = {
    "status": "success",
    "predictionID": "p1",
    "output": "https://x/y.png",
    "metrics": {"predict_time": 8.1},
}
GOOD = Evidence(
    source=SOURCE,
    size=(320, 240),
    job=JOB,
    ledger=(LINE,),
    picture=Picture("a/x.cutout.png", 320, 240, True, {"cutout-job": ID}),  # noqa: FBT003
    answer=ANSWER,
)


def wrong(seen: Evidence, settings: Settings = SETTINGS) -> dict[str, Finding]:
    """Return what did not hold, by code."""
    return {f.code: f for f in compare(seen, settings) if f.status is not Status.OK}


def job(**changes: Any) -> Evidence:
    """Return the evidence with another job."""
    return replace(GOOD, job=JOB.model_copy(update=changes))


def test_all_holds_on_the_documented_provider() -> None:
    """Nothing is wrong."""
    assert wrong(GOOD) == {}


def test_an_upload_without_a_job_was_lost_on_the_way() -> None:
    """Nothing else can be said."""
    assert [*wrong(replace(GOOD, job=None))] == ["send.no_job"]


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (job(job_id="0" * 32), "send.identity"),
        (job(cost_microusd=0), "send.money"),
        (replace(GOOD, ledger=()), "send.money"),
        (replace(GOOD, ledger=(LINE.model_copy(update={"microusd": 1}),)), "send.money"),
        (job(ended_ms=T0 + 18_001), "send.slow"),
        (job(ended_ms=T0 + 27_000), "send.webhook"),
        (replace(GOOD, picture=None), "send.result_missing"),
        (replace(GOOD, size=(240, 320)), "send.result"),
        (replace(GOOD, answer={}), "send.status_answer"),
    ],
)
def test_names_what_did_not_hold(seen: Evidence, code: str) -> None:
    """One assumption at a time."""
    assert code in wrong(seen)


def test_a_polled_provider_may_be_slow_but_owes_no_webhook() -> None:
    """The same seconds mean something else."""
    polled = SETTINGS.model_copy(update={"eachlabs_completion": "poll"})

    assert [*wrong(job(ended_ms=T0 + 60_000), polled)] == ["send.slow"]


def test_says_what_a_refusal_contradicts() -> None:
    """The reason of the job, and the assumption behind it."""
    reason = Reason(code="provider_rejected", message="eachlabs: HTTP 400")
    refused = ATTEMPT.model_copy(
        update={"prediction_id": None, "ended": "provider_rejected", "said": "HTTP 400"}
    )
    seen = job(
        state=JobState.FAILED, reason=reason, attempts=(refused,), cost_microusd=0, result=None
    )

    found = wrong(replace(seen, ledger=()))

    assert [*found] == ["send.outcome", "send.attempt_failed"]
    assert "takes a presigned S3 URL" in found["send.outcome"].message


def test_misses_the_prediction_id() -> None:
    """Of an attempt whose create was answered without one."""
    lost = ATTEMPT.model_copy(update={"prediction_id": None, "ended": None})
    seen = job(state=JobState.SUBMITTING, attempts=(lost,), cost_microusd=0)

    assert {"send.outcome", "send.prediction_id"} == {*wrong(replace(seen, ledger=()))}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "succeeded"}, "status is success"),
        ({"predictionID": "p2"}, "predictionID is the id from create"),
        ({"output": ["https://x/secret"]}, "output is a URL"),
        ({"metrics": {"predict_time": "8"}}, "metrics.predict_time is a number"),
        ({"metrics": None}, "metrics.predict_time is a number"),
    ],
)
def test_compares_the_status_answer_with_the_documented_one(
    change: dict[str, Any], words: str
) -> None:
    """Each field by name, and no URL is repeated."""
    found = judge_status_body(ANSWER | change, "p1")

    assert words in found.message
    assert "https://" not in found.message
