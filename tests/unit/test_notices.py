"""What S3 itself may put into the uploads queue, besides EventBridge's events."""

import json

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from tests.world import BUCKET, JPEG, World


def tell(world: World, body: object) -> None:
    """Deliver a message as the uploads queue does."""
    world.submit_inbox.handle(SQSRecord({"messageId": "1", "body": json.dumps(body)}))


def record(key: str, event: str = "ObjectCreated:Put") -> dict[str, object]:
    """Return one record of S3's own notification."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": event,
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1, "eTag": "e"}},
    }


def test_a_test_event_is_nothing(world: World) -> None:
    """S3 sends one when somebody points a bucket at the queue."""
    tell(world, {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})

    assert world.jobs.records == {}


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b%2Bc.jpg", "a b+c.jpg"),
        ("gr%C3%B6%C3%9Fe.jpg", "größe.jpg"),
        ("100%2525.jpg", "100%25.jpg"),
    ],
)
def test_keys_of_notifications_are_decoded_once(world: World, encoded: str, key: str) -> None:
    """They are form-encoded there, and nowhere else."""
    world.images.put(BUCKET, key, JPEG)

    tell(world, {"Records": [record(encoded)]})

    assert [job.key for job in world.jobs.records.values()] == [key]


def test_every_record_counts(world: World) -> None:
    """But for what created nothing."""
    for key in ("a.jpg", "b.jpg", "c.jpg"):
        world.images.put(BUCKET, key, JPEG)

    tell(
        world, {"Records": [record("a.jpg"), record("b.jpg", "ObjectTagging:Put"), record("c.jpg")]}
    )

    assert sorted(job.key for job in world.jobs.records.values()) == ["a.jpg", "c.jpg"]
