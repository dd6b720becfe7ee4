"""What must hold at every single write, checked at the write; violations are kept as sentences."""

from collections import Counter
from collections.abc import Callable
from typing import BinaryIO

from cutout import keys
from cutout.gate import Gate, Slot, month_of
from cutout.models import (
    END_STATES,
    MAYBE_CREATED,
    Attempt,
    Job,
    JobState,
    ResultAttributes,
    SourceObject,
    attempt_id,
)
from cutout.tokens import token_hash
from tests.property.books import Books, Prediction
from tests.property.post import Post
from tests.world import BUCKET, PRICE, World

WINDOW_MS = 60_000


class Watch:
    """Sees every write with its effect, and compares it with the provider's books."""

    def __init__(
        self, world: World, books: Books, budget_microusd: Callable[[], int], post: Post
    ) -> None:
        self._world = world
        self._books = books
        self._budget_microusd = budget_microusd
        self._post = post
        self._limits = world.settings.provider("eachlabs")
        self._gate = Gate()
        self._ends: dict[tuple[str, int], JobState] = {}
        self._excused: set[str] = set()
        self._names: dict[str, str] = {}
        self.ticks_missed = False
        self.violations: list[str] = []

    def must(self, what: str, holds: object) -> None:
        """Keep the sentence if it is not true."""
        if not holds:
            self.violations.append(what)

    # Jobs.

    def recorded(self, created: object, job: Job) -> None:
        """See a job's first write."""
        if created:
            self.replaced(job, job, job)

    def replaced(self, written: Job | None, _old: Job, new: Job) -> None:
        """See a job's next write: an end state is the last of its run."""
        if written is None:
            return
        end = self._ends.get((new.job_id, new.run))
        self.must(f"end state {end} became {new.state}", end in (None, new.state))
        if new.state in END_STATES:
            self._ends[new.job_id, new.run] = new.state

    # Results.

    def stored(
        self,
        etag: str | None,
        source: SourceObject,
        key: str,
        _image: BinaryIO,
        attributes: ResultAttributes,
    ) -> None:
        """See a result: always under one name per version. S3 tells of it, as of any object."""
        if etag is None:
            return
        job_id = attributes.metadata[keys.JOB_METADATA]
        self.must("one version, two results", self._names.setdefault(job_id, key) == key)
        self._post.uploaded(BUCKET, key)

    # The gate.

    def moved(self, written: Gate | None, _gate: Gate) -> None:
        """See a move."""
        if written is None:
            return
        before, self._gate = self._slots(self._gate), written
        after = self._slots(written)
        for attempt in before.keys() - after.keys():
            self._freed(attempt, before[attempt])
        if after.keys() - before.keys():
            cap = self._budget_microusd()
            self.must("the cap is exceeded", not cap or written.spent_microusd <= cap)
        most = max(Counter(attempt.split(".")[0] for attempt in after).values(), default=0)
        self.must("one job has two slots", most <= 1)
        self.must("too many slots", len(after) <= self._limits.max_concurrent)
        self._charged()

    def _slots(self, gate: Gate) -> dict[str, Slot]:
        """Return the slots as they are written."""
        return dict(gate.provider("eachlabs").slots)

    def _freed(self, slot_id: str, slot: Slot) -> None:
        """See a slot go. Its prediction is over, or it is one of the exceptions of DESIGN 4.4.

        They are: it was *maybe created*, and its webhook was waited for; it ran longer than
        `AttemptTimeoutSeconds`; reconcile did not run (not the application's doing).
        """
        now_ms = self._world.clock.now_ms()
        for made in self._books.running():
            job_id, _, number = slot_id.rpartition(".")
            attempt = self.attempt_of(made)
            if made.job_id != job_id or attempt is None or attempt.number != int(number):
                continue
            late_ms = 1000 * self._world.settings.attempt_timeout_seconds
            allowed = (
                attempt.ended in (MAYBE_CREATED, "attempt_timeout")
                or now_ms >= attempt.started_ms + late_ms
                or (slot.until_ms <= now_ms and (self.ticks_missed or not attempt.prediction_id))
            )
            self.must(f"the slot of {made.name} was freed while it ran", allowed)
            self._excused.add(made.name)

    # The provider.

    def attempt_of(self, made: Prediction) -> Attempt | None:
        """Return the recorded attempt of a prediction, by its token."""
        job = self._world.jobs.records.get(made.job_id)
        found = [a for a in job.attempts if a.token_sha256 == token_hash(made.token)] if job else []
        return found[0] if found else None

    def arrived(self, at_ms: int) -> None:
        """Count an arrival in any window of 60 s."""
        arrivals = self._books.arrivals
        arrivals.append(at_ms)
        window = [one for one in arrivals if at_ms - one < WINDOW_MS]
        self.must("too many creates in 60 s", len(window) <= self._limits.max_per_minute)

    def created(self, made: Prediction) -> None:
        """See a prediction begin: it is recorded, holds a slot, and is not one too many."""
        attempt = self.attempt_of(made)
        self.must(f"{made.name} was created without a record", attempt is not None)
        if attempt is not None:
            held = attempt_id(made.job_id, attempt.number) in self._slots(self._world.gate.gate)
            self.must(f"{made.name} was created without a slot", held)
        counted = [one for one in self._books.running() if one.name not in self._excused]
        self.must("too many in flight", len(counted) <= self._limits.max_concurrent)
        self._charged()

    def _charged(self) -> None:
        """Hold the gate's spend against the provider's bill of the same month."""
        gate = self._gate
        attempts = [self.attempt_of(made) for made in self._books.predictions.values()]
        bill = sum(a is not None and month_of(a.started_ms) == gate.month for a in attempts)
        self.must("charged more than the gate counts", bill * PRICE <= gate.spent_microusd)
