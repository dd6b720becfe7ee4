"""What callers send and get: models of their own, apart from the application's."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cutout import addresses, keys
from cutout.models import Job, JobState, Lane, Reason, Result
from cutout.services.overview import Standing

JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Moment = Annotated[datetime, Field(description="ISO 8601 in UTC.")]


class Request(BaseModel):
    """Base: unknown fields are refused, and nothing is quoted back."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class JobRequest(Request):
    """What to cut out: an object of the bucket, or an image on the web."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["key"]}, {"required": ["image_url"]}]}
    )

    key: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=keys.MAX_KEY_BYTES,
            description="Key of an object in the stack's bucket.",
            examples=["photos/shoe.jpg"],
        ),
    ] = None
    image_url: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=addresses.MAX_URL_LENGTH,
            description="Public https address of an image; the provider fetches it.",
            examples=["https://example.com/shoe.jpg"],
        ),
    ] = None


class UploadRequest(Request):
    """The file that is going to be uploaded."""

    filename: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            # S3 puts the file's own name in the place of ${filename} in a form's key.
            pattern=r"^[^\x00-\x20\x7f-\x9f/\\$.-][^\x00-\x1f\x7f-\x9f/\\$]*$",
            description="Last part of the key: printable, without / \\ $; begins with no . or -.",
            examples=["größe 42.jpg"],
        ),
    ]
    content_type: Annotated[
        str,
        Field(
            max_length=100,
            pattern=r"^image/[a-z0-9][a-z0-9.+-]*$",
            description="The upload must be declared with exactly this type.",
            examples=["image/jpeg"],
        ),
    ]


class UploadView(BaseModel):
    """A form: post `fields` and then the file, as `file`, to `url`; then POST /jobs with `key`."""

    key: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: Moment


class ReasonView(BaseModel):
    """Why there is no result, or what a job waits for besides its turn."""

    code: Annotated[str, Field(description="Stable; branch on this.")]
    message: Annotated[str, Field(description="For people.")]


class ResultView(BaseModel):
    """The cut-out."""

    key: str
    url: Annotated[str, Field(description="Reads the result until url_expires_at.")]
    url_expires_at: Moment
    etag: str
    size: int
    content_type: str
    width: int
    height: int


class JobView(BaseModel):
    """Where a job stands."""

    job_id: JobId
    run: Annotated[int, Field(description="1; one more with every retry.")]
    state: JobState
    lane: Lane
    bucket: str
    key: Annotated[str | None, Field(description="The source; null for an image on the web.")]
    image_url: Annotated[str | None, Field(description="Without its query.")]
    version_id: str | None
    etag: str | None
    created_at: Moment
    updated_at: Moment
    ended_at: Moment | None
    waiting_ahead: Annotated[
        int | None,
        Field(description="Jobs before it in its lane; 1000 is 1000 or more; null in lists."),
    ]
    estimated_seconds: Annotated[
        int | None,
        Field(description="Until its end, from limits and backlog; null: over, unknown, a list."),
    ]
    attempts: Annotated[int, Field(description="At providers, in all runs.")]
    provider: Annotated[str | None, Field(description="Of the result, or tried last.")]
    prediction_id: Annotated[str | None, Field(description="The provider's name for it.")]
    cost_usd: Annotated[float, Field(description="List price of all runs.")]
    reason: Annotated[
        ReasonView | None,
        Field(description="Why it ended so; while queued, what it waits for: null in lists."),
    ]
    result: ResultView | None


class JobPage(BaseModel):
    """A page of a list, newest first."""

    jobs: list[JobView]
    cursor: Annotated[str | None, Field(description="For the next page; null: there is none.")]


def job_view(job: Job, standing: Standing, result: ResultView | None) -> JobView:
    """Return a job as callers see it."""
    on_the_web = job.image_url is not None
    return JobView(
        job_id=job.job_id,
        run=job.run,
        state=job.state,
        lane=job.lane,
        bucket=job.bucket,
        key=None if on_the_web else job.key,
        image_url=addresses.without_query(job.image_url) if job.image_url else None,
        version_id=job.version_id,
        etag=job.etag or None,
        created_at=moment(job.created_ms),
        updated_at=moment(job.updated_ms),
        ended_at=moment(job.ended_ms) if job.ended_ms is not None else None,
        waiting_ahead=standing.ahead,
        estimated_seconds=standing.seconds,
        attempts=len(job.attempts),
        provider=job.provider,
        prediction_id=job.prediction_id,
        cost_usd=job.cost_microusd / 1_000_000,
        reason=_reason_view(job.reason or standing.reason),
        result=result,
    )


def result_view(result: Result, url: str, until_ms: int) -> ResultView:
    """Return a result as callers see it."""
    return ResultView(url=url, url_expires_at=moment(until_ms), **result.model_dump())


def moment(ms: int) -> datetime:
    """Return milliseconds since the epoch as a UTC time."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _reason_view(reason: Reason | None) -> ReasonView | None:
    """Return a reason as callers see it."""
    return ReasonView(code=reason.code, message=reason.message) if reason is not None else None
