"""What every job store, line, gate store and ledger does: the fakes, and the table on moto."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import pytest
from moto import mock_aws

from cutout import jobs, requests
from cutout.adapters.aws import client
from cutout.adapters.dynamodb import (
    DynamoJobStore,
    DynamoLedger,
    DynamoLine,
    DynamoTable,
    Item,
    from_item,
    to_item,
)
from cutout.adapters.gate_store import DynamoGateStore
from cutout.errors import NewerVersionError
from cutout.gate import Gate, ProviderSide, Slot
from cutout.models import (
    END_STATES,
    UNANNOUNCED,
    JobState,
    Lane,
    LedgerLine,
    Place,
    Reason,
    Result,
)
from cutout.ports import GateStore, JobIndex, JobStore, Ledger, Line
from tests.examples import a_job, a_submitted_job, job_id_of
from tests.fakes import (
    NOON_MS,
    InMemoryGateStore,
    InMemoryJobStore,
    InMemoryLedger,
    InMemoryLine,
)
from tests.stack import create_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000
RESULT = Result(
    key="shoe.cutout.png", etag="e", size=9, content_type="image/png", width=3, height=2
)


class IndexedStore(JobStore, JobIndex, Protocol):
    """A job store with its index."""


type Expire = Callable[[str], None]


class LedgerReader(Ledger, Protocol):
    """A ledger that tests can read."""

    def of_month(self, month: str) -> list[LedgerLine]:
        """Return the lines of a month."""
        ...


@pytest.fixture
def table(fake_account: None) -> Iterator[DynamoTable]:
    """Return the template's table in moto."""
    with mock_aws():
        dynamodb: DynamoDBClient = client("dynamodb")
        yield DynamoTable(dynamodb, create_table(dynamodb))


class JobStoreContract:
    """Jobs are written one version after the other, and the line follows them."""

    def test_get_returns_what_was_created(self, store: JobStore) -> None:
        """Every field survives, with version 1."""
        job = a_submitted_job(
            key="fotos/Schuhe größe 42.jpg",
            excluded=("apiin",),
            result=RESULT,
            reason=Reason(code="c", message="m"),
        )

        assert store.create(job)

        assert store.get(job.job_id) == job.model_copy(update={"version": 1})

    def test_get_returns_none_for_an_unknown_job(self, store: JobStore) -> None:
        """A job that was never created is not there."""
        assert store.get("0" * 32) is None

    def test_create_refuses_a_second_job_of_the_same_id(self, store: JobStore) -> None:
        """The first one stays as it is."""
        store.create(a_job())

        assert not store.create(a_job(size=5))

        stored = store.get(a_job().job_id)
        assert stored is not None
        assert stored.size == a_job().size

    def test_replace_returns_the_next_version(self, store: JobStore) -> None:
        """A write over the version that was read holds."""
        store.create(a_job())
        old = store.get(a_job().job_id)
        assert old is not None

        written = store.replace(old, old.model_copy(update={"setbacks": 1}))

        assert written is not None
        assert (written.version, written.setbacks) == (2, 1)
        assert store.get(old.job_id) == written

    def test_replace_loses_when_stale(self, store: JobStore, line: Line) -> None:
        """Who read before somebody else wrote changes neither the job nor the line."""
        store.create(a_job())
        old = store.get(a_job().job_id)
        assert old is not None
        winner = store.replace(old, old.model_copy(update={"setbacks": 1}))

        lost = store.replace(old, old.model_copy(update={"state": JobState.SUBMITTING}))

        assert lost is None
        assert store.get(old.job_id) == winner
        assert [entry.job_id for entry in line.first(5, NOON_MS)] == [old.job_id]

    def test_replace_loses_for_a_job_that_is_gone(self, store: JobStore) -> None:
        """A record that expired is not written again."""
        job = a_job(version=3)

        assert store.replace(job, job) is None
        assert store.get(job.job_id) is None

    def test_a_queued_job_is_in_line(self, store: JobStore, line: Line) -> None:
        """Create puts the job's entry into the line."""
        store.create(a_job(excluded=("apiin",)))

        assert line.first(5, NOON_MS) == [jobs.entry_of(a_job(excluded=("apiin",)))]

    @pytest.mark.parametrize("state", [s for s in JobState if s is not JobState.QUEUED])
    def test_a_job_in_another_state_is_not_in_line(
        self, store: JobStore, line: Line, state: JobState
    ) -> None:
        """Leaving `queued` takes the entry out."""
        store.create(a_job())
        old = store.get(a_job().job_id)
        assert old is not None

        store.replace(old, old.model_copy(update={"state": state}))

        assert line.first(5, NOON_MS) == []

    def test_a_job_moved_in_line_is_there_once(self, store: JobStore, line: Line) -> None:
        """A new time takes the entry from its old place to the new one."""
        store.create(a_job())
        old = store.get(a_job().job_id)
        assert old is not None

        store.replace(old, old.model_copy(update={"available_ms": NOON_MS + 5}))

        assert [entry.available_ms for entry in line.first(5, NOON_MS + 9)] == [NOON_MS + 5]

    def test_the_next_attempt_keeps_the_place(self, store: JobStore, line: Line) -> None:
        """A job back in the same place waits for its later attempt, not for the old one."""
        store.create(a_job())
        old = store.get(a_job().job_id)
        assert old is not None
        started = store.replace(old, old.model_copy(update={"state": JobState.SUBMITTING}))
        assert started is not None

        back = started.model_copy(update={"state": JobState.QUEUED, "last_number": 1})
        store.replace(started, back)

        assert [entry.number for entry in line.first(5, NOON_MS)] == [2]

    def test_the_place_of_a_job_that_is_gone_can_be_vacated(
        self, store: JobStore, line: Line, expire: Expire
    ) -> None:
        """A record that was deleted leaves its place behind, until somebody meets it."""
        store.create(a_job())
        (left,) = line.first(5, NOON_MS)
        expire(left.job_id)
        before = line.first(5, NOON_MS)

        vacated = store.vacate(left)

        assert before == [left]
        assert vacated
        assert line.first(5, NOON_MS) == []
        assert line.size() == 0

    def test_the_place_of_a_waiting_job_cannot_be_vacated(
        self, store: JobStore, line: Line
    ) -> None:
        """Whatever attempt the entry names: the job waits there."""
        store.create(a_job())
        (entry,) = line.first(5, NOON_MS)

        assert not store.vacate(entry)
        assert not store.vacate(entry.model_copy(update={"number": 7}))

        assert line.first(5, NOON_MS) == [entry]

    def test_the_place_of_a_job_that_waits_elsewhere_can_be_vacated(
        self, store: JobStore, line: Line, expire: Expire
    ) -> None:
        """A record that was deleted and made again has a place of its own."""
        store.create(a_job())
        (left,) = line.first(5, NOON_MS)
        expire(left.job_id)
        store.create(a_job(available_ms=NOON_MS + 5))

        vacated = store.vacate(left)

        assert vacated
        assert [entry.available_ms for entry in line.first(5, NOON_MS + 9)] == [NOON_MS + 5]

    def test_the_place_of_a_job_that_does_not_wait_can_be_vacated(
        self, store: JobStore, line: Line, expire: Expire
    ) -> None:
        """A job that was made again, and taken out of its new place, leaves the old one behind."""
        store.create(a_job())
        (left,) = line.first(5, NOON_MS)
        expire(left.job_id)
        store.create(a_job(state=JobState.SUBMITTED))
        before = line.first(5, NOON_MS)

        vacated = store.vacate(left)

        assert before == [left]
        assert vacated
        assert line.first(5, NOON_MS) == []

    def test_a_place_that_is_not_there_any_more_is_vacated_already(
        self, store: JobStore, line: Line
    ) -> None:
        """Who comes second changes nothing, neither in the line nor in the job."""
        store.create(a_job())
        (entry,) = line.first(5, NOON_MS)
        old = store.get(entry.job_id)
        assert old is not None
        started = store.replace(old, old.model_copy(update={"state": JobState.SUBMITTING}))

        assert store.vacate(entry)
        assert store.vacate(entry)

        assert store.get(entry.job_id) == started


class JobIndexContract:
    """Jobs are found by where they stand."""

    def test_standing_yields_the_oldest_first(self, store: IndexedStore) -> None:
        """Only jobs of this shelf, and only those that came to it before then."""
        for key, age in {"b.jpg": 5, "a.jpg": 9, "new.jpg": 0}.items():
            store.create(a_submitted_job(job_id=job_id_of(key), updated_ms=NOON_MS - age))
        store.create(a_job("queued.jpg", updated_ms=NOON_MS - 7))

        found = list(store.standing(JobState.SUBMITTED, NOON_MS))

        assert found == [
            Place(job_id=job_id_of("a.jpg"), at_ms=NOON_MS - 9),
            Place(job_id=job_id_of("b.jpg"), at_ms=NOON_MS - 5),
        ]

    def test_standing_goes_on_behind_a_place(self, store: IndexedStore) -> None:
        """Behind a job of the same millisecond, too, and behind one that has left the shelf."""
        for key in ("a.jpg", "b.jpg", "c.jpg"):
            store.create(a_submitted_job(job_id=job_id_of(key), updated_ms=NOON_MS - 9))
        first, *others = store.standing(JobState.SUBMITTED, NOON_MS)
        left = store.get(first.job_id)
        assert left is not None
        store.replace(left, left.model_copy(update={"state": JobState.STORING}))

        assert list(store.standing(JobState.SUBMITTED, NOON_MS, first)) == others
        assert list(store.standing(JobState.SUBMITTED, NOON_MS, others[-1])) == []

    def test_an_end_state_stands_apart_until_it_is_announced(self, store: IndexedStore) -> None:
        """Unannounced first, then on the shelf of its state."""
        store.create(a_job(state=JobState.FAILED, announced=False))
        old = store.get(a_job().job_id)
        assert old is not None
        before = list(store.standing(UNANNOUNCED, NOON_MS + 1))

        store.replace(old, old.model_copy(update={"announced": True}))

        assert [place.job_id for place in before] == [old.job_id]
        assert list(store.standing(UNANNOUNCED, NOON_MS + 1)) == []
        after = store.standing(JobState.FAILED, NOON_MS + 1)
        assert [place.job_id for place in after] == [old.job_id]


class LineContract:
    """The line serves lanes in order, and the oldest first inside a lane."""

    def test_lanes_come_before_age(self, store: JobStore, line: Line) -> None:
        """`api`, then `upload`, then `backfill`, whoever is oldest."""
        ages = {Lane.BACKFILL: 3, Lane.UPLOAD: 2, Lane.API: 1}
        for lane, age in ages.items():
            store.create(a_job(f"{lane}.jpg", lane=lane, available_ms=NOON_MS - age))

        served = [entry.lane for entry in line.first(5, NOON_MS)]

        assert served == [Lane.API, Lane.UPLOAD, Lane.BACKFILL]

    def test_the_oldest_comes_first(self, store: JobStore, line: Line) -> None:
        """Inside a lane, `available_ms` decides and not the order of arrival."""
        for age in (2, 9, 5):
            store.create(a_job(f"{age}.jpg", available_ms=NOON_MS - age))

        served = [NOON_MS - entry.available_ms for entry in line.first(5, NOON_MS)]

        assert served == [9, 5, 2]

    @pytest.mark.parametrize(("count", "expected"), [(1, 1), (3, 3), (4, 4), (5, 4)])
    def test_no_more_are_due_than_asked_for(
        self, store: JobStore, line: Line, count: int, expected: int
    ) -> None:
        """The limit counts entries of all lanes together."""
        for number in range(4):
            lane = Lane.API if number % 2 else Lane.BACKFILL
            store.create(a_job(f"{number}.jpg", lane=lane))

        assert len(line.first(count, NOON_MS)) == expected

    def test_a_later_entry_does_not_hide_a_due_one(self, store: JobStore, line: Line) -> None:
        """A job of a better lane that must wait leaves its turn to a worse lane's."""
        store.create(a_job("later.jpg", lane=Lane.API, available_ms=NOON_MS + 1))
        store.create(a_job("due.jpg", lane=Lane.BACKFILL))

        served = line.first(1, NOON_MS)

        due = [entry.lane for entry in served if entry.available_ms <= NOON_MS]
        assert due == [Lane.BACKFILL]

    def test_an_empty_line_serves_nobody(self, line: Line) -> None:
        """There is nothing to return."""
        assert line.first(20, NOON_MS) == []
        assert line.size() == 0

    def test_size_counts_all_who_wait(self, store: JobStore, line: Line) -> None:
        """Due or not, in every lane."""
        store.create(a_job("due.jpg", lane=Lane.API))
        store.create(a_job("later.jpg", available_ms=NOON_MS + 1))
        store.create(a_job("over.jpg", state=JobState.SKIPPED))

        assert line.size() == 2


class GateStoreContract:
    """The gate is one item, written one version after the other."""

    def test_a_new_stack_has_an_empty_gate(self, gate: GateStore) -> None:
        """Version 0, nothing held."""
        assert gate.read() == Gate()

    def test_read_returns_what_was_written(self, gate: GateStore) -> None:
        """Slots, stamps, pause, spend, parking and wake-up survive."""
        full = Gate(
            month="2026-01",
            spent_microusd=34_000,
            wake_ms=NOON_MS + 700,
            parked=True,
            providers={
                "eachlabs": ProviderSide(
                    slots={"a.1": Slot(NOON_MS + 1, NOON_MS, 17_000), "b.2": Slot(5, 4, 0)},
                    stamps=(NOON_MS - 60_000, NOON_MS, NOON_MS),
                    paused_until_ms=NOON_MS + 300_000,
                    pause_reason="setup",
                    strikes=2,
                ),
                "apiin": ProviderSide(),
            },
        )

        written = gate.write(full)

        assert written is not None
        assert written.version == 1
        assert gate.read() == written

    def test_a_stale_write_loses(self, gate: GateStore) -> None:
        """Who read before somebody else moved changes nothing."""
        stale = gate.read()
        moved = gate.write(Gate(spent_microusd=1))

        assert gate.write(stale) is None
        assert gate.read() == moved

    def test_moves_follow_one_another(self, gate: GateStore) -> None:
        """A write over the version that was read holds, every time."""
        for _ in range(3):
            assert gate.write(gate.read()) is not None

        assert gate.read().version == 3


class LedgerContract:
    """One line per attempt."""

    def test_a_line_can_be_read_back(self, ledger: LedgerReader) -> None:
        """Every field survives."""
        ledger.record(a_line())

        assert ledger.of_month("2026-01") == [a_line()]

    def test_a_second_line_of_an_attempt_replaces_the_first(self, ledger: LedgerReader) -> None:
        """The last word counts, and nothing is counted twice."""
        ledger.record(a_line())
        ledger.record(a_line(why="failed"))

        assert ledger.of_month("2026-01") == [a_line(why="failed")]

    @pytest.mark.parametrize("other", [{"number": 2}, {"job_id": "1" * 32}, {"provider": "apiin"}])
    def test_other_attempts_have_lines_of_their_own(
        self, ledger: LedgerReader, other: dict[str, object]
    ) -> None:
        """Provider, job and number tell attempts apart."""
        ledger.record(a_line())
        ledger.record(a_line(**other))

        assert len(ledger.of_month("2026-01")) == 2

    def test_months_are_apart(self, ledger: LedgerReader) -> None:
        """Another month's lines are not in this one's."""
        ledger.record(a_line(month="2026-02"))

        assert ledger.of_month("2026-01") == []


def a_line(**changes: object) -> LedgerLine:
    """Return the ledger line of a created attempt."""
    line = LedgerLine(
        month="2026-01",
        provider="eachlabs",
        job_id="0" * 32,
        number=1,
        microusd=17_000,
        why="created",
        at_ms=NOON_MS,
    )
    return line.model_copy(update=changes)


class TestInMemoryTable(
    JobStoreContract, JobIndexContract, LineContract, GateStoreContract, LedgerContract
):
    """The fakes."""

    @pytest.fixture
    def store(self) -> InMemoryJobStore:
        """Return an empty store."""
        return InMemoryJobStore()

    @pytest.fixture
    def expire(self, store: InMemoryJobStore) -> Expire:
        """Return what deletes a record and leaves its place."""
        return store.expire

    @pytest.fixture
    def line(self, store: InMemoryJobStore) -> InMemoryLine:
        """Return its line."""
        return InMemoryLine(store)

    @pytest.fixture
    def gate(self) -> InMemoryGateStore:
        """Return a new gate."""
        return InMemoryGateStore()

    @pytest.fixture
    def ledger(self) -> LedgerReader:
        """Return a ledger that can be read."""

        class Reader(InMemoryLedger):
            def of_month(self, month: str) -> list[LedgerLine]:
                return [line for line in self.lines.values() if line.month == month]

        return Reader()


class TestDynamoTable(
    JobStoreContract, JobIndexContract, LineContract, GateStoreContract, LedgerContract
):
    """The adapters."""

    @pytest.fixture
    def store(self, table: DynamoTable) -> DynamoJobStore:
        """Return an empty store."""
        return DynamoJobStore(table, retention_days=90)

    @pytest.fixture
    def expire(self, table: DynamoTable) -> Expire:
        """Return what deletes a record and nothing else, as DynamoDB's TTL does."""

        def delete(job_id: str) -> None:
            key = to_item({"pk": f"job#{job_id}", "sk": "job"})
            table.client.delete_item(TableName=table.name, Key=key)

        return delete

    @pytest.fixture
    def line(self, table: DynamoTable) -> DynamoLine:
        """Return its line."""
        return DynamoLine(table)

    @pytest.fixture
    def gate(self, table: DynamoTable) -> DynamoGateStore:
        """Return a new gate."""
        return DynamoGateStore(table)

    @pytest.fixture
    def ledger(self, table: DynamoTable) -> LedgerReader:
        """Return a ledger that can be read."""

        class Reader(DynamoLedger):
            def of_month(self, month: str) -> list[LedgerLine]:
                found = table.client.query(
                    TableName=table.name,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues=to_item({":pk": f"ledger#{month}"}),
                )
                return [LedgerLine.model_validate(from_item(item)) for item in found["Items"]]

        return Reader(table)

    @pytest.mark.parametrize("state", [s for s in JobState if s not in END_STATES])
    def test_a_job_that_is_not_over_never_expires(
        self, store: DynamoJobStore, table: DynamoTable, state: JobState
    ) -> None:
        """However long it waits: DynamoDB deletes by `expires_at`, whatever the state."""
        store.create(a_job(state=state, created_ms=0))

        assert "expires_at" not in record(table)

    @pytest.mark.parametrize("state", sorted(END_STATES))
    def test_a_job_expires_its_retention_after_its_end(
        self, store: DynamoJobStore, table: DynamoTable, state: JobState
    ) -> None:
        """`expires_at` is 90 days after `ended_ms`, in seconds, as DynamoDB's TTL wants it."""
        store.create(a_job(created_ms=0))
        waiting = store.get(a_job().job_id)
        assert waiting is not None
        ended = jobs.end(waiting, state, None, NOON_MS)
        assert ended is not None
        over = store.replace(waiting, ended)
        assert over is not None

        announced = jobs.announced(over, over.run, NOON_MS + DAY_MS)
        assert announced is not None
        store.replace(over, announced)

        assert record(table)["expires_at"] == {"N": str(NOON_MS // 1000 + 90 * 86_400)}

    def test_another_run_on_the_last_day_takes_the_expiry_away(
        self, store: DynamoJobStore, table: DynamoTable
    ) -> None:
        """A retry or a redrive keeps the record, which would be deleted in mid-flight."""
        store.create(a_job(state=JobState.FAILED, ended_ms=NOON_MS))
        failed = store.get(a_job().job_id)
        assert failed is not None

        again = requests.retry(failed, NOON_MS + 90 * DAY_MS)
        assert again is not None
        store.replace(failed, again)

        assert "expires_at" not in record(table)

    def test_any_write_takes_the_expiry_of_the_version_before_away(
        self, store: DynamoJobStore, table: DynamoTable
    ) -> None:
        """Version 0.1.0 gave every record `expires_at`, whatever its state."""
        store.create(a_job())
        table.put(record(table) | to_item({"expires_at": NOON_MS // 1000}))
        old = store.get(a_job().job_id)
        assert old is not None

        store.replace(old, old.model_copy(update={"setbacks": 1}))

        assert "expires_at" not in record(table)

    def test_a_record_of_an_unknown_form_is_said_to_be_one(
        self, store: DynamoJobStore, table: DynamoTable
    ) -> None:
        """Its name, and none of its values, is in the message."""
        store.create(a_job())
        table.put(record(table) | to_item({"lane": "express"}))

        with pytest.raises(NewerVersionError, match=f"job#{a_job().job_id}") as caught:
            store.get(a_job().job_id)

        assert "express" not in str(caught.value)

    def test_a_place_is_not_vacated_when_its_job_comes_back_meanwhile(
        self, table: DynamoTable
    ) -> None:
        """The look at the job and the deletion of its place are held together by a condition."""
        store, line = DynamoJobStore(table, retention_days=90), DynamoLine(table)
        hurried = Hurried(table, lambda: store.create(a_job()))

        vacated = DynamoJobStore(hurried, retention_days=90).vacate(jobs.entry_of(a_job()))

        assert not vacated
        assert line.first(5, NOON_MS) == [jobs.entry_of(a_job())]

    def test_a_place_is_not_vacated_when_its_job_joins_it_meanwhile(
        self, table: DynamoTable
    ) -> None:
        """A job that was in work, and is put back into the same place, waits there."""
        store, line = DynamoJobStore(table, retention_days=90), DynamoLine(table)
        store.create(a_job(state=JobState.SUBMITTING))
        busy = store.get(a_job().job_id)
        assert busy is not None
        back = busy.model_copy(update={"state": JobState.QUEUED})
        hurried = Hurried(table, lambda: store.replace(busy, back))

        vacated = DynamoJobStore(hurried, retention_days=90).vacate(jobs.entry_of(a_job()))

        assert not vacated
        assert line.first(5, NOON_MS) == [jobs.entry_of(a_job())]


class Hurried(DynamoTable):
    """Somebody else writes right after an item was read."""

    def __init__(self, table: DynamoTable, write: Callable[[], object]) -> None:
        super().__init__(table.client, table.name)
        self._write_meanwhile = write

    def get(self, pk: str, sk: str) -> Item | None:
        """Read, then let the other one write."""
        found = super().get(pk, sk)
        self._write_meanwhile()
        return found


def record(table: DynamoTable) -> Item:
    """Return the record of the example job as it is stored."""
    item = table.get(f"job#{a_job().job_id}", "job")
    assert item is not None
    return item
