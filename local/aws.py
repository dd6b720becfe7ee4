"""`python -m local.aws`: the local AWS, with a condition key that it does not know by itself.

AWS tells IAM which partitions a request to DynamoDB is about (`dynamodb:LeadingKeys`). The local
AWS does not, and so lets everything through where a policy says `ForAllValues`, and nothing where
the key must be there. With the key it judges as AWS does. It runs in the local AWS's own
environment, which has nothing of this project's but this package.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

KEY = "dynamodb:LeadingKeys"
PARTITION = "pk"  # of the jobs table
_EQUALS = re.compile(r"^\s*#?\w+\s*=\s*(:\w+)")


def leading_keys(body: bytes) -> list[str]:
    """Return the partitions that a request to DynamoDB names, each once."""
    return sorted({key for key in _partitions(json.loads(body or b"{}")) if key})


def _partitions(request: dict[str, Any]) -> Iterator[str]:
    """Yield the partitions of one request, or of one part of a batch or a transaction."""
    for place in ("Key", "Item"):
        yield _text(request.get(place, {}).get(PARTITION, {}))
    if said := _EQUALS.match(request.get("KeyConditionExpression", "")):
        yield _text(request["ExpressionAttributeValues"][said[1]])
    for part in _parts(request):
        yield from _partitions(part)


def _parts(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the requests that a transaction or a batch is made of."""
    for one in request.get("TransactItems", []):
        yield from one.values()
    for table in request.get("RequestItems", {}).values():
        if isinstance(table, dict):  # a batch of reads
            yield from ({"Key": key} for key in table["Keys"])
        else:  # of writes
            for one in table:
                yield from one.values()


def _text(value: dict[str, str]) -> str:
    """Return a string or a number as DynamoDB spells it; nothing for anything else."""
    return value.get("S") or value.get("N") or ""


def main() -> None:
    """Run the local AWS until it is ended."""
    os.environ.pop("PYTHONPATH", None)  # how this package was found: no function shall find it so
    from ministack.app import main as serve  # noqa: PLC0415 - only its own environment has it
    from ministack.core import iam_actions  # noqa: PLC0415

    known = iam_actions.dynamodb_service_context

    def context(body: bytes) -> dict[str, Any]:
        keys = leading_keys(body)
        return {**known(body), **({KEY: keys} if keys else {})}

    iam_actions.dynamodb_service_context = context
    serve()


if __name__ == "__main__":
    main()
