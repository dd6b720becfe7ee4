"""Fakes of what stands around the application: provider, downloads, decoder, bus, metrics."""

import io
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from cutout.adapters.messages import (
    DETAIL_TYPES,
    backfill_detail_of,
    detail_of,
    pause_detail_of,
)
from cutout.backfills import Backfill, Tally
from cutout.errors import PredictionUnknownError, ResultError
from cutout.models import Job, Outcome, PollRequest, ProviderPaused, Submission
from cutout.ports import PreparedImage, VerifiedImage
from tests.fakes import Faults, VirtualClock


@dataclass(frozen=True)
class Create:
    """A create call as the provider saw it."""

    image_url: str
    webhook_url: str | None
    output_format: str
    at_ms: int

    @property
    def token(self) -> str:
        """Return the last part of the webhook URL."""
        return (self.webhook_url or "").rpartition("/")[2]


class FakeKey:
    """A key, and the one that it was rotated to; the cache knows only the first."""

    def __init__(self, cached: str = "key", kept: str | None = None) -> None:
        self._cached = cached
        self._kept = kept or cached

    def value(self) -> str:
        """Return the key as the cache has it."""
        return self._cached

    def renewed(self, refused: str) -> str:
        """Return the key as it is kept now."""
        self._cached = self._kept
        return self._cached


class FakeProvider:
    """Answers create as scripted, else with a new prediction id; remembers every create."""

    def __init__(self, clock: VirtualClock, name: str = "prediction") -> None:
        self._clock = clock
        self._name = name
        self.creates: list[Create] = []
        self.script: deque[Submission | Exception] = deque()
        self.outcomes: dict[str, Outcome] = {}
        self.on_create: Callable[[Create], None] = lambda _: None

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:
        """Start a prediction."""
        create = Create(image_url, webhook_url, output_format, self._clock.now_ms())
        self.creates.append(create)
        self.on_create(create)
        answer = self.script.popleft() if self.script else None
        if isinstance(answer, Exception):
            raise answer
        return answer or Submission(prediction_id=f"{self._name}-{len(self.creates)}")

    def status(self, prediction_id: str) -> Outcome:
        """Ask once how a prediction stands."""
        if prediction_id not in self.outcomes:
            message = "HTTP 404"
            raise PredictionUnknownError(message)
        return self.outcomes[prediction_id]


class InMemoryPolls(Faults):
    """Keeps what the poll machine was asked to follow."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[PollRequest] = []

    def start(self, request: PollRequest) -> None:
        """Have a prediction polled until it ends."""
        self._meet("start")
        self.started.append(PollRequest.model_validate_json(request.model_dump_json()))


class FakeResultSource:
    """Serves bodies by URL; another URL is unavailable."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.on_fetch: Callable[[], None] = lambda: None

    def fetch(self, url: str) -> BinaryIO:
        """Return the whole body as a file at its start."""
        self.fetched.append(url)
        self.on_fetch()
        if url not in self.bodies:
            code, message = "result_unavailable", "The provider's result could not be fetched."
            raise ResultError(code, message)
        return io.BytesIO(self.bodies[url])


class FakeVerifier:
    """Lets everything pass, unless it was given an error."""

    def __init__(self) -> None:
        self.error: ResultError | None = None

    def verify(self, image: BinaryIO, output_format: str) -> VerifiedImage:
        """Return the image as one of 64 by 48 pixels."""
        if self.error is not None:
            raise self.error
        size = image.seek(0, io.SEEK_END)
        return VerifiedImage(image, 64, 48, size, f"image/{output_format}")


class FakePreparer:
    """Makes a copy of 64 by 48 pixels of everything, unless it was given an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.on_prepare: Callable[[], None] = lambda: None

    def prepare(self, image: BinaryIO) -> PreparedImage:
        """Return a copy of the image."""
        self.on_prepare()
        if self.error is not None:
            raise self.error
        return PreparedImage(io.BytesIO(b"a copy of " + image.read()), 64, 48, "image/jpeg")


class InMemoryStage(Faults):
    """Staged copies by key."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[str, bytes] = {}

    def stage(self, job_id: str, image: PreparedImage) -> str:
        """Keep a copy, replacing an earlier one of this job, and return its key."""
        self._meet("stage")
        key = f"staged/{job_id}.{image.content_type.removeprefix('image/')}"
        image.file.seek(0)
        self.copies[key] = image.file.read()
        return key


class InMemoryAnnouncer(Faults):
    """Keeps published events as (detail-type, detail)."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, dict[str, Any]]] = []

    def publish(self, job: Job) -> None:
        """Publish the job's end state."""
        self._meet("publish")
        self.events.append((DETAIL_TYPES[job.state], detail_of(job)))

    def publish_backfill(self, backfill: Backfill, tally: Tally) -> None:
        """Publish that a run of a backfill is over."""
        self._meet("publish_backfill")
        self.events.append(("Cutout Backfill Finished", backfill_detail_of(backfill, tally)))

    def publish_pause(self, pause: ProviderPaused) -> None:
        """Publish that a provider is paused or the budget reached."""
        self._meet("publish_pause")
        self.events.append(("Cutout Provider Paused", pause_detail_of(pause)))


class FakeDelivery:
    """A bucket that tells of uploads, or does not, or does not say."""

    def __init__(self) -> None:
        self.answer: bool | None = True
        self.looks = 0

    def is_on(self) -> bool | None:
        """Tell whether it sends its events to EventBridge; None: that may not be read."""
        self.looks += 1
        return self.answer


class RecordingMetrics:
    """Sums by name, by name and dimensions, and every value in its order."""

    def __init__(self) -> None:
        self.values: list[tuple[str, float, dict[str, str]]] = []
        self.sums: Counter[str] = Counter()
        self.by_dimensions: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""
        self.values.append((name, value, dimensions))
        self.sums[name] += int(value)
        self.by_dimensions[name, tuple(sorted(dimensions.items()))] += int(value)
