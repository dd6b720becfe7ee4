"""What an idle month costs follows from the template and a measurement; README says the same."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from benchmarks import idle, prices
from benchmarks.report import idle_sentence
from tests.stack import TEMPLATE
from tests.template.views import Json

ROOT = TEMPLATE.parent
ROUND = {
    "mean_ms": 100,
    "memory_mb": 512,
    "dynamodb_read_units": 8,
    "dynamodb_write_units": 0,
    "log_bytes": 1_000,
    "metrics": 0,
}
NOTHING = {"pollers": 0, "alarms": 0, "dashboards": 0, "traced": 0}


@pytest.fixture
def template() -> Json:
    """Return a copy of template.yaml as SAM reads it."""
    return yaml_parse(TEMPLATE.read_text("utf-8"))


def months() -> Mapping[str, Any]:
    """Return the months that follow from what the last benchmark measured."""
    measured = json.loads((ROOT / "docs" / "benchmarks.json").read_text("utf-8"))
    found: Mapping[str, Any] = idle.of(measured["results"]["idle"])["months"]
    return found


def test_readme_says_what_an_idle_month_costs() -> None:
    """After a change of the template, or another measurement: put this sentence there."""
    assert idle_sentence(months()) in (ROOT / "README.md").read_text("utf-8")


def test_operations_has_the_same_sums() -> None:
    """Each unit's price for each level, and their totals."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")

    for kind in ("total_usd", "total_after_free_usd"):
        totals = [f"${month[kind]:.2f}" for month in months().values()]
        assert f"| {' | '.join(totals)} |" in text


def test_an_idle_stack_is_cheap() -> None:
    """With everything on it costs at most $3, and nothing is charged that says nothing."""
    full = months()["full"]

    assert full["total_usd"] <= 3
    assert full["units"]["cloudwatch_metric"] == 0
    assert full["units"]["cloudwatch_dashboard"] == 0


def test_a_month_is_its_minutes() -> None:
    """43,200 rounds, three empty receives a minute of each poller, and what others do."""
    there = NOTHING | {"pollers": 17, "alarms": 13, "traced": 1}

    found = idle.month(ROUND, {"lambda_request": 2}, there)

    assert found["units"]["lambda_gb_second_arm64"] == pytest.approx(43_200 * 0.05)
    assert found["units"]["sqs_request"] == 17 * 3 * 43_200
    assert found["units"]["lambda_request"] == 3 * 43_200
    assert found["units"]["xray_trace"] == 43_200
    assert found["total_usd"] == pytest.approx(sum(found["usd"].values()))


def test_free_tiers_are_taken_off() -> None:
    """Ten alarms and a million requests are free, and never more than there are."""
    assert prices.after_free({"cloudwatch_alarm": 13, "sqs_request": 5}) == {
        "cloudwatch_alarm": 3,
        "sqs_request": 0,
    }


def test_a_maximum_of_concurrency_costs_polls(template: Json) -> None:
    """Lambda asks with two pollers where there is none, and with five where there is one."""
    before = idle.resources(template, "full")["pollers"]
    source = template["Resources"]["StoreFunctionCompletions"]["Properties"]
    source["ScalingConfig"] = {"MaximumConcurrency": 10}

    assert idle.resources(template, "full")["pollers"] == before + 3


def test_an_alarm_is_charged_by_the_metric(template: Json) -> None:
    """Metric maths over eight metrics is eight alarms."""
    before = idle.resources(template, "full")["alarms"]
    metrics = [{"Id": "sum", "Expression": "m0"}, *({"MetricStat": {}} for _ in range(8))]
    template["Resources"]["FailedRunsAlarm"]["Properties"]["Metrics"] = metrics

    assert idle.resources(template, "full")["alarms"] == before + 7


def test_monitoring_decides_which_alarms_there_are(template: Json) -> None:
    """None, a few, all: one provider's, since only one is asked by default."""
    few, every = (idle.resources(template, level)["alarms"] for level in ("alarms", "full"))

    assert idle.resources(template, "none")["alarms"] == 0
    assert 0 < few < every < len(template["Resources"])
    template["Parameters"]["Providers"]["Default"] = "eachlabs,apiin"
    assert idle.resources(template, "full")["alarms"] == every + 1


def test_a_dashboard_and_a_trace_are_seen(template: Json) -> None:
    """If somebody puts them back."""
    template["Resources"]["More"] = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {}}
    del template["Resources"]["ReconcileFunction"]["Properties"]["Tracing"]

    found = idle.resources(template, "none")

    assert (found["dashboards"], found["traced"]) == (1, 1)
