"""House rules about events and queues: each yields what is wrong."""

import json
from collections.abc import Iterator
from typing import Any

from tests.template.loops import circles
from tests.template.views import Json, View, listed, names_in

FORTNIGHT_S = 1_209_600  # the longest that SQS keeps a message


def event_targets_have_dead_letter_queues(view: View) -> Iterator[str]:
    """EventBridge drops what it cannot deliver, unless the rule may write to a queue."""
    queues = view.of("AWS::SQS::Queue")
    for rule, said in view.of("AWS::Events::Rule").items():
        for target in said["Targets"]:
            dead = names_in(target.get("DeadLetterConfig", {})) & set(queues)
            if not dead:
                yield f"{rule} has a target without a dead-letter queue"
            for queue in dead | (names_in(target["Arn"]) & set(queues)):
                if not _may_send(view, rule, queue):
                    yield f"{rule} may not send to {queue}"


def _may_send(view: View, rule: str, queue: str) -> bool:
    """Tell whether a queue policy lets EventBridge write for this rule, and only for it."""
    return any(
        {"Ref": queue} in policy["Queues"]
        and statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "events.amazonaws.com"}
        and listed(statement["Action"]) == ["sqs:SendMessage"]
        and {"Fn::GetAtt": [queue, "Arn"]} in listed(statement["Resource"])
        and statement.get("Condition")
        == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}}
        for policy in view.of("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    )


def queues_keep_messages_for_a_fortnight(view: View) -> Iterator[str]:
    """A weekend is not long enough to notice."""
    for name, said in view.of("AWS::SQS::Queue").items():
        if said.get("MessageRetentionPeriod") != FORTNIGHT_S:
            yield f"{name} does not keep messages for 14 days"


def queues_are_encrypted(view: View) -> Iterator[str]:
    """Messages name the user's objects."""
    for name, said in view.of("AWS::SQS::Queue").items():
        if said.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"


def event_sources_fail_by_message(view: View) -> Iterator[str]:
    """One bad message neither repeats its batch nor is lost."""
    sources = {queue: said for _, queue, said in _sources(view)}
    for name, queue, said in _sources(view):
        if said.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} repeats whole batches"
        redrive = view.of("AWS::SQS::Queue")[queue].get("RedrivePolicy", {})
        dead = names_in(redrive.get("deadLetterTargetArn", {}))
        if len(dead) != 1 or dead & set(sources) or redrive.get("maxReceiveCount", 0) < 1:
            yield f"{queue} has no dead-letter queue of its own"


def messages_stay_hidden_while_handled(view: View) -> Iterator[str]:
    """Lambda refuses a source whose messages come back before the function's timeout."""
    for name, queue, said in _sources(view):
        function = view.of("AWS::Lambda::Function")[said["FunctionName"]["Ref"]]
        hidden = view.of("AWS::SQS::Queue")[queue].get("VisibilityTimeout", 30)
        if hidden < function.get("Timeout", 3):
            yield f"{name} may see a message of {queue} twice at once"


def concurrency_is_limited_at_the_sources(view: View) -> Iterator[str]:
    """New accounts have little concurrency: none is reserved, and no queue takes all of it."""
    for name, _, said in _sources(view):
        if not 2 <= said.get("ScalingConfig", {}).get("MaximumConcurrency", 0) <= 100:
            yield f"{name} has no sensible maximum of concurrency"
    for name, said in view.of("AWS::Lambda::Function").items():
        if "ReservedConcurrentExecutions" in said:
            yield f"{name} reserves concurrency"


def chains_through_queues_are_allowed(view: View) -> Iterator[str]:
    """Lambda stops the 17th invocation of a chain, unless the function says that it means it."""
    on_circles = circles(view)
    for name, said in view.of("AWS::Lambda::Function").items():
        allowed = said.get("RecursiveLoop") == "Allow"
        if name in on_circles and not allowed:
            yield f"Lambda stops {name} after 16 invocations in a chain"
        if allowed and name not in on_circles:
            yield f"{name} sends nothing that leads back to it, and allows it"


def _sources(view: View) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each event source mapping with its queue."""
    for name, said in view.of("AWS::Lambda::EventSourceMapping").items():
        (queue,) = names_in(said["EventSourceArn"])
        yield name, queue, said


def uploads_are_filtered_by_prefix(view: View) -> Iterator[str]:
    """The prefix is filtered before any function runs; an empty one filters nothing."""
    prefixes = [{"prefix": "photos/"}, {"prefix": "uploads/"}]
    wanted = {"body": {"detail": {"object": {"key": prefixes}}}}
    for name, queue, said in _sources(view):
        criteria = said.get("FilterCriteria")
        filtered = view.resolve(criteria, InputPrefix="photos/")
        patterns = [json.loads(one["Pattern"]) for one in (filtered or {}).get("Filters", [])]
        if (queue == "UploadsQueue") != (patterns == [wanted]):
            yield f"{name} does not filter as it should: {patterns}"
        if view.resolve(criteria, InputPrefix="") is not None:
            yield f"{name} filters although no prefix is set"


def filtered_queues_carry_uploads_only(view: View) -> Iterator[str]:
    """A source's filter deletes what does not match, so nobody else may write to that queue."""
    filtered = {queue for _, queue, said in _sources(view) if "FilterCriteria" in said}
    for owner, statement in view.statements():
        hit = names_in(statement["Resource"]) & filtered
        if hit and "sqs:SendMessage" in listed(statement["Action"]):
            yield f"{owner} may send to {hit}, whose filter would delete it"


def uploads_rule_excludes_results(view: View) -> Iterator[str]:
    """Results of either format never match; no second matcher, because matchers are ORed."""
    formats = view.parameters["OutputFormat"]["AllowedValues"]
    results = [f"*.mark.{one}" for one in formats]
    rules = [_pattern(view, said) for said in view.of("AWS::Events::Rule").values()]
    uploads = [said for said in rules if said.get("source") == ["aws.s3"]]
    if not uploads:
        yield "no rule takes uploads"
    for pattern in uploads:
        detail = pattern.get("detail", {})
        if detail.get("object", {}).get("key") != [{"anything-but": {"wildcard": results}}]:
            yield f"results may come back as uploads: {detail}"
        if len(detail.get("bucket", {}).get("name", [])) != 1:
            yield "uploads to other buckets match"


def _pattern(view: View, said: dict[str, Any]) -> Json:
    return view.resolve(said.get("EventPattern", {}), ResultSuffix=".mark")


RULES = [
    event_targets_have_dead_letter_queues,
    queues_keep_messages_for_a_fortnight,
    queues_are_encrypted,
    event_sources_fail_by_message,
    messages_stay_hidden_while_handled,
    concurrency_is_limited_at_the_sources,
    chains_through_queues_are_allowed,
    uploads_are_filtered_by_prefix,
    filtered_queues_carry_uploads_only,
    uploads_rule_excludes_results,
]
