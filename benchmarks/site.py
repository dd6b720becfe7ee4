"""A stack under measurement: its bucket, its sandbox, its functions' logs."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean, median, quantiles
from typing import Any

import httpx

from benchmarks import pictures
from local import stack as stacks
from local.console import LocalError
from local.stack import Stack

DIRECTORY = stacks.DIRECTORY / "bench"
PATIENCE_SECONDS = 900
WARM_IMAGES = 20
_LOOK_SECONDS = 0.5


class Site:
    """One stack, with the clients that the measurements need."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.bucket = stack.outputs["BucketName"]
        self.s3 = stack.client("s3")
        self._sandbox = httpx.Client(base_url=stack.sandbox_url, trust_env=False, timeout=30)

    def put(self, key: str, body: bytes) -> None:
        """Upload a JPEG."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="image/jpeg")

    def results(self, prefix: str) -> int:
        """Return how many cut-outs there are below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = (entry["Key"] for page in pages for entry in page.get("Contents", []))
        return sum(key.endswith(".cutout.png") for key in keys)

    def wait(self, prefix: str, count: int) -> None:
        """Wait until that many cut-outs are there."""
        until(lambda: self.results(prefix) >= count, f"{count} cut-outs below {prefix}")

    def has(self, key: str) -> bool:
        """Tell whether an object is there."""
        try:
            self.s3.head_object(Bucket=self.bucket, Key=key)
        except self.s3.exceptions.ClientError:
            return False
        return True

    def configure(self, **settings: float) -> float:
        """Change the sandbox, forget what it saw, and return the wall clock of that moment."""
        self._sandbox.put("/_sandbox/settings", json=settings).raise_for_status()
        before = time.time()
        self._sandbox.post("/_sandbox/reset").raise_for_status()
        return (before + time.time()) / 2

    def record(self) -> "Record":
        """Return what the sandbox saw since then."""
        return Record.of(self._sandbox.get("/_sandbox/report").json())

    def warm_up(self) -> None:
        """Have the environments of all functions started, so that none starts while one measures.

        In AWS they start side by side; here they share the processors and stop everything else.
        """
        self.configure(seconds=1)
        for number in range(WARM_IMAGES):
            self.put(f"warm/{number:03d}.jpg", pictures.sample())
        self.wait("warm/", WARM_IMAGES)
        self.quiet()

    def quiet(self) -> None:
        """Wait until no job is on its way, so that the next measurement starts from rest."""
        time.sleep(3)

    def memory_mb(self) -> dict[str, int]:
        """Return the memory of each function, by the name in the template without `Function`."""
        functions = self.stack.client("lambda").list_functions()["Functions"]
        return {_short(entry["FunctionName"]): entry["MemorySize"] for entry in functions}

    def environments(self) -> dict[str, dict[str, str]]:
        """Return the environment variables of each function."""
        functions = self.stack.client("lambda").list_functions()["Functions"]
        return {
            _short(entry["FunctionName"]): entry["Environment"]["Variables"] for entry in functions
        }

    def log(self, since: float) -> dict[str, list[Mapping[str, Any]]]:
        """Return the log events of each function since a moment."""
        logs = self.stack.client("logs")
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        paginator = logs.get_paginator("filter_log_events")
        start = round(since * 1000)
        return {
            group.rsplit("/", 1)[-1].split("LogGroup")[0].lower(): [
                event
                for page in paginator.paginate(logGroupName=group, startTime=start)
                for event in page["events"]
            ]
            for group in groups
            if "LogGroup" in group  # the state machines' one is no function's
        }


@dataclass(frozen=True)
class Record:
    """What a sandbox saw; `creates` are the accepted ones, times in ms since its reset."""

    creates: Sequence[Mapping[str, Any]]
    webhooks: Mapping[str, int]
    rejected: int
    polls: int
    _raw: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> "Record":
        """Read the sandbox's report."""
        creates = [
            create
            | {"at": round(create["at"] * 1000), "ended_at": round(create["ended_at"] * 1000)}
            for create in report["creates"]
            if create["id"] and create["ended_at"] is not None
        ]
        webhooks = {hook["prediction_id"]: round(hook["at"] * 1000) for hook in report["webhooks"]}
        return cls(creates, webhooks, report["rejected_429"], report["polls"], report)

    @property
    def arrivals(self) -> list[int]:
        """Return when creates arrived."""
        return [create["at"] for create in self.creates]

    @property
    def ends(self) -> list[int]:
        """Return when predictions ended."""
        return [create["ended_at"] for create in self.creates]

    @property
    def durations(self) -> list[int]:
        """Return how long each ran, in the order of arrival."""
        found = sorted(self.creates, key=lambda create: create["at"])
        return [create["ended_at"] - create["at"] for create in found]


@contextmanager
def deployed(
    params: Mapping[str, str], name: str, options: Sequence[str], *, warm: bool = True
) -> Iterator[Site]:
    """Have a stack of its own, warmed up, for the time of the block."""
    with stacks.running(params, DIRECTORY / name, sandbox_options=options) as stack:
        if warm:
            stacks.warm_up(stack)
        yield Site(stack)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something, patiently.

    Raises:
        LocalError: it did not come.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            message = f"The benchmark waited {PATIENCE_SECONDS} s in vain for {what}."
            raise LocalError(message)
        time.sleep(_LOOK_SECONDS)


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return count, mean, median and 95th percentile."""
    tail = quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return {
        "count": len(values),
        "mean": round(fmean(values), 4),
        "median": round(median(values), 4),
        "p95": round(tail, 4),
    }


def fields_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a structured log event; none for a plain line."""
    message = event["message"]
    return dict(json.loads(message)) if message.startswith("{") else {}


def _short(function_name: str) -> str:
    return function_name.split("-")[1].removesuffix("Function").lower()
