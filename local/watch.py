"""Upload images to a stack and follow them until each has come to an end."""

import mimetypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from local.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_TICK_SECONDS = 0.25
_DEADLINE_SECONDS = 240  # a fault that only reconcile repairs, on a machine that is busy
_DEADLINE_SECONDS_PER_IMAGE = 10

_FROM_DYNAMO = TypeDeserializer()

type Job = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Image:
    """A file to cut out, and the key that it is uploaded under."""

    name: str
    path: Path
    key: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an image; `state` is a job's end state, or `missing`."""

    image: Image
    state: str
    seconds: float
    reason: str = ""
    provider: str = ""
    cost_microusd: int = 0
    result_key: str = ""

    @property
    def succeeded(self) -> bool:
        """Tell whether there is a cut-out."""
        return self.state == "succeeded"


def cut_out(
    stack: Stack, images: Sequence[Image], ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Upload the images and return what became of each, in the same order.

    Uploads and looks take turns, so that the seconds of early images are right in large batches.
    """
    bucket = _Bucket(stack)
    waiting = list(images)
    uploaded: dict[str, float] = {}
    outcomes: dict[str, Outcome] = {}
    seconds = _DEADLINE_SECONDS + _DEADLINE_SECONDS_PER_IMAGE * len(images)
    deadline = monotonic() + seconds
    while len(outcomes) < len(images) and monotonic() < deadline:
        tick = monotonic() + _TICK_SECONDS
        while waiting and monotonic() < tick:
            image = waiting.pop(0)
            bucket.upload(image)
            uploaded[image.key] = monotonic()
        sleep(max(0.0, tick - monotonic()))
        in_flight = [i for i in images if i.key in uploaded and i.key not in outcomes]
        for outcome in bucket.look(in_flight, uploaded):
            outcomes[outcome.image.key] = outcome
            ended(outcome)
    reason = f"did not come back within {seconds} s"
    return [
        outcomes.get(i.key) or Outcome(image=i, state="missing", seconds=seconds, reason=reason)
        for i in images
    ]


def read_outcome(image: Image, job: Job, visible: set[str], seconds: float) -> Outcome | None:
    """Return the outcome that a job's record tells, or None while the job goes on.

    A success only counts when its object is there: it is what a user sees.
    """
    if job["state"] not in {"succeeded", "failed", "skipped"}:
        return None
    result_key = job.get("result", {}).get("key", "")
    if job["state"] == "succeeded" and result_key not in visible:
        return None
    reason = job.get("reason")
    return Outcome(
        image=image,
        state=job["state"],
        seconds=seconds,
        reason=f"{reason['code']}: {reason['message']}" if reason else "",
        provider=job.get("provider", ""),
        cost_microusd=int(job.get("cost_microusd", 0)),
        result_key=result_key,
    )


class _Bucket:
    """The stack's bucket and jobs table; clients are slow to make, so they are made once."""

    def __init__(self, stack: Stack) -> None:
        self._s3 = stack.client("s3")
        self._dynamodb = stack.client("dynamodb")
        self._bucket = stack.outputs["BucketName"]
        self._table = stack.outputs["JobsTableName"]

    def upload(self, image: Image) -> None:
        content_type = mimetypes.guess_type(image.name)[0] or "application/octet-stream"
        extra = {"ContentType": content_type}
        self._s3.upload_file(str(image.path), self._bucket, image.key, ExtraArgs=extra)

    def look(self, in_flight: Sequence[Image], uploaded: Mapping[str, float]) -> Iterator[Outcome]:
        jobs, visible = self._jobs(), self._keys()
        now = monotonic()
        for image in in_flight:
            job = jobs.get(image.key)
            outcome = job and read_outcome(image, job, visible, now - uploaded[image.key])
            if outcome:
                yield outcome

    def _jobs(self) -> dict[str, Job]:
        # A scan, because the stack is our own and fresh: there is nothing else in the table.
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :job",
            ExpressionAttributeValues={":job": {"S": "job"}},
        )
        jobs = [_read_item(item) for page in pages for item in page["Items"]]
        return {job["key"]: job for job in jobs}

    def _keys(self) -> set[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def _read_item(item: "Mapping[str, AttributeValueTypeDef]") -> Job:
    return {name: _FROM_DYNAMO.deserialize(value) for name, value in item.items()}
