"""The jobs table: job records, the line of waiting jobs, the gate, the ledger.

| item | pk | sk |
|---|---|---|
| job | `job#{job_id}` | `job` |
| place in the line | `queue` | `{lane}#{available_ms}#{job_id}` |
| gate | `gate` | `gate` |
| ledger line | `ledger#{month}` | `{provider}#{job_id}.{number}` |
| answer to an Idempotency-Key | `repeat#{sha256}` | `repeat` |
| backfill, its list | `backfills`, `backfill#{backfill_id}` | see backfills.py |

Indexes over the jobs: `ByShelf` (`shelf`, `updated_ms`) and `BySource` (`source`, `created_ms`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pydantic import ValidationError

from cutout import jobs
from cutout.adapters.aws import code_of, translated
from cutout.errors import NewerVersionError
from cutout.models import Job, JobState, Lane, LedgerLine, LineEntry, Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]

INDEX = "ByShelf"
_OWN = frozenset({"pk", "sk", "expires_at", "shelf", "source"})
_DAY_S = 86_400
_LANES = {Lane.API: "0-api", Lane.UPLOAD: "1-upload", Lane.BACKFILL: "2-backfill"}
_CONFLICTS = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_TO_DYNAMO = TypeSerializer()
_FROM_DYNAMO = TypeDeserializer()


def to_item(values: Mapping[str, object]) -> Item:
    """Return plain values as DynamoDB's typed attributes, leaving out None."""
    return {k: _TO_DYNAMO.serialize(v) for k, v in values.items() if v is not None}


def from_item(item: Item) -> dict[str, Any]:
    """Return typed attributes as plain values, without keys and what only DynamoDB looks at."""
    return {
        name: _FROM_DYNAMO.deserialize(value) for name, value in item.items() if name not in _OWN
    }


class DynamoTable:
    """The table, with the two writes everything here is made of."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        """Keep the client and the table's name."""
        self.client = client
        self.name = name

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item, consistently."""
        with translated("reading the jobs table failed"):
            answer = self.client.get_item(
                TableName=self.name, Key=to_item({"pk": pk, "sk": sk}), ConsistentRead=True
            )
        return answer.get("Item")

    def put(self, item: Item) -> None:
        """Write one item, whatever was there."""
        with translated("writing the jobs table failed"):
            self.client.put_item(TableName=self.name, Item=item)

    def put_version(self, item: Item, expected: int, *others: Item) -> bool:
        """Write one item on the condition that the stored `version` is the expected one.

        Args:
            item: the item, with its new version.
            expected: the stored version; 0: there must be no such item.
            *others: further transaction elements that happen with it or not at all.

        Returns:
            False: the condition did not hold, or somebody else was writing.
        """
        write: Item = {"TableName": self.name, "Item": item}
        if expected:
            write["ConditionExpression"] = "version = :expected"
            write["ExpressionAttributeValues"] = to_item({":expected": expected})
        else:
            write["ConditionExpression"] = "attribute_not_exists(pk)"
        if others:
            return self.transact({"Put": write}, *others)
        return _held(lambda: self.client.put_item(**write))

    def transact(self, *elements: Item) -> bool:
        """Do all of a transaction; False: a condition did not hold, or somebody was writing."""
        items: Any = elements
        return _held(lambda: self.client.transact_write_items(TransactItems=items))


def _held(write: Callable[[], object]) -> bool:
    """Write, and tell whether the conditions held and nobody else was writing."""
    with translated("writing the jobs table failed"):
        try:
            write()
        except ClientError as error:
            if _is_conflict(error):
                return False
            raise
    return True


def _is_conflict(error: ClientError) -> bool:
    """Tell whether a write lost against another one; a transaction says so per element."""
    if code_of(error) != "TransactionCanceledException":
        return code_of(error) in _CONFLICTS
    reasons = error.response.get("CancellationReasons", [])
    return any(
        reason.get("Code") in ("ConditionalCheckFailed", "TransactionConflict")
        for reason in reasons
    )


class DynamoJobStore:
    """The job records and the line; records expire `retention_days` after the job's end.

    A job that is not over has no `expires_at`, because DynamoDB deletes by it whatever the state.
    Every write is the whole item, so that one which opens another run takes the attribute away. An
    item that has expired is read as before until DynamoDB deletes it, typically within a few days;
    a write to it holds, or fails by its condition where the item was deleted in between (DynamoDB
    Developer Guide, "Working with expired items").
    """

    def __init__(self, table: DynamoTable, retention_days: int) -> None:
        """Keep the table."""
        self._table = table
        self._retention_s = retention_days * _DAY_S

    def get(self, job_id: str) -> Job | None:
        """Return the job, if there is one."""
        item = self._table.get(f"job#{job_id}", "job")
        return _job(item) if item is not None else None

    def create(self, job: Job) -> bool:
        """Write a new job; False: there is one with this id already."""
        job = job.model_copy(update={"version": 1})
        return self._table.put_version(self._item(job), 0, *self._line(None, job))

    def replace(self, old: Job, new: Job) -> Job | None:
        """Write the new job on the condition that the stored one is still the old one."""
        new = new.model_copy(update={"version": old.version + 1})
        line = self._line(old, new)
        return new if self._table.put_version(self._item(new), old.version, *line) else None

    def vacate(self, entry: LineEntry) -> bool:
        """Take a place out of the line at which no job waits.

        The condition on the job is that of the look at it: nobody may write in between.
        """
        key = to_item({"pk": f"job#{entry.job_id}", "sk": "job"})
        check: Item = {"TableName": self._table.name, "Key": key}
        job = self.get(entry.job_id)
        if job is None:
            check["ConditionExpression"] = "attribute_not_exists(pk)"
        elif jobs.waits_at(job, entry):
            return False
        else:
            check["ConditionExpression"] = "version = :seen"
            check["ExpressionAttributeValues"] = to_item({":seen": job.version})
        return self._table.transact({"ConditionCheck": check}, self._delete(_place(entry)))

    def _delete(self, place: str) -> Item:
        """Return the transaction element that takes a place out of the line."""
        key = to_item({"pk": "queue", "sk": place})
        return {"Delete": {"TableName": self._table.name, "Key": key}}

    def _line(self, old: Job | None, new: Job) -> list[Item]:
        """Return the transaction elements that keep the line in step with the job's state."""
        elements: list[Item] = []
        before = _place(jobs.entry_of(old)) if old and old.state is JobState.QUEUED else None
        after = _place(jobs.entry_of(new)) if new.state is JobState.QUEUED else None
        if before is not None and before != after:
            elements.append(self._delete(before))
        if after is not None:
            values = jobs.entry_of(new).model_dump(mode="json")
            item = to_item({"pk": "queue", "sk": after} | values)
            elements.append({"Put": {"TableName": self._table.name, "Item": item}})
        return elements

    def _item(self, job: Job) -> Item:
        """Return the record as it is stored."""
        values = job.model_dump(mode="json", exclude_none=True)
        ended_s = (job.ended_ms or job.updated_ms) // 1000
        expires_at = ended_s + self._retention_s if job.is_over else None
        keys = {"pk": f"job#{job.job_id}", "sk": "job", "expires_at": expires_at}
        places = {"shelf": job.shelf, "source": job.job_id[:16]}  # the half is keys.source_id
        return to_item(keys | places | values)

    def standing(self, shelf: str, before_ms: int, after: Place | None = None) -> Iterator[Place]:
        """Yield the jobs that came to this shelf before then, oldest first, page by page.

        DynamoDB goes on behind a key whether or not an item has it (API Reference, "Query",
        ExclusiveStartKey); an index's key has the table's key in it.
        """
        begin: Any = {}
        if after is not None:
            key: Item = {"pk": f"job#{after.job_id}", "sk": "job"}
            key |= {"shelf": shelf, "updated_ms": after.at_ms}
            begin = {"ExclusiveStartKey": to_item(key)}
        pages = self._table.client.get_paginator("query").paginate(
            TableName=self._table.name,
            IndexName=INDEX,
            KeyConditionExpression="shelf = :shelf AND updated_ms < :before",
            ExpressionAttributeValues=to_item({":shelf": shelf, ":before": before_ms}),
            **begin,
        )
        with translated("reading the job index failed"):
            for page in pages:
                for item in page["Items"]:
                    job_id = item["pk"]["S"].removeprefix("job#")
                    yield Place(job_id=job_id, at_ms=int(item["updated_ms"]["N"]))


def _job(item: Item) -> Job:
    """Return the job of a record."""
    try:
        return Job.model_validate(from_item(item))
    except ValidationError as error:
        message = f"the record {item['pk']['S']} has another form than this version knows"
        raise NewerVersionError(message) from error


class DynamoLine:
    """The line, in one partition of the base table: an index is only eventually consistent."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Return entries by lane and age: at most `count` that are due, then some later ones."""
        found: list[LineEntry] = []
        for lane in _LANES.values():
            due = sum(entry.available_ms <= now_ms for entry in found)
            if due >= count:
                break
            with translated("reading the line failed"):
                answer = self._table.client.query(
                    TableName=self._table.name,
                    KeyConditionExpression="pk = :pk AND begins_with(sk, :lane)",
                    ExpressionAttributeValues=to_item({":pk": "queue", ":lane": f"{lane}#"}),
                    ConsistentRead=True,
                    Limit=count - due,
                )
            found += [LineEntry.model_validate(from_item(item)) for item in answer["Items"]]
        return found

    def size(self) -> int:
        """Return how many jobs wait; every 1 MB of the line is one page."""
        pages = self._table.client.get_paginator("query").paginate(
            TableName=self._table.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": "queue"}),
            Select="COUNT",
        )
        with translated("counting the line failed"):
            return sum(page["Count"] for page in pages)

    def ahead(self, entry: LineEntry, most: int) -> int:
        """Return how many entries of its lane are served before this one; at most `most`."""
        until = _place(entry)[:-1]  # BETWEEN takes both ends; this one is just before the entry
        values = {":pk": "queue", ":from": f"{_LANES[entry.lane]}#", ":to": until}
        with translated("counting the line failed"):
            answer = self._table.client.query(
                TableName=self._table.name,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :from AND :to",
                ExpressionAttributeValues=to_item(values),
                Select="COUNT",
                ConsistentRead=True,
                Limit=most,  # 1,000 entries are a fifth of the megabyte that a page may have
            )
        return answer["Count"]


class DynamoLedger:
    """The ledger: what every attempt cost, by month. It does not expire."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def record(self, line: LedgerLine) -> None:
        """Write the line of an attempt; `created` never replaces what is known better."""
        keys = {
            "pk": f"ledger#{line.month}",
            "sk": f"{line.provider}#{line.job_id}.{line.number}",
        }
        item = to_item(keys | line.model_dump(mode="json"))
        if line.why == "created":
            self._table.put_version(item, 0)
        else:
            self._table.put(item)


def _place(entry: LineEntry) -> str:
    """Return the sort key: by lane, then by age; 13 digits of milliseconds last until 2286."""
    return f"{_LANES[entry.lane]}#{entry.available_ms:013d}#{entry.job_id}"
