"""The queues behind the functions and the bus in front of everybody else."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from cutout.adapters.aws import translated
from cutout.backfills import Backfill, Tally
from cutout.errors import StorageError
from cutout.models import (
    REQUESTED,
    Announce,
    AttemptEnded,
    Job,
    JobState,
    Lane,
    Model,
    ObjectRef,
    Prepare,
    ProviderPaused,
    Wake,
)
from cutout.pauses import sentence

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient

EVENT_SOURCE = "cutout"
REQUEST_SOURCE = "cutout.backfill"
EVENT_VERSION = "1"
MAX_ENTRIES = 10  # EventBridge API Reference, PutEvents
DETAIL_TYPES = {
    JobState.SUCCEEDED: "Cutout Job Succeeded",
    JobState.FAILED: "Cutout Job Failed",
    JobState.SKIPPED: "Cutout Job Skipped",
}


class SqsMessages:
    """The internal queues (DESIGN 2)."""

    def __init__(
        self, client: "SQSClient", dispatch_url: str, completions_url: str, prepare_url: str = ""
    ) -> None:
        """Keep the client and the queues' URLs; a function leaves empty what it never sends to."""
        self._client = client
        self._dispatch_url = dispatch_url
        self._completions_url = completions_url
        self._prepare_url = prepare_url

    def ended(self, message: AttemptEnded) -> None:
        """Say to both queues that an attempt ended; dispatch first, its slot is worth more."""
        self._send(self._dispatch_url, message)
        self._send(self._completions_url, message)

    def bring_home(self, message: AttemptEnded) -> None:
        """Ask `store` alone to bring home a result whose attempt is settled already."""
        self._send(self._completions_url, message)

    def announce(self, message: Announce) -> None:
        """Ask `store` to publish an end state."""
        self._send(self._completions_url, message)

    def paused(self, message: ProviderPaused) -> None:
        """Ask `store` to publish a pause."""
        self._send(self._completions_url, message)

    def prepare(self, message: Prepare) -> None:
        """Ask `prepare` for a staged copy."""
        self._send(self._prepare_url, message)

    def wake(self, message: Wake, delay_s: int) -> None:
        """Send a wake-up to the dispatch queue, delivered after 0 to 900 seconds (SQS)."""
        self._send(self._dispatch_url, message, delay_s)

    def _send(self, url: str, message: Model, delay_s: int = 0) -> None:
        """Send one message."""
        with translated("sending a message failed"):
            self._client.send_message(
                QueueUrl=url, MessageBody=message.model_dump_json(), DelaySeconds=delay_s
            )


class EventBridgeAnnouncer:
    """End states as events on the default bus (DESIGN 4.6)."""

    def __init__(self, client: "EventBridgeClient") -> None:
        """Keep the client."""
        self._client = client

    def publish(self, job: Job) -> None:
        """Publish the job's end state; raises like `_put`."""
        self._put(DETAIL_TYPES[job.state], detail_of(job))

    def publish_pause(self, pause: ProviderPaused) -> None:
        """Publish that a provider is paused or the budget reached; raises like `_put`."""
        self._put("Cutout Provider Paused", pause_detail_of(pause))

    def publish_backfill(self, backfill: Backfill, tally: Tally) -> None:
        """Publish that a run of a backfill is over; raises like `_put`."""
        self._put("Cutout Backfill Finished", backfill_detail_of(backfill, tally))

    def _put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Put one event; raises like `_put_all`."""
        _put_all(self._client, [_entry(EVENT_SOURCE, detail_type, detail)])


class EventBridgeRequests:
    """Events `Cutout Requested`, as anybody may send them.

    Their source is not `cutout`: who listens to what Cutout has done is not to hear of each.
    """

    def __init__(self, client: "EventBridgeClient") -> None:
        """Keep the client."""
        self._client = client

    def ask(self, refs: Collection[ObjectRef]) -> None:
        """Ask for objects in the lane `backfill`; raises like `_put_all`."""
        for some in batched(refs, MAX_ENTRIES, strict=False):
            details = [{**ref.model_dump(), "lane": Lane.BACKFILL} for ref in some]
            _put_all(self._client, [_entry(REQUEST_SOURCE, REQUESTED, one) for one in details])


def _entry(source: str, detail_type: str, detail: dict[str, Any]) -> "PutEventsRequestEntryTypeDef":
    """Return one entry for the bus."""
    return {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}


def _put_all(client: "EventBridgeClient", entries: "list[PutEventsRequestEntryTypeDef]") -> None:
    """Put events.

    Raises:
        StorageError: the bus did not take all; `PutEvents` says so in its answer only.
    """
    with translated("publishing an event failed"):
        answer = client.put_events(Entries=entries)
    if answer["FailedEntryCount"]:
        code = next(e["ErrorCode"] for e in answer["Entries"] if e.get("ErrorCode"))
        message = f"publishing an event failed: {code}"
        raise StorageError(message)


def pause_detail_of(pause: ProviderPaused) -> dict[str, Any]:
    """Return the event detail of a pause; `until` is when it is looked at again."""
    return {
        "version": EVENT_VERSION,
        "provider": pause.provider,
        "until": _iso(pause.until_ms),
        "reason": {"code": pause.reason, "message": sentence(pause.reason)},
    }


def backfill_detail_of(backfill: Backfill, tally: Tally) -> dict[str, Any]:
    """Return the event detail of a backfill's end; `waiting` are all that are not over."""
    ends = {name: getattr(tally, name) for name in ("succeeded", "failed", "skipped", "changed")}
    return {
        "version": EVENT_VERSION,
        "backfill_id": backfill.backfill_id,
        "run": backfill.run,
        "prefix": backfill.prefix,
        "total": backfill.total,
        **ends,
        "waiting": backfill.total - tally.over,
        "stopped": backfill.stopped,
    }


def detail_of(job: Job) -> dict[str, Any]:
    """Return the event detail of a job's end state; `timings` are ISO 8601 in UTC.

    An image on the web has no version and no ETag; attempts and cost are those of all runs.
    """
    timings = {
        "created": job.created_ms,
        "submitted": job.submitted_ms,
        "ended": job.ended_ms,
    }
    return {
        "version": EVENT_VERSION,
        "job_id": job.job_id,
        "run": job.run,
        "bucket": job.bucket,
        "key": job.key,
        "version_id": job.version_id,
        "etag": job.etag or None,
        "result": job.result.model_dump() if job.result else None,
        "provider": job.provider,
        "prediction_id": job.prediction_id,
        "attempts": len(job.attempts),
        "cost_usd": job.cost_microusd / 1_000_000,
        "timings": {name: _iso(ms) for name, ms in timings.items()},
        "reason": job.reason.model_dump() if job.reason else None,
    }


def _iso(ms: int | None) -> str | None:
    """Return milliseconds since the epoch as ISO 8601 in UTC."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat()
