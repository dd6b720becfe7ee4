"""What every job list and every store of answers does: the fakes, and the table on moto."""

import base64
import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from cutout import jobs, keys
from cutout.adapters.aws import client, s3_client
from cutout.adapters.dynamodb import DynamoJobStore, DynamoLine, DynamoTable
from cutout.adapters.handouts import S3Handouts
from cutout.adapters.lists import DynamoJobLists
from cutout.adapters.repeats import DynamoRepeats
from cutout.models import JobState, Lane, Place, Repeat
from cutout.ports import JobLists, JobStore, Line, Repeats
from tests.examples import a_job, a_source
from tests.fake_doors import InMemoryJobLists, InMemoryRepeats
from tests.fakes import NOON_MS, InMemoryJobStore, InMemoryLine
from tests.stack import create_table

pytestmark = pytest.mark.integration

FIRST = Repeat(key_sha256="a" * 64, request_sha256="b" * 64, at_ms=NOON_MS)


@pytest.fixture
def table(fake_account: None) -> Iterator[DynamoTable]:
    """Return the template's table in moto."""
    with mock_aws():
        dynamodb = client("dynamodb")
        yield DynamoTable(dynamodb, create_table(dynamodb))


class JobListsContract:
    """Jobs are listed newest first, page by page."""

    def fill(self, store: JobStore) -> list[str]:
        """Create three versions of an object and a job of another; return their ids in order."""
        ids = []
        for age in (3, 1, 2):
            job_id = keys.job_id(a_source(version_id=f"v{age}"))
            at_ms = NOON_MS - age
            store.create(a_job(job_id=job_id, created_ms=at_ms, updated_ms=at_ms))
            ids.append((at_ms, job_id))
        store.create(a_job("other.jpg", state=JobState.FAILED))
        return [job_id for _, job_id in sorted(ids, reverse=True)]

    def test_an_object_has_its_jobs(self, store: JobStore, lists: JobLists) -> None:
        """All versions, newest first, and nobody else's."""
        ids = self.fill(store)

        found = lists.of_source(ids[0][:16], 10)

        assert [place.job_id for place in found] == ids
        assert found[0].at_ms == NOON_MS - 1

    def test_pages_follow_one_another(self, store: JobStore, lists: JobLists) -> None:
        """The next page begins after the last place of the one before."""
        ids = self.fill(store)

        first = lists.of_source(ids[0][:16], 2)
        second = lists.of_source(ids[0][:16], 2, first[-1])

        assert [place.job_id for place in first + second] == ids

    def test_a_place_need_not_exist(self, store: JobStore, lists: JobLists) -> None:
        """A job that expired, or that moved on, is still a place to go on from."""
        ids = self.fill(store)

        gone = Place(job_id=ids[0], at_ms=NOON_MS + 5)

        assert [p.job_id for p in lists.of_source(ids[0][:16], 10, gone)] == ids

    def test_a_shelf_has_its_jobs(self, store: JobStore, lists: JobLists) -> None:
        """By when they came to it, newest first."""
        ids = self.fill(store)

        first = lists.on_shelf("queued", 2)
        second = lists.on_shelf("queued", 2, first[-1])

        assert [place.job_id for place in first + second] == ids
        assert len(lists.on_shelf("failed", 10)) == 1

    def test_an_unknown_list_is_empty(self, lists: JobLists) -> None:
        """There is nothing to show."""
        assert lists.of_source("0" * 16, 10) == []
        assert lists.on_shelf("storing", 10) == []

    def test_ahead_counts_who_is_served_before(self, store: JobStore, line: Line) -> None:
        """Older entries of the same lane, and no more than asked for."""
        for age in range(5):
            store.create(a_job(f"{age}.jpg", available_ms=NOON_MS - age))
        store.create(a_job("api.jpg", lane=Lane.API, available_ms=NOON_MS - 9))
        youngest, oldest = a_job("0.jpg"), a_job("4.jpg", available_ms=NOON_MS - 4)

        assert line.ahead(jobs.entry_of(youngest), 1000) == 4
        assert line.ahead(jobs.entry_of(youngest), 2) == 2
        assert line.ahead(jobs.entry_of(oldest), 1000) == 0


class RepeatsContract:
    """The first request with a key decides."""

    def test_the_first_claim_is_free(self, repeats: Repeats) -> None:
        """There is nothing known of it."""
        assert repeats.claim(FIRST) is None

    def test_a_second_claim_finds_the_first(self, repeats: Repeats) -> None:
        """Whatever it asks for."""
        repeats.claim(FIRST)

        found = repeats.claim(FIRST.model_copy(update={"request_sha256": "c" * 64}))

        assert found == FIRST

    def test_a_settled_claim_knows_its_job(self, repeats: Repeats) -> None:
        """So that a repetition gets the same one."""
        repeats.claim(FIRST)
        settled = FIRST.model_copy(update={"job_id": "0" * 32})

        repeats.settle(settled)

        assert repeats.claim(FIRST) == settled

    def test_a_forgotten_claim_is_free_again(self, repeats: Repeats) -> None:
        """A refused request binds nobody."""
        repeats.claim(FIRST)

        repeats.forget(FIRST.key_sha256)

        assert repeats.claim(FIRST) is None

    def test_keys_are_apart(self, repeats: Repeats) -> None:
        """Another key is free."""
        repeats.claim(FIRST)

        assert repeats.claim(FIRST.model_copy(update={"key_sha256": "d" * 64})) is None


class TestInMemoryDoors(JobListsContract, RepeatsContract):
    """The fakes."""

    @pytest.fixture
    def store(self) -> InMemoryJobStore:
        """Return an empty store."""
        return InMemoryJobStore()

    @pytest.fixture
    def lists(self, store: InMemoryJobStore) -> InMemoryJobLists:
        """Return its lists."""
        return InMemoryJobLists(store)

    @pytest.fixture
    def line(self, store: InMemoryJobStore) -> InMemoryLine:
        """Return its line."""
        return InMemoryLine(store)

    @pytest.fixture
    def repeats(self) -> InMemoryRepeats:
        """Return an empty store of answers."""
        return InMemoryRepeats()


class TestDynamoDoors(JobListsContract, RepeatsContract):
    """The adapters."""

    @pytest.fixture
    def store(self, table: DynamoTable) -> DynamoJobStore:
        """Return an empty store."""
        return DynamoJobStore(table, retention_days=90)

    @pytest.fixture
    def lists(self, table: DynamoTable) -> DynamoJobLists:
        """Return its lists."""
        return DynamoJobLists(table)

    @pytest.fixture
    def line(self, table: DynamoTable) -> DynamoLine:
        """Return its line."""
        return DynamoLine(table)

    @pytest.fixture
    def repeats(self, table: DynamoTable) -> DynamoRepeats:
        """Return an empty store of answers."""
        return DynamoRepeats(table, retention_days=90)

    def test_an_answer_expires_its_retention_after_the_request(
        self, repeats: DynamoRepeats, table: DynamoTable
    ) -> None:
        """90 days after it was given; its job is counted from its end, and goes later."""
        repeats.claim(FIRST)

        item = table.get(f"repeat#{'a' * 64}", "repeat")

        assert item is not None
        assert item["expires_at"]["N"] == str(NOON_MS // 1000 + 90 * 86_400)


def test_a_form_allows_one_key_one_type_and_a_size(fake_account: None) -> None:
    """The conditions are in the signed policy."""
    form = S3Handouts(s3_client()).upload_form(
        "images", "uploads/x/a.jpg", content_type="image/jpeg", max_bytes=1000, seconds=60
    )

    policy = json.loads(base64.b64decode(form.fields["policy"]))
    assert {"key": "uploads/x/a.jpg"} in policy["conditions"]
    assert {"bucket": "images"} in policy["conditions"]
    assert {"Content-Type": "image/jpeg"} in policy["conditions"]
    assert ["content-length-range", 1, 1000] in policy["conditions"]
    assert "policy" not in repr(form)


def test_a_result_is_handed_out_for_a_while(fake_account: None) -> None:
    """Regional, signed, and for as long as asked."""
    url = S3Handouts(s3_client()).result_url("images", "a b.cutout.png", 60)

    assert url.startswith("https://images.s3.eu-central-1.amazonaws.com/a%20b.cutout.png?")
    assert "X-Amz-Expires=60" in url
