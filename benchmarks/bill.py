"""From counts to AWS's list price of 1,000 images; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from benchmarks import prices
from benchmarks.capacity import Table, Units
from benchmarks.invocations import Invocation, ingested_bytes
from benchmarks.trail import Call

PER = 1_000
GB = 1_000_000_000
COMPUTE = ("lambda_request", "lambda_gb_second_arm64")
APART = ("logs_gb", "xray_trace")
QUEUE_FUNCTIONS = ("submit", "store", "prepare")
FULL_PROCESSOR_MB = 1_769
"""Memory at which a function has one processor
(docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
_S3_WRITES = frozenset({"PutObject", "ListObjects", "CreateMultipartUpload"})
_TRACED_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen while some images went through.

    Attributes:
        images: How many of them.
        calls: What functions and the provider asked of AWS.
        units: What DynamoDB charges for the calls among them.
        runs: The runs of each function.
        logs: The log events of each function.
        memory_mb: The memory of each function.
        webhooks: Calls through API Gateway.
        polls_s: The length of each Express execution in seconds.
        uploads: Whether the images came by upload; otherwise they waited in the line already.
    """

    images: int
    calls: Sequence[Call]
    units: Units
    runs: Mapping[str, Sequence[Invocation]]
    logs: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    memory_mb: Mapping[str, int]
    webhooks: int
    polls_s: Sequence[float] = ()
    uploads: bool = True


def consumed(table: Table, calls: Sequence[Call]) -> Units:
    """Return what DynamoDB charges for these calls, and bring the table up to date."""
    total = Units()
    for call in calls:
        if call.service == "dynamodb":
            total = total.plus(table.apply(call.name, call.parameters))
    return total


def recorded(seen: Seen) -> dict[str, float]:
    """Return the units that were recorded one by one."""
    names = Counter((call.service, call.name) for call in seen.calls)
    s3 = Counter(call.name in _S3_WRITES for call in seen.calls if call.service == "s3")
    runs = [run for found in seen.runs.values() for run in found]
    return {
        "lambda_request": len(runs),
        "lambda_gb_second_arm64": gb_seconds(seen),
        "dynamodb_write_unit": seen.units.write + seen.units.index_write,
        "dynamodb_read_unit": seen.units.read,
        "sqs_request": names["sqs", "SendMessage"],
        "s3_write_request": s3[True],
        "s3_read_request": s3[False],
        "eventbridge_event": names["events", "PutEvents"],
        "api_gateway_rest_request": seen.webhooks,
        "step_functions_express_request": len(seen.polls_s),
        "kms_request": names["ssm", "GetParameter"],
        "logs_gb": sum(ingested_bytes(events) for events in seen.logs.values()) / GB,
    }


def derived(seen: Seen) -> dict[str, float]:
    """Return the units that nothing records and that follow from what was recorded.

    - a run for a queue is one receive and one delete (a batch is one request each);
    - an upload is one event of S3 (data events are opted in to), which the rule sends to a queue;
      a result is another event, which no rule matches;
    - an Express execution sends to both queues; it is charged by 100 ms and 64 MB;
    - of runs without a sampled caller X-Ray records the first in each second and 5 % of the others.
    """
    queue_runs = sum(len(seen.runs.get(name, ())) for name in QUEUE_FUNCTIONS)
    uploads = seen.images if seen.uploads else 0
    rounded = sum(ceil(seconds * 10) / 10 for seconds in seen.polls_s)
    return {
        "sqs_request": 2 * queue_runs + uploads + 2 * len(seen.polls_s),
        "eventbridge_event": uploads + seen.images,
        "step_functions_express_gb_second": rounded * 64 / 1024,
        "xray_trace": sum(traces(runs) for runs in seen.runs.values()),
    }


def gb_seconds(seen: Seen, *, slowed: bool = False) -> float:
    """Return memory times time, each run rounded up to a millisecond.

    Args:
        seen: What was seen.
        slowed: As if every millisecond had been computing, on the share of a processor that a
            function's memory buys; the machine measured on gave each a whole one.
    """
    total = 0.0
    for name, runs in seen.runs.items():
        memory = seen.memory_mb[name]
        factor = max(1.0, FULL_PROCESSOR_MB / memory) if slowed else 1.0
        total += sum(ceil(run.duration_ms * factor) for run in runs) / 1000 * memory / 1024
    return total


def traces(runs: Sequence[Invocation]) -> float:
    """Return how many runs of a function X-Ray is expected to record."""
    seconds = Counter(int(run.started_ms // 1000) for run in runs)
    return sum(1 + _TRACED_SHARE * (count - 1) for count in seconds.values())


def of(seen: Seen) -> dict[str, Any]:
    """Return units and dollars for 1,000 images, by kind and by row of the report."""
    counts = Counter(recorded(seen)) + Counter(derived(seen))
    units = {name: count * PER / seen.images for name, count in counts.items()}
    usd = prices.dollars(units)
    compute = sum(usd.get(name, 0) for name in COMPUTE)
    requests = sum(usd.values()) - compute - sum(usd.get(name, 0) for name in APART)
    slowed = gb_seconds(seen, slowed=True) * PER / seen.images
    return {
        "images": seen.images,
        "units_per_1000": units,
        "derived_per_1000": {k: v * PER / seen.images for k, v in derived(seen).items()},
        "usd_per_1000": usd,
        "rows": {
            "requests": requests,
            "compute": compute,
            "logs": usd.get("logs_gb", 0.0),
            "traces": usd.get("xray_trace", 0.0),
        },
        "requests_and_compute": requests + compute,
        "compute_if_slowed": usd.get("lambda_request", 0.0)
        + prices.table()["lambda_gb_second_arm64"].of(slowed),
        "functions": {name: _function(runs, seen) for name, runs in seen.runs.items() if runs},
    }


def _function(runs: Sequence[Invocation], seen: Seen) -> dict[str, float]:
    """Return how often a function ran for an image, and how long."""
    durations = [run.duration_ms for run in runs]
    return {
        "runs_per_image": len(runs) / seen.images,
        "mean_ms": sum(durations) / len(durations),
    }
