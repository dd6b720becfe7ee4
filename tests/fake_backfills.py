"""Fakes of what only backfills use: their lists, and the way in."""

from collections.abc import Collection

from cutout.backfills import Backfill, FrozenObject, Tally
from cutout.models import ObjectRef
from tests.fakes import Faults


class InMemoryBackfills(Faults):
    """Backfills by id."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, Backfill] = {}
        self.lists: dict[str, list[tuple[FrozenObject, ...]]] = {}
        self.noted: dict[str, dict[int, Tally]] = {}

    def get(self, backfill_id: str) -> Backfill | None:
        """Return a backfill, if there is one."""
        self._meet("get")
        return self.records.get(backfill_id)

    def write(self, backfill: Backfill) -> Backfill | None:
        """Write a backfill on the condition that `backfill.version` is still the stored one."""
        self._meet("write")
        stored = self.records.get(backfill.backfill_id)
        if (stored.version if stored else 0) != backfill.version:
            return None
        written = backfill.model_copy(update={"version": backfill.version + 1})
        self.records[backfill.backfill_id] = written
        return written

    def freeze(self, backfill_id: str, batches: Collection[Collection[FrozenObject]]) -> None:
        """Keep the list of a backfill that is not written yet."""
        self._meet("freeze")
        self.lists[backfill_id] = [tuple(batch) for batch in batches]

    def batch(self, backfill_id: str, number: int) -> tuple[FrozenObject, ...]:
        """Return one batch of the list; empty: there is no such batch."""
        self._meet("batch")
        batches = self.lists.get(backfill_id, [])
        return batches[number] if number < len(batches) else ()

    def note(self, backfill_id: str, number: int, tally: Tally) -> None:
        """Keep how a batch stands."""
        self._meet("note")
        self.noted.setdefault(backfill_id, {})[number] = tally

    def tallies(self, backfill_id: str) -> dict[int, Tally]:
        """Return how the batches stood at the last look at each, by number."""
        self._meet("tallies")
        return dict(self.noted.get(backfill_id, {}))

    def all(self) -> list[Backfill]:
        """Return the backfills, oldest first."""
        return [self.records[backfill_id] for backfill_id in sorted(self.records)]


class RecordingRequests(Faults):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[ObjectRef] = []

    def ask(self, refs: Collection[ObjectRef]) -> None:
        """Ask for objects in the lane `backfill`."""
        self._meet("ask")
        self.asked += refs
