"""The nouns of the application: frozen pydantic models without I/O.

Times are UTC milliseconds since the epoch (`*_ms`); money is integer micro-dollars (`*_microusd`).
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Model(BaseModel):
    """Base: immutable, unknown fields refused, inputs never echoed into error messages.

    What comes from outside is read so: an unknown field is a mistake that its sender should see.

    A model is built when it is first used: no function uses all of them.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )


class Stored(Model):
    """Base of what is stored or queued: fields that a newer version added are ignored.

    So the version before can go on with what this one wrote. What is added has a default, and is
    left out while it has it (`Field(exclude_if=...)`) as long as the version before refuses what it
    does not know (docs/decisions/0012).
    """

    model_config = ConfigDict(extra="ignore")


MAYBE_CREATED: Final = "maybe_created"  # reason code of an attempt whose create was never answered
SUCCEEDED: Final = "succeeded"  # how an attempt ended whose result was stored
REQUESTED = "Cutout Requested"  # detail-type of the event that asks for an object (DESIGN 4.6)
UNANNOUNCED = "unannounced"  # shelf of end states that are not published yet


class JobState(StrEnum):
    """States of a job (DESIGN 4.3)."""

    PREPARING = "preparing"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"

    @classmethod
    def read(cls, value: object) -> "JobState":
        """Return a stored state; one of a newer version is kept as it is, and is none of these."""
        word = str(value)
        if word in cls:
            return cls(word)
        state = str.__new__(cls, word)
        state._name_ = state._value_ = word
        return state


KNOWN_STATES = frozenset(JobState)
END_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.SKIPPED})


class Lane(StrEnum):
    """Lanes of the waiting line, in the order they are served (DESIGN 5)."""

    API = "api"
    UPLOAD = "upload"
    BACKFILL = "backfill"


class ObjectRef(Model):
    """An object that somebody says was uploaded; nothing about it is verified yet."""

    bucket: str
    key: str


UnreadableCode = Literal["archived", "unreadable_encryption"]  # reason codes; see unreadable.py


class SourceObject(Model):
    """One version of one object, as S3 describes it.

    `etag` is without quotes; `version_id` is None where the bucket is not versioned; `head` holds
    the first bytes of the object (at most 65,536); `tag_count` is what S3 says in its header.
    `etag_is_content`: the ETag is made of the content alone, and of how it was cut into parts; KMS
    makes it another one every time.
    `unreadable`: S3 hands its bytes out to nobody, for this reason (`cutout.unreadable`).
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    last_modified_ms: int
    size: int
    head: bytes = b""
    metadata: dict[str, str] = Field(default_factory=dict)
    tag_count: int = 0
    cache_control: str | None = None
    content_language: str | None = None
    etag_is_content: bool = True
    unreadable: UnreadableCode | None = None


class StoredObject(Model):
    """An object at a result's key: its ETag without quotes and its user metadata."""

    etag: str
    metadata: dict[str, str]


class ResultAttributes(Model):
    """What a result carries besides what it inherits from its source.

    `replaces` is the ETag of the object it may overwrite; None: the key must be free. Without a
    `cache_control` it inherits the source's.
    """

    content_type: str
    metadata: dict[str, str]
    cache_control: str | None = None
    replaces: str | None = None


class Reason(Stored):
    """Why a job was skipped or failed: a stable code and a sentence for people."""

    code: str
    message: str


class Attempt(Stored):
    """One try at one provider.

    `token_sha256` is the hex digest of the webhook token; `ended` is `succeeded` or the code of
    what went wrong, `said` the provider's sentence about it.
    """

    number: int
    run: int
    provider: str
    token_sha256: str
    started_ms: int
    prediction_id: str | None = None
    ended: str | None = None
    said: str | None = None

    @property
    def may_have_cost(self) -> bool:
        """Tell whether a prediction exists or may exist, so that its price stays spent."""
        return self.prediction_id is not None or self.ended in (None, MAYBE_CREATED)


class Result(Stored):
    """The object that was written; `width` and `height` in pixels.

    `replaced_etag` is the ETag of the object that stood at its key before, if any did.
    """

    key: str
    etag: str
    size: int
    content_type: str
    width: int
    height: int
    replaced_etag: str | None = None


class Job(Stored):
    """One version of one object and what became of it (DESIGN 4.3).

    `version` counts the writes of the record: every change is one write on the condition that it
    is still the one that was read. `failures` counts attempts that used up one of `MaxAttempts`,
    `stalls` those that met an outage of the provider, `setbacks` faults of our own on the way to
    one, `fetch_failures` downloads of a result that did not succeed. `prepares`: the provider is
    given a staged copy, which stands at `staged_key` in the WorkBucket since `staged_ms`. `width`
    and `height` are those of the upright image the provider is given, where they are known.
    `announced` is false while an end state has not been published.

    A job with an `image_url` (never log it) has no source object: its `etag` is empty, and its
    `key` is the name of its result without suffix and extension.
    """

    job_id: str
    version: int = 0
    run: int = 1
    state: Annotated[JobState, BeforeValidator(JobState.read)]
    lane: Lane
    bucket: str
    key: str
    image_url: str | None = Field(default=None, repr=False)
    version_id: str | None = None
    etag: str
    size: int
    created_ms: int
    updated_ms: int
    available_ms: int
    attempts: tuple[Attempt, ...] = ()
    last_number: int = 0
    failures: int = 0
    stalls: int = 0
    setbacks: int = 0
    excluded: tuple[str, ...] = ()
    prepares: bool = False
    preparing_until_ms: int = 0
    staged_key: str | None = None
    staged_ms: int = 0
    width: int | None = None
    height: int | None = None
    storing_until_ms: int = 0
    fetch_failures: int = 0
    submitted_ms: int | None = None
    ended_ms: int | None = None
    provider: str | None = None
    prediction_id: str | None = None
    cost_microusd: int = 0
    reason: Reason | None = None
    result: Result | None = None
    announced: bool = True

    @property
    def is_over(self) -> bool:
        """Tell whether the run has reached an end state."""
        return self.state in END_STATES

    @property
    def is_foreign(self) -> bool:
        """Tell whether a newer version left it in a state of its own: it is kept for that one."""
        return self.state not in KNOWN_STATES

    @property
    def shelf(self) -> str:
        """Return where the index keeps the job: its state, until published `unannounced`."""
        return self.state if self.announced else UNANNOUNCED

    def attempt(self, number: int) -> Attempt | None:
        """Return the attempt with this number, if there is one."""
        return next((a for a in self.attempts if a.number == number), None)


class LineEntry(Stored):
    """A job's place in the line of waiting jobs; `number` is the attempt it waits to start.

    `excluded` providers are not asked, `avoided` ones only when no other one is left.
    """

    job_id: str
    lane: Lane
    available_ms: int
    number: int
    excluded: tuple[str, ...] = ()
    avoided: tuple[str, ...] = ()


class Place(Model):
    """Where a job stands in a list: its id and the time the list is sorted by."""

    job_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    at_ms: Annotated[int, Field(ge=0, lt=10**13)]


class Repeat(Stored):
    """What was answered to an Idempotency-Key: the request's hash, and its job once known."""

    key_sha256: str
    request_sha256: str
    at_ms: int
    job_id: str | None = None


class UploadForm(Model):
    """A form that uploads one object: post the fields and then the file to the URL."""

    url: str
    fields: dict[str, str] = Field(repr=False)


class Pending(Stored):
    """The prediction is still running, or said something the adapter does not know."""

    status: Literal["pending"] = "pending"


class Succeeded(Stored):
    """The prediction ended well; the result waits at `result_url` (never log it)."""

    status: Literal["succeeded"] = "succeeded"
    result_url: str = Field(repr=False)


class Failed(Stored):
    """The prediction ended badly; `message` is the provider's own sentence, shortened."""

    status: Literal["failed"] = "failed"
    code: str
    message: str


Outcome = Annotated[Pending | Succeeded | Failed, Field(discriminator="status")]


class Submission(Model):
    """A provider's answer to create."""

    prediction_id: str
    outcome: Outcome = Pending()


LedgerReason = Literal["created", "maybe_created", "failed"]


class LedgerLine(Stored):
    """What one attempt cost and why; `month` is UTC, `YYYY-MM`."""

    month: str
    provider: str
    job_id: str
    number: int
    microusd: int
    why: LedgerReason
    at_ms: int


class AttemptEnded(Stored):
    """The sentence webhook and poll both say, to both queues: attempt X ended so.

    `prediction_id` is None only where the answer to create was never known (*maybe created*).
    """

    type: Literal["ended"] = "ended"
    job_id: str
    number: int
    provider: str
    prediction_id: str | None
    outcome: Annotated[Succeeded | Failed, Field(discriminator="status")]


class Prepare(Stored):
    """Make a plain staged copy of this job's source."""

    type: Literal["prepare"] = "prepare"
    job_id: str


class Requested(BaseModel):
    """The detail of an event `Cutout Requested`; fields we do not know are the sender's own."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    bucket: str
    key: Annotated[str, Field(min_length=1, max_length=1024)]
    lane: Literal[Lane.UPLOAD, Lane.BACKFILL] = Lane.UPLOAD


class Wake(Stored):
    """Look at the line again, at `due_ms`; 0: at once."""

    type: Literal["wake"] = "wake"
    due_ms: int = 0


class Announce(Stored):
    """Publish the end state of this run."""

    type: Literal["announce"] = "announce"
    job_id: str
    run: int


class ProviderPaused(Stored):
    """Publish that a provider is paused, or (`provider` None) that the budget is reached."""

    type: Literal["paused"] = "paused"
    provider: str | None
    reason: str
    until_ms: int | None = None


class PollRequest(Stored):
    """What the poll machine carries around: which attempt, and how often it was asked.

    `wait_s` are the whole seconds before the next question; `until_ms` is when the machine stops
    and leaves the attempt to `reconcile`.
    """

    job_id: str
    number: int
    provider: str
    prediction_id: str
    wait_s: int
    until_ms: int
    asked: int = 0


class PollAnswer(Stored):
    """What the poll machine does next: `wait` with `request`, `tell` the queues `body`, `stop`."""

    next: Literal["wait", "tell", "stop"]
    request: PollRequest
    body: str = ""


DispatchMessage = Annotated[AttemptEnded | Wake, Field(discriminator="type")]
CompletionMessage = Annotated[AttemptEnded | Announce | ProviderPaused, Field(discriminator="type")]


def attempt_id(job_id: str, number: int) -> str:
    """Name an attempt across all jobs; the gate's slots carry this name."""
    return f"{job_id}.{number}"
