"""A user's view of a stack on the local AWS, for the end-to-end tests."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from cutout.adapters.dynamodb import from_item
from local import stack as stacks
from local.stack import Stack

DEADLINE_S = 60
FAST = ("--seconds", "0.5", "--cut", "flat")


def picture(width: int = 120, height: int = 80, seed: int = 0) -> bytes:
    """Return a small JPEG; another seed, another picture."""
    image = Image.new("RGB", (width, height), (235, 235, 235))
    colour = (40 + seed * 37 % 200, 60, 30 + seed * 11 % 200)
    image.paste(colour, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


class Shop:
    """A user's view of one stack: a bucket, and the provider's own report."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.s3 = stack.client("s3")
        self.bucket = stack.outputs["BucketName"]

    def put(self, key: str, body: bytes, **attributes: Any) -> None:
        """Upload an object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **attributes)

    def names(self, prefix: str = "") -> set[str]:
        """Return the keys in the bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def get(self, key: str) -> dict[str, Any]:
        """Return an object with its body read."""
        answer: dict[str, Any] = dict(self.s3.get_object(Bucket=self.bucket, Key=key))
        return answer | {"Body": answer["Body"].read()}

    def jobs(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return the job records whose key begins so, as plain values."""
        client = self.stack.client("dynamodb")
        pages = client.get_paginator("scan").paginate(
            TableName=self.stack.outputs["JobsTableName"], ConsistentRead=True
        )
        items = [item for page in pages for item in page["Items"] if item["sk"]["S"] == "job"]
        found = [from_item(item) for item in items]
        return [job for job in found if job["key"].startswith(prefix)]

    def ledger(self) -> list[dict[str, Any]]:
        """Return the ledger's lines."""
        client = self.stack.client("dynamodb")
        items = client.scan(TableName=self.stack.outputs["JobsTableName"], ConsistentRead=True)
        return [from_item(i) for i in items["Items"] if i["pk"]["S"].startswith("ledger#")]

    def report(self) -> dict[str, Any]:
        """Return what the sandbox saw since the last reset."""
        return dict(httpx.get(f"{self.stack.sandbox_url}/_sandbox/report").json())

    def creates(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return the accepted creates whose image's path contains the prefix."""
        return [
            create
            for create in self.report()["creates"]
            if create["id"] and prefix in httpx.URL(create["image_url"]).path
        ]

    def faults(self, *faults: dict[str, Any]) -> None:
        """Order the sandbox's faults, in place of all earlier ones."""
        answer = httpx.put(f"{self.stack.sandbox_url}/_sandbox/faults", json=list(faults))
        answer.raise_for_status()

    def settings(self, **values: Any) -> None:
        """Change the sandbox's settings."""
        url = f"{self.stack.sandbox_url}/_sandbox/settings"
        httpx.put(url, json=values).raise_for_status()

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue holds, by the name of its output."""
        answer = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs[queue], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def reconcile(self) -> None:
        """Have the round of `reconcile` that comes every minute come now."""
        client = self.stack.client("lambda")
        functions = [one["FunctionName"] for one in client.list_functions()["Functions"]]
        (name,) = [one for one in functions if "ReconcileFunction" in one]
        client.invoke(FunctionName=name, Payload=b"{}")

    def logs(self) -> str:
        """Return everything the functions logged."""
        client = self.stack.client("logs")
        groups = [group["logGroupName"] for group in client.describe_log_groups()["logGroups"]]
        pages = [
            page
            for group in groups
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=group)
        ]
        return "\n".join(event["message"] for page in pages for event in page["events"])


def until(
    condition: Callable[[], Any], what: str | Callable[[], str], deadline_s: float = DEADLINE_S
) -> Any:
    """Return what the condition returns as soon as it is true; fail by name after the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    name = what if isinstance(what, str) else what()
    return pytest.fail(f"{name}: not within {deadline_s} s")


@contextmanager
def deployed(
    params: dict[str, str], directory: Path, options: tuple[str, ...] = FAST
) -> Iterator[Shop]:
    """Have a shop on a stack of its own for the time of the block."""
    with stacks.running(params, directory, sandbox_options=options) as stack:
        _spare(stack)
        yield Shop(stack)


def _spare(stack: Stack) -> None:
    """Have two environments at most for the messages of each queue.

    The local AWS unpacks the layers anew for each environment, which takes a processor a second
    or two: with ten of them for each function the tests would do little else.
    """
    client = stack.client("lambda")
    for one in client.list_event_source_mappings()["EventSourceMappings"]:
        scaling = {"MaximumConcurrency": 2}
        client.update_event_source_mapping(UUID=one["UUID"], ScalingConfig=scaling)
