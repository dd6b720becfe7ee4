"""The jobs in lists, newest first, from the table's two indexes.

Both indexes hold keys only: a list reads the jobs themselves one by one, as they are now.
"""

from typing import Any

from cutout.adapters.aws import translated
from cutout.adapters.dynamodb import INDEX, DynamoTable, from_item, to_item
from cutout.models import Place

BY_SOURCE = "BySource"


class DynamoJobLists:
    """Pages of the indexes; a page begins after a place, which need not exist any more."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def on_shelf(self, shelf: str, count: int, after: Place | None = None) -> list[Place]:
        """Return the next jobs of a shelf (`Job.shelf`), by when they came to it."""
        return self._page(INDEX, ("shelf", shelf), "updated_ms", count, after)

    def of_source(self, source_id: str, count: int, after: Place | None = None) -> list[Place]:
        """Return the next jobs of an object (`keys.source_id`), by when they were created."""
        return self._page(BY_SOURCE, ("source", source_id), "created_ms", count, after)

    def _page(
        self, index: str, part: tuple[str, str], sort: str, count: int, after: Place | None
    ) -> list[Place]:
        """Read one page of one partition."""
        name, value = part
        start: dict[str, Any] = {}
        if after is not None:
            key = {"pk": f"job#{after.job_id}", "sk": "job", name: value, sort: after.at_ms}
            start = {"ExclusiveStartKey": to_item(key)}
        with translated("reading the job index failed"):
            answer = self._table.client.query(
                TableName=self._table.name,
                IndexName=index,
                KeyConditionExpression="#part = :part",
                ExpressionAttributeNames={"#part": name},  # `source` may be reserved one day
                ExpressionAttributeValues=to_item({":part": value}),
                ScanIndexForward=False,
                Limit=count,
                **start,
            )
        return [
            Place(job_id=item["pk"]["S"].removeprefix("job#"), at_ms=int(from_item(item)[sort]))
            for item in answer["Items"]
        ]
