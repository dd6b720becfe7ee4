"""What every store of backfills does: the fake, and the table on moto."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from cutout.adapters.aws import client
from cutout.adapters.backfills import DynamoBackfills, DynamoJobStates
from cutout.adapters.dynamodb import DynamoJobStore, DynamoTable, to_item
from cutout.backfills import Backfill, FrozenObject, Tally, tally_of
from cutout.errors import StorageError
from cutout.models import JobState
from cutout.ports import Backfills, JobStates, JobStore
from tests.examples import a_job, job_id_of
from tests.fake_backfills import InMemoryBackfills
from tests.fakes import NOON_MS, InMemoryJobStore
from tests.stack import create_table

pytestmark = pytest.mark.integration

NAME = "20260115T120000-1a2b"
BACKFILL = Backfill(backfill_id=NAME, prefix="photos/", total=3, batches=2, created_ms=NOON_MS)


@pytest.fixture
def table(fake_account: None) -> Iterator[DynamoTable]:
    """Return the template's table in moto."""
    with mock_aws():
        dynamodb = client("dynamodb")
        yield DynamoTable(dynamodb, create_table(dynamodb))


def frozen(*names: str) -> tuple[FrozenObject, ...]:
    """Return objects of a list."""
    return tuple(FrozenObject(key=name, job_id=job_id_of(name)) for name in names)


class BackfillsContract:
    """Records are written one version after the other; lists stay as they are."""

    def test_get_returns_what_was_written(self, backfills: Backfills) -> None:
        """With its new version; another one is not there."""
        written = backfills.write(BACKFILL)

        assert written == BACKFILL.model_copy(update={"version": 1})
        assert backfills.get(NAME) == written
        assert backfills.get("another") is None

    def test_a_second_writer_loses(self, backfills: Backfills) -> None:
        """Both read the same version."""
        first = backfills.write(BACKFILL)
        assert first is not None

        assert backfills.write(BACKFILL) is None
        assert backfills.write(first.model_copy(update={"stopped": True})) is not None
        assert backfills.write(first.model_copy(update={"run": 2})) is None

        stored = backfills.get(NAME)
        assert stored is not None
        assert (stored.stopped, stored.run, stored.version) == (True, 1, 2)

    def test_a_list_is_kept_in_batches(self, backfills: Backfills) -> None:
        """Keys as they are, in order."""
        batches = [frozen("a b+c.jpg", "grüße.jpg"), frozen("\U0001f45f/x.jpg")]

        backfills.freeze(NAME, batches)

        assert [backfills.batch(NAME, n) for n in range(3)] == [*batches, ()]
        assert backfills.batch("another", 0) == ()

    def test_many_batches_are_kept(self, backfills: Backfills) -> None:
        """More than one write of DynamoDB takes."""
        backfills.freeze(NAME, [frozen(f"{n}.jpg") for n in range(60)])

        assert backfills.batch(NAME, 59) == frozen("59.jpg")

    def test_the_longest_keys_fit(self, backfills: Backfills) -> None:
        """A hundred of 1,024 bytes are far from an item's 400 KB."""
        batch = frozen(*(f"{n:03d}" + "x" * 1017 + ".jpg" for n in range(100)))

        backfills.freeze(NAME, [batch])

        assert backfills.batch(NAME, 0) == batch

    def test_the_last_tally_of_a_batch_counts(self, backfills: Backfills) -> None:
        """By number, and of this backfill alone."""
        backfills.note(NAME, 0, Tally(count=2, in_work=2))
        backfills.note(NAME, 0, Tally(count=2, succeeded=1, in_work=1))
        backfills.note(NAME, 1, Tally(count=1, changed=1))
        backfills.note("another", 2, Tally(count=1))

        assert backfills.tallies(NAME) == {
            0: Tally(count=2, succeeded=1, in_work=1),
            1: Tally(count=1, changed=1),
        }

    def test_all_come_oldest_first(self, backfills: Backfills) -> None:
        """Their ids begin with the time."""
        later = BACKFILL.model_copy(update={"backfill_id": "20260116T000000-0000"})
        backfills.write(later)
        backfills.write(BACKFILL)

        assert [one.backfill_id for one in backfills.all()] == [NAME, later.backfill_id]


class JobStatesContract:
    """Many jobs are looked up at once."""

    def test_states_are_those_of_the_recorded_jobs(self, store: JobStore, jobs: JobStates) -> None:
        """More than DynamoDB reads at once; others are left out."""
        names = [f"{n}.jpg" for n in range(120)]
        for name in names[:110]:
            store.create(a_job(name))
        store.create(a_job("failed.jpg", state=JobState.FAILED))

        found = jobs.states([job_id_of(name) for name in [*names, "failed.jpg"]])

        assert len(found) == 111
        assert found[job_id_of("3.jpg")] is JobState.QUEUED
        assert found[job_id_of("failed.jpg")] is JobState.FAILED

    def test_nothing_is_looked_up_for_nobody(self, jobs: JobStates) -> None:
        """DynamoDB refuses an empty request."""
        assert jobs.states([]) == {}


class TestInMemory(BackfillsContract, JobStatesContract):
    """The fakes."""

    @pytest.fixture
    def backfills(self) -> InMemoryBackfills:
        """Return an empty store."""
        return InMemoryBackfills()

    @pytest.fixture
    def store(self) -> InMemoryJobStore:
        """Return an empty store of jobs."""
        return InMemoryJobStore()

    @pytest.fixture
    def jobs(self, store: InMemoryJobStore) -> InMemoryJobStore:
        """Return the same, which is its own index."""
        return store


class TestDynamo(BackfillsContract, JobStatesContract):
    """The adapters."""

    @pytest.fixture
    def backfills(self, table: DynamoTable) -> DynamoBackfills:
        """Return an empty store."""
        return DynamoBackfills(table)

    @pytest.fixture
    def store(self, table: DynamoTable) -> DynamoJobStore:
        """Return an empty store of jobs."""
        return DynamoJobStore(table, retention_days=90)

    @pytest.fixture
    def jobs(self, table: DynamoTable) -> DynamoJobStates:
        """Return the look-up."""
        return DynamoJobStates(table)

    def test_lists_and_tallies_expire(self, backfills: DynamoBackfills, table: DynamoTable) -> None:
        """Half a year after they were written."""
        backfills.freeze(NAME, [frozen("a.jpg")])
        backfills.note(NAME, 0, Tally(count=1))

        items = table.client.scan(TableName=table.name)["Items"]

        left_s = [int(item["expires_at"]["N"]) - time.time() for item in items]
        assert left_s == pytest.approx([180 * 86_400] * 2, abs=300)

    def test_a_record_expires_with_its_list(
        self, backfills: DynamoBackfills, table: DynamoTable
    ) -> None:
        """Half a year after it was made, however often it is written: the list is written once."""
        first = backfills.write(BACKFILL)
        assert first is not None
        backfills.write(first.model_copy(update={"run": 2}))

        item = table.get("backfills", NAME)

        assert item is not None
        assert int(item["expires_at"]["N"]) == BACKFILL.created_ms // 1000 + 180 * 86_400

    def test_a_state_of_a_newer_version_is_none_of_ours(
        self, table: DynamoTable, jobs: DynamoJobStates
    ) -> None:
        """Its object has a job, which is not over as far as anybody knows here."""
        DynamoJobStore(table, retention_days=90).create(a_job("a.jpg"))
        job = table.get(f"job#{job_id_of('a.jpg')}", "job")
        assert job is not None
        table.put(job | to_item({"state": "in_review"}))

        found = jobs.states([job_id_of("a.jpg")])

        assert found == {job_id_of("a.jpg"): "in_review"}
        assert tally_of(1, found.values(), changed=0) == Tally(count=1, in_work=1)

    def test_what_dynamodb_leaves_out_is_asked_for_again(
        self, table: DynamoTable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Under load it answers a part, and says which."""
        monkeypatch.setattr(time, "sleep", lambda _: None)
        stingy = DynamoTable(Stingy(table.client, refusals=2), table.name)  # type: ignore[arg-type]
        DynamoJobStore(table, retention_days=90).create(a_job("a.jpg"))

        DynamoBackfills(stingy).freeze(NAME, [frozen("a.jpg")])
        found = DynamoJobStates(stingy).states([job_id_of("a.jpg")])

        assert DynamoBackfills(table).batch(NAME, 0) == frozen("a.jpg")
        assert found == {job_id_of("a.jpg"): JobState.QUEUED}

    def test_what_dynamodb_always_leaves_out_is_a_passing_fault(
        self, table: DynamoTable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The caller tries another time."""
        monkeypatch.setattr(time, "sleep", lambda _: None)
        stingy = DynamoTable(Stingy(table.client, refusals=99), table.name)  # type: ignore[arg-type]

        with pytest.raises(StorageError, match="left out items"):
            DynamoBackfills(stingy).freeze(NAME, [frozen("a.jpg")])
        with pytest.raises(StorageError, match="left out keys"):
            DynamoJobStates(stingy).states([job_id_of("a.jpg")])


class Stingy:
    """A client that leaves out everything for the first few calls of each kind."""

    def __init__(self, inner: Any, refusals: int) -> None:
        self._inner = inner
        self._left = {"read": refusals, "write": refusals}

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 boto's own
        """Read, or leave it."""
        self._left["read"] -= 1
        if self._left["read"] >= 0:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return self._inner.batch_get_item(RequestItems=RequestItems)

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803 boto's own
        """Write, or leave it."""
        self._left["write"] -= 1
        if self._left["write"] >= 0:
            return {"UnprocessedItems": RequestItems}
        return self._inner.batch_write_item(RequestItems=RequestItems)
