"""The marginal cost of an image while few or many wait behind it.

The jobs are written by the real adapters, their line being what a backlog is made of. Those behind
are never reached: the month's budget is used up when the counted ones are paid, so that the stack
goes from rest to rest with the same number of images waiting.

One slot, because the local AWS reads the whole line for every query, however few entries are asked
for: at 10,000 that is most of a second, of the one interpreter that everybody shares. With ten
slots the looks queue up until attempts are withdrawn as stale and made again, and the emulator
would be what is counted. DynamoDB reads what is asked for.
"""

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from benchmarks import bill, pictures
from benchmarks.cost import Watch
from benchmarks.plan import Plan
from benchmarks.site import Site
from cutout import jobs
from cutout.adapters.dynamodb import DynamoJobStore, DynamoLine, DynamoTable, to_item
from cutout.adapters.messages import SqsMessages
from cutout.adapters.s3 import S3ImageStore
from cutout.models import Job, Lane, ObjectRef, SourceObject, Wake
from local.console import stage

BUDGET_USD = 1_000
PRICE_MICROUSD = 17_000
PREDICTION_SECONDS = 0.5
WINDOW_SECONDS = 65  # a rate window, and the round of reconcile that falls into it
PARAMS = {
    "MonthlyBudgetUsd": str(BUDGET_USD),
    "EachlabsMaxConcurrent": "1",
    "EachlabsMaxPerMinute": "1000",  # so that the slot binds
    "ExcludePaths": "backlog/*",  # the benchmark records these jobs itself
}
OPTIONS = ("--cut", "flat", "--max-per-minute", "1000")


def measure(site: Site, plan: Plan) -> dict[str, Any]:
    """Return the cost of 1,000 images at each length of the line."""
    _refill(site, 10_000)
    site.warm_up()
    site.configure(seconds=PREDICTION_SECONDS)
    line, waiting = _Line(site), 0
    points: list[dict[str, Any]] = []
    for backlog in plan.backlogs:
        _refill(site, 0)
        line.add(_tail(site, backlog - waiting))
        waiting = backlog
        line.add(_head(site, backlog, plan.backlog_images))
        rounds = _until_old(site)
        site.configure()
        _refill(site, plan.backlog_images)
        watch = Watch(site)
        line.wake()
        site.wait(f"backlog/{backlog}/", plan.backlog_images)
        site.quiet()
        seen, _ = watch.seen(plan.backlog_images, uploads=False)
        around = {"waiting": backlog, "look_ms": line.look_ms(), "round": rounds}
        points.append(around | bill.of(seen))
    costs: list[float] = [point["rows"]["requests"] for point in points]
    return {"points": points, "most_over_least": max(costs) / min(costs)}


class _Line:
    """Writes jobs into the line as intake does, and wakes submit."""

    def __init__(self, site: Site) -> None:
        table = DynamoTable(site.stack.client("dynamodb"), site.stack.outputs["JobsTableName"])
        self._store = DynamoJobStore(table, retention_days=90)
        self._line = DynamoLine(table)
        self._messages = SqsMessages(
            site.stack.client("sqs"), site.stack.outputs["DispatchQueueUrl"], ""
        )

    def add(self, waiting: Sequence[Job]) -> None:
        """Write jobs, each with its place."""
        with stage(f"Wrote {len(waiting)} jobs into the line"), ThreadPoolExecutor(4) as writers:
            list(writers.map(self._store.create, waiting))

    def look_ms(self) -> float:
        """Return how long submit's look at the line takes here, when nothing else happens."""
        began = time.monotonic()
        self._line.first(20, round(time.time() * 1000))
        return (time.monotonic() - began) * 1000

    def wake(self) -> None:
        """Let submit look at the line."""
        self._messages.wake(Wake(), 0)


def _head(site: Site, backlog: int, count: int) -> list[Job]:
    """Return jobs of real objects that come before all others."""
    images = S3ImageStore(site.s3, 600)
    found = []
    for number in range(count):
        key = f"backlog/{backlog}/{number:03d}.jpg"
        site.put(key, pictures.sample())
        source = images.inspect(ObjectRef(bucket=site.bucket, key=key))
        found.append(jobs.new_job(source, Lane.UPLOAD, _ago_ms(hours=2)))
    return found


def _tail(site: Site, count: int) -> list[Job]:
    """Return jobs that only wait; their objects do not exist."""
    since_ms = _ago_ms(hours=1)
    sources = (
        SourceObject(
            bucket=site.bucket,
            key=f"backlog/tail/{secrets.token_hex(8)}.jpg",
            version_id=None,
            etag=secrets.token_hex(16),
            last_modified_ms=since_ms,
            size=len(pictures.sample()),
        )
        for _ in range(count)
    )
    return [jobs.new_job(source, Lane.UPLOAD, since_ms) for source in sources]


def _ago_ms(*, hours: int) -> int:
    return round(time.time() * 1000) - hours * 3_600_000


def _refill(site: Site, images: int) -> None:
    """Leave so much of the month's budget that this many images can still be paid."""
    client, table = site.stack.client("dynamodb"), site.stack.outputs["JobsTableName"]
    key = to_item({"pk": "gate", "sk": "gate"})
    if "Item" not in client.get_item(TableName=table, Key=key):
        return  # a new stack: all of the budget is left
    client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression=(
            "SET spent_microusd = :spent, #month = :month, parked = :parked ADD version :one"
        ),
        ExpressionAttributeNames={"#month": "month"},
        ExpressionAttributeValues=to_item(
            {
                ":spent": BUDGET_USD * 1_000_000 - images * PRICE_MICROUSD,
                ":month": datetime.now(UTC).strftime("%Y-%m"),
                ":parked": images == 0,
                ":one": 1,
            }
        ),
    )


def _until_old(site: Site) -> dict[str, Any]:
    """Wait until the last creates have left the rate window; return what a reconcile costs then."""
    watch = Watch(site)
    time.sleep(WINDOW_SECONDS)
    return watch.seen(1, uploads=False)[1]
