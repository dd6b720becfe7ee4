"""A stack is updated from the version before, and goes back, while sixty images are in flight."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cutout.adapters.dynamodb import from_item, to_item
from local import deploy, parameters
from tests.e2e.earlier import Earlier
from tests.e2e.shop import Shop, deployed, picture, until
from tests.e2e.test_kills import given_up

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

# Version 0.1.0, the last one that gave every record an expiry and refused unknown fields.
BEFORE = "27707e8"
IMAGES = 60
SLOW = ("--seconds", "6", "--cut", "flat")  # sixty of them outlast a deployment
PRICE = 17_000
PATIENCE_S = 420  # `reconcile` comes once a minute, and this machine may be busy
DEAD_LETTERS = ("Uploads", "Dispatch", "Completions")
STRAYS = 25


@pytest.fixture
def before(tmp_path: Path) -> Earlier:
    """The version before."""
    directory = tmp_path / "before"
    directory.mkdir()
    return Earlier(BEFORE, directory)


@pytest.fixture
def shop(tmp_path: Path, before: Earlier, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A stack of the version before; the one of today is built."""
    deploy.build(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(deploy, "build_and_deploy", before.build_and_deploy)
        with deployed({}, tmp_path / "stack", SLOW) as one:
            patched.undo()
            yield one


def test_updating_and_going_back_loses_nothing_and_pays_nothing_twice(
    shop: Shop, before: Earlier, tmp_path: Path
) -> None:
    """Old and new functions run beside each other, on each other's records and messages."""
    known = parameters.declared(deploy.TEMPLATE)
    overrides = parameters.resolve(known, shop.stack.sandbox_url, {})

    upload(shop, "there")
    deploy.build_and_deploy(shop.stack, tmp_path, overrides)
    were_in_flight = waiting(shop, "there")
    until(lambda: done(shop, "there") == IMAGES, lambda: states(shop, "there"), PATIENCE_S)
    leave_places_without_a_job(shop)
    upload(shop, "back")
    until(lambda: not strays(shop), lambda: f"{len(strays(shop))} strays")
    before.build_and_deploy(shop.stack, tmp_path, overrides)
    are_in_flight = waiting(shop, "back")
    until(lambda: done(shop, "back") == IMAGES, lambda: states(shop, "back"), PATIENCE_S)
    until(lambda: shop.report()["in_flight"] == 0, "the end of the last prediction")

    assert were_in_flight > 0
    assert are_in_flight > 0
    results = [name for name in shop.names() if name.endswith(".cutout.png")]
    assert len(results) == 2 * IMAGES
    # AWS lets invocations end that run during an update; the local AWS kills them. What such a one
    # had sent, and nobody heard of again, is given up, counted, and made once more.
    creates = created(shop)
    for key, tries in given_up(shop).items():
        assert 1 <= creates[key] <= 1 + tries, key
    attempts = sum(len(job["attempts"]) for job in shop.jobs())
    assert sum(line["microusd"] for line in shop.ledger()) == attempts * PRICE
    assert spent(shop) == attempts * PRICE
    assert {name: shop.waiting(f"{name}DeadLetterQueueUrl") for name in DEAD_LETTERS} == (
        dict.fromkeys(DEAD_LETTERS, 0)
    )


def created(shop: Shop) -> Counter[str]:
    """Return how often each image was created at the provider, by its key."""
    paths = [httpx.URL(one["image_url"]).path for one in shop.creates()]
    return Counter("/".join(path.split("/")[-2:]) for path in paths)


def upload(shop: Shop, prefix: str) -> None:
    """Upload sixty images, and come back when the first predictions run."""
    for number in range(IMAGES):
        shop.put(f"{prefix}/{number:02d}.jpg", picture(seed=number))
    until(lambda: len(shop.jobs(f"{prefix}/")) == IMAGES, "a record of each")
    until(lambda: shop.report()["in_flight"], "a prediction")


def states(shop: Shop, prefix: str) -> str:
    """Say how many jobs stand how."""
    return str(Counter(job["state"] for job in shop.jobs(f"{prefix}/")))


def done(shop: Shop, prefix: str) -> int:
    """Return how many jobs have succeeded."""
    return sum(job["state"] == "succeeded" for job in shop.jobs(f"{prefix}/"))


def waiting(shop: Shop, prefix: str) -> int:
    """Return how many jobs are not over."""
    over = ("succeeded", "failed", "skipped")
    return sum(job["state"] not in over for job in shop.jobs(f"{prefix}/"))


def leave_places_without_a_job(shop: Shop) -> None:
    """Put places at the head of the line whose records are gone, as an expiry left them behind."""
    for number in range(STRAYS):
        job_id = f"{number:032x}"
        entry = {"job_id": job_id, "lane": "upload", "available_ms": 1, "number": 1}
        place = {"pk": "queue", "sk": f"1-upload#{1:013d}#{job_id}"}
        shop.stack.client("dynamodb").put_item(
            TableName=shop.stack.outputs["JobsTableName"], Item=to_item(place | entry)
        )


def strays(shop: Shop) -> list[str]:
    """Return the places that are left of those."""
    found = shop.stack.client("dynamodb").query(
        TableName=shop.stack.outputs["JobsTableName"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :first)",
        ExpressionAttributeValues=to_item({":pk": "queue", ":first": f"1-upload#{1:013d}#"}),
        ConsistentRead=True,
    )
    return [item["sk"]["S"] for item in found["Items"]]


def spent(shop: Shop) -> int:
    """Return the month's spend by the gate."""
    found = shop.stack.client("dynamodb").get_item(
        TableName=shop.stack.outputs["JobsTableName"],
        Key=to_item({"pk": "gate", "sk": "gate"}),
        ConsistentRead=True,
    )
    return int(from_item(found["Item"])["spent_microusd"])
