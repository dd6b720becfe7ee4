"""Somebody who listens to a stack's events."""

import json
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no stubs

from tests.conftest import EVENTS
from tests.e2e.shop import Shop
from tests.stack import TEMPLATE

FRAGMENT = TEMPLATE.parent / "examples" / "events-to-sqs.yaml"
SCHEMAS = {
    f"Cutout Job {end.title()}": json.loads(
        (EVENTS / "schemas" / f"job_{end}.schema.json").read_text("utf-8")
    )
    for end in ("succeeded", "failed", "skipped")
}


class Consumer:
    """Somebody with the queue of examples/events-to-sqs.yaml, who deduplicates."""

    def __init__(self, shop: Shop) -> None:
        cloudformation = shop.stack.client("cloudformation")
        cloudformation.create_stack(StackName="events", TemplateBody=FRAGMENT.read_text("utf-8"))
        cloudformation.get_waiter("stack_create_complete").wait(StackName="events")
        (stack,) = cloudformation.describe_stacks(StackName="events")["Stacks"]
        self._url = stack["Outputs"][0]["OutputValue"]
        self._sqs = shop.stack.client("sqs")
        self.seen: dict[tuple[str, str, int], dict[str, Any]] = {}

    def receive(self) -> dict[tuple[str, str, int], dict[str, Any]]:
        """Return all events so far, by detail-type, job and run."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in messages:
                event = json.loads(message["Body"])
                Draft202012Validator(SCHEMAS[event["detail-type"]]).validate(event)
                detail = event["detail"]
                self.seen[event["detail-type"], detail["job_id"], detail["run"]] = detail
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.seen

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of all ends below a prefix, in order."""
        return sorted(d["key"] for d in self.receive().values() if d["key"].startswith(prefix))
