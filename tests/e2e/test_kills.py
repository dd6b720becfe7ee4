"""Lambda workers die at any moment: no image is lost, none is stored or paid twice."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from cutout.models import MAYBE_CREATED
from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

IMAGES = 100
KILLS = 20
PAUSE_S = 2.0  # between two kills, on average: a killed worker must have had time to do something
# What a killed worker had in hand comes back by its queue or by `reconcile`, once a minute.
PATIENCE_S = 420
QUEUES = ("Uploads", "Dispatch", "Completions")
REDELIVERY_S = "30"  # instead of 90 to 360 s: short timers, so that the test ends


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A stack whose timers are short."""
    with deployed(
        {"EachlabsExpectedSeconds": "1", "EachlabsMaxPerMinute": "1000"}, tmp_path
    ) as one:
        yield one


def test_killed_workers_lose_nothing(shop: Shop) -> None:
    """While 100 images go through, 20 workers are killed at random; every image has its end."""
    shop.settings(max_per_minute=1000)
    shorten_redelivery(shop)
    shop.s3.put_bucket_versioning(Bucket=shop.bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(IMAGES):
        shop.put(f"{number:03d}.jpg", picture(seed=number))

    chance = random.Random(7)
    for _ in range(KILLS):
        time.sleep(chance.expovariate(1 / PAUSE_S))
        until(lambda: kill_one(shop, chance), "a worker to kill")

    until(lambda: len(ends(shop)) == IMAGES, lambda: f"{len(ends(shop))} ends", PATIENCE_S)
    until(lambda: shop.report()["in_flight"] == 0, "the end of the last prediction")

    versions = shop.s3.list_object_versions(Bucket=shop.bucket)["Versions"]
    results = [version["Key"] for version in versions if ".cutout." in version["Key"]]
    assert set(ends(shop).values()) == {"succeeded"}
    assert sorted(results) == [f"{number:03d}.cutout.png" for number in range(IMAGES)]
    creates = Counter(httpx.URL(one["image_url"]).path[-7:] for one in shop.creates())
    for key, tries in given_up(shop).items():
        assert 1 <= creates[key] <= 1 + tries, key


def ends(shop: Shop) -> dict[str, str]:
    """Return the end states by key."""
    over = ("succeeded", "failed", "skipped")
    return {job["key"]: job["state"] for job in shop.jobs() if job["state"] in over}


def given_up(shop: Shop) -> dict[str, int]:
    """Return by key how many attempts were given up because nobody knew whether they existed."""
    return {
        job["key"]: sum(attempt["ended"] == MAYBE_CREATED for attempt in job["attempts"])
        for job in shop.jobs()
    }


def shorten_redelivery(shop: Shop) -> None:
    """Have the queues give an unanswered message out again soon."""
    sqs = shop.stack.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": REDELIVERY_S})


def kill_one(shop: Shop, chance: random.Random) -> bool:
    """Kill one process that the local AWS runs a function in; tell whether there was one."""
    threads = Path(f"/proc/{shop.stack.pids['aws']}/task").iterdir()
    children = [
        pid for one in threads for pid in (one / "children").read_text(encoding="ascii").split()
    ]
    if not children:
        return False
    with suppress(ProcessLookupError):
        os.kill(int(chance.choice(children)), signal.SIGKILL)
        return True
    return False
