"""What a stack costs in a month in which nothing is uploaded."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from benchmarks import prices
from benchmarks.cost import Watch
from benchmarks.plan import Plan
from benchmarks.site import Site

ROUNDS = 30 * 24 * 60
EMPTY_RECEIVES = 650_000
"""Of an event source that polls an empty queue, in a month (DESIGN 7); nothing counts them here."""


def measure(site: Site, plan: Plan) -> dict[str, Any]:
    """Watch the stack do nothing, and return the list price of a month of that."""
    watch = Watch(site)
    time.sleep(plan.idle_seconds)
    seen, rounds = watch.seen(1, uploads=False)
    pages = site.stack.client("cloudformation").get_paginator("list_stack_resources")
    kinds = Counter(
        entry["ResourceType"]
        for page in pages.paginate(StackName=site.stack.stack_name)
        for entry in page["StackResourceSummaries"]
    )
    memory = seen.memory_mb["reconcile"]
    return {"round": rounds, "resources": kinds} | month(rounds, kinds, memory)


def month(rounds: Mapping[str, Any], kinds: Mapping[str, int], memory_mb: int) -> dict[str, Any]:
    """Return units and dollars of 30 days."""
    units = {
        "sqs_request": kinds["AWS::Lambda::EventSourceMapping"] * EMPTY_RECEIVES,
        "lambda_request": ROUNDS,
        "lambda_gb_second_arm64": ROUNDS * rounds["mean_ms"] / 1000 * memory_mb / 1024,
        "dynamodb_read_unit": ROUNDS * rounds["dynamodb_read_units"],
        "dynamodb_write_unit": ROUNDS * rounds["dynamodb_write_units"],
        "logs_gb": ROUNDS * rounds["log_bytes"] / 1e9,
        "xray_trace": ROUNDS,
        "cloudwatch_metric": rounds["metrics"],
        "cloudwatch_alarm": kinds["AWS::CloudWatch::Alarm"],
        "cloudwatch_dashboard": kinds["AWS::CloudWatch::Dashboard"],
    }
    usd = prices.dollars(units)
    return {"units": units, "usd": usd, "total_usd": sum(usd.values())}
