"""What the doctor may switch on, after showing the difference and asking."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from tools.doctor import delivery, plumbing
from tools.doctor.findings import Finding, Status
from tools.doctor.rounds import Check
from tools.site import RULE, Site


class ChangedMeanwhileError(Exception):
    """What was shown is not what is there any more."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that can be made.

    Attributes:
        code: of the finding it mends.
        question: what is asked.
        difference: what it changes, as lines of a diff.
        apply: makes it.
        check: looks again afterwards.
        settles_ms: milliseconds until the change is in force.
    """

    code: str
    question: str
    difference: list[str]
    apply: Callable[[], None]
    check: Check
    settles_ms: int = 0


def fixes_for(site: Site, findings: Iterable[Finding]) -> list[Fix]:
    """Return the fixes for what was found."""
    faults = {finding.code for finding in findings if finding.status is Status.FAULT}
    offers = {"bucket.delivery_off": _delivery, "reconcile.disabled": _schedule}
    return [offer(site) for code, offer in offers.items() if code in faults]


def merged(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a notification configuration with EventBridge added and nothing else changed."""
    kept = {k: v for k, v in configuration.items() if k != "ResponseMetadata"}
    return kept | {"EventBridgeConfiguration": {}}


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return how two configurations differ, as lines."""
    one, other = (_text(configuration).splitlines() for configuration in (before, after))
    return list(unified_diff(one, other, "now", "then", lineterm="", n=99))


def _text(configuration: dict[str, Any]) -> str:
    kept = {k: v for k, v in configuration.items() if k != "ResponseMetadata"}
    return json.dumps(kept, indent=2)


def _delivery(site: Site) -> Fix:
    """Switch EventBridge on: S3 replaces the whole configuration, so the rest is sent along."""
    s3, name = site.client("s3"), site.settings.images_bucket
    before = s3.get_bucket_notification_configuration(Bucket=name)

    def apply() -> None:
        now = s3.get_bucket_notification_configuration(Bucket=name)
        if merged(now) != merged(before):
            message = f"The notifications of {name} were changed meanwhile; run the doctor again."
            raise ChangedMeanwhileError(message)
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration=merged(now),
            SkipDestinationValidation=True,  # the others' destinations are not ours to judge
        )

    return Fix(
        "bucket.delivery_off",
        f"Switch EventBridge delivery on for {name}? All other notifications stay",
        difference(before, merged(before)),
        apply,
        lambda one: delivery.check_delivery(one, switched_ms=one.clock.now_ms()),
        delivery.settling_ms(site),
    )


def _schedule(site: Site) -> Fix:
    """Enable the rule that runs reconcile."""
    name = site.resources[RULE, plumbing.SCHEDULE].rpartition("|")[2]

    def apply() -> None:
        site.client("events").enable_rule(Name=name)

    return Fix(
        "reconcile.disabled",
        f"Enable the schedule {name}? Reconcile then runs every minute",
        difference({"State": "DISABLED"}, {"State": "ENABLED"}),
        apply,
        plumbing.check_rules,
    )
