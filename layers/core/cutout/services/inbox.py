"""Messages from the queues, each turned into the one use case it asks for."""

import json
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ConfigDict, TypeAdapter, ValidationError

from cutout.errors import NewerVersionError
from cutout.models import (
    REQUESTED,
    Announce,
    AttemptEnded,
    CompletionMessage,
    DispatchMessage,
    ObjectRef,
    Prepare,
    ProviderPaused,
)
from cutout.observability import logger
from cutout.services.dispatch import Dispatcher
from cutout.services.endings import Endings
from cutout.services.intake import Intake
from cutout.services.moves import Release
from cutout.services.preparing import Preparing
from cutout.services.storing import Storing

RESTORED = "Object Restore Completed"  # S3 User Guide, "Using EventBridge"

_AT_FIRST_USE = ConfigDict(defer_build=True)
_DISPATCH: TypeAdapter[DispatchMessage] = TypeAdapter(DispatchMessage, config=_AT_FIRST_USE)
_PREPARE: TypeAdapter[Prepare] = TypeAdapter(Prepare)
_COMPLETION: TypeAdapter[CompletionMessage] = TypeAdapter(CompletionMessage, config=_AT_FIRST_USE)


def _known[T](kinds: TypeAdapter[T], body: Any) -> T:  # noqa: ANN401 whatever JSON there is
    """Return the message.

    Raises:
        NewerVersionError: it is none that this version knows. Nothing is done or dropped: its
            deliveries are used up, and it waits in the dead-letter queue.
    """
    try:
        return kinds.validate_python(body)
    except ValidationError as error:
        kind = str(body.get("type"))[:40] if isinstance(body, dict) else ""
        message = f"no message that this version knows has the type and form of this {kind!r}"
        raise NewerVersionError(message) from error


class Inbox(ABC):
    """A queue's messages; what a message raises is logged and sends it back to its queue."""

    def handle(self, record: SQSRecord) -> None:
        """Handle one message."""
        try:
            self._handle(record)
        except Exception:
            logger.exception("message not handled", extra={"message_id": record.message_id})
            raise

    @abstractmethod
    def _handle(self, record: SQSRecord) -> None:
        """Turn one message into its use case."""


class SubmitInbox(Inbox):
    """UploadsQueue and DispatchQueue: every message is recorded first, then the gate moves once."""

    def __init__(self, intake: Intake, endings: Endings, dispatcher: Dispatcher) -> None:
        """Keep the use cases."""
        self._intake = intake
        self._endings = endings
        self._dispatcher = dispatcher
        self._releases: list[Release] = []
        self._due_ms = 0

    def _handle(self, record: SQSRecord) -> None:
        """Accept uploads or a request, settle an ending, or note a wake-up."""
        body = json.loads(record.body)
        if body.get("detail-type") == REQUESTED:
            self._intake.accept_request(body.get("detail"))
            return
        uploads = _uploads(body)
        if uploads is not None:
            for ref in uploads:
                self._intake.accept_upload(ref, restored=body.get("detail-type") == RESTORED)
            return
        message = _known(_DISPATCH, body)
        if isinstance(message, AttemptEnded):
            self._releases.append(self._endings.settle(message))
        else:
            self._due_ms = max(self._due_ms, message.due_ms)

    def dispatch(self, left_ms: int) -> None:
        """Move the gate for everything handled since the last time.

        Args:
            left_ms: how long the invocation may still run.
        """
        releases, self._releases = self._releases, []
        due_ms, self._due_ms = self._due_ms, 0
        self._dispatcher.dispatch(releases, woken_for_ms=due_ms, left_ms=left_ms)


def _uploads(body: dict[str, Any]) -> list[ObjectRef] | None:
    """Return the objects that S3 says were created or restored; None: it is not S3 that speaks.

    Keys are plain in EventBridge events, and the data class of Powertools decodes them all the
    same, so it is not used there. They are form-encoded in S3's own notifications, which come here
    when somebody points a bucket at the queue; S3 begins those with a test event.
    """
    if "detail" in body:
        detail = body["detail"]
        return [ObjectRef(bucket=detail["bucket"]["name"], key=detail["object"]["key"])]
    if body.get("Event") == "s3:TestEvent":
        return []
    if "Records" not in body:
        return None
    created = (r["s3"] for r in body["Records"] if r["eventName"].startswith("ObjectCreated:"))
    return [
        ObjectRef(bucket=s3["bucket"]["name"], key=unquote_plus(s3["object"]["key"]))
        for s3 in created
    ]


class PrepareInbox(Inbox):
    """PrepareQueue: odd sources to make plain copies of."""

    def __init__(self, preparing: Preparing) -> None:
        """Keep the use case."""
        self._preparing = preparing

    def _handle(self, record: SQSRecord) -> None:
        """Prepare one job's source."""
        self._preparing.prepare(_known(_PREPARE, json.loads(record.body)))


class StoreInbox(Inbox):
    """CompletionsQueue: results to bring home and end states to publish."""

    def __init__(self, storing: Storing, max_receives: int) -> None:
        """Keep the use case and the queue's `maxReceiveCount`."""
        self._storing = storing
        self._max_receives = max_receives

    def _handle(self, record: SQSRecord) -> None:
        """Bring a result home, or publish an end state."""
        message = _known(_COMPLETION, json.loads(record.body))
        if isinstance(message, Announce):
            self._storing.announce(message)
            return
        if isinstance(message, ProviderPaused):
            self._storing.announce_pause(message)
            return
        received = int(record.attributes.approximate_receive_count)
        self._storing.store(message, last_try=received >= self._max_receives)
