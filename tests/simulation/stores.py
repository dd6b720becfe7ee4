"""The in-memory stores of the simulation: sorted, because 10,000 jobs wait in them."""

from bisect import insort
from collections.abc import Iterator

from cutout import jobs
from cutout.models import Job, JobState, LineEntry, Place
from tests.fakes import InMemoryJobStore, InMemoryLine


class IndexedJobStore(InMemoryJobStore):
    """The same store with its line kept sorted, because 10,000 jobs wait in it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[int, str]] = []

    def create(self, job: Job) -> bool:
        """Write a new job; False: there is one with this id already."""
        created = super().create(job)
        if created:
            self._sort(None, job)
        return created

    def replace(self, old: Job, new: Job) -> Job | None:
        """Write the new job on the condition that the stored one is still the old one."""
        written = super().replace(old, new)
        if written is not None:
            self._sort(old, new)
        return written

    def _sort(self, old: Job | None, new: Job) -> None:
        """Keep the line in step."""
        if old is not None and old.state is JobState.QUEUED:
            self.waiting.remove((old.available_ms, old.job_id))
        if new.state is JobState.QUEUED:
            insort(self.waiting, (new.available_ms, new.job_id))


class IndexedLine(InMemoryLine):
    """The sorted line of one lane."""

    def __init__(self, store: IndexedJobStore) -> None:
        super().__init__(store)
        self._indexed = store

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Return the first entries."""
        found = self._indexed.waiting[:count]
        return [jobs.entry_of(self._indexed.records[job_id]) for _, job_id in found]


class Index:
    """The job index over the in-memory store."""

    def __init__(self, store: InMemoryJobStore) -> None:
        self._store = store

    def standing(self, shelf: str, before_ms: int, after: Place | None = None) -> Iterator[Place]:
        """Yield the jobs that came to this shelf before then."""
        yield from self._store.standing(shelf, before_ms, after)


class EveryResult(dict[str, bytes]):
    """A result at every URL."""

    def __contains__(self, url: object) -> bool:
        return True

    def __missing__(self, url: str) -> bytes:
        return b"a cut-out"
