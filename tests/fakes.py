"""In-memory implementations of the ports that keep state; the contract tests check them.

Each can be told to fail: `line.fail("add", StorageError("..."))` makes the next `add` raise.
"""

import hashlib
import io
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from urllib.parse import quote

from cutout import jobs, keys, unreadable
from cutout.adapters.s3 import HEAD_BYTES, MAX_HASHED_BYTES
from cutout.errors import ConfigurationError, ImageError, ObjectMissingError
from cutout.gate import Gate
from cutout.inheritance import inherited, inherited_cache_control, inherited_tags
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    Lane,
    LedgerLine,
    LineEntry,
    ObjectRef,
    Place,
    Prepare,
    ProviderPaused,
    ResultAttributes,
    SourceObject,
    StoredObject,
    UnreadableCode,
    Wake,
)

NOON_MS = 1_768_478_400_000  # 2026-01-15T12:00:00Z


class Faults:
    """Raises what it was told to, once each, before the method does anything."""

    def __init__(self) -> None:
        self._faults: defaultdict[str, deque[Exception]] = defaultdict(deque)

    def fail(self, method: str, *errors: Exception) -> None:
        """Make the next calls of a method raise these errors."""
        self._faults[method].extend(errors)

    def _meet(self, method: str) -> None:
        """Raise the next error ordered for this method."""
        if self._faults[method]:
            raise self._faults[method].popleft()


class VirtualClock:
    """Time that passes only when somebody sleeps or a test advances it."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return UTC milliseconds since the epoch."""
        return self._now_ms

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.advance(round(seconds * 1000))

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self._now_ms += ms


class InlineCrew[T]:
    """Runs every call at once, one after the other."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._ended: list[T] = []

    def __len__(self) -> int:
        return len(self._ended)

    def begin(self, work: Callable[[], T]) -> None:
        """Run a call."""
        self._ended.append(work())

    def ended(self, timeout_s: float) -> list[T]:
        """Return what the calls returned."""
        if not self._ended:
            self._clock.sleep(timeout_s)
        ended, self._ended = self._ended, []
        return ended


class InMemoryJobStore(Faults):
    """Job records by id; a job is in the line because it is queued.

    The two differ only by `strays`: places that records left behind when they were deleted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, Job] = {}
        self.strays: list[LineEntry] = []

    def get(self, job_id: str) -> Job | None:
        """Return the job, if there is one."""
        self._meet("get")
        return self.records.get(job_id)

    def create(self, job: Job) -> bool:
        """Write a new job; False: there is one with this id already."""
        self._meet("create")
        if job.job_id in self.records:
            return False
        self._write(job.model_copy(update={"version": 1}))
        return True

    def replace(self, old: Job, new: Job) -> Job | None:
        """Write the new job on the condition that the stored one is still the old one."""
        self._meet("replace")
        stored = self.records.get(old.job_id)
        if stored is None or stored.version != old.version:
            return None
        written = new.model_copy(update={"version": old.version + 1})
        self._write(written)
        return written

    def _write(self, job: Job) -> None:
        """Keep a record; a place it takes is no stray any more."""
        self.records[job.job_id] = job
        if job.state is JobState.QUEUED:
            self._drop(jobs.entry_of(job))

    def _drop(self, entry: LineEntry) -> None:
        """Take a stray out."""
        self.strays = [e for e in self.strays if _place(e) != _place(entry)]

    def vacate(self, entry: LineEntry) -> bool:
        """Take a place out of the line at which no job waits."""
        self._meet("vacate")
        job = self.records.get(entry.job_id)
        if job is not None and jobs.waits_at(job, entry):
            return False
        self._drop(entry)
        return True

    def expire(self, job_id: str) -> None:
        """Delete a record and nothing else, as DynamoDB's TTL does."""
        job = self.records.pop(job_id)
        if job.state is JobState.QUEUED:
            self.strays.append(jobs.entry_of(job))

    def entries(self) -> list[LineEntry]:
        """Return all places in the line, by age."""
        queued = [jobs.entry_of(j) for j in self.records.values() if j.state is JobState.QUEUED]
        return sorted(queued + self.strays, key=_age)

    def states(self, job_ids: Collection[str]) -> dict[str, JobState]:
        """Return the states of those of the jobs that are recorded."""
        self._meet("states")
        return {i: self.records[i].state for i in job_ids if i in self.records}

    def standing(self, shelf: str, before_ms: int, after: Place | None = None) -> Iterator[Place]:
        """Yield the jobs that came to this shelf before then, oldest first."""
        self._meet("standing")
        found = [j for j in self.records.values() if j.shelf == shelf and j.updated_ms < before_ms]
        places = sorted((job.updated_ms, job.job_id) for job in found)
        behind = (after.at_ms, after.job_id) if after is not None else (-1, "")
        yield from [
            Place(job_id=one, at_ms=at_ms) for at_ms, one in places if (at_ms, one) > behind
        ]


class InMemoryLine(Faults):
    """The queued jobs of a store, sorted as they are served."""

    def __init__(self, store: InMemoryJobStore) -> None:
        super().__init__()
        self._store = store

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Return entries by lane and age: at most `count` that are due, then some later ones."""
        self._meet("first")
        entries = self._store.entries()
        found: list[LineEntry] = []
        for lane in Lane:
            left = count - sum(entry.available_ms <= now_ms for entry in found)
            found += [entry for entry in entries if entry.lane is lane][:left]
        return found

    def size(self) -> int:
        """Return how many jobs wait."""
        return len(self._store.entries())

    def ahead(self, entry: LineEntry, most: int) -> int:
        """Return how many entries of its lane are served before this one; at most `most`."""
        before = [e for e in self._store.entries() if e.lane is entry.lane]
        return min(most, sum(_age(e) < _age(entry) for e in before))


class InMemoryGateStore(Faults):
    """The gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    def read(self) -> Gate:
        """Return the gate as it is now."""
        self._meet("read")
        return self.gate

    def write(self, gate: Gate) -> Gate | None:
        """Write the gate on the condition that `gate.version` is still the stored one."""
        self._meet("write")
        if gate.version != self.gate.version:
            return None
        self.gate = replace(gate, version=gate.version + 1)
        return self.gate


class InMemoryLedger(Faults):
    """Lines by attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[tuple[str, str, str, int], LedgerLine] = {}

    def record(self, line: LedgerLine) -> None:
        """Write the line of an attempt; `created` never replaces what is known better."""
        self._meet("record")
        name = line.month, line.provider, line.job_id, line.number
        if line.why != "created" or name not in self.lines:
            self.lines[name] = line


@dataclass(frozen=True)
class Version:
    """One version of an object; None as `version_id`: the bucket is not versioned."""

    body: bytes
    etag: str
    last_modified_ms: int
    version_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    content_type: str = "binary/octet-stream"
    cache_control: str | None = None
    content_language: str | None = None
    encryption: str | None = None
    unreadable: UnreadableCode | None = None
    parts: int | None = None


class InMemoryImageStore(Faults):
    """A bucket: the current version of each object."""

    def __init__(self, clock: VirtualClock, *, versioned: bool = False) -> None:
        super().__init__()
        self._clock = clock
        self._versioned = versioned
        self._writes = 0
        self.objects: dict[tuple[str, str], Version] = {}
        self.versions: dict[str, Version] = {}
        self.denied_tags: set[str] = set()
        self.hashed = 0  # how many objects were read for a checksum

    def put(self, bucket: str, key: str, body: bytes, **attributes: object) -> Version:
        """Write an object as its owner does."""
        self._writes += 1
        encrypted = attributes.get("encryption") == "aws:kms"
        secret = str(self._writes).encode() if encrypted else b""
        parts = attributes.get("parts")
        cut = f"-{parts}" if parts else ""
        version = Version(
            body=body,
            etag=hashlib.md5(body + (secret or cut.encode()), usedforsecurity=False).hexdigest()
            + cut,
            last_modified_ms=self._clock.now_ms(),
            version_id=f"v{self._writes}" if self._versioned else None,
            **attributes,  # type: ignore[arg-type]  # fields of Version
        )
        self.objects[bucket, key] = version
        if version.version_id is not None:
            self.versions[version.version_id] = version
        return version

    def inspect(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object with its first bytes and metadata."""
        self._meet("inspect")
        found = self.objects.get((ref.bucket, ref.key))
        if found is None:
            message = "the object is not there"
            raise ObjectMissingError(message)
        if found.unreadable == unreadable.ENCRYPTED:  # and nothing else is told of it
            found = replace(found, metadata={}, tags={}, cache_control=None, content_language=None)
        return SourceObject(
            bucket=ref.bucket,
            key=ref.key,
            version_id=found.version_id,
            etag=found.etag,
            last_modified_ms=found.last_modified_ms,
            size=len(found.body),
            head=b"" if found.unreadable else found.body[:HEAD_BYTES],
            metadata=found.metadata,
            tag_count=len(found.tags),
            cache_control=found.cache_control,
            content_language=found.content_language,
            etag_is_content=found.encryption != "aws:kms",
            unreadable=found.unreadable,
        )

    def restore(self, bucket: str, key: str) -> None:
        """Make an unreadable object readable, as its owner does: it stays the same version."""
        self.objects[bucket, key] = replace(self.objects[bucket, key], unreadable=None)

    def checksum(self, source: SourceObject, algorithm: str = "") -> str | None:
        """Return the checksum of this version's content; of its own S3 keeps CRC32 here."""
        self._meet("checksum")
        known = keys.md5_of_etag(source.etag) if source.etag_is_content else None
        if known is not None and algorithm in ("", keys.MD5):
            return known
        if algorithm == "CRC32" and (found := self._this(source)).parts is None:
            return keys.checksum(algorithm, zlib.crc32(found.body).to_bytes(4))
        if algorithm not in ("", keys.MD5, keys.SHA256) or source.size > MAX_HASHED_BYTES:
            return None
        algorithm = algorithm or keys.SHA256
        self.hashed += 1
        digest = hashlib.new(algorithm, self._readable(source).body, usedforsecurity=False)
        return keys.checksum(algorithm, digest.digest())

    def describe(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object without its bytes and the number of its tags."""
        self._meet("describe")
        return self.inspect(ref).model_copy(update={"head": b"", "tag_count": 0})

    def tags(self, source: SourceObject) -> dict[str, str]:
        """Return the object's tags."""
        self._meet("tags")
        return dict(self._this(source).tags)

    def tail(self, source: SourceObject, count: int) -> bytes:
        """Return the last bytes of this version of an object."""
        self._meet("tail")
        return self._readable(source).body[-count:]

    def read(self, job: Job) -> BinaryIO:
        """Return the whole source as a file at its start."""
        self._meet("read")
        return io.BytesIO(self._readable(job).body)

    def _readable(self, one: SourceObject | Job) -> Version:
        """Return this version if its bytes are handed out."""
        found = self._this(one)
        if found.unreadable is not None:
            reason = unreadable.reason(found.unreadable)
            raise ImageError(reason.code, reason.message)
        return found

    def _this(self, one: SourceObject | Job) -> Version:
        """Return exactly this version, which a versioned bucket keeps."""
        if one.version_id is not None and one.version_id in self.versions:
            return self.versions[one.version_id]
        found = self.objects.get((one.bucket, one.key))
        if found is None or found.etag != one.etag:
            message = "the object is not there"
            raise ObjectMissingError(message)
        return found

    def presign(self, job: Job) -> str:
        """Return a URL that reads the staged copy, or the job's version of the source."""
        self._meet("presign")
        if job.staged_key is not None:
            return f"https://work.test/{job.staged_key}?X-Amz-Signature=fake"
        version = f"versionId={job.version_id}&" if job.version_id else ""
        return f"https://{job.bucket}.test/{quote(job.key)}?{version}X-Amz-Signature=fake"

    def find_result(self, bucket: str, key: str) -> StoredObject | None:
        """Return what stands at a result's key; None: nothing."""
        self._meet("find_result")
        found = self.objects.get((bucket, key))
        if found is not None and found.unreadable == unreadable.ENCRYPTED:
            return StoredObject(etag="", metadata={})
        return StoredObject(etag=found.etag, metadata=found.metadata) if found else None

    def write_result(
        self, source: SourceObject, key: str, image: BinaryIO, attributes: ResultAttributes
    ) -> str | None:
        """Write a result on the condition that its key is free, or still as `replaces` says."""
        self._meet("write_result")
        there = self.objects.get((source.bucket, key))
        if (there.etag if there else None) != attributes.replaces:
            return None
        try:
            tags = inherited_tags(self.tags(source)) if source.tag_count else {}
        except ConfigurationError:
            tags = {}
        image.seek(0)
        return self.put(
            source.bucket,
            key,
            image.read(),
            metadata=inherited(source.metadata, attributes.metadata),
            tags={name: value for name, value in tags.items() if name not in self.denied_tags},
            content_type=attributes.content_type,
            cache_control=attributes.cache_control or inherited_cache_control(source.cache_control),
            content_language=source.content_language,
        ).etag


class InMemoryMessages(Faults):
    """The queues; messages survive a round trip through JSON, as SQS would have it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.dispatch: deque[AttemptEnded | Wake] = deque()
        self.completions: deque[AttemptEnded | Announce | ProviderPaused] = deque()
        self.prepares: deque[Prepare] = deque()
        self.wakes: list[tuple[int, Wake]] = []

    def ended(self, message: AttemptEnded) -> None:
        """Say to both queues that an attempt ended."""
        self._meet("ended")
        text = message.model_dump_json()
        self.dispatch.append(AttemptEnded.model_validate_json(text))
        self.completions.append(AttemptEnded.model_validate_json(text))

    def bring_home(self, message: AttemptEnded) -> None:
        """Ask `store` alone to bring home a result whose attempt is settled already."""
        self._meet("bring_home")
        self.completions.append(AttemptEnded.model_validate_json(message.model_dump_json()))

    def announce(self, message: Announce) -> None:
        """Ask `store` to publish an end state."""
        self._meet("announce")
        self.completions.append(Announce.model_validate_json(message.model_dump_json()))

    def paused(self, message: ProviderPaused) -> None:
        """Ask `store` to publish a pause."""
        self._meet("paused")
        self.completions.append(ProviderPaused.model_validate_json(message.model_dump_json()))

    def prepare(self, message: Prepare) -> None:
        """Ask `prepare` for a staged copy."""
        self._meet("prepare")
        self.prepares.append(Prepare.model_validate_json(message.model_dump_json()))

    def wake(self, message: Wake, delay_s: int) -> None:
        """Send a wake-up; it is delivered when the clock has passed the delay."""
        self._meet("wake")
        self.wakes.append((self._clock.now_ms() + 1000 * delay_s, message))

    def deliver_wakes(self, handle: Callable[[Wake], None]) -> int:
        """Hand over the wake-ups whose delay is over; return how many there were."""
        due = [pair for pair in self.wakes if pair[0] <= self._clock.now_ms()]
        self.wakes = [pair for pair in self.wakes if pair not in due]
        for _, wake in due:
            handle(wake)
        return len(due)


def _place(entry: LineEntry) -> tuple[Lane, int, str]:
    """Return what tells places apart."""
    return entry.lane, *_age(entry)


def _age(entry: LineEntry) -> tuple[int, str]:
    """Return what a lane is sorted by."""
    return entry.available_ms, entry.job_id
