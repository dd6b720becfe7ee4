"""What alarms and the dashboard look at is what the code sends, letter by letter."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cutout.observability import NAMESPACE
from cutout.services.gauges import Gauges
from tests.stack import TEMPLATE, template
from tests.template.imports import modules
from tests.template.views import View, broken, current
from tests.world import World

type Metric = tuple[str, frozenset[str]]

DASHBOARD = TEMPLATE.parent / "examples" / "dashboard.yaml"
STACK = "shop-2"


def emitted() -> set[Metric]:
    """Return the metrics that the code counts, with the names of their dimensions."""
    counted = {
        (name, frozenset(keyword.arg or "" for keyword in node.keywords) | {"stack"})
        for _, code in modules(TEMPLATE.parent)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("metrics.count")
        for name in names_of(node.args[0], code)
    }
    return counted | gauges()


def gauges() -> set[Metric]:
    """Return what a round of gauges sends while an image waits."""
    world = World()
    world.upload()
    gauged = {"gate": world.gate, "line": world.line, "clock": world.clock}
    Gauges(**gauged, providers=["eachlabs"], metrics=world.metrics).measure()  # type: ignore[arg-type]  # by name
    return {(name, frozenset(own) | {"stack"}) for name, _, own in world.metrics.values}


def names_of(argument: ast.expr, code: str) -> Iterator[str]:
    """Yield a metric's name, or all that a variable may stand for."""
    if isinstance(argument, ast.Constant):
        yield str(argument.value)
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Assign(targets=[target]) if ast.unparse(target) == ast.unparse(argument):
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and str(part.value)[:1].isupper():
                        yield str(part.value)


def alarmed(view: View) -> Iterator[Metric]:
    """Yield the metrics of ours that alarms look at."""
    for said in view.of("AWS::CloudWatch::Alarm").values():
        if said["Namespace"] == NAMESPACE:
            names = (dimension["Name"] for dimension in said.get("Dimensions", []))
            yield said["MetricName"], frozenset(names)


@pytest.fixture
def widgets() -> list[dict[str, Any]]:
    """Return the properties of the dashboard's widgets, for one stack."""
    view = View(template(DASHBOARD))
    (said,) = view.of("AWS::CloudWatch::Dashboard").values()
    body = json.loads(view.resolve(said["DashboardBody"], StackName=STACK))
    return [widget["properties"] for widget in body["widgets"]]


def series(widgets: list[dict[str, Any]]) -> Iterator[list[Any]]:
    """Yield each line of each graph, as CloudWatch takes it."""
    for widget in widgets:
        yield from widget["metrics"]


def test_alarmed_metrics_are_emitted() -> None:
    """An alarm on a metric that nobody emits never rings, and nobody notices."""
    assert set(alarmed(current())) - emitted() == set()


def test_silent_alarm_is_found() -> None:
    """The check above fails on another name and on other dimensions."""

    def change(source: Any) -> None:
        resources = source["Resources"]
        resources["BudgetParkedAlarm"]["Properties"]["MetricName"] = "BudgetParkt"
        del resources["EachlabsPausedAlarm"]["Properties"]["Dimensions"][1]

    found = set(alarmed(broken(change))) - emitted()

    stack = frozenset({"stack"})
    assert found == {("BudgetParkt", stack), ("ProviderPaused", stack)}


def test_graphs_show_what_is_emitted(widgets: list[dict[str, Any]]) -> None:
    """Each line names its metric and all of its dimensions, else it is empty."""
    shown: set[Metric] = set()
    for _, name, *rest in (line for line in series(widgets) if line[0] == NAMESPACE):
        words = [word for word in rest if isinstance(word, str)]
        shown.add((name, frozenset(words[::2])))
        assert dict(zip(words[::2], words[1::2], strict=True))["stack"] == STACK

    assert {"InFlight", "JobsWaiting", "SpentUsd", "JobSucceeded"} <= {name for name, _ in shown}
    assert shown - emitted() == set()


def test_searches_find_what_is_emitted(widgets: list[dict[str, Any]]) -> None:
    """A search names a metric's dimensions in its schema, and the stack beside it."""
    searches = [line[0]["expression"] for line in series(widgets) if isinstance(line[0], dict)]
    form = rf'\{{{NAMESPACE},([\w,]+)\}} MetricName="(\w+)" stack="{STACK}"'
    found = {
        (said[2], frozenset(said[1].split(",")))
        for search in searches
        for said in [re.search(form, search)]
        if said
    }

    assert len(searches) == 4
    assert {name for name, _ in found} == {"JobFailed", "ObjectSkipped", "CreateFailed"}
    assert found - emitted() == set()


def test_graphs_show_the_failed_runs_of_the_stack(widgets: list[dict[str, Any]]) -> None:
    """They are counted by metric filters, in a namespace of the stack's own."""
    own = [line[:2] for line in series(widgets) if line[0] != NAMESPACE]

    assert [f"{NAMESPACE}/{STACK}", "FailedRuns"] in own


def test_the_dashboard_has_the_limits_of_the_stack() -> None:
    """Its parameters have the names and the defaults of the stack's own."""
    ours, its = template()["Parameters"], dict(template(DASHBOARD)["Parameters"])
    assert its.pop("StackName")["Default"] == "cutout"

    assert {name: said["Default"] for name, said in its.items()} == {
        name: ours[name]["Default"] for name in its
    }
