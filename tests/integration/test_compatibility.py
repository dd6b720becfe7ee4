"""Two versions beside each other: during an update, and after going back.

`tests/compatibility/VERSION` holds what that version wrote in every situation, and the rules by
which it reads. To release a version, run `python -m tests.compatibility VERSION` and commit what it
wrote: these tests find it.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from cutout.adapters.aws import client
from cutout.adapters.dynamodb import DynamoTable, to_item
from tests.compatibility.reading import (
    BEFORE,
    VERSIONS,
    Json,
    again,
    kept,
    kind_of,
    plain,
    read,
    refusals,
    with_more,
)
from tests.compatibility.written import documents, empty
from tests.stack import create_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

PARTS = ("messages", "machines")

ITEMS = [
    pytest.param(item, id=f"{version} {situation}: {item['pk']['S'].partition('#')[0]}")
    for version in VERSIONS
    for situation, items in kept(version, "items").items()
    for item in items
]
TEXTS = [
    pytest.param(kind, body, id=f"{version} {kind} {situation}")
    for version in VERSIONS
    for part in PARTS
    for kind, bodies in kept(version, part).items()
    for situation, body in bodies.items()
]


@pytest.fixture(scope="module")
def account() -> Iterator[None]:
    """Have made-up credentials for longer than a test."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        yield


@pytest.fixture(scope="module")
def one_table(account: None) -> Iterator[DynamoTable]:
    """Return the template's table in moto, for all tests here."""
    with mock_aws():
        dynamodb: DynamoDBClient = client("dynamodb")
        yield DynamoTable(dynamodb, create_table(dynamodb))


@pytest.fixture
def table(one_table: DynamoTable) -> DynamoTable:
    """Return the table without items."""
    empty(one_table)
    return one_table


@pytest.fixture(scope="module")
def today(one_table: DynamoTable) -> dict[str, Json]:
    """Return what the code of today writes in the same situations."""
    return documents(one_table)


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_of_a_version_before_is_read_whole(table: DynamoTable, item: Json) -> None:
    """Every value is found again by the adapter whose item it is."""
    table.put(item)

    assert read(table, item) == plain(item)


@pytest.mark.parametrize("item", ITEMS)
def test_what_a_newer_version_adds_to_an_item_is_ignored(table: DynamoTable, item: Json) -> None:
    """In the item, and in whatever is inside it."""
    more = with_more(plain(item))
    keys = {"pk": item["pk"]["S"], "sk": item["sk"]["S"]}
    if kind_of(item) == "gate":
        more["providers"] = json.dumps(more["providers"])
    table.put(to_item(keys | more))

    assert read(table, item) == plain(item)


@pytest.mark.parametrize(("kind", "body"), TEXTS)
def test_a_message_of_a_version_before_is_read_whole(kind: str, body: Json) -> None:
    """Queues hold messages for 14 days, and machines run for months."""
    assert again(kind, body) == again(kind, body) | body


@pytest.mark.parametrize(("kind", "body"), TEXTS)
def test_what_a_newer_version_adds_to_a_message_is_ignored(kind: str, body: Json) -> None:
    """At every depth."""
    assert again(kind, with_more(body)) == again(kind, body)


def test_the_version_before_can_read_the_items_of_today(today: dict[str, Json]) -> None:
    """By its own rules; what it refuses is left out while it has its default (decision 12)."""
    faults = [
        f"{situation}: {fault}"
        for situation, items in today["items"].items()
        for item in items
        for fault in refusals(kind_of(item), plain(item))
    ]

    assert faults == []


@pytest.mark.parametrize("part", PARTS)
def test_the_version_before_can_read_the_messages_of_today(
    today: dict[str, Json], part: str
) -> None:
    """Functions are updated one after the other, and each talks to the others all the while."""
    faults = [
        f"{kind} {situation}: {fault}"
        for kind, bodies in today[part].items()
        for situation, body in bodies.items()
        for fault in refusals(kind, body)
    ]

    assert faults == []


@pytest.mark.parametrize("part", ["items", *PARTS])
def test_no_situation_of_the_version_before_is_forgotten(today: dict[str, Json], part: str) -> None:
    """A kind of item or message that is not written any more is still read above."""
    assert set(kept(BEFORE, part)) <= set(today[part])


def test_the_rules_notice_what_the_version_before_would_refuse() -> None:
    """A field that 0.1.0 has no word for, and a state."""
    (job,) = kept("0.1.0", "items")["job submitted"]
    values = plain(job)

    assert not list(refusals("job", values, "0.1.0"))
    assert list(refusals("job", values | {"quality": None}, "0.1.0"))
    assert list(refusals("job", values | {"state": "in_review"}, "0.1.0"))
