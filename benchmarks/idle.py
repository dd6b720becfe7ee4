"""What a stack costs in a month in which nothing is uploaded.

What there is, is read from the template, for each value of `Monitoring`; what a minute takes was
measured. Only how often Lambda asks an empty queue is a figure of AWS's.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from samcli.yamlhelper import yaml_parse

from benchmarks import bill, prices
from benchmarks.cost import Watch
from benchmarks.plan import Plan
from benchmarks.site import Site
from local.deploy import TEMPLATE

ROUNDS = 30 * 24 * 60
LEVELS = ("full", "alarms", "none")
QUIET_SECONDS = 130
"""In two rounds after the last image every gauge has fallen to zero and is silent."""
POLLS_A_MINUTE = 3
"""A long poll lasts 20 s, the most there is (SQS guide, "Amazon SQS short and long polling")."""
POLLERS, POLLERS_AT_REST = 5, 2
"""Of an event source with and without `MaximumConcurrency` (Lambda guide, "Configuring scaling
behavior for SQS event source mappings": five batches at once, as few as two to save calls, which is
not available with a maximum)."""

type Json = Any


def measure(site: Site, plan: Plan) -> dict[str, Any]:
    """Watch the stack do nothing, and return what a month of that costs."""
    time.sleep(QUIET_SECONDS)
    site.configure()  # the sandbox forgets the webhooks that it sent before
    watch = Watch(site)
    time.sleep(plan.idle_seconds)
    seen, rounds = watch.seen(1, uploads=False)
    alone = replace(seen, images=0)
    others = Counter(bill.recorded(alone)) + Counter(bill.derived(alone))
    return of(
        {
            "round": rounds | {"memory_mb": seen.memory_mb["reconcile"]},
            "others_per_round": {name: n / rounds["rounds"] for name, n in others.items() if n},
        }
    )


def of(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured with the months that follow from it and from the template."""
    template = yaml_parse(TEMPLATE.read_text("utf-8"))
    months = {
        level: month(measured["round"], measured["others_per_round"], resources(template, level))
        for level in LEVELS
    }
    return {**measured, "months": months}


def month(
    round_: Mapping[str, float], others: Mapping[str, float], there: Mapping[str, int]
) -> dict[str, Any]:
    """Return units and dollars of 30 days, at list price and after free tiers.

    Args:
        round_: what one round of reconcile takes.
        others: units that the other functions use meanwhile, for each round.
        there: what `resources` counts.
    """
    units: Counter[str] = Counter()
    units.update(
        {
            "sqs_request": there["pollers"] * POLLS_A_MINUTE * ROUNDS,
            "lambda_request": ROUNDS,
            "lambda_gb_second_arm64": ROUNDS
            * (round_["mean_ms"] / 1000 * round_["memory_mb"] / 1024),
            "dynamodb_read_unit": ROUNDS * round_["dynamodb_read_units"],
            "dynamodb_write_unit": ROUNDS * round_["dynamodb_write_units"],
            "logs_gb": ROUNDS * round_["log_bytes"] / 1e9,
            "xray_trace": ROUNDS * there["traced"],
            "cloudwatch_metric": round_["metrics"],
            "cloudwatch_alarm": there["alarms"],
            "cloudwatch_dashboard": there["dashboards"],
        }
    )
    units.update({name: ROUNDS * count for name, count in others.items()})
    usd = prices.dollars(units)
    return {
        "units": dict(units),
        "usd": usd,
        "total_usd": sum(usd.values()),
        "total_after_free_usd": sum(prices.dollars(prices.after_free(units)).values()),
    }


def resources(template: Json, level: str) -> Counter[str]:
    """Return how much of what costs money by the month the template has, otherwise by default."""
    values = {name: said.get("Default", "") for name, said in template["Parameters"].items()}
    values["Monitoring"] = level
    there: Counter[str] = Counter()
    for name, resource in template["Resources"].items():
        if not _holds({k: v for k, v in resource.items() if k == "Condition"}, template, values):
            continue
        said = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::EventSourceMapping":
                capped = said.get("ScalingConfig", {}).get("MaximumConcurrency")
                there["pollers"] += POLLERS if capped else POLLERS_AT_REST
            case "AWS::CloudWatch::Alarm":  # charged by the metric
                there["alarms"] += sum("MetricStat" in one for one in said.get("Metrics", [])) or 1
            case "AWS::CloudWatch::Dashboard":
                there["dashboards"] += 1
        if name == "ReconcileFunction":
            there["traced"] = said.get("Tracing", "Active") == "Active"
    return there


def _holds(condition: Json, template: Json, values: Mapping[str, object]) -> bool:
    """Tell whether a condition of the template holds with these parameters."""

    def value(said: Json) -> object:
        return values[said["Ref"]] if isinstance(said, dict) else said

    match condition:
        case {"Condition": name}:
            return _holds(template["Conditions"][name], template, values)
        case {"Fn::Equals": [one, other]}:
            return value(one) == value(other)
        case {"Fn::Not": [inner]}:
            return not _holds(inner, template, values)
        case {"Fn::And": several}:
            return all(_holds(one, template, values) for one in several)
    return True
