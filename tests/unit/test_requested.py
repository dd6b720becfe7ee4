"""Events in: `Cutout Requested`; and events out while the bus is away."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no stubs

from cutout.errors import StorageError
from cutout.models import Announce, JobState, Lane, ProviderPaused
from tests.conftest import EVENTS
from tests.world import BUCKET, JPEG, World

type LoadEvent = Callable[[str], dict[str, Any]]


def ask(world: World, detail: object) -> None:
    """Deliver a request as the dispatch queue does."""
    body = json.dumps({"source": "shop", "detail-type": "Cutout Requested", "detail": detail})
    world.submit_inbox.handle(SQSRecord({"messageId": "1", "body": body}))


def test_the_sample_has_the_form_of_its_schema() -> None:
    """And the schema refuses another lane."""
    schema = json.loads((EVENTS / "in" / "requested.schema.json").read_text("utf-8"))
    sample = json.loads((EVENTS / "in" / "requested.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)

    Draft202012Validator(schema).validate(sample)

    sample["detail"]["lane"] = "api"
    assert list(Draft202012Validator(schema).iter_errors(sample))


def test_the_queues_sample_holds_the_event(load_event: LoadEvent) -> None:
    """One is the other, on its way to `submit`."""
    (record,) = load_event("submit/requested")["Records"]

    assert json.loads(record["body"]) == load_event("in/requested")


def test_a_request_queues_an_object(world: World, load_event: LoadEvent) -> None:
    """As an upload would, in the lane it names."""
    world.images.put(BUCKET, "photos/shoe.jpg", JPEG)
    (record,) = load_event("submit/requested")["Records"]

    world.submit_inbox.handle(SQSRecord(record))
    world.submit_inbox.dispatch(60_000)

    (job,) = world.jobs.records.values()
    assert (job.key, job.lane, job.state) == ("photos/shoe.jpg", "backfill", "submitted")


def test_a_request_is_an_upload_unless_it_says_otherwise(world: World) -> None:
    """And may carry what its sender likes."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)

    ask(world, {"bucket": BUCKET, "key": "shoe.jpg", "order": 7})

    assert [job.lane for job in world.jobs.records.values()] == [Lane.UPLOAD]


@pytest.mark.parametrize(("there", "run"), [(True, 1), (False, 2)])
def test_a_request_makes_a_deleted_result_again(world: World, run: int, *, there: bool) -> None:
    """Run 2 in the request's lane; a result that is there is not paid for again."""
    job = world.submitted()
    world.storing.store(world.ended(job), last_try=False)
    if not there:
        del world.images.objects[BUCKET, world.result_of()]

    ask(world, {"bucket": BUCKET, "key": "shoe.jpg", "lane": "backfill"})

    assert world.job(job).run == run
    assert world.job(job).state is (JobState.SUCCEEDED if there else JobState.QUEUED)


def test_an_upload_by_a_form_is_in_the_first_lane(world: World) -> None:
    """Somebody waits for it."""
    world.images.put(BUCKET, "uploads/1/shoe.jpg", JPEG)
    detail = {"bucket": {"name": BUCKET}, "object": {"key": "uploads/1/shoe.jpg"}}
    body = json.dumps({"detail-type": "Object Created", "detail": detail})

    world.submit_inbox.handle(SQSRecord({"messageId": "1", "body": body}))

    assert [job.lane for job in world.jobs.records.values()] == [Lane.API]


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({"bucket": "another", "key": "shoe.jpg"}, "other_bucket"),
        ({"bucket": BUCKET}, "malformed"),
        ({"bucket": BUCKET, "key": ""}, "malformed"),
        ({"bucket": BUCKET, "key": 5}, "malformed"),
        ({"bucket": BUCKET, "key": "x", "lane": "api"}, "malformed"),
        ({"bucket": {"name": BUCKET}, "object": {"key": "x"}}, "malformed"),
        (None, "malformed"),
        ("x", "malformed"),
        ([], "malformed"),
    ],
)
def test_what_cannot_be_asked_for_is_counted_and_dropped(
    world: World, detail: object, reason: str
) -> None:
    """It would be no better when it came again."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)

    ask(world, detail)

    assert not world.jobs.records
    assert world.metrics.by_dimensions["RequestRefused", (("reason", reason),)] == 1


def test_every_event_arrives_after_the_bus_was_away(world: World) -> None:
    """A minute of failing puts: the queue gives up, `reconcile` does not, each end comes once."""
    for number in range(6):
        world.upload(f"{number}.jpg", b"" if number % 2 else JPEG)
    world.dispatcher.dispatch()
    for job in list(world.jobs.records.values()):
        if job.state is JobState.SUBMITTED:
            world.messages.ended(world.ended(job))
    reconciler = world.new_reconciler()
    world.announcer.fail("publish", *[StorageError("away")] * 18)

    for _ in range(4):
        deliver(world)
        world.clock.advance(60_000)
        reconciler.run()
    deliver(world)

    assert {job.state for job in world.jobs.records.values()} == {"succeeded", "skipped"}
    keys = [(kind, detail["job_id"], detail["run"]) for kind, detail in world.announcer.events]
    assert len(keys) == len(set(keys)) == 6


def deliver(world: World) -> None:
    """Deliver every completion once; what fails is lost, which is worse than SQS would be."""
    for _ in range(len(world.messages.completions)):
        message = world.messages.completions.popleft()
        try:
            if isinstance(message, Announce):
                world.storing.announce(message)
            elif not isinstance(message, ProviderPaused):
                world.storing.store(message, last_try=False)
        except StorageError:
            continue
