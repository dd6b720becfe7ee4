"""The benchmark's sums from counts to dollars."""

import json

import pytest

from benchmarks import bill, prices
from benchmarks.capacity import Table, Units, size
from benchmarks.invocations import Invocation, ingested_bytes, invocations, metrics
from benchmarks.trail import Call


def item(pk: str, text: str = "", version: int = 1) -> dict[str, dict[str, str]]:
    """Return an item of the jobs table, as DynamoDB spells it."""
    return {
        "pk": {"S": pk},
        "sk": {"S": "job"},
        "version": {"N": str(version)},
        "text": {"S": text},
    }


def job(shelf: str, updated_ms: int, text: str = "") -> dict[str, dict[str, str]]:
    """Return a job's item, which stands in both indexes."""
    places = {"shelf": {"S": shelf}, "updated_ms": {"N": str(updated_ms)}}
    return item("job#1", text) | places | {"source": {"S": "s"}, "created_ms": {"N": "1"}}


def call(service: str, name: str, identity: str = "ASIA") -> Call:
    """Return a recorded call."""
    return Call(service, name, identity, 0, {})


def run(duration_ms: float, started_ms: float = 0) -> Invocation:
    """Return a run of a function."""
    return Invocation("id", started_ms, duration_ms)


def test_size_counts_names_and_values() -> None:
    """Text is its bytes, a number half a byte a digit and one, lists and maps have an overhead."""
    one = {"a": {"S": "grün"}, "n": {"N": "1234"}, "l": {"L": [{"M": {"k": {"BOOL": True}}}]}}

    assert size(one) == (1 + 5) + (1 + 3) + (1 + 3 + 1 + 3 + 1 + 1 + 1)


@pytest.mark.parametrize(("length", "units"), [(900, 1), (1_020, 2), (2_500, 3)])
def test_a_write_is_charged_by_the_started_kilobyte(length: int, units: int) -> None:
    """What does not fit into the first KB starts the next."""
    consumed = Table({}).apply("PutItem", {"Item": item("gate", "x" * length)})

    assert consumed == Units(write=units)


def test_a_transaction_is_charged_double_and_the_index_once() -> None:
    """A new job in a transaction: two on the table, one for its entry in each index."""
    consumed = Table({}).apply(
        "TransactWriteItems", {"TransactItems": [{"Put": {"Item": job("queued", 1)}}]}
    )

    assert consumed == Units(write=2, index_write=2)


def test_moving_inside_an_index_is_two_writes() -> None:
    """Another shelf is a delete and a put in that index, nothing in the other."""
    table = Table.of([job("queued", 1)])

    assert table.apply("PutItem", {"Item": job("submitted", 2)}) == Units(write=1, index_write=2)


def test_a_failed_condition_is_charged_and_changes_nothing() -> None:
    """The item that is there is charged, and stays."""
    table = Table.of([item("gate", "x" * 1_500, version=7)])
    write = {
        "Item": item("gate", version=7),
        "ConditionExpression": "version = :expected",
        "ExpressionAttributeValues": {":expected": {"N": "6"}},
    }

    assert table.apply("PutItem", write) == Units(write=2)
    assert size(table.items["gate", "job"]) > 1_500


def test_reads_are_charged_by_consistency() -> None:
    """A consistent read of up to 4 KB is one unit, any other half; nothing found costs, too."""
    table = Table.of([item("a", "x" * 5_000)])
    key = {"Key": item("a"), "ConsistentRead": True}

    assert table.apply("GetItem", key) == Units(read=2)
    assert table.apply("GetItem", {"Key": item("b")}) == Units(read=0.5)


def test_a_query_is_charged_for_what_it_selects() -> None:
    """Only the lane asked for, only as many as asked for; its next pages cost nothing more."""
    entries = [item("queue") | {"sk": {"S": f"{lane}#{n}"}} for lane in "01" for n in range(300)]
    table = Table.of(entries)
    values = {":pk": {"S": "queue"}, ":lane": {"S": "1#"}}
    query = {"ExpressionAttributeValues": values, "ConsistentRead": True}

    assert table.apply("Query", query | {"Limit": 10}) == Units(read=1)
    assert table.apply("Query", query).read > 1
    assert table.apply("Query", query | {"ExclusiveStartKey": {}}) == Units()


def test_an_unknown_call_is_not_free() -> None:
    """A call that the rules do not know stops the sum."""
    with pytest.raises(ValueError, match="BatchGetItem"):
        Table({}).apply("BatchGetItem", {})


def test_prices_are_for_so_many_units() -> None:
    """$0.20 a million requests are $0.0002 for a thousand; an unknown unit is an error."""
    assert prices.dollars({"lambda_request": 1_000})["lambda_request"] == pytest.approx(0.0002)
    with pytest.raises(KeyError):
        prices.dollars({"smoke_signal": 1})


def test_each_price_has_its_source() -> None:
    """No figure without where it comes from."""
    assert all(price.source and price.per > 0 for price in prices.table().values())


def test_the_bill_is_for_a_thousand_images() -> None:
    """Ten images with a run, a message and a write each: a hundred times as much."""
    seen = bill.Seen(
        images=10,
        calls=[call("sqs", "SendMessage"), call("s3", "PutObject"), call("s3", "GetObject")],
        units=Units(write=30, index_write=10, read=5),
        runs={"submit": [run(99.5), run(100)]},
        memory_mb={"submit": 1_024},
        webhooks=10,
    )

    found = bill.of(seen)

    assert found["units_per_1000"]["dynamodb_write_unit"] == 4_000
    assert found["units_per_1000"]["sqs_request"] == 100 * (1 + 2 * 2 + 10)
    assert found["units_per_1000"]["eventbridge_event"] == 2_000
    assert found["units_per_1000"]["lambda_gb_second_arm64"] == pytest.approx(20)
    parts = found["rows"]
    assert parts["requests"] + parts["compute"] == pytest.approx(found["requests_and_compute"])
    assert sum(parts.values()) == pytest.approx(sum(found["usd_per_1000"].values()))


def test_compute_is_slowed_where_memory_buys_less_than_a_processor() -> None:
    """1,769 MB is one processor; half of it takes twice as long."""
    full = bill.Seen(
        images=1,
        calls=[],
        units=Units(),
        runs={"store": [run(100)]},
        memory_mb={"store": 2_048},
        webhooks=0,
    )

    assert bill.gb_seconds(full, slowed=True) == bill.gb_seconds(full) == pytest.approx(0.2)


def test_xray_takes_the_first_of_a_second() -> None:
    """Three runs in one second and one in the next: two, and 5 % of the others."""
    runs = [run(1, started) for started in (0, 10, 999, 1_000)]

    assert bill.traces(runs) == pytest.approx(2.1)


def test_runs_are_read_from_the_log() -> None:
    """The REPORT line is written at the end, so the start is before it."""
    report = "REPORT RequestId: r1\tDuration: 250 ms\tBilled Duration: 250 ms\tMemory Size: 512 MB"
    events = [
        {"timestamp": 1_000, "message": "START RequestId: r1"},
        {"timestamp": 1_000, "message": report},
    ]

    assert invocations(events) == [Invocation("r1", 750, 250)]
    assert ingested_bytes(events) == len(events[0]["message"]) + len(report) + 2 * 26  # type: ignore[arg-type]


def test_metrics_are_told_apart_by_dimension() -> None:
    """The same name for two providers is two metrics, twice the same is one."""
    group = {"Dimensions": [["provider"]], "Metrics": [{"Name": "InFlight"}]}
    events = [
        {"message": json.dumps({"_aws": {"CloudWatchMetrics": [group]}, "provider": name})}
        for name in ("eachlabs", "apiin", "apiin")
    ]

    assert metrics(events) == {("InFlight", "eachlabs"), ("InFlight", "apiin")}
