"""What the use cases need from the world: protocols only. Adapters and fakes pass the same tests.

Every method may raise `StorageError` for a passing fault; the message is then redelivered.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from cutout.gate import Gate
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    LedgerLine,
    LineEntry,
    ObjectRef,
    Outcome,
    Place,
    PollRequest,
    Prepare,
    ProviderPaused,
    Repeat,
    ResultAttributes,
    SourceObject,
    StoredObject,
    Submission,
    UploadForm,
    Wake,
)

if TYPE_CHECKING:  # one function needs these models
    from cutout.backfills import Backfill, FrozenObject, Tally


class Clock(Protocol):
    """Time, and the only way to spend it."""

    def now_ms(self) -> int:
        """Return UTC milliseconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Crew[T](Protocol):
    """Calls that are under way side by side; its length is their number."""

    def begin(self, work: Callable[[], T]) -> None:
        """Begin a call."""
        ...

    def ended(self, timeout_s: float) -> list[T]:
        """Return what the calls returned that have ended since the last time.

        While there is none, it waits for the first one, for so many seconds at the most.
        """
        ...

    def __len__(self) -> int:
        """Return how many calls are under way, or were when it was last asked for their ends."""
        ...


class JobStore(Protocol):
    """The job records; reads are consistent.

    A job is `queued` if and only if its entry (`jobs.entry_of`) is in the line: the store writes
    both in one transaction, so that no crash can lose a waiting job.
    """

    def get(self, job_id: str) -> Job | None:
        """Return the job, if there is one."""
        ...

    def create(self, job: Job) -> bool:
        """Write a new job; False: there is one with this id, or somebody else was writing."""
        ...

    def replace(self, old: Job, new: Job) -> Job | None:
        """Write the new job on the condition that the stored one is still the old one.

        Returns:
            The new job with its new version; None: somebody else wrote in between.
        """
        ...

    def vacate(self, entry: LineEntry) -> bool:
        """Take a place out of the line at which no job waits; a waiting job's place stays.

        Such a place is left behind when a record is deleted from outside: by hand, or by the
        expiry that version 0.1.0 gave to waiting jobs.

        Returns:
            Whether no job waits there now; False: one does, or somebody else was writing.
        """
        ...


class JobIndex(Protocol):
    """The jobs by where they stand; an index, so a little late, never a scan."""

    def standing(self, shelf: str, before_ms: int, after: Place | None = None) -> Iterator[Place]:
        """Yield the jobs that came to this shelf (`Job.shelf`) before then, oldest first.

        Args:
            shelf: where they stand.
            before_ms: since when at the least.
            after: yield those behind this place only, whether or not it is still taken.
        """
        ...


class JobStates(Protocol):
    """Where many jobs stand at once; reads are consistent."""

    def states(self, job_ids: Collection[str]) -> dict[str, JobState]:
        """Return the states of those of the jobs that are recorded."""
        ...


class Backfills(Protocol):
    """The backfills and their frozen lists; reads are consistent."""

    def get(self, backfill_id: str) -> "Backfill | None":
        """Return a backfill, if there is one."""
        ...

    def write(self, backfill: "Backfill") -> "Backfill | None":
        """Write a backfill on the condition that `backfill.version` is still the stored one.

        Returns:
            The backfill with its new version; None: somebody else wrote first.
        """
        ...

    def freeze(self, backfill_id: str, batches: "Collection[Collection[FrozenObject]]") -> None:
        """Keep the list of a backfill that is not written yet."""
        ...

    def batch(self, backfill_id: str, number: int) -> "tuple[FrozenObject, ...]":
        """Return one batch of the list; empty: there is no such batch."""
        ...

    def note(self, backfill_id: str, number: int, tally: "Tally") -> None:
        """Keep how a batch stands."""
        ...

    def tallies(self, backfill_id: str) -> "Mapping[int, Tally]":
        """Return how the batches stood at the last look at each, by number."""
        ...

    def all(self) -> "list[Backfill]":
        """Return the backfills, oldest first."""
        ...


class JobLists(Protocol):
    """The jobs in lists, newest first; an index, so a little late."""

    def on_shelf(self, shelf: str, count: int, after: Place | None = None) -> list[Place]:
        """Return the next jobs of a shelf (`Job.shelf`), by when they came to it."""
        ...

    def of_source(self, source_id: str, count: int, after: Place | None = None) -> list[Place]:
        """Return the next jobs of an object (`keys.source_id`), by when they were created."""
        ...


class Repeats(Protocol):
    """What was answered to which Idempotency-Key."""

    def claim(self, repeat: Repeat) -> Repeat | None:
        """Keep a first request; return what is kept already if it is not the first."""
        ...

    def settle(self, repeat: Repeat) -> None:
        """Keep the job of a claimed request."""
        ...

    def forget(self, key_sha256: str) -> None:
        """Let a claim go whose request was refused."""
        ...


class Handouts(Protocol):
    """What callers of the jobs API get to reach S3 themselves."""

    def result_url(self, bucket: str, key: str, seconds: int) -> str:
        """Return a URL that reads a result; never log it."""
        ...

    def upload_form(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int, seconds: int
    ) -> UploadForm:
        """Return a form that writes exactly this key with this type and at most this size."""
        ...


class Line(Protocol):
    """The line of waiting jobs, as the job store keeps it; reads are consistent."""

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Return entries by lane and age: at most `count` that are due, then some later ones."""
        ...

    def size(self) -> int:
        """Return how many jobs wait."""
        ...

    def ahead(self, entry: LineEntry, most: int) -> int:
        """Return how many entries of its lane are served before this one; at most `most`."""
        ...


class GateStore(Protocol):
    """The one gate item."""

    def read(self) -> Gate:
        """Return the gate as it is now (consistent)."""
        ...

    def write(self, gate: Gate) -> Gate | None:
        """Write the gate on the condition that `gate.version` is still the stored one.

        Returns:
            The gate with its new version; None: somebody else moved first.
        """
        ...


class Ledger(Protocol):
    """One line per attempt that cost, or may have cost, money."""

    def record(self, line: LedgerLine) -> None:
        """Write the line of an attempt; `created` never replaces what is known better."""
        ...


class ImageStore(Protocol):
    """The user's bucket."""

    def inspect(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object with its first bytes and metadata.

        An unreadable object is described without its bytes.

        Raises:
            ObjectMissingError: there is no such object.
        """
        ...

    def describe(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object without its bytes and the number of its tags.

        Raises:
            ObjectMissingError: there is no such object.
        """
        ...

    def tags(self, source: SourceObject) -> dict[str, str]:
        """Return the object's tags."""
        ...

    def tail(self, source: SourceObject, count: int) -> bytes:
        """Return the last bytes of this version of an object.

        Raises:
            ObjectMissingError: this version is not there any more.
            ImageError: it is unreadable for good.
        """
        ...

    def read(self, job: Job) -> BinaryIO:
        """Return the whole source as a temporary file at its start.

        Raises:
            ObjectMissingError: the job's version of it is not there any more.
            ImageError: it is unreadable for good.
        """
        ...

    def presign(self, job: Job) -> str:
        """Return a URL that reads what the provider is given; never log it.

        That is the staged copy if the job has one, else the job's version of the source.
        """
        ...

    def checksum(self, source: SourceObject, algorithm: str = "") -> str | None:
        """Return the checksum of this version's content, as `keys.checksum` has it.

        Args:
            source: the version.
            algorithm: `MD5`, `SHA256`, or one that S3 itself keeps; empty takes the ETag's MD5 if
                the ETag is one, else SHA256.

        Returns:
            None: it can't be had, or the object is larger than 64 MB and would have to be read.

        Raises:
            ObjectMissingError: this version is not there any more.
            ImageError: it would have to be read, and is unreadable for good.
        """
        ...

    def find_result(self, bucket: str, key: str) -> StoredObject | None:
        """Return what stands at a result's key; None: nothing.

        An object that nothing can be learnt of has no metadata.
        """
        ...

    def write_result(
        self, source: SourceObject, key: str, image: BinaryIO, attributes: ResultAttributes
    ) -> str | None:
        """Write a result beside its source, with what is inherited from it, and return its ETag.

        Returns:
            None: somebody wrote this key since `attributes.replaces` was read.
        """
        ...


class Messages(Protocol):
    """The queues behind the functions."""

    def ended(self, message: AttemptEnded) -> None:
        """Say to both queues that an attempt ended."""
        ...

    def bring_home(self, message: AttemptEnded) -> None:
        """Ask `store` alone to bring home a result whose attempt is settled already."""
        ...

    def announce(self, message: Announce) -> None:
        """Ask `store` to publish an end state."""
        ...

    def paused(self, message: ProviderPaused) -> None:
        """Ask `store` to publish a pause."""
        ...

    def prepare(self, message: Prepare) -> None:
        """Ask `prepare` for a staged copy."""
        ...

    def wake(self, message: Wake, delay_s: int) -> None:
        """Send a wake-up to the dispatch queue, delivered after 0 to 900 seconds (SQS)."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A plain, upright copy of an odd image, without metadata, and its size in pixels.

    `notes` are short codes of what could not be read and was decided, for the log.
    """

    file: BinaryIO
    width: int
    height: int
    content_type: str
    notes: tuple[str, ...] = ()


class Preparer(Protocol):
    """Makes a plain image out of whatever was uploaded."""

    def prepare(self, image: BinaryIO) -> PreparedImage:
        """Return a copy any provider understands. Raises `ImageError` with the reason."""
        ...


class Stage(Protocol):
    """Where staged copies are kept for the provider."""

    def stage(self, job_id: str, image: PreparedImage) -> str:
        """Keep a copy, replacing an earlier one of this job, and return its key."""
        ...


class Polls(Protocol):
    """Polling of predictions that send no webhook."""

    def start(self, request: PollRequest) -> None:
        """Have a prediction polled until it ends."""
        ...


class ApiKey(Protocol):
    """A provider's key, which may be rotated at any time; never log it."""

    def value(self) -> str:
        """Return the key.

        Raises:
            ConfigurationError: there is none, or it cannot be read for good.
            ProviderKeyUnreadableError: it cannot be read just now.
        """
        ...

    def renewed(self, refused: str) -> str:
        """Return the key that is kept now; `refused` again if that is it. Raises like `value`."""
        ...


class Provider(Protocol):
    """A background-removal service (DESIGN 4.4)."""

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:
        """Start a prediction. Raises the `ProviderError` that says what the answer means."""
        ...

    def status(self, prediction_id: str) -> Outcome:
        """Ask once how a prediction stands. Raises like `create`, and `PredictionUnknownError`."""
        ...


class WebhookParser(Protocol):
    """The part of a provider the webhook function needs: no key, no network."""

    def __call__(self, body: bytes) -> tuple[str, Outcome]:
        """Return prediction id and outcome. Raises `WebhookRejectedError`: not its form."""
        ...


class ResultSource(Protocol):
    """Where results are downloaded from."""

    def fetch(self, url: str) -> BinaryIO:
        """Return the whole body as a temporary file at its start. Raises `ResultError`."""
        ...


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """A complete image with alpha, and its size in pixels and bytes."""

    file: BinaryIO
    width: int
    height: int
    size: int
    content_type: str


class Verifier(Protocol):
    """Decides whether a downloaded file may be published."""

    def verify(self, image: BinaryIO, output_format: str) -> VerifiedImage:
        """Return the image in the format asked for. Raises `ResultError` with the reason."""
        ...


class Announcer(Protocol):
    """Where end states are published."""

    def publish(self, job: Job) -> None:
        """Publish the job's end state as DESIGN 4.6's event."""
        ...

    def publish_pause(self, pause: ProviderPaused) -> None:
        """Publish that a provider is paused or the budget reached."""
        ...

    def publish_backfill(self, backfill: "Backfill", tally: "Tally") -> None:
        """Publish that a run of a backfill is over."""
        ...


class Requests(Protocol):
    """The way in for objects that were there before (DESIGN 4.6)."""

    def ask(self, refs: Collection[ObjectRef]) -> None:
        """Ask for objects in the lane `backfill`, as anybody may by the event."""
        ...


class Delivery(Protocol):
    """The user's bucket, as far as it tells of uploads."""

    def is_on(self) -> bool | None:
        """Tell whether it sends its events to EventBridge; None: that may not be read."""
        ...


class Metrics(Protocol):
    """Counts for operators."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""
        ...
