"""Time passes over the table as DynamoDB's TTL lets it: what is kept, and what goes.

TTL deletes an item whose time is over whatever else the item says (DynamoDB Developer Guide, "Using
time to live (TTL) in DynamoDB"); moto does not, so that `sweep` does it here.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from cutout import jobs
from cutout.adapters.aws import client
from cutout.adapters.dynamodb import DynamoJobStore, DynamoLine, DynamoTable, to_item
from cutout.models import Job, JobState
from cutout.services.moves import Mover
from cutout.services.reconcile import Reconciler
from cutout.services.records import Records
from tests.examples import a_job
from tests.fakes import NOON_MS
from tests.stack import create_table
from tests.world import World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

RETENTION_DAYS = 90
DAY_MS = 86_400_000


@pytest.fixture
def table(fake_account: None) -> Iterator[DynamoTable]:
    """Return the template's table in moto."""
    with mock_aws():
        dynamodb: DynamoDBClient = client("dynamodb")
        yield DynamoTable(dynamodb, create_table(dynamodb))


@pytest.fixture
def store(table: DynamoTable) -> DynamoJobStore:
    """Return the store of the table's jobs."""
    return DynamoJobStore(table, RETENTION_DAYS)


def test_a_job_of_the_version_before_that_waits_for_ninety_days_survives(
    table: DynamoTable, store: DynamoJobStore, world: World
) -> None:
    """Reconcile takes its expiry away in time; without that the sweep takes its record."""
    waiting = a_job("waiting.jpg")
    forgotten = a_job("forgotten.jpg", created_ms=NOON_MS - 60 * DAY_MS)
    for job in (waiting, forgotten):
        write_as_before(table, store, job)
    world.clock.advance(46 * DAY_MS)

    sweep(table, world.clock.now_ms())
    reconciler(table, store, world).run()
    world.clock.advance(60 * DAY_MS)
    sweep(table, world.clock.now_ms())

    assert store.get(forgotten.job_id) is None
    found = store.get(waiting.job_id)
    assert found is not None
    assert found.state is JobState.QUEUED
    places = DynamoLine(table).first(5, world.clock.now_ms())
    assert jobs.entry_of(found) in places


def test_a_job_of_today_waits_for_years_and_goes_its_retention_after_its_end(
    table: DynamoTable, store: DynamoJobStore
) -> None:
    """The retention is counted from the end, to the second."""
    store.create(a_job())
    end_ms = NOON_MS + 1000 * DAY_MS
    sweep(table, end_ms)
    waiting = store.get(a_job().job_id)
    assert waiting is not None
    over = jobs.end(waiting, JobState.FAILED, None, end_ms)
    assert over is not None
    store.replace(waiting, over)

    sweep(table, end_ms + RETENTION_DAYS * DAY_MS)
    kept = store.get(a_job().job_id)
    sweep(table, end_ms + RETENTION_DAYS * DAY_MS + 1000)

    assert kept is not None
    assert store.get(a_job().job_id) is None


def reconciler(table: DynamoTable, store: DynamoJobStore, world: World) -> Reconciler:
    """Return the reconciler of the table; the rest of the world is faked."""
    return Reconciler(
        index=store,
        records=Records(store, world.ledger, world.clock),
        line=DynamoLine(table),
        mover=Mover(world.gate, world.messages, world.clock),
        messages=world.messages,
        providers=world.providers,
        settings=world.settings,
        clock=world.clock,
        metrics=world.metrics,
    )


def write_as_before(table: DynamoTable, store: DynamoJobStore, job: Job) -> None:
    """Write a job as version 0.1.0 did: it expires its retention after its creation."""
    store.create(job)
    item = table.get(f"job#{job.job_id}", "job")
    assert item is not None
    expires_at = job.created_ms // 1000 + RETENTION_DAYS * 86_400
    table.put(item | to_item({"expires_at": expires_at}))


def sweep(table: DynamoTable, now_ms: int) -> None:
    """Delete every item whose `expires_at` is over, as TTL does within a few days."""
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    for item in [item for page in pages for item in page["Items"]]:
        if "expires_at" in item and int(item["expires_at"]["N"]) < now_ms // 1000:
            key = {"pk": item["pk"], "sk": item["sk"]}
            table.client.delete_item(TableName=table.name, Key=key)
