"""Templates with broken events or queues, and the rules that must notice."""

from tests.template import rules_flow as flow
from tests.template.breaks import Break, at

KEY = at("UploadsRule", "EventPattern|detail|object|key")
UPLOADS = at("SubmitFunctionUploads")
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
    Break(flow.messages_stay_hidden_while_handled, at("CompletionsQueue", "VisibilityTimeout"), 89),
    Break(flow.messages_stay_hidden_while_handled, at("UploadsQueue", "VisibilityTimeout"), 359),
    Break(flow.messages_stay_hidden_while_handled, at("PrepareFunctionPrepare", "BatchSize"), 2),
    Break(
        flow.messages_stay_hidden_while_handled,
        at("SubmitFunctionDispatch", "MaximumBatchingWindowInSeconds"),
        1,
    ),
    Break(
        flow.messages_stay_hidden_while_handled,
        at("PrepareQueue", "RedrivePolicy|maxReceiveCount"),
        4,
    ),
    Break(flow.concurrency_is_limited_at_the_sources, f"{UPLOADS}|ScalingConfig"),
    Break(
        flow.concurrency_is_limited_at_the_sources,
        at("StoreFunctionCompletions", "ScalingConfig|MaximumConcurrency"),
        10,
    ),
    Break(
        flow.concurrency_is_limited_at_the_sources, at("StoreFunctionCompletions", "ScalingConfig")
    ),
    Break(
        flow.concurrency_is_limited_at_the_sources,
        at("StoreFunction", "ReservedConcurrentExecutions"),
        10,
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
    Break(
        flow.uploads_rule_takes_new_and_restored_objects,
        at("UploadsRule", "EventPattern|detail-type|1"),
    ),
    Break(flow.requests_are_for_one_bucket, at("RequestsRule", "EventPattern|detail")),
    Break(flow.requests_are_for_one_bucket, at("RequestsRule", "EventPattern|detail|bucket|1")),
]
