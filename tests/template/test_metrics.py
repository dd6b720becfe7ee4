import ast
import json
from collections.abc import Iterator
from typing import Any

from cutout.observability import NAMESPACE
from tests.stack import TEMPLATE
from tests.template.imports import modules
from tests.template.views import View, broken, current

type Metric = tuple[str, frozenset[str]]


def emitted() -> set[Metric]:
    """Return the metrics that the code counts, with the names of their dimensions."""
    return {
        (name, frozenset(keyword.arg or "" for keyword in node.keywords))
        for _, code in modules(TEMPLATE.parent)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("metrics.count")
        for name in names_of(node.args[0], code)
    }


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


def watched(view: View) -> Iterator[Metric]:
    """Yield the metrics of ours that alarms and dashboards look at."""
    for said in view.of("AWS::CloudWatch::Alarm").values():
        if said.get("Namespace") == NAMESPACE:
            names = (dimension["Name"] for dimension in said.get("Dimensions", []))
            yield said["MetricName"], frozenset(names)
    for said in view.of("AWS::CloudWatch::Dashboard").values():
        for widget in json.loads(view.resolve(said["DashboardBody"]))["widgets"]:
            for namespace, *rest in widget["properties"]["metrics"]:
                words = [word for word in rest if isinstance(word, str)]
                if namespace == NAMESPACE:
                    yield words[0], frozenset(words[1::2])


def test_watched_metrics_are_emitted() -> None:
    """An alarm on a metric that nobody emits never rings, and nobody notices."""
    assert set(watched(current())) - emitted() == set()


def test_silent_alarm_is_found() -> None:
    """The check above fails on another name and on other dimensions."""

    def change(source: Any) -> None:
        resources = source["Resources"]
        resources["BudgetParkedAlarm"]["Properties"]["MetricName"] = "BudgetParkt"
        del resources["EachlabsPausedAlarm"]["Properties"]["Dimensions"]

    found = set(watched(broken(change))) - emitted()

    assert found == {("BudgetParkt", frozenset()), ("ProviderPaused", frozenset())}
