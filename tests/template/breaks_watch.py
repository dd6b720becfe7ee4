"""Templates with broken logs, metrics or alarms, and the rules that must notice."""

from tests.template import rules_alarms as alarms
from tests.template import rules_watch as watch
from tests.template.breaks import Break, at

METRICS = [{"Id": "m", "Expression": "a + b"}]

BREAKS = [
    Break(watch.functions_log_to_their_own_groups, at("PollFunction", "LoggingConfig")),
    Break(watch.functions_log_to_their_own_groups, at("PollLogGroup", "RetentionInDays")),
    Break(
        watch.functions_log_to_their_own_groups,
        at("PollFunction", "LoggingConfig|LogGroup"),
        {"Ref": "StoreLogGroup"},
    ),
    Break(watch.machines_log_failures_without_data, at("PollStateMachine", "Logging")),
    Break(
        watch.machines_log_failures_without_data,
        at("PollStateMachine", "Logging|IncludeExecutionData"),
        value=True,
    ),
    Break(
        watch.machines_log_failures_without_data, at("PollStateMachine", "Policies|0|Statement|2")
    ),
    Break(
        watch.log_levels_exist,
        "Globals|Function|LoggingConfig|ApplicationLogLevel",
        "WARNING",
    ),
    Break(
        watch.log_levels_let_metrics_through,
        "Globals|Function|LoggingConfig|ApplicationLogLevel",
        "ERROR",
    ),
    Break(alarms.dead_letters_raise_alarms, "Resources|RuleDeadLettersAlarm"),
    Break(
        alarms.dead_letters_raise_alarms,
        at("RuleDeadLettersAlarm", "TreatMissingData"),
        "notBreaching",
    ),
    Break(
        alarms.silence_alarms_nobody_at_first,
        at("ReconcileSilentAlarm", "TreatMissingData"),
        "breaching",
    ),
    Break(
        alarms.silence_alarms_nobody_at_first,
        at("ReconcileSilentAlarm", "InsufficientDataActions"),
    ),
    Break(
        alarms.silence_alarms_nobody_at_first,
        at("ReconcileSilentAlarm", "Dimensions|0|Value"),
        {"Ref": "SubmitFunction"},
    ),
    Break(alarms.gauges_may_be_silent, at("DeliveryOffAlarm", "TreatMissingData"), "ignore"),
    Break(alarms.alarms_tell_somebody, at("FailedRunsAlarm", "AlarmActions")),
    Break(alarms.alarms_look_at_one_metric, at("FailedRunsAlarm", "Metrics"), METRICS),
    Break(alarms.alarms_follow_monitoring, "Resources|FailedRunsAlarm|Condition"),
    Break(
        alarms.alarms_follow_monitoring, "Resources|DeliveryOffAlarm|Condition", "WithEverything"
    ),
    Break(alarms.alarms_follow_monitoring, "Resources|BudgetParkedAlarm|Condition", "WithAlarms"),
    Break(
        alarms.providers_have_alarms_while_asked,
        "Resources|ApiinPausedAlarm|Condition",
        "WithEverything",
    ),
    Break(alarms.providers_have_alarms_while_asked, "Resources|EachlabsPausedAlarm"),
    Break(alarms.stacks_are_apart, at("OldestWaitingAlarm", "Dimensions|0")),
    Break(alarms.stacks_are_apart, at("SubmitThrottledAlarm", "Dimensions")),
    Break(alarms.stacks_are_apart, at("FailedRunsAlarm", "Namespace"), "Cutout"),
    Break(alarms.failed_runs_are_counted, "Resources|StoreFailedRuns"),
    Break(alarms.failed_runs_are_counted, "Resources|MachinesFailedRuns"),
    Break(alarms.failed_runs_are_counted, "Resources|FailedRunsAlarm"),
    Break(
        alarms.failed_runs_are_counted,
        at("ApiFailedRuns", "MetricTransformations|0|DefaultValue"),
        0,
    ),
    Break(
        alarms.nothing_idle_is_dear,
        "Resources|Dashboard",
        {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": "{}"}},
    ),
    Break(alarms.nothing_idle_is_dear, at("ReconcileFunction", "Tracing")),
]
