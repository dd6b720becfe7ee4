"""The local AWS learns from a request which partitions it is about, as IAM does of DynamoDB."""

import json
from typing import Any

import pytest

from local.aws import leading_keys

KEY = {"pk": {"S": "job#1"}, "sk": {"S": "job"}}
BOTH = ["job#1", "queue"]
QUEUE = {"pk": {"S": "queue"}, "sk": {"S": "1-upload#0#1"}}
PUT = {"Item": KEY | {"version": {"N": "1"}}}
QUERY = {
    "KeyConditionExpression": "pk = :pk AND begins_with(sk, :lane)",
    "ExpressionAttributeValues": {":lane": {"S": "1-upload#"}, ":pk": {"S": "queue"}},
}


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        ({"Key": KEY}, ["job#1"]),
        (PUT, ["job#1"]),
        (QUERY, ["queue"]),
        ({"RequestItems": {"T": {"Keys": [KEY, {"pk": {"S": "gate"}}]}}}, ["gate", "job#1"]),
        ({"RequestItems": {"T": [{"PutRequest": PUT}, {"DeleteRequest": {"Key": QUEUE}}]}}, BOTH),
        ({"TransactItems": [{"Put": PUT}, {"Delete": {"Key": QUEUE}}]}, BOTH),
        ({"TableName": "T"}, []),
    ],
)
def test_the_partitions_of_a_request_are_known(request_: dict[str, Any], keys: list[str]) -> None:
    """Whatever the operation; a scan is about none."""
    assert leading_keys(json.dumps(request_).encode()) == keys


def test_an_empty_body_is_about_nothing() -> None:
    """As of a call that has no parameters."""
    assert leading_keys(b"") == []
