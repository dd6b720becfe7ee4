"""Throughput against the ceiling of the two limits, and against a hand-written script.

Both run at the same time, each against a sandbox of its own that enforces the limits of its own
key, so that both suffer the same noise of the machine.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any

import httpx

from benchmarks import invocations, pictures, schedule
from benchmarks.peers.script import Task
from benchmarks.plan import Plan
from benchmarks.site import DIRECTORY, Record, Site, fields_of, summary
from local import services
from local.deploy import ROOT
from local.endpoint import Endpoint
from local.guardian import Guardian

CONCURRENT, PER_MINUTE = 10, 100
WINDOW_S = 62
"""The gate remembers the creates of the run before so long; the sandbox forgets them by a reset."""
PEER_BUCKET = "script-images"
BOUNDS = {"concurrency": 9, "rate": 3}
"""Seconds of a prediction with which each limit binds (seed 000: 10 in flight, 100 a minute)."""


@contextmanager
def second_sandbox(endpoint: Endpoint) -> Iterator[str]:
    """Have another sandbox for the script; its URL."""
    directory = DIRECTORY / "script"
    services.prepare(directory)
    with Guardian(directory) as guardian, ExitStack() as undo:
        undo.callback(services.clean, directory)
        options = ("--cut", "flat", "--api-key", "sandbox-key")
        yield services.start_sandbox(undo, directory, endpoint, options, guardian.watch)[1]


def measure(site: Site, peer_url: str, bound: str, plan: Plan) -> dict[str, Any]:
    """Run both, and return what each provider's record says."""
    seconds = BOUNDS[bound]
    bodies = [pictures.drawing(seed) for seed in range(plan.images)]
    keys = [f"{bound}/{number:04d}.jpg" for number in range(plan.images)]
    _fill_bucket(site, keys, bodies)
    time.sleep(WINDOW_S)
    _configure(peer_url, seconds)
    reset_at = site.configure(seconds=seconds)
    script = _start_script(site, peer_url, keys)
    began = time.monotonic()
    for key, body in zip(keys, bodies, strict=True):
        site.put(key, body)
    site.wait(f"{bound}/", plan.images)
    whole = time.monotonic() - began
    output, _ = script.communicate(timeout=600)
    record = site.record()
    theirs = Record.of(httpx.get(f"{peer_url}/_sandbox/report", trust_env=False).json())
    script_seconds = json.loads(output)["seconds"]
    site.quiet()
    return {
        "seconds_each": seconds,
        "cutout": _judge(record, whole),
        "script": _judge(theirs, script_seconds),
        "against_script": round(whole / script_seconds, 4),
        "slots": handovers(site, record, reset_at) if bound == "concurrency" else None,
        "series": {"cutout": _series(record), "script": _series(theirs)},
    }


def handovers(site: Site, record: Record, reset_at: float) -> dict[str, Any]:
    """Return the time between a prediction's end and the next create in its slot, in parts (s)."""
    creates = sorted(record.creates, key=lambda create: create["at"])
    ended = sorted(record.creates, key=lambda create: create["ended_at"])
    submits = _submits(site, reset_at)
    parts: dict[str, list[float]] = {
        "end_to_webhook_answered": [],
        "end_to_submit_started": [],
        "submit_started_to_create": [],
        "end_to_create": [],
    }
    for arrival, end in schedule.handovers(record.arrivals, record.ends, CONCURRENT):
        new, old = creates[arrival], ended[end]
        run = submits.get(new["id"])
        if run is None or old["id"] not in record.webhooks:
            continue
        started = run.started_ms - reset_at * 1000
        parts["end_to_webhook_answered"].append(record.webhooks[old["id"]] - old["ended_at"])
        parts["end_to_submit_started"].append(started - old["ended_at"])
        parts["submit_started_to_create"].append(new["at"] - started)
        parts["end_to_create"].append(new["at"] - old["ended_at"])
    return {
        name: summary([value / 1000 for value in values])
        for name, values in parts.items()
        if values
    }


def _submits(site: Site, since: float) -> dict[str, invocations.Invocation]:
    """Return the run of `submit` that created each prediction."""
    events = site.log(since)["submit"]
    runs = {run.request_id: run for run in invocations.invocations(events)}
    found = (fields_of(event) for event in events)
    return {
        fields["provider_job_id"]: runs[fields["function_request_id"]]
        for fields in found
        if fields.get("message") == "job submitted" and fields["function_request_id"] in runs
    }


def _judge(record: Record, whole: float) -> dict[str, Any]:
    """Return how near the ceiling one of the two came."""
    ceiling = schedule.greedy_makespan_ms(record.durations, CONCURRENT, PER_MINUTE) / 1000
    makespan = (max(record.ends) - min(record.arrivals)) / 1000
    return {
        "images": len(record.creates),
        "ceiling_s": round(ceiling, 2),
        "makespan_s": round(makespan, 2),
        "whole_s": round(whole, 2),
        "share_of_ceiling": round(ceiling / makespan, 4),
        "share_of_ceiling_whole": round(ceiling / whole, 4),
        "rejected_429": record.rejected,
        "most_in_flight": schedule.most_in_flight(record.arrivals, record.ends),
        "most_in_a_minute": schedule.most_in_window(record.arrivals),
    }


def _series(record: Record) -> dict[str, Sequence[tuple[float, int]]]:
    """Return what the plots show; seconds since the first create."""
    first = min(record.arrivals)
    flight = schedule.in_flight(record.arrivals, record.ends)
    rates = schedule.windows(record.arrivals)
    return {
        "in_flight": [((time - first) / 1000, count) for time, count in flight],
        "creates_in_60_s": [((time - first) / 1000, count) for time, count in rates],
    }


def _fill_bucket(site: Site, keys: Sequence[str], bodies: Sequence[bytes]) -> None:
    """Put the script's images into a bucket that tells nobody."""
    site.s3.create_bucket(Bucket=PEER_BUCKET)
    for key, body in zip(keys, bodies, strict=True):
        site.s3.put_object(Bucket=PEER_BUCKET, Key=key, Body=body)


def _configure(url: str, seconds: float) -> None:
    settings: Mapping[str, float] = {"seconds": seconds}
    httpx.put(f"{url}/_sandbox/settings", json=settings, trust_env=False).raise_for_status()
    httpx.post(f"{url}/_sandbox/reset", trust_env=False).raise_for_status()


def _start_script(site: Site, url: str, keys: list[str]) -> subprocess.Popen[str]:
    task = Task(
        endpoint_url=site.stack.endpoint_url, provider_url=url, bucket=PEER_BUCKET, keys=keys
    )
    script = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peers.script"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if script.stdin is not None:
        script.stdin.write(json.dumps(asdict(task)))
        script.stdin.close()
        script.stdin = None
    return script
