"""Failed jobs and dead letters, taken up again by one command."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.shop import Shop, picture, until
from tools.redrive import __main__ as redrive
from tools.redrive import letters

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

type Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command to its end: its exit code and its report."""

    def main(*options: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        url, name = shop.stack.endpoint_url, shop.stack.stack_name
        code = redrive.main([*options, "--json", "--endpoint-url", url, name])
        *_, report = capsys.readouterr().out.split("\n{\n")  # after log lines, if there are any
        return code, json.loads(report if report.startswith("{") else "{" + report)

    return main


def states(shop: Shop, prefix: str) -> list[str]:
    """Return the states of the jobs below a prefix, by key."""
    return [job["state"] for job in sorted(shop.jobs(prefix), key=lambda job: job["key"])]


def test_tries_failed_jobs_again(shop: Shop, run: Run) -> None:
    """Those of the reason that was named, behind uploads; what is gone is refused."""
    shop.faults({"kind": "create_status", "status": 400, "match": "again/", "times": None})
    for number in range(4):
        shop.put(f"again/{number}.jpg", picture(seed=number))
    until(lambda: states(shop, "again/") == ["failed"] * 4, "four failures")
    until(lambda: all(job["announced"] for job in shop.jobs("again/")), "their events")
    shop.faults()
    shop.s3.delete_object(Bucket=shop.bucket, Key="again/3.jpg")

    assert run()[0] == 1  # nobody says yes
    assert run("--reason", "result_opaque", "--yes") == (
        0,
        {"stack": shop.stack.stack_name, "reopened": 0, "refused": {}},
    )
    code, report = run("--reason", "provider_rejected", "--yes")

    assert (code, report["reopened"], report["refused"]) == (1, 3, {"source_deleted": 1})
    until(
        lambda: states(shop, "again/") == ["succeeded"] * 3 + ["failed"], "three cut-outs and a gap"
    )
    jobs = [job for job in shop.jobs("again/") if job["state"] == "succeeded"]
    assert {(job["lane"], job["run"]) for job in jobs} == {("backfill", 2)}
    assert len(shop.creates("/again/")) == 3


def test_sends_dead_letters_back(shop: Shop, run: Run) -> None:
    """To their own queues; EventBridge's go where its attribute says, the schedule's nowhere."""
    sqs = shop.stack.client("sqs")
    event = {"detail": {"bucket": {"name": shop.bucket}, "object": {"key": "dead/shoe.jpg"}}}
    send(shop.stack, "UploadsDeadLetterQueue", json.dumps(event | {"number": 1}))
    send(shop.stack, "DispatchDeadLetterQueue", '{"type": "wake", "due_ms": 0}')
    uploads = sqs.get_queue_attributes(
        QueueUrl=shop.stack.outputs["UploadsQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    send(shop.stack, "RuleDeadLetterQueue", json.dumps(event | {"number": 2}), target=uploads)
    function = "arn:aws:lambda:us-east-1:000000000000:function:reconcile"
    send(shop.stack, "RuleDeadLetterQueue", "{}", target=function)

    code, report = run("--dead-letters", "--yes")

    assert code == 0
    assert report["moved"] == {
        "UploadsDeadLetterQueue": 1,
        "DispatchDeadLetterQueue": 1,
        "RuleDeadLetterQueue": 1,
    }
    assert report["dropped"] == 1
    until(lambda: shop.logs().count("dead/shoe.jpg") >= 2, "both letters at submit")
    assert run("--dead-letters", "--yes")[1]["moved"] == {}


def send(stack: Stack, queue: str, body: str, target: str = "") -> None:
    """Put a letter into a dead-letter queue, as SQS or EventBridge does."""
    resource = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.stack_name, LogicalResourceId=queue
    )
    attributes: Any = {letters.TARGET: {"DataType": "String", "StringValue": target}}
    stack.client("sqs").send_message(
        QueueUrl=resource["StackResourceDetail"]["PhysicalResourceId"],
        MessageBody=body,
        MessageAttributes=attributes if target else {},
    )
