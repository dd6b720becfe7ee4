"""What AWS charges for an image: requests are counted, milliseconds measured, then priced."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from benchmarks import bill, pictures, prices
from benchmarks.bill import Seen
from benchmarks.capacity import Table, Units
from benchmarks.invocations import Invocation, ingested_bytes, invocations, metrics
from benchmarks.plan import Plan
from benchmarks.site import Site, fields_of, until
from benchmarks.trail import Call, Trail

PREDICTION_SECONDS = 9


def measure(site: Site, plan: Plan) -> dict[str, Any]:
    """Return the list price of 1,000 images that were uploaded at once."""
    site.configure(seconds=PREDICTION_SECONDS)
    watch = Watch(site)
    for number in range(plan.cost_images):
        site.put(f"cost/{number:03d}.jpg", pictures.sample())
    site.wait("cost/", plan.cost_images)
    site.quiet()
    seen, rounds = watch.seen(plan.cost_images)
    return bill.of(seen) | {
        "photo_bytes": len(pictures.sample()),
        "reconcile_per_round": rounds,
        "egress_usd_per_1000": _egress(len(pictures.sample())),
    }


class Watch:
    """Counts everything that a stack does from the moment this is made."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.table = Table.of(items(site))
        self._trail = Trail(site.stack)

    def seen(self, images: int, *, uploads: bool = True) -> tuple[Seen, dict[str, Any]]:
        """Return what was seen so far, and apart from it what one round of reconcile costs."""
        calls = self._trail.calls()
        self._trail.stop()
        since = self._trail.began
        regular = rounds_of(calls)
        units = {"rounds": Units(), "images": Units()}
        for call in calls:  # one by one: both change the same table
            whose = "rounds" if call.identity in regular else "images"
            if call.is_ours:
                units[whose] = units[whose].plus(bill.consumed(self.table, [call]))
        logs = self._site.log(since)
        runs = {name: _runs(events, since) for name, events in logs.items()}
        rounds = runs.pop("reconcile", [])
        return Seen(
            images=images,
            calls=[c for c in calls if c.is_ours and c.identity not in regular],
            units=units["images"],
            runs=runs,
            logs={name: events for name, events in logs.items() if name != "reconcile"},
            memory_mb=self._site.memory_mb(),
            webhooks=len(self._site.record().webhooks),
            polls_s=_executions(self._site, since),
            uploads=uploads,
        ), _per_round(rounds, units["rounds"], logs.get("reconcile", []))


def items(site: Site) -> list[Mapping[str, Any]]:
    """Return everything in the jobs table."""
    pages = site.stack.client("dynamodb").get_paginator("scan")
    table = site.stack.outputs["JobsTableName"]
    return [item for page in pages.paginate(TableName=table) for item in page["Items"]]


def rounds_of(calls: Sequence[Call]) -> set[str]:
    """Return the identities of reconcile: nobody else asks for jobs by where they stand."""
    return {call.identity for call in calls if call.parameters.get("IndexName") == "ByShelf"}


def _runs(events: Sequence[Mapping[str, Any]], since: float) -> list[Invocation]:
    """Return the runs that began since then; a cold start counts as an average warm run.

    How long a cold start takes is measured apart, and how often it happens depends on the traffic.
    """
    fields = [fields_of(event) for event in events]
    cold = {entry["function_request_id"] for entry in fields if entry.get("cold_start") is True}
    runs = [run for run in invocations(events) if run.started_ms >= since * 1000]
    warm = [run.duration_ms for run in runs if run.request_id not in cold]
    if not warm:
        return runs
    return [
        replace(run, duration_ms=fmean(warm)) if run.request_id in cold else run for run in runs
    ]


def _executions(site: Site, since: float) -> list[float]:
    """Return how long each poll machine ran, as soon as all have ended."""
    machine = site.stack.outputs["PollStateMachineArn"]
    client = site.stack.client("stepfunctions")

    def found() -> list[dict[str, Any]]:
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
        every = [entry for page in pages for entry in page["executions"]]
        return [entry for entry in every if entry["startDate"].timestamp() >= since]

    until(lambda: all(e["status"] != "RUNNING" for e in found()), "the poll machines")
    return [(entry["stopDate"] - entry["startDate"]).total_seconds() for entry in found()]


def _per_round(
    rounds: Sequence[Invocation], units: Units, events: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what one round of reconcile takes, on average."""
    if not rounds:
        return {"rounds": 0}
    return {
        "rounds": len(rounds),
        "mean_ms": sum(run.duration_ms for run in rounds) / len(rounds),
        "dynamodb_read_units": units.read / len(rounds),
        "dynamodb_write_units": (units.write + units.index_write) / len(rounds),
        "log_bytes": ingested_bytes(events) / len(rounds),
        "metrics": len(metrics(events)),
    }


def _egress(photo_bytes: int) -> float:
    return prices.table()["egress_gb"].of(photo_bytes * bill.PER / bill.GB)
