"""The doctor on one live stack, broken in eleven ways and mended again in between."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from cutout.adapters.dynamodb import DynamoTable
from cutout.adapters.gate_store import DynamoGateStore
from cutout.gate import Gate
from local.stack import Stack
from tests.e2e.shop import Shop, picture, until
from tools.doctor import __main__ as doctor

pytestmark = pytest.mark.e2e

KEY = "/cutout/eachlabs-api-key"
type Look = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def look(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Look:
    """Run the doctor: its exit code, and what is not as it should be, by code."""

    def run(*options: str, every: bool = False) -> tuple[int, dict[str, str]]:
        capsys.readouterr()
        url = shop.stack.endpoint_url
        code = doctor.main([shop.stack.stack_name, "--json", "--endpoint-url", url, *options])
        findings = json.loads(capsys.readouterr().out)["findings"]
        return code, {f["code"]: f["message"] for f in findings if every or f["status"] != "ok"}

    return run


@contextmanager
def delivery_off(stack: Stack) -> Iterator[None]:
    """Take EventBridge out of the bucket's notifications."""
    s3, bucket = stack.client("s3"), stack.outputs["BucketName"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    yield
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


@contextmanager
def policy_denies(stack: Stack) -> Iterator[None]:
    """Let reads come through one endpoint of a VPC only."""
    s3, bucket = stack.client("s3"), stack.outputs["BucketName"]
    kept = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    denial = {
        "Sid": "OnlyByEndpoint",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [*json.loads(kept)["Statement"], denial]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    yield
    s3.put_bucket_policy(Bucket=bucket, Policy=kept)


@contextmanager
def key_put(stack: Stack, **how: Any) -> Iterator[None]:
    """Have the provider's key stored in another way."""
    ssm = stack.client("ssm")
    good = ssm.get_parameter(Name=KEY, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=KEY)
    if how:
        ssm.put_parameter(**{"Name": KEY, "Value": good, "Type": "SecureString"} | how)
    yield
    ssm.put_parameter(
        Name=KEY, Value=good, Type="SecureString", Overwrite=True, KeyId="alias/aws/ssm"
    )


def kms_denied(stack: Stack) -> AbstractContextManager[None]:
    """Encrypt the key with a KMS key of which the functions' roles have no right."""
    return key_put(stack, KeyId=stack.client("kms").create_key()["KeyMetadata"]["Arn"])


@contextmanager
def route_blocked(stack: Stack) -> Iterator[None]:
    """Ask for an API key before the webhook's route."""
    client, api = stack.client("apigateway"), stack.api_url.split("/")[-2]
    resources = client.get_resources(restApiId=api, limit=500)["items"]
    token = next(r["id"] for r in resources if r["path"].endswith("/{token}"))

    def need_key(value: str) -> None:
        client.update_method(
            restApiId=api,
            resourceId=token,
            httpMethod="POST",
            patchOperations=[{"op": "replace", "path": "/apiKeyRequired", "value": value}],
        )

    need_key("true")
    yield
    need_key("")  # the local AWS takes the text "false" for true


@contextmanager
def provider_paused(stack: Stack) -> Iterator[None]:
    """Have the provider refuse an image because its account is empty."""
    shop = Shop(stack)
    shop.faults({"kind": "create_status", "status": 402, "times": None})
    shop.put("paused.jpg", picture())
    until(lambda: store(stack).read().provider("eachlabs").pause_reason, "the pause")
    yield
    shop.faults()
    move(stack, lambda gate: replace(gate, providers={}))


@contextmanager
def budget_reached(stack: Stack) -> Iterator[None]:
    """Have the month's money spent."""
    spent = store(stack).read().spent_microusd
    move(stack, lambda gate: replace(gate, spent_microusd=100_000_000))
    yield
    move(stack, lambda gate: replace(gate, spent_microusd=spent, parked=False))


@contextmanager
def dead_letter(stack: Stack) -> Iterator[None]:
    """Put a message into a dead-letter queue."""
    sqs, url = stack.client("sqs"), stack.outputs["CompletionsDeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    yield
    sqs.purge_queue(QueueUrl=url)


@contextmanager
def reconcile_disabled(stack: Stack) -> Iterator[None]:
    """Switch the schedule off."""
    events = stack.client("events")
    rule = next(r["Name"] for r in events.list_rules()["Rules"] if "EveryMinute" in r["Name"])
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


BREAKS: dict[str, Callable[[Stack], AbstractContextManager[None]]] = {
    "bucket.delivery_off": delivery_off,
    "bucket.policy_denies": policy_denies,
    "provider.key_refused": lambda stack: key_put(stack, Value="another-key"),
    "key.plain": lambda stack: key_put(stack, Type="String"),
    "key.missing": key_put,
    "key.kms_denied": kms_denied,
    "webhook.blocked": route_blocked,
    "gate.paused": provider_paused,
    "gate.budget": budget_reached,
    "queues.dead_letters": dead_letter,
    "reconcile.disabled": reconcile_disabled,
}


def test_finds_a_good_stack_healthy(look: Look) -> None:
    """Nothing but ok, and exit code 0."""
    assert look() == (0, {})


@pytest.mark.parametrize("code", BREAKS)
def test_names_the_fault(shop: Shop, look: Look, code: str) -> None:
    """It alone, with exit code 1."""
    with BREAKS[code](shop.stack):
        exit_code, found = look()

    assert (exit_code, [*found]) == (1, [code])


def test_switches_delivery_on_and_keeps_what_else_is_there(shop: Shop, look: Look) -> None:
    """Merged, after the difference was shown and agreed to; not without that."""
    other: Any = {"Id": "mine", "QueueArn": queue_arn(shop), "Events": ["s3:ObjectRemoved:*"]}
    with delivery_off(shop.stack):
        shop.s3.put_bucket_notification_configuration(
            Bucket=shop.bucket,
            NotificationConfiguration={"QueueConfigurations": [other]},
            SkipDestinationValidation=True,
        )
        refused = look("--fix")
        agreed = look("--fix", "--yes")
        kept = shop.s3.get_bucket_notification_configuration(Bucket=shop.bucket)

    assert [*refused[1]] == ["bucket.delivery_off"]
    assert agreed == (0, {})
    assert "EventBridgeConfiguration" in kept
    assert [one["Id"] for one in kept["QueueConfigurations"]] == ["mine"]


def test_enables_the_schedule_when_told_to(shop: Shop, look: Look) -> None:
    """And finds the stack healthy then."""
    with reconcile_disabled(shop.stack):
        assert look("--fix", "--yes") == (0, {})
        assert look() == (0, {})


def test_sends_one_image_and_removes_it(shop: Shop, look: Look) -> None:
    """Every assumption holds on the sandbox, one image is paid, and no object is left."""
    code, found = look("--send", "--yes", every=True)

    assert code == 0
    assert {"send.outcome", "send.money", "send.timing", "send.result", "send.removed"} <= {*found}
    assert len(shop.creates("/cutout-doctor/")) == 1
    assert shop.names("cutout-doctor/") == set()


def test_sends_nothing_unasked(shop: Shop, look: Look) -> None:
    """Nobody says yes: nothing is paid."""
    created = len(shop.creates("/cutout-doctor/"))

    look("--send")

    assert len(shop.creates("/cutout-doctor/")) == created


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "create_status", "status": 400}, "takes a presigned S3 URL"),
        ({"kind": "result_opaque"}, "the result has transparency"),
    ],
)
def test_says_which_assumption_was_wrong(
    shop: Shop, look: Look, fault: dict[str, Any], words: str
) -> None:
    """By what the provider really did; the test objects are gone nevertheless."""
    shop.faults(fault | {"match": "cutout-doctor"})

    exit_code, found = look("--send", "--yes")

    assert exit_code == 1
    assert words in found["send.outcome"]
    assert shop.names("cutout-doctor/") == set()


def test_cannot_look_at_what_is_not_there(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2: no such stack, no such AWS."""
    assert doctor.main(["nothing", "--endpoint-url", shop.stack.endpoint_url]) == 2
    assert "There is no stack nothing in us-east-1" in capsys.readouterr().out
    assert doctor.main(["cutout", "--endpoint-url", "http://127.0.0.1:9"]) == 2


def store(stack: Stack) -> DynamoGateStore:
    """Return the stack's gate."""
    return DynamoGateStore(DynamoTable(stack.client("dynamodb"), stack.outputs["JobsTableName"]))


def move(stack: Stack, step: Callable[[Gate], Gate]) -> None:
    """Change the gate, whoever else does."""
    gates = store(stack)
    until(lambda: gates.write(step(gates.read())), "a move of the gate")


def queue_arn(shop: Shop) -> str:
    """Return the ARN of a queue that exists."""
    return shop.stack.client("sqs").get_queue_attributes(
        QueueUrl=shop.stack.outputs["DispatchDeadLetterQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
