"""The queues behind the functions and the bus in front of everybody else."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cutout.adapters.aws import translated
from cutout.errors import StorageError
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    Model,
    Prepare,
    ProviderPaused,
    Wake,
)

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient

EVENT_SOURCE = "cutout"
EVENT_VERSION = "1"
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
        """Send a wake-up to the dispatch queue, delivered after 0 to 900 seconds."""
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

    def _put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Put one event.

        Raises:
            StorageError: the bus did not take it; `PutEvents` says so in its answer only.
        """
        entry: PutEventsRequestEntryTypeDef = {
            "Source": EVENT_SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        with translated("publishing an event failed"):
            answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            message = f"publishing an event failed: {answer['Entries'][0].get('ErrorCode')}"
            raise StorageError(message)


PAUSE_SENTENCES = {
    "setup": "The provider refuses the key or the set-up; jobs wait until it is mended.",
    "out_of_credit": "The provider's account has no credit left; jobs wait until it is filled up.",
    "unavailable": "The provider failed several times in a row; it is tried again by itself.",
    "budget_reached": "The monthly budget is used up; jobs wait for a new month or a higher cap.",
}


def pause_detail_of(pause: ProviderPaused) -> dict[str, Any]:
    """Return the event detail of a pause; `until` is when it is looked at again."""
    return {
        "version": EVENT_VERSION,
        "provider": pause.provider,
        "until": _iso(pause.until_ms),
        "reason": {"code": pause.reason, "message": PAUSE_SENTENCES[pause.reason]},
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
