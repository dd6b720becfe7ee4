"""House rules about events and queues: each yields what is wrong."""

import json
from collections.abc import Iterator
from typing import Any

from cutout.services.inbox import RESTORED
from tests.template.views import Json, View, listed, names_in

BACK_SOON = {"PrepareQueue", "CompletionsQueue"}
BOUNDED = {"CompletionsQueue"}  # by what is in flight at the providers (docs/decisions/0014)
LEASE_MARGIN_S = 30
LEAST_RECEIVES = 5
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
    """A message stays hidden for six timeouts of its function, or shortly after one on purpose.

    The six are AWS's advice, so that a throttled function is tried again meanwhile, and so is not
    to give up before five receives (Lambda guide, "Using Lambda with Amazon SQS"). Those of
    `BACK_SOON` come one at a time and hold a lease as long as the timeout (docs/decisions/0014).
    """
    for name, queue, said in _sources(view):
        function = view.of("AWS::Lambda::Function")[said["FunctionName"]["Ref"]]
        hidden = view.of("AWS::SQS::Queue")[queue].get("VisibilityTimeout", 30)
        timeout, window = function.get("Timeout", 3), said.get("MaximumBatchingWindowInSeconds", 0)
        single = said.get("BatchSize", 10) == 1 and window == 0
        soon = queue in BACK_SOON and single and hidden >= timeout + LEASE_MARGIN_S
        if hidden < 6 * timeout + window and not soon:
            yield f"{name} may see a message of {queue} too soon"
        receives = view.of("AWS::SQS::Queue")[queue].get("RedrivePolicy", {}).get("maxReceiveCount")
        if (receives or 0) < LEAST_RECEIVES:
            yield f"a message of {queue} is given up while its function is throttled"


def concurrency_is_limited_at_the_sources(view: View) -> Iterator[str]:
    """New accounts have little concurrency: none is reserved, and no queue takes all of it.

    A maximum costs money, because Lambda then asks an empty queue with five pollers instead of two
    (Lambda guide, "Configuring scaling behavior for SQS event source mappings"). So a queue whose
    messages something else bounds has none; an empty setting takes an older one away.
    """
    for name, queue, said in _sources(view):
        most = said.get("ScalingConfig", {}).get("MaximumConcurrency", 0)
        if queue not in BOUNDED and not 2 <= most <= 100:
            yield f"{name} has no sensible maximum of concurrency"
        if queue in BOUNDED and said.get("ScalingConfig") != {}:
            yield f"{name} is asked more often than it needs to be"
    for name, said in view.of("AWS::Lambda::Function").items():
        if "ReservedConcurrentExecutions" in said:
            yield f"{name} reserves concurrency"


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


def uploads_rule_takes_new_and_restored_objects(view: View) -> Iterator[str]:
    """An archived object is skipped at its upload and taken up when it is restored.

    Nothing else that S3 tells of makes an object readable or new (S3 User Guide, "Using
    EventBridge").
    """
    for said in view.of("AWS::Events::Rule").values():
        pattern = _pattern(view, said)
        if pattern.get("source") == ["aws.s3"]:
            kinds = pattern.get("detail-type")
            if kinds != ["Object Created", RESTORED]:
                yield f"the uploads' rule matches {kinds}"


def requests_are_for_one_bucket(view: View) -> Iterator[str]:
    """Of two stacks of an account each takes its own; what names no bucket is counted by all."""
    wanted = {"detail-type": ["Cutout Requested"]}
    found = [
        pattern
        for pattern in (_pattern(view, said) for said in view.of("AWS::Events::Rule").values())
        if pattern.get("detail-type") == wanted["detail-type"]
    ]
    own = {"bucket": ["(ImagesBucket)", {"exists": False}]}
    if found != [wanted | {"detail": own}]:
        yield f"requests are taken as {found}"


def _pattern(view: View, said: dict[str, Any]) -> Json:
    return view.resolve(said.get("EventPattern", {}), ResultSuffix=".mark")


RULES = [
    event_targets_have_dead_letter_queues,
    queues_keep_messages_for_a_fortnight,
    queues_are_encrypted,
    event_sources_fail_by_message,
    messages_stay_hidden_while_handled,
    concurrency_is_limited_at_the_sources,
    uploads_are_filtered_by_prefix,
    filtered_queues_carry_uploads_only,
    uploads_rule_excludes_results,
    uploads_rule_takes_new_and_restored_objects,
    requests_are_for_one_bucket,
]
