"""House rules about logs: each yields what is wrong."""

from collections.abc import Iterator

from tests.template.rules_access import DELIVER_LOGS
from tests.template.views import View, names_in

MACHINE = "AWS::StepFunctions::StateMachine"

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
    for said in view.of(MACHINE).values():
        used |= names_in(said.get("LoggingConfiguration", {}))
    for unused in set(groups) - used:
        yield f"nobody logs to {unused}"


def machines_log_failures_without_data(view: View) -> Iterator[str]:
    """An Express execution has no history, and state data holds the URLs of results."""
    groups = view.of("AWS::Logs::LogGroup")
    may = {
        owner for owner, statement in view.statements() if set(statement["Action"]) == DELIVER_LOGS
    }
    for name, said in view.of(MACHINE).items():
        logging = said.get("LoggingConfiguration", {})
        if logging.get("Level") != "ERROR" or logging.get("IncludeExecutionData") is not False:
            yield f"{name} does not log its failures, or with their data"
        if not names_in(logging.get("Destinations", [])) & set(groups):
            yield f"{name} has no log group"
        if name not in may:
            yield f"{name} may not log"


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


RULES = [
    functions_log_to_their_own_groups,
    machines_log_failures_without_data,
    log_levels_exist,
    log_levels_let_metrics_through,
]
