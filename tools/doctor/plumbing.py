"""What moves messages: queues, event sources, rules, functions, and the account's quota."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.doctor.findings import Finding, fault, listed, ok, warning
from tools.site import FUNCTION, QUEUE, RULE, SOURCE, UPLOADS_RULE, Site

LOOP_ALARM = "SubmitLoopAlarm"
SCHEDULE = "ReconcileFunctionEveryMinute"
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
_LITTLE_CONCURRENCY = 50
_RECENT_S = 300


def check_dead_letters(site: Site) -> Iterator[Finding]:
    """Is every dead-letter queue empty?"""
    sqs = site.client("sqs")
    counts: dict[str, int] = {}
    for name, url in site.of_type(QUEUE).items():
        if "DeadLetter" in name:
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
            counts[name] = sum(int(found["Attributes"].get(count, 0)) for count in _COUNTS)
    yield from judge_dead_letters(counts)


def judge_dead_letters(counts: Mapping[str, int]) -> Iterator[Finding]:
    """Name the queues that hold messages."""
    for name, count in sorted(counts.items()):
        if count:
            yield fault(
                "queues.dead_letters",
                f"{name} holds {count} message{'s' * (count > 1)}: mend the cause (the function's "
                "log names it), then send them back with make redrive DLQ=1.",
            )
    if not any(counts.values()):
        yield ok("queues.clear", f"All {len(counts)} dead-letter queues are empty.")


def check_sources(site: Site) -> Iterator[Finding]:
    """Does every queue still feed its function?"""
    sources = site.of_type(SOURCE)
    aws = site.client("lambda")
    off = []
    for name, uuid in sources.items():
        state = aws.get_event_source_mapping(UUID=uuid)["State"]
        if state not in ("Enabled", "Enabling", "Updating"):
            off.append(f"{name} is {state}")
    if off:
        yield fault(
            "sources.disabled",
            f"Messages wait because event sources are off: {listed(off)}. Enable them: aws lambda "
            "update-event-source-mapping --enabled --uuid ...",
        )
    else:
        yield ok("sources.enabled", f"All {len(sources)} event sources are enabled.")


def check_rules(site: Site) -> Iterator[Finding]:
    """Are the rule of uploads and the schedule on, and do they lead anywhere?"""
    events = site.client("events")
    for name, physical in site.of_type(RULE).items():
        rule_name = physical.rpartition("|")[2]
        rule = events.describe_rule(Name=rule_name)
        targets = events.list_targets_by_rule(Rule=rule_name)["Targets"]
        yield judge_rule(name, rule["State"], len(targets))
        if name == UPLOADS_RULE:
            yield from judge_pattern(
                rule.get("EventPattern", "{}"),
                site.settings.images_bucket,
                site.settings.result_suffix,
            )


def judge_rule(name: str, state: str, targets: int) -> Finding:
    """Say whether a rule works."""
    if state == "DISABLED" and name == SCHEDULE:
        return fault(
            "reconcile.disabled",
            "The schedule of reconcile is off, so nothing repairs lost webhooks, crashes and "
            "expired leases: run make doctor with FIX=1, or enable the rule.",
        )
    if state == "DISABLED":
        message = f"The rule {name} is off, so nothing it should pass on comes: enable it."
        return fault("rules.disabled", message)
    if not targets:
        return fault("rules.no_target", f"The rule {name} has no target: deploy the stack again.")
    return ok("rules.enabled", f"The rule {name} is on.")


def judge_pattern(pattern: str, bucket: str, suffix: str) -> Iterator[Finding]:
    """Say whether the rule of uploads still has its loop guard and the right bucket."""
    detail = json.loads(pattern).get("detail", {})
    text = json.dumps(detail.get("object", {}))
    if not all(json.dumps(f"*{suffix}.{kind}") in text for kind in ("png", "webp")):
        yield fault(
            "rules.loop_guard",
            f"UploadsRule does not exclude *{suffix}.png and *{suffix}.webp, the results: somebody "
            "changed it by hand; deploy the stack again.",
        )
    if bucket not in detail.get("bucket", {}).get("name", []):
        yield fault("rules.bucket", f"UploadsRule does not name {bucket}: deploy the stack again.")


def check_functions(site: Site) -> Iterator[Finding]:
    """Is every function ready, and allowed to run?"""
    aws = site.client("lambda")
    functions = site.of_type(FUNCTION)
    problems = []
    for name, physical in functions.items():
        state = aws.get_function_configuration(FunctionName=physical)
        reserved = aws.get_function_concurrency(FunctionName=physical)
        problem = judge_function(state, reserved.get("ReservedConcurrentExecutions"))
        if problem:
            problems.append(f"{name} {problem}")
    if problems:
        message = f"Functions can't run: {listed(problems)}. Mend that, or deploy the stack again."
        yield fault("functions.down", message)
    else:
        yield ok("functions.ready", f"All {len(functions)} functions are ready.")


def judge_function(configuration: Mapping[str, Any], reserved: int | None) -> str:
    """Say what keeps a function from running; empty: nothing."""
    if reserved == 0:
        return "has a reserved concurrency of 0"
    for field, good in (("State", ("Active", "Inactive")), ("LastUpdateStatus", ("Successful",))):
        value = configuration.get(field, good[0])
        if value not in good:
            return f"has {field} {value}"
    return ""


def check_loop(site: Site) -> Iterator[Finding]:
    """Does submit wake itself without end? Its alarm tells."""
    name = site.resources.get(("AWS::CloudWatch::Alarm", LOOP_ALARM))
    if name is None:
        yield ok("loop.unwatched", "Monitoring is none, so no alarm counts the runs of submit.")
        return
    alarms = site.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    yield judge_loop([alarm["StateValue"] for alarm in alarms])


def judge_loop(states: Sequence[str]) -> Finding:
    """Say whether submit runs more often than work can cause."""
    if "ALARM" in states:
        return fault(
            "loop.runs",
            "For four hours submit has run far more often than its provider's limits explain. If "
            "no great many images came, it wakes itself: look at its log, and switch its event "
            "sources off (aws lambda update-event-source-mapping --no-enabled --uuid ...).",
        )
    return ok("loop.none", "Submit runs no more often than its work causes.")


def check_quota(site: Site) -> Iterator[Finding]:
    """May enough functions run at once? New accounts get ten."""
    limit = site.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if limit < _LITTLE_CONCURRENCY:
        yield warning(
            "quota.concurrency",
            f"Only {limit} Lambda functions may run at once in this account and region, all stacks "
            "together, and webhooks may be turned away: ask for more in Service Quotas (AWS "
            "Lambda, Concurrent executions).",
        )
    else:
        yield ok("quota.concurrency", f"{limit} Lambda functions may run at once.")


def check_reconcile(site: Site) -> Iterator[Finding]:
    """Has reconcile run in the last five minutes? Its log group tells."""
    group = site.resources.get(("AWS::Logs::LogGroup", "ReconcileLogGroup"), "")
    now_s = time.time()
    if now_s - site.created_s < _RECENT_S:
        yield ok("reconcile.young", "The stack is younger than five minutes; reconcile may start.")
        return
    since_ms = round((now_s - _RECENT_S) * 1000)
    pages = site.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=group, startTime=since_ms, PaginationConfig={"MaxItems": 1})
    if any(page["events"] for page in found):
        yield ok("reconcile.runs", "Reconcile has run in the last five minutes.")
    else:
        yield fault(
            "reconcile.silent",
            "Reconcile has not run for five minutes, though it should every minute: look at its "
            "rule, its function and its log group.",
        )
