"""What every store of backfills does: the fake, and the table on moto."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from cutout.adapters.aws import client
from cutout.adapters.backfills import DynamoBackfills, DynamoJobStates
from cutout.adapters.dynamodb import DynamoJobStore, DynamoTable
from cutout.backfills import Backfill, FrozenObject, Tally
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
        return DynamoBackfills(table, retention_days=90)

    @pytest.fixture
    def store(self, table: DynamoTable) -> DynamoJobStore:
        """Return an empty store of jobs."""
        return DynamoJobStore(table, retention_days=90)

    @pytest.fixture
    def jobs(self, table: DynamoTable) -> DynamoJobStates:
        """Return the look-up."""
        return DynamoJobStates(table)

    def test_everything_expires(self, backfills: DynamoBackfills, table: DynamoTable) -> None:
        """Records, lists and tallies."""
        backfills.write(BACKFILL)
        backfills.freeze(NAME, [frozen("a.jpg")])
        backfills.note(NAME, 0, Tally(count=1))

        items = table.client.scan(TableName=table.name)["Items"]

        assert len(items) == 3
        assert all(int(item["expires_at"]["N"]) > NOON_MS / 1000 for item in items)
