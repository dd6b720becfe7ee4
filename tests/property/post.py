"""The three queues as SQS has them: at least once, in any order, and after five times no more."""

import json
from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from cutout.models import Announce, AttemptEnded, Model, ProviderPaused, Wake
from tests.fakes import VirtualClock
from tests.property.processes import FaultOf, Switchboard

MAX_RECEIVES = 5  # as the template says


@dataclass(eq=False, slots=True)
class Envelope:
    """A message in a queue."""

    body: str
    visible_ms: int
    receives: int = 0

    def record(self) -> SQSRecord:
        """Return it as the function is handed it."""
        attributes = {"ApproximateReceiveCount": str(self.receives)}
        return SQSRecord({"messageId": "m", "body": self.body, "attributes": attributes})


class Queue:
    """One queue; a message that is received is away until it is deleted or given back."""

    def __init__(self, clock: VirtualClock, visibility_ms: int) -> None:
        self._clock = clock
        self._visibility_ms = visibility_ms
        self.waiting: list[Envelope] = []
        self.dead: list[Envelope] = []

    def put(self, body: str, delay_ms: int = 0) -> None:
        """Send a message."""
        self.waiting.append(Envelope(body, self._clock.now_ms() + delay_ms))

    def visible(self) -> list[Envelope]:
        """Return what can be received now."""
        return [e for e in self.waiting if e.visible_ms <= self._clock.now_ms()]

    def receive(self, pick: int, most: int, *, twice: bool = False) -> list[Envelope]:
        """Take messages out, from any place; `twice`: they will be delivered once more."""
        visible = self.visible()
        start = pick % len(visible) if visible else 0
        taken = visible[start : start + most]
        for envelope in taken:
            self.waiting.remove(envelope)
            envelope.receives += 1
            envelope.visible_ms = self._clock.now_ms() + self._visibility_ms
            if twice:
                self.put(envelope.body)
        return taken

    def give_back(self, envelopes: list[Envelope]) -> None:
        """Redeliver these after the visibility timeout, or put them into the dead-letter queue."""
        for envelope in envelopes:
            (self.dead if envelope.receives >= MAX_RECEIVES else self.waiting).append(envelope)


class Post:
    """What the application sends, into the queues; `ended` is two sends, as in the adapter."""

    def __init__(self, board: Switchboard, clock: VirtualClock, fault: FaultOf) -> None:
        self._board = board
        self._fault = fault
        self.submit = Queue(clock, 360_000)
        self.store = Queue(clock, 90_000)

    def _send(self, queue: Queue, message: Model, delay_s: int = 0) -> None:
        """Send one message."""
        body = message.model_dump_json()
        self._board.call(
            f"send {type(message).__name__}", lambda: queue.put(body, 1000 * delay_s), self._fault
        )

    def ended(self, message: AttemptEnded) -> None:
        """Say to both queues that an attempt ended."""
        self._send(self.submit, message)
        self._send(self.store, message)

    def bring_home(self, message: AttemptEnded) -> None:
        """Ask `store` alone to bring home a result whose attempt is settled already."""
        self._send(self.store, message)

    def announce(self, message: Announce) -> None:
        """Ask `store` to publish an end state."""
        self._send(self.store, message)

    def paused(self, message: ProviderPaused) -> None:
        """Ask `store` to publish a pause."""
        self._send(self.store, message)

    def wake(self, message: Wake, delay_s: int) -> None:
        """Send a wake-up."""
        self._send(self.submit, message, delay_s)

    def uploaded(self, bucket: str, key: str) -> None:
        """S3 says that an object was created."""
        detail = {"bucket": {"name": bucket}, "object": {"key": key}}
        self.submit.put(json.dumps({"detail": detail}))

    def wakes(self) -> list[Envelope]:
        """Return the wake-ups under way."""
        return [e for e in self.submit.waiting if json.loads(e.body).get("type") == "wake"]
