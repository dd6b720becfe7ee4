"""House rules about logs, metrics and alarms: each yields what is wrong."""

import json
from collections.abc import Iterator
from typing import Any

from tests.template.loops import circles
from tests.template.views import View, names_in

LEVELS = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}  # that Lambda knows
METRIC_LEVELS = {"TRACE", "DEBUG", "INFO"}  # a metric in the log has no level and counts as INFO


def functions_log_to_their_own_groups(view: View) -> Iterator[str]:
    """A log group that the stack makes is kept and deleted as the stack says."""
    used: set[str] = set()
    groups = view.of("AWS::Logs::LogGroup")
    for name, said in view.of("AWS::Lambda::Function").items():
        logging = said.get("LoggingConfig", {})
        group = logging.get("LogGroup", {}).get("Ref")
        if group not in groups or "RetentionInDays" not in groups[group]:
            yield f"{name} has no log group with a retention"
        if group in used:
            yield f"{name} shares its log group"
        if logging.get("LogFormat") != "JSON":
            yield f"{name} does not log JSON"
        used.add(group)
    for unused in set(groups) - used:
        yield f"nobody logs to {unused}"


def log_levels_exist(view: View) -> Iterator[str]:
    """Lambda refuses a level that it does not know."""
    for name, level, applied in _levels(view):
        if applied not in LEVELS:
            yield f"{name} with LogLevel {level} asks Lambda for {applied}"


def log_levels_let_metrics_through(view: View) -> Iterator[str]:
    """Above INFO Lambda drops what has no level, and with it every metric and alarm."""
    for name, level, applied in _levels(view):
        if applied in LEVELS - METRIC_LEVELS:
            yield f"{name} with LogLevel {level} loses its metrics"


def _levels(view: View) -> Iterator[tuple[str, str, str]]:
    for name, said in view.of("AWS::Lambda::Function").items():
        for level in view.parameters["LogLevel"]["AllowedValues"]:
            logging = view.resolve(said.get("LoggingConfig", {}), LogLevel=level)
            yield name, level, logging.get("ApplicationLogLevel", "INFO")


def dead_letters_raise_alarms(view: View) -> Iterator[str]:
    """What waits in a dead-letter queue is seen."""
    dead = set().union(
        *(names_in(said.get("RedrivePolicy", {})) for said in view.of("AWS::SQS::Queue").values()),
        *(names_in(t.get("DeadLetterConfig", {})) for r in _rules(view) for t in r["Targets"]),
    )
    watched = set().union(
        *(
            names_in(said["Dimensions"])
            for said in view.of("AWS::CloudWatch::Alarm").values()
            if said.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        )
    )
    for queue in dead - watched:
        yield f"no alarm watches {queue}"


def _rules(view: View) -> list[dict[str, Any]]:
    return list(view.of("AWS::Events::Rule").values())


def loops_raise_an_alarm(view: View) -> Iterator[str]:
    """What Lambda does not stop is seen: every circle has a function whose runs are counted."""
    counted = {
        name
        for said in view.of("AWS::CloudWatch::Alarm").values()
        if said.get("MetricName") == "Invocations" and said.get("Statistic") == "Sum"
        for name in names_in(said["Dimensions"])
    }
    for name in circles(view, without=counted):
        yield f"nobody would notice that {name} invokes itself for ever"


def dashboards_are_json(view: View) -> Iterator[str]:
    """CloudFormation takes any text; CloudWatch does not."""
    for name, said in view.of("AWS::CloudWatch::Dashboard").items():
        try:
            json.loads(view.resolve(said["DashboardBody"]))
        except ValueError as error:
            yield f"{name} is not JSON: {error}"


RULES = [
    functions_log_to_their_own_groups,
    log_levels_exist,
    log_levels_let_metrics_through,
    dead_letters_raise_alarms,
    loops_raise_an_alarm,
    dashboards_are_json,
]
