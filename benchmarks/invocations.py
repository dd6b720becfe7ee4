"""How often each function ran, how long, and what it logged; from CloudWatch Logs."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_REPORT = re.compile(r"^REPORT RequestId: (?P<id>\S+)\tDuration: (?P<ms>[\d.]+) ms")
OVERHEAD_BYTES = 26
"""What CloudWatch Logs adds to the size of each event
(docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html)."""


@dataclass(frozen=True)
class Invocation:
    """One run of a function: wall clock in ms since the epoch."""

    request_id: str
    started_ms: float
    duration_ms: float


def invocations(events: Sequence[Mapping[str, Any]]) -> list[Invocation]:
    """Return the runs that a log group tells of; a REPORT line is written when its run ends."""
    found = []
    for event in events:
        if match := _REPORT.match(event["message"]):
            duration = float(match["ms"])
            found.append(Invocation(match["id"], event["timestamp"] - duration, duration))
    return found


def ingested_bytes(events: Sequence[Mapping[str, Any]]) -> int:
    """Return what CloudWatch Logs counts as ingested."""
    return sum(len(event["message"].encode()) + OVERHEAD_BYTES for event in events)


def metrics(events: Sequence[Mapping[str, Any]]) -> set[tuple[str, ...]]:
    """Return the metrics that these events report (Embedded Metric Format), each charged apart."""
    found = set()
    for event in events:
        if event["message"].startswith('{"_aws"'):
            fields = json.loads(event["message"])
            for group in fields["_aws"]["CloudWatchMetrics"]:
                dimensions = [str(fields[name]) for names in group["Dimensions"] for name in names]
                found |= {(metric["Name"], *dimensions) for metric in group["Metrics"]}
    return found
