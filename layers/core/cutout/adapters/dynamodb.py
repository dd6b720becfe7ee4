"""The jobs table: job records, the line of waiting jobs, the gate, the ledger.

| item | pk | sk |
|---|---|---|
| job | `job#{job_id}` | `job` |
| place in the line | `queue` | `{lane}#{available_ms}#{job_id}` |
| gate | `gate` | `gate` |
| ledger line | `ledger#{month}` | `{provider}#{job_id}.{number}` |
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of, translated
from cutout.models import Job, Lane, LedgerLine, LineEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]

_DAY_S = 86_400
_LANES = {Lane.API: "0-api", Lane.UPLOAD: "1-upload", Lane.BACKFILL: "2-backfill"}
_CONFLICT = "ConditionalCheckFailedException"
_TO_DYNAMO = TypeSerializer()
_FROM_DYNAMO = TypeDeserializer()


def to_item(values: Mapping[str, object]) -> Item:
    """Return plain values as DynamoDB's typed attributes, leaving out None."""
    return {k: _TO_DYNAMO.serialize(v) for k, v in values.items() if v is not None}


def from_item(item: Item) -> dict[str, Any]:
    """Return typed attributes as plain values, without the keys."""
    plain = {name: _FROM_DYNAMO.deserialize(value) for name, value in item.items()}
    return {name: value for name, value in plain.items() if name not in ("pk", "sk", "expires_at")}


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

    def put(self, item: Item, condition: str = "", values: Item | None = None) -> bool:
        """Write one item; False: the condition did not hold."""
        extra: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            extra["ExpressionAttributeValues"] = values
        with translated("writing the jobs table failed"):
            try:
                self.client.put_item(TableName=self.name, Item=item, **extra)
            except ClientError as error:
                if code_of(error) == _CONFLICT:
                    return False
                raise
        return True

    def put_version(self, item: Item, expected: int) -> bool:
        """Write one item on the condition that the stored `version` is the expected one."""
        return self.put(
            item,
            "version = :expected" if expected else "attribute_not_exists(pk)",
            to_item({":expected": expected}) if expected else None,
        )


class DynamoJobStore:
    """The job records; they expire `retention_days` after the upload."""

    def __init__(self, table: DynamoTable, retention_days: int) -> None:
        """Keep the table."""
        self._table = table
        self._retention_s = retention_days * _DAY_S

    def get(self, job_id: str) -> Job | None:
        """Return the job, if there is one."""
        item = self._table.get(f"job#{job_id}", "job")
        return Job.model_validate(from_item(item)) if item is not None else None

    def create(self, job: Job) -> bool:
        """Write a new job; False: there is one with this id already."""
        return self._table.put_version(self._item(job.model_copy(update={"version": 1})), 0)

    def replace(self, job: Job) -> Job | None:
        """Write the job on the condition that `job.version` is still the stored one."""
        written = job.model_copy(update={"version": job.version + 1})
        return written if self._table.put_version(self._item(written), job.version) else None

    def _item(self, job: Job) -> Item:
        """Return the record as it is stored."""
        values = job.model_dump(mode="json", exclude_none=True)
        expires_at = job.created_ms // 1000 + self._retention_s
        return to_item({"pk": f"job#{job.job_id}", "sk": "job", "expires_at": expires_at} | values)


class DynamoLine:
    """The line, in one partition of the base table: an index would be only eventually consistent."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def add(self, entry: LineEntry) -> None:
        """Put an entry into the line; adding it again changes nothing."""
        values = entry.model_dump(mode="json")
        self._table.put(to_item({"pk": "queue", "sk": _place(entry)} | values))

    def remove(self, entry: LineEntry) -> None:
        """Take this entry out; a later attempt's entry in the same place stays."""
        with translated("writing the jobs table failed"):
            try:
                self._table.client.delete_item(
                    TableName=self._table.name,
                    Key=to_item({"pk": "queue", "sk": _place(entry)}),
                    ConditionExpression="#number = :number",
                    ExpressionAttributeNames={"#number": "number"},
                    ExpressionAttributeValues=to_item({":number": entry.number}),
                )
            except ClientError as error:
                if code_of(error) != _CONFLICT:
                    raise

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Return entries by lane and age: at most `count` that are due, then later ones."""
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


class DynamoLedger:
    """The ledger: what every attempt cost, by month. It does not expire."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def record(self, line: LedgerLine) -> None:
        """Write the line of an attempt, replacing an earlier one of the same attempt."""
        keys = {
            "pk": f"ledger#{line.month}",
            "sk": f"{line.provider}#{line.job_id}.{line.number}",
        }
        self._table.put(to_item(keys | line.model_dump(mode="json")))


def _place(entry: LineEntry) -> str:
    """Return the sort key: by lane, then by age; 13 digits of milliseconds last until 2286."""
    return f"{_LANES[entry.lane]}#{entry.available_ms:013d}#{entry.job_id}"
