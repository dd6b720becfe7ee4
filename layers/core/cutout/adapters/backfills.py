"""Backfills in the jobs table: their records, their frozen lists, and how each batch stands.

| item | pk | sk |
|---|---|---|
| backfill | `backfills` | `{backfill_id}` |
| batch of the list | `backfill#{backfill_id}` | `batch#{number}` |
| how a batch stands | `backfill#{backfill_id}` | `tally#{number}` |

The record and the list expire half a year after the backfill was made (`KEPT_MS`), together: a
record without its list could be resumed, and would feed nothing. How a batch stands expires half a
year after the last look at it. How long jobs are kept does not matter to all this.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from cutout.adapters.aws import translated
from cutout.adapters.dynamodb import DynamoTable, Item, from_item, to_item
from cutout.backfills import KEPT_MS, Backfill, FrozenObject, Tally
from cutout.errors import StorageError
from cutout.models import JobState

MAX_READS, MAX_WRITES = 100, 25  # DynamoDB API Reference, BatchGetItem and BatchWriteItem

_RECORDS = "backfills"
_TRIES = 6
_BACKOFF_S = 0.05


class DynamoJobStates:
    """Where jobs stand, a hundred at a time."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def states(self, job_ids: Collection[str]) -> dict[str, JobState]:
        """Return the states of those of the jobs that are recorded."""
        found: dict[str, JobState] = {}
        for some in batched(job_ids, MAX_READS, strict=False):
            for item in self._read(some):
                job_id = item["pk"]["S"].removeprefix("job#")
                found[job_id] = JobState.read(from_item(item)["state"])
        return found

    def _read(self, job_ids: Sequence[str]) -> Iterator[Item]:
        """Read some jobs; what DynamoDB left out for its size or load is asked for again."""
        request: Any = {
            self._table.name: {
                "Keys": [to_item({"pk": f"job#{job_id}", "sk": "job"}) for job_id in job_ids],
                "ProjectionExpression": "pk, #state",
                "ExpressionAttributeNames": {"#state": "state"},
                "ConsistentRead": True,
            }
        }
        for pause_s in _pauses():
            with translated("reading the jobs table failed"):
                answer = self._table.client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self._table.name, [])
            request = answer["UnprocessedKeys"]
            if not request:
                return
            time.sleep(pause_s)
        raise StorageError("reading the jobs table failed: it left out keys every time")


class DynamoBackfills:
    """The backfills, their lists, and how the batches stand."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def get(self, backfill_id: str) -> Backfill | None:
        """Return a backfill, if there is one."""
        item = self._table.get(_RECORDS, backfill_id)
        return Backfill.model_validate(from_item(item)) if item is not None else None

    def write(self, backfill: Backfill) -> Backfill | None:
        """Write a backfill on the condition that `backfill.version` is still the stored one."""
        written = backfill.model_copy(update={"version": backfill.version + 1})
        expires_at = (backfill.created_ms + KEPT_MS) // 1000
        own = {"pk": _RECORDS, "sk": backfill.backfill_id, "expires_at": expires_at}
        item = to_item(own | written.model_dump(mode="json"))
        return written if self._table.put_version(item, backfill.version) else None

    def freeze(self, backfill_id: str, batches: Collection[Collection[FrozenObject]]) -> None:
        """Keep the list of a backfill that is not written yet."""
        expires_at = _expires_at()
        items = (
            to_item(
                {
                    "pk": _pk(backfill_id),
                    "sk": _sk("batch", number),
                    "expires_at": expires_at,
                    "objects": [one.model_dump() for one in batch],
                }
            )
            for number, batch in enumerate(batches)
        )
        for some in batched(items, MAX_WRITES, strict=False):
            self._write_all(some)

    def batch(self, backfill_id: str, number: int) -> tuple[FrozenObject, ...]:
        """Return one batch of the list; empty: there is no such batch."""
        item = self._table.get(_pk(backfill_id), _sk("batch", number))
        objects = from_item(item)["objects"] if item is not None else []
        return tuple(FrozenObject.model_validate(one) for one in objects)

    def note(self, backfill_id: str, number: int, tally: Tally) -> None:
        """Keep how a batch stands."""
        own = {"pk": _pk(backfill_id), "sk": _sk("tally", number), "expires_at": _expires_at()}
        self._table.put(to_item(own | tally.model_dump()))

    def tallies(self, backfill_id: str) -> Mapping[int, Tally]:
        """Return how the batches stood at the last look at each, by number."""
        return {
            int(item["sk"]["S"].removeprefix("tally#")): Tally.model_validate(from_item(item))
            for item in self._all(_pk(backfill_id), "tally#")
        }

    def all(self) -> list[Backfill]:
        """Return the backfills, oldest first."""
        return [Backfill.model_validate(from_item(item)) for item in self._all(_RECORDS)]

    def _all(self, pk: str, start: str | None = None) -> Iterator[Item]:
        """Yield the items of a partition, or those whose sort key begins so."""
        condition, values = "pk = :pk", {":pk": pk}
        if start is not None:
            condition, values = (
                f"{condition} AND begins_with(sk, :start)",
                values | {":start": start},
            )
        pages = self._table.client.get_paginator("query").paginate(
            TableName=self._table.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ConsistentRead=True,
        )
        with translated("reading the jobs table failed"):
            for page in pages:
                yield from page["Items"]

    def _write_all(self, items: Sequence[Item]) -> None:
        """Write some items; what DynamoDB left out for its load is written again."""
        request: Any = {self._table.name: [{"PutRequest": {"Item": item}} for item in items]}
        for pause_s in _pauses():
            with translated("writing the jobs table failed"):
                request = self._table.client.batch_write_item(RequestItems=request)[
                    "UnprocessedItems"
                ]
            if not request:
                return
            time.sleep(pause_s)
        raise StorageError("writing the jobs table failed: it left out items every time")


def _expires_at() -> int:
    """Return when what is written now is forgotten, in seconds since the epoch."""
    return round(time.time()) + KEPT_MS // 1000


def _pauses() -> Iterator[float]:
    """Yield the seconds to wait after each try."""
    return (_BACKOFF_S * 2**number for number in range(_TRIES))


def _pk(backfill_id: str) -> str:
    """Return the partition of a backfill's list."""
    return f"backfill#{backfill_id}"


def _sk(kind: str, number: int) -> str:
    """Return the sort key of a batch; five digits are enough for `MOST_BATCHES`."""
    return f"{kind}#{number:05d}"
