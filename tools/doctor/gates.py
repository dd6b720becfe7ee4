"""The gate, the line and the jobs: what waits, and what failed."""

import time
from collections import Counter
from collections.abc import Iterator

from cutout.adapters.dynamodb import DynamoJobStore, DynamoLine
from cutout.adapters.gate_store import DynamoGateStore
from cutout.adapters.lists import DynamoJobLists
from cutout.gate import Gate, ProviderSide, month_of
from cutout.models import END_STATES, JobState
from cutout.settings import Settings
from tools.doctor.findings import Finding, fault, ok, warning
from tools.site import Site

STALE_MS = 180_000  # a lease that ended is dropped by the next minute's reconcile
DAY_MS = 86_400_000
MOST_FAILED = 200
MOST_OPEN = 50  # of each state: one job of another bucket is enough to say so
_OPEN = [state for state in JobState if state not in END_STATES]
_NEARLY = 0.9
_REMEDIES = {
    "setup": "it refused the key or does not know the model: check the key",
    "out_of_credit": "its account is out of credit: top it up",
    "unavailable": "it answered with errors several times in a row: look at its status page",
}


def check_gate(site: Site) -> Iterator[Finding]:
    """Is anything between a waiting image and the provider?"""
    gate = DynamoGateStore(site.table()).read()
    now_ms = round(time.time() * 1000)
    waiting = DynamoLine(site.table()).size()
    yield from judge_gate(gate, site.settings, waiting, now_ms)


def judge_gate(gate: Gate, settings: Settings, waiting: int, now_ms: int) -> Iterator[Finding]:
    """Say what closes the gate; nothing: it is open."""
    problems = [
        *(p for n in settings.providers for p in _paused(n, gate.provider(n), now_ms)),
        *_budget(gate, settings, waiting, now_ms),
        *(p for name, side in gate.providers.items() for p in _stale(name, side, now_ms)),
    ]
    yield from problems
    if not problems:
        yield ok("gate.open", f"The gate is open; {waiting} images wait.")


def check_failures(site: Site) -> Iterator[Finding]:
    """Which jobs failed in the last day, and why?"""
    lists = DynamoJobLists(site.table())
    store = DynamoJobStore(site.table(), site.settings.job_retention_days)
    since_ms = round(time.time() * 1000) - DAY_MS
    places = lists.on_shelf(JobState.FAILED, MOST_FAILED)
    recent = [store.get(place.job_id) for place in places if place.at_ms >= since_ms]
    reasons = Counter(job.reason.code for job in recent if job is not None and job.reason)
    yield judge_failures(reasons)


def check_other_buckets(site: Site) -> Iterator[Finding]:
    """Are jobs in flight that belong to another bucket than the stack's?"""
    lists = DynamoJobLists(site.table())
    store = DynamoJobStore(site.table(), site.settings.job_retention_days)
    places = [place for state in _OPEN for place in lists.on_shelf(state, MOST_OPEN)]
    found = [store.get(place.job_id) for place in places]
    buckets = Counter(job.bucket for job in found if job is not None and not job.is_over)
    yield from judge_buckets(buckets, site.settings.images_bucket)


def judge_buckets(buckets: Counter[str], own: str) -> Iterator[Finding]:
    """Name the buckets of open jobs that the functions have no rights to any more."""
    others = {name: count for name, count in buckets.items() if name != own}
    if not others:
        yield ok("jobs.own_bucket", "All open jobs are of the stack's bucket.")
    for name, count in others.items():
        yield warning(
            "jobs.other_bucket",
            f"{count} open jobs are of the bucket {name}, which the stack had before: the "
            "functions may neither read nor write it any more. Deploy with that BucketName until "
            "they are done (docs/operations.md, Changing the bucket).",
        )


def judge_failures(reasons: Counter[str]) -> Finding:
    """Name the reasons by their number."""
    if not reasons:
        return ok("jobs.fine", "No job failed in the last day.")
    least = "at least " if reasons.total() >= MOST_FAILED else ""
    parts = ", ".join(f"{count} {code}" for code, count in reasons.most_common())
    return warning(
        "jobs.failed",
        f"In the last day {least}{reasons.total()} images failed: {parts}. Each job's reason says "
        "more (GET /jobs?state=failed); once the cause is mended, make redrive tries them again.",
    )


def _paused(name: str, side: ProviderSide, now_ms: int) -> Iterator[Finding]:
    """Say that and why a provider is paused."""
    left_s = max(0, side.paused_until_ms - now_ms) / 1000
    if side.pause_reason:
        why = _REMEDIES.get(side.pause_reason, side.pause_reason)
        when = f"in {left_s:.0f} s" if left_s else "with the next image"
        message = f"{name} is paused ({side.pause_reason}), since {why}. It is tried again {when}."
        yield fault("gate.paused", message)
    elif left_s:
        message = f"{name} asked to slow down (429); it goes on by itself in {left_s:.0f} s. Often?"
        yield warning("gate.rate_limited", f"{message} Then another program uses the same key.")


def _budget(gate: Gate, settings: Settings, waiting: int, now_ms: int) -> Iterator[Finding]:
    """Say how much of the month's budget is left."""
    cap = settings.monthly_budget_usd
    if not cap:
        return
    spent = gate.spent_microusd if gate.month == month_of(now_ms) else 0
    least = min(settings.provider(name).price_microusd for name in settings.providers)
    figures = f"${spent / 1e6:.2f} of ${cap / 1e6:.2f}"
    if spent + least > cap:
        yield fault(
            "gate.budget",
            f"The month's budget is used up ({figures}), and {waiting} images wait for the next "
            "month: raise MonthlyBudgetUsd if they shall not.",
        )
    elif spent >= _NEARLY * cap:
        yield warning("gate.budget_low", f"The month's budget is nearly used up: {figures}.")


def _stale(name: str, side: ProviderSide, now_ms: int) -> Iterator[Finding]:
    """Say that slots are held by leases that ended: nothing moves the gate any more."""
    stale = [slot for slot in side.slots.values() if slot.until_ms < now_ms - STALE_MS]
    if stale:
        yield fault(
            "gate.stuck",
            f"{len(stale)} slots of {name} are held past the end of their lease: reconcile frees "
            "them every minute, so it does not run; look at its log.",
        )
