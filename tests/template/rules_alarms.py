"""House rules about metrics and alarms: each yields what is wrong."""

from collections.abc import Iterator
from typing import Any

from cutout.observability import ALARMED, NAMESPACE
from tests.template.views import View, names_in

ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"
LETTERS = "ApproximateNumberOfMessagesVisible"
STACK = {"Name": "stack", "Value": {"Ref": "AWS::StackName"}}
OWN_NAMESPACE = {"Fn::Sub": f"{NAMESPACE}/${{AWS::StackName}}"}
TOPIC = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
# Runs of these are tasks of a state machine, which repeats them: its executions are counted.
TASKS = {"PollFunction", "BackfillFunction"}
FAILED = {
    FUNCTION: '{ ($.type = "platform.report") && ($.record.status != "success") }',
    "": '{ ($.type = "ExecutionFailed") || ($.type = "ExecutionTimedOut") }',
}


def dead_letters_raise_alarms(view: View) -> Iterator[str]:
    """What waits in a dead-letter queue is alarmed until it is gone.

    SQS sends no metrics of a queue that was inactive for six hours: to take that for good would end
    the alarm by itself (SQS guide, "Available CloudWatch metrics for Amazon SQS").
    """
    dead = set().union(
        *(names_in(said.get("RedrivePolicy", {})) for said in view.of("AWS::SQS::Queue").values()),
        *(
            names_in(target.get("DeadLetterConfig", {}))
            for rule in view.of("AWS::Events::Rule").values()
            for target in rule["Targets"]
        ),
    )
    alarms = {n: said for n, said in view.of(ALARM).items() if said.get("MetricName") == LETTERS}
    for queue in dead - set().union(*(names_in(said["Dimensions"]) for said in alarms.values())):
        yield f"no alarm watches {queue}"
    for name, said in alarms.items():
        if said["TreatMissingData"] != "ignore":
            yield f"{name} ends while letters are there"


def silence_alarms_nobody_at_first(view: View) -> Iterator[str]:
    """A metric that does not exist yet would alarm at a first deployment, if that were breaching.

    So the one alarm about silence tells of its way back to INSUFFICIENT_DATA, which is also how it
    begins (CloudWatch guide, "Configuring how CloudWatch alarms treat missing data").
    """
    for name, said in view.of(ALARM).items():
        if said["TreatMissingData"] == "breaching":
            yield f"{name} alarms before there is any data"
    silent = view.of(ALARM).get("ReconcileSilentAlarm", {})
    watched = {key: silent.get(key) for key in ("Namespace", "MetricName", "TreatMissingData")}
    if list(watched.values()) != ["AWS/Lambda", "Invocations", "missing"]:
        yield f"nobody watches that reconcile runs: {watched}"
    if names_in(silent.get("Dimensions", [])) != {"ReconcileFunction"}:
        yield "the runs of another function are watched"
    if silent.get("InsufficientDataActions") != TOPIC:
        yield "nobody is told of silence"


def gauges_may_be_silent(view: View) -> Iterator[str]:
    """An idle stack sends no metric of its own, which is no reason to alarm or to stay alarmed."""
    for name, said in view.of(ALARM).items():
        own = said["Namespace"] in (NAMESPACE, OWN_NAMESPACE)
        if own and said["TreatMissingData"] != "notBreaching":
            yield f"{name} takes silence for something"


def alarms_tell_somebody(view: View) -> Iterator[str]:
    """The topic that a person names is told of every alarm."""
    for name, said in view.of(ALARM).items():
        if TOPIC not in (said.get("AlarmActions"), said.get("InsufficientDataActions")):
            yield f"nobody is told of {name}"


def alarms_look_at_one_metric(view: View) -> Iterator[str]:
    """Metric maths costs as much as an alarm for each metric, and the local AWS has none."""
    for name, said in view.of(ALARM).items():
        if "Metrics" in said:
            yield f"{name} looks at several metrics"


def alarms_follow_monitoring(view: View) -> Iterator[str]:
    """With `none` there is no alarm; with `alarms` there are those of what does not mend itself."""
    for name in view.deployed(ALARM, Monitoring="none"):
        yield f"{name} is there with Monitoring=none"
    everything = view.deployed(ALARM, Monitoring="full", Providers="eachlabs,apiin")
    for name in set(view.of(ALARM)) - set(everything):
        yield f"{name} is never there"
    few = view.deployed(ALARM, Monitoring="alarms", Providers="eachlabs,apiin")
    own = {said["MetricName"] for said in few.values() if said["Namespace"] == NAMESPACE}
    if own != ALARMED:
        yield f"with Monitoring=alarms {own ^ ALARMED} is watched or sent, and not both"


def providers_have_alarms_while_asked(view: View) -> Iterator[str]:
    """A pause of each is alarmed, and nobody pays for the alarm of one that is never asked."""
    for asked in ("eachlabs", "apiin", "eachlabs,apiin", "apiin, eachlabs"):
        found = {
            dimension["Value"]
            for said in view.deployed(ALARM, Providers=asked).values()
            if said["MetricName"] == "ProviderPaused"
            for dimension in said["Dimensions"]
            if dimension["Name"] == "provider"
        }
        if found != set(asked.replace(" ", "").split(",")):
            yield f"with Providers={asked} pauses are alarmed of {found}"


def stacks_are_apart(view: View) -> Iterator[str]:
    """Two stacks of one account and region share no metric of ours."""
    for name, said in view.of(ALARM).items():
        apart = said["Namespace"] == OWN_NAMESPACE or STACK in said.get("Dimensions", [])
        if str(said["Namespace"]).startswith("AWS/"):
            apart = bool(names_in(said.get("Dimensions", [])))
        if not apart:
            yield f"{name} sees what other stacks do"


def failed_runs_are_counted(view: View) -> Iterator[str]:
    """Errors and timeouts of functions, and failed executions, are one metric with one alarm."""
    counted = {
        said["LogGroupName"]["Ref"]: said for said in view.of("AWS::Logs::MetricFilter").values()
    }
    for group, kind in _groups(view):
        said: dict[str, Any] = counted.get(group, {})
        if said.get("FilterPattern") != FAILED[kind]:
            yield f"failures in {group} are not counted"
        for made in said.get("MetricTransformations", []):
            if (made["MetricNamespace"], made["MetricName"]) != (OWN_NAMESPACE, "FailedRuns"):
                yield f"failures in {group} are counted elsewhere"
            if "DefaultValue" in made:
                yield f"{group} sends a metric while nothing fails"
    if not any(
        (said["Namespace"], said["MetricName"]) == (OWN_NAMESPACE, "FailedRuns")
        for said in view.of(ALARM).values()
    ):
        yield "no alarm watches failed runs"


def _groups(view: View) -> Iterator[tuple[str, str]]:
    """Yield each log group in which failures stand, and the type of what writes there."""
    for name, said in view.of(FUNCTION).items():
        if name not in TASKS:
            yield said.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref", ""), FUNCTION
    yield "MachinesLogGroup", ""


def nothing_idle_is_dear(view: View) -> Iterator[str]:
    """A dashboard costs more than all the rest, and so would a trace of every minute's run."""
    for name in view.of("AWS::CloudWatch::Dashboard"):
        yield f"{name} costs $3 a month: examples/dashboard.yaml is the place for it"
    if view.of(FUNCTION)["ReconcileFunction"]["TracingConfig"] != {"Mode": "PassThrough"}:
        yield "every minute's run is traced"


RULES = [
    dead_letters_raise_alarms,
    silence_alarms_nobody_at_first,
    gauges_may_be_silent,
    alarms_tell_somebody,
    alarms_look_at_one_metric,
    alarms_follow_monitoring,
    providers_have_alarms_while_asked,
    stacks_are_apart,
    failed_runs_are_counted,
    nothing_idle_is_dear,
]
