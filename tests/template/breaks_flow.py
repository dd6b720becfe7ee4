"""Templates with broken events, queues, logs or alarms, and the rules that must notice."""

from tests.template import rules_flow as flow
from tests.template import rules_watch as watch
from tests.template.breaks import Break, at

KEY = at("UploadsRule", "EventPattern|detail|object|key")
UPLOADS = at("SubmitFunction", "Events|Uploads|Properties")
OTHER_RULE = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["OtherRule", "Arn"]}}}
TO_UPLOADS = {"Fn::GetAtt": ["UploadsQueue", "Arn"]}

BREAKS = [
    Break(
        flow.event_targets_have_dead_letter_queues, at("UploadsRule", "Targets|0|DeadLetterConfig")
    ),
    Break(
        flow.event_targets_have_dead_letter_queues,
        at("ReconcileFunction", "Events|EveryMinute|Properties|DeadLetterConfig"),
    ),
    Break(
        flow.event_targets_have_dead_letter_queues,
        at("EventTargetsPolicy", "PolicyDocument|Statement|0|Condition"),
        OTHER_RULE,
    ),
    Break(
        flow.event_targets_have_dead_letter_queues,
        at("EventTargetsPolicy", "Queues"),
        [{"Ref": "UploadsQueue"}],
    ),
    Break(
        flow.queues_keep_messages_for_a_fortnight,
        at("RuleDeadLetterQueue", "MessageRetentionPeriod"),
    ),
    Break(flow.queues_are_encrypted, at("DispatchQueue", "SqsManagedSseEnabled"), value=False),
    Break(flow.event_sources_fail_by_message, at("CompletionsQueue", "RedrivePolicy")),
    Break(flow.event_sources_fail_by_message, f"{UPLOADS}|FunctionResponseTypes"),
    Break(
        flow.event_sources_fail_by_message,
        at("UploadsQueue", "RedrivePolicy|deadLetterTargetArn"),
        {"Fn::GetAtt": ["DispatchQueue", "Arn"]},
    ),
    Break(flow.messages_stay_hidden_while_handled, at("CompletionsQueue", "VisibilityTimeout"), 59),
    Break(flow.concurrency_is_limited_at_the_sources, f"{UPLOADS}|ScalingConfig"),
    Break(
        flow.concurrency_is_limited_at_the_sources,
        at("StoreFunction", "ReservedConcurrentExecutions"),
        10,
    ),
    Break(flow.chains_through_queues_are_allowed, at("SubmitFunction", "RecursiveLoop")),
    Break(
        flow.chains_through_queues_are_allowed, at("StoreFunction", "RecursiveLoop"), "Terminate"
    ),
    Break(flow.chains_through_queues_are_allowed, at("PrepareFunction", "RecursiveLoop")),
    Break(flow.chains_through_queues_are_allowed, at("PollFunction", "RecursiveLoop"), "Allow"),
    Break(
        flow.chains_through_queues_are_allowed,
        at("ApiFunction", "Events|Dispatch"),
        {
            "Type": "SQS",
            "Properties": {"Queue": {"Fn::GetAtt": ["CompletionsQueue", "Arn"]}},
        },
    ),
    Break(flow.uploads_are_filtered_by_prefix, f"{UPLOADS}|FilterCriteria"),
    Break(
        flow.uploads_are_filtered_by_prefix, f"{UPLOADS}|FilterCriteria|Fn::If|0", "CreateBucket"
    ),
    Break(
        flow.filtered_queues_carry_uploads_only,
        at("WebhookFunction", "Policies|0|Statement|1|Resource|0"),
        TO_UPLOADS,
    ),
    Break(flow.uploads_rule_excludes_results, f"{KEY}|0|anything-but|wildcard|1"),
    Break(flow.uploads_rule_excludes_results, KEY, [{"prefix": "photos/"}]),
    Break(flow.uploads_rule_excludes_results, at("UploadsRule", "EventPattern|detail|bucket")),
    Break(watch.functions_log_to_their_own_groups, at("PollFunction", "LoggingConfig")),
    Break(watch.functions_log_to_their_own_groups, at("PollLogGroup", "RetentionInDays")),
    Break(
        watch.functions_log_to_their_own_groups,
        at("PollFunction", "LoggingConfig|LogGroup"),
        {"Ref": "StoreLogGroup"},
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
    Break(watch.dead_letters_raise_alarms, "Resources|RuleDeadLettersAlarm"),
    Break(watch.loops_raise_an_alarm, "Resources|SubmitLoopAlarm"),
    Break(watch.loops_raise_an_alarm, at("SubmitLoopAlarm", "MetricName"), "Errors"),
    Break(
        watch.loops_raise_an_alarm,
        at("SubmitLoopAlarm", "Dimensions|0|Value"),
        {"Ref": "WebhookFunction"},
    ),
    Break(
        watch.dashboards_are_json, at("Dashboard", "DashboardBody"), {"Fn::Sub": '{"widgets": [,]}'}
    ),
]
