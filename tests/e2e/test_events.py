"""Events in and out on the deployed stack."""

import json
import time

import pytest

from tests.e2e.consumer import Consumer
from tests.e2e.shop import Shop, picture, until

pytestmark = pytest.mark.e2e

AWAY_S = 15


@pytest.fixture(scope="module")
def consumer(shop: Shop) -> Consumer:
    """A consumer beside the stack, which goes with it."""
    return Consumer(shop)


def test_every_end_is_an_event(shop: Shop, consumer: Consumer) -> None:
    """Each once for who deduplicates, in the form of its schema."""
    shop.put("ends/shoe.jpg", picture(seed=1))
    shop.put("ends/empty.jpg", b"")

    until(lambda: len(consumer.keys("ends/")) == 2, "two events")

    kinds = {detail["key"]: kind for (kind, _, _), detail in consumer.seen.items()}
    assert kinds["ends/shoe.jpg"] == "Cutout Job Succeeded"
    assert kinds["ends/empty.jpg"] == "Cutout Job Skipped"


def test_a_request_queues_an_object(shop: Shop, consumer: Consumer) -> None:
    """From any source; what is malformed is counted, and another bucket's is another stack's."""
    events = shop.stack.client("events")
    (rule,) = [r["Name"] for r in events.list_rules()["Rules"] if "UploadsRule" in r["Name"]]
    events.disable_rule(Name=rule)
    shop.put("asked/shoe.jpg", picture(seed=2))
    time.sleep(1)
    assert shop.jobs("asked/") == []
    events.enable_rule(Name=rule)
    details: list[dict[str, object]] = [
        {"bucket": shop.bucket, "key": 5},
        {"key": "asked/shoe.jpg"},
        {"bucket": "another", "key": "asked/shoe.jpg"},
        {"bucket": shop.bucket, "key": "asked/shoe.jpg", "lane": "backfill"},
    ]

    for detail in details:
        entry = {
            "Source": "my.shop",
            "DetailType": "Cutout Requested",
            "Detail": json.dumps(detail),
        }
        events.put_events(Entries=[entry])  # type: ignore[list-item]  # it has what it needs

    until(lambda: consumer.keys("asked/") == ["asked/shoe.jpg"], "its event")
    assert [job["lane"] for job in shop.jobs("asked/")] == ["backfill"]
    until(lambda: len(refusals(shop)) == 2, "two refusals")  # the log is a little late
    assert refusals(shop) == [(shop.stack.stack_name, "malformed")] * 2
    assert shop.waiting("DispatchDeadLetterQueueUrl") == 0


def refusals(shop: Shop) -> list[tuple[str, str]]:
    """Return the stack and the reason of every request that was counted as refused."""
    lines = [line for line in shop.logs().splitlines() if '"RequestRefused"' in line]
    return [(said["stack"], said["reason"]) for said in map(json.loads, lines)]


def test_every_event_arrives_after_the_bus_was_away(shop: Shop, consumer: Consumer) -> None:
    """For a while `store` may not put events; afterwards each end arrives."""
    iam = shop.stack.client("iam")
    (role,) = [
        r["RoleName"] for r in iam.list_roles()["Roles"] if "StoreFunctionRole" in r["RoleName"]
    ]
    statement = {"Effect": "Deny", "Action": "events:PutEvents", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="Away", PolicyDocument=document)
    for number in range(6):
        shop.put(f"away/{number}.jpg", picture(seed=number))
    until(lambda: [job["state"] for job in shop.jobs("away/")] == ["succeeded"] * 6, "six results")
    time.sleep(AWAY_S)
    assert consumer.keys("away/") == []

    iam.delete_role_policy(RoleName=role, PolicyName="Away")
    shop.reconcile()

    until(lambda: len(consumer.keys("away/")) == 6, "six events", deadline_s=200)
    assert all(job["announced"] for job in shop.jobs("away/"))
