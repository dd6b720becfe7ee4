"""Queues, bus, secrets and the composition root, in front of AWS on moto."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from cutout import bootstrap
from cutout.adapters.aws import client, s3_client, translated
from cutout.adapters.dynamodb import DynamoJobStore, DynamoTable
from cutout.adapters.messages import EventBridgeAnnouncer, EventBridgeRequests, SqsMessages
from cutout.adapters.polls import StepFunctionsPolls
from cutout.adapters.s3 import S3ImageStore
from cutout.adapters.ssm import SSM_CONFIG, SecretParameter
from cutout.adapters.system import SystemClock
from cutout.errors import ConfigurationError, StorageError
from cutout.models import (
    Announce,
    AttemptEnded,
    Failed,
    JobState,
    Lane,
    ObjectRef,
    PollRequest,
    Prepare,
    ProviderPaused,
    Reason,
    Requested,
    ResultAttributes,
    Wake,
)
from tests.examples import a_job, a_source, a_submitted_job
from tests.stack import create_bucket, create_queue, create_table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.integration

ENDED = AttemptEnded(
    job_id="0" * 32,
    number=1,
    provider="eachlabs",
    prediction_id="prediction-1",
    outcome=Failed(code="provider_failed", message="größe?"),
)
KEY = "/cutout/eachlabs-api-key"


@pytest.fixture(autouse=True)
def aws(fake_account: None) -> Iterator[None]:
    """Answer calls to AWS from moto."""
    with mock_aws():
        yield


class Queues:
    """The internal queues of the template."""

    def __init__(self) -> None:
        self.sqs: SQSClient = client("sqs")
        self.dispatch = create_queue(self.sqs, "DispatchQueue")
        self.completions = create_queue(self.sqs, "CompletionsQueue")
        self.prepare = create_queue(self.sqs, "PrepareQueue")
        self.messages = SqsMessages(self.sqs, self.dispatch, self.completions, self.prepare)

    def bodies(self, url: str) -> list[dict[str, Any]]:
        """Return what can be received from a queue now."""
        got = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]


def test_an_ending_is_said_to_both_queues() -> None:
    """As the JSON that both inboxes read."""
    queues = Queues()

    queues.messages.ended(ENDED)

    said = [ENDED.model_dump(mode="json")]
    assert queues.bodies(queues.dispatch) == said
    assert queues.bodies(queues.completions) == said


@pytest.mark.parametrize(
    "message",
    [Announce(job_id="0" * 32, run=2), ProviderPaused(provider=None, reason="budget_reached")],
)
def test_announcements_go_to_store(message: Announce | ProviderPaused) -> None:
    """`submit` does not hear of them."""
    queues = Queues()

    if isinstance(message, Announce):
        queues.messages.announce(message)
    else:
        queues.messages.paused(message)

    assert queues.bodies(queues.completions) == [message.model_dump(mode="json")]
    assert queues.bodies(queues.dispatch) == []


@pytest.mark.parametrize(("delay_s", "visible"), [(0, 1), (900, 0)])
def test_a_wake_up_comes_after_its_delay(delay_s: int, visible: int) -> None:
    """The longest delay is one SQS accepts."""
    queues = Queues()

    queues.messages.wake(Wake(due_ms=5), delay_s)

    assert len(queues.bodies(queues.dispatch)) == visible
    delayed = queues.sqs.get_queue_attributes(
        QueueUrl=queues.dispatch, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    assert delayed["Attributes"]["ApproximateNumberOfMessagesDelayed"] == str(1 - visible)


def test_odd_sources_are_sent_to_prepare() -> None:
    """And nowhere else."""
    queues = Queues()

    queues.messages.prepare(Prepare(job_id="0" * 32))

    assert queues.bodies(queues.prepare) == [{"type": "prepare", "job_id": "0" * 32}]
    assert queues.bodies(queues.dispatch) == queues.bodies(queues.completions) == []


def test_a_missing_queue_is_a_storage_error() -> None:
    """AWS's exceptions do not leave the adapter."""
    queues = Queues()
    queues.sqs.delete_queue(QueueUrl=queues.dispatch)

    with pytest.raises(StorageError, match="sending a message failed"):
        queues.messages.ended(ENDED)


def listen(source: str = "cutout") -> str:
    """Send every event of a source to a queue; return its URL."""
    events, sqs = client("events"), client("sqs")
    name = source.replace(".", "-")
    url = str(sqs.create_queue(QueueName=f"listener-{name}")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))
    targets = [{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}]
    events.put_targets(Rule=name, Targets=targets)
    return url


@pytest.mark.parametrize(
    ("state", "detail_type"),
    [
        (JobState.SUCCEEDED, "Cutout Job Succeeded"),
        (JobState.FAILED, "Cutout Job Failed"),
        (JobState.SKIPPED, "Cutout Job Skipped"),
    ],
)
def test_an_end_state_is_an_event(state: JobState, detail_type: str) -> None:
    """On the default bus, under Cutout's source."""
    url = listen()
    job = a_job("photos/größe.jpg", state=state, reason=Reason(code="c", message="m"))

    EventBridgeAnnouncer(client("events")).publish(job)

    (event,) = Queues().bodies(url)
    assert (event["source"], event["detail-type"]) == ("cutout", detail_type)
    assert event["detail"]["key"] == "photos/größe.jpg"


def test_a_pause_is_an_event() -> None:
    """With its sentence for people."""
    url = listen()

    EventBridgeAnnouncer(client("events")).publish_pause(
        ProviderPaused(provider="eachlabs", reason="setup", until_ms=0)
    )

    (event,) = Queues().bodies(url)
    assert event["detail-type"] == "Cutout Provider Paused"
    assert event["detail"]["reason"]["code"] == "setup"


def test_objects_are_asked_for_as_anybody_may() -> None:
    """More than one put takes; who listens to what Cutout has done hears nothing of it."""
    url, others = listen("cutout.backfill"), listen("cutout")
    names = {f"photos/{number}.jpg" for number in range(23)}

    EventBridgeRequests(client("events")).ask(
        [ObjectRef(bucket="images", key=name) for name in names]
    )

    found = [event for _ in range(4) for event in Queues().bodies(url)]
    assert {event["detail-type"] for event in found} == {"Cutout Requested"}
    assert {Requested.model_validate(event["detail"]).lane for event in found} == {Lane.BACKFILL}
    assert {event["detail"]["key"] for event in found} == names
    assert Queues().bodies(others) == []


def test_a_request_the_bus_did_not_take_is_an_error() -> None:
    """One of several, too."""
    events = client("events")
    with Stubber(events) as stubber:
        entries = [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]
        stubber.add_response("put_events", {"FailedEntryCount": 1, "Entries": entries})

        with pytest.raises(StorageError, match="ThrottlingException"):
            EventBridgeRequests(events).ask(
                [ObjectRef(bucket="images", key=name) for name in ("a.jpg", "b.jpg")]
            )


def test_an_event_the_bus_did_not_take_is_an_error() -> None:
    """PutEvents says so in its answer and answers 200."""
    events = client("events")
    with Stubber(events) as stubber:
        entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        stubber.add_response("put_events", {"FailedEntryCount": 1, "Entries": [entry]})

        with pytest.raises(StorageError, match="ThrottlingException"):
            EventBridgeAnnouncer(events).publish(a_job(state=JobState.FAILED))


def secret() -> SecretParameter:
    """Return the parameter as the functions read it."""
    return SecretParameter(client("ssm", SSM_CONFIG), KEY, 300, SystemClock())


def test_a_secret_is_read_without_its_line_end() -> None:
    """People paste keys with one."""
    client("ssm").put_parameter(Name=KEY, Value="sk-1\n", Type="SecureString")

    assert secret().value() == "sk-1"


@pytest.mark.parametrize("value", [None, " \n"])
def test_a_missing_or_blank_secret_is_a_wrong_setup(value: str | None) -> None:
    """The message names the parameter."""
    if value is not None:
        client("ssm").put_parameter(Name=KEY, Value=value, Type="SecureString")

    with pytest.raises(ConfigurationError, match=KEY):
        secret().value()


def test_a_secret_that_is_no_secure_string_is_read_all_the_same() -> None:
    """The doctor says what is wrong with that; images are cut out meanwhile."""
    client("ssm").put_parameter(Name=KEY, Value="sk-1", Type="String")

    assert secret().value() == "sk-1"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", ConfigurationError),
        ("AccessDeniedException", ConfigurationError),
        ("403", ConfigurationError),
        ("SlowDown", StorageError),
        ("", StorageError),
    ],
)
def test_failures_of_aws_are_translated(code: str, kind: type[Exception]) -> None:
    """A missing permission is a person's business, the rest may pass."""
    with pytest.raises(kind, match=f"^looking failed: {code}$"), translated("looking failed"):
        raise ClientError({"Error": {"Code": code, "Message": "secret"}}, "GetObject")


def test_an_unreachable_endpoint_is_a_storage_error() -> None:
    """With the kind of failure and without the address."""
    expected = pytest.raises(StorageError, match=r"^looking failed: EndpointConnectionError$")

    with expected, translated("looking failed"):
        raise EndpointConnectionError(endpoint_url="https://secret")


@pytest.mark.parametrize(
    ("reason", "lost"),
    [("ConditionalCheckFailed", True), ("TransactionConflict", True), ("ThrottlingError", False)],
)
def test_a_cancelled_transaction_says_why(reason: str, *, lost: bool) -> None:
    """A lost race is an answer; anything else is an error."""
    dynamodb = client("dynamodb")
    store = DynamoJobStore(DynamoTable(dynamodb, "JobsTable"), 90)
    with Stubber(dynamodb) as stubber:
        stubber.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": "None"}, {"Code": reason}]},
        )

        if lost:
            assert not store.create(a_job())
        else:
            with pytest.raises(StorageError):
                store.create(a_job())


@pytest.mark.parametrize(
    ("operation", "code"), [("head_object", "403"), ("get_object", "AccessDenied")]
)
def test_a_refused_read_is_a_wrong_setup(operation: str, code: str) -> None:
    """403 is not 404: nothing is taken for missing without the right to know."""
    s3 = s3_client()
    images = S3ImageStore(s3, 600)
    reads: dict[str, Callable[[], object]] = {
        "head_object": lambda: images.find_result("b", "k"),
        "get_object": lambda: images.inspect(ObjectRef(bucket="b", key="k")),
    }
    with Stubber(s3) as stubber:
        stubber.add_client_error(operation, code, http_status_code=403)

        with pytest.raises(ConfigurationError):
            reads[operation]()


def test_a_write_that_is_lost_after_its_tags_were_refused_is_lost() -> None:
    """Somebody wrote the name between the two tries."""
    s3 = s3_client()
    images = S3ImageStore(s3, 600)
    attributes = ResultAttributes(content_type="image/png", metadata={})
    with Stubber(s3) as stubber:
        stubber.add_response("get_object_tagging", {"TagSet": [{"Key": "a", "Value": "1"}]})
        stubber.add_client_error("put_object", "AccessDenied", http_status_code=403)
        stubber.add_client_error("put_object", "PreconditionFailed", http_status_code=412)

        source = a_source(tag_count=1)
        assert images.write_result(source, "r.png", io.BytesIO(b"cut"), attributes) is None


def test_a_write_that_is_refused_without_tags_is_a_wrong_setup() -> None:
    """It was not the tags."""
    s3 = s3_client()
    images = S3ImageStore(s3, 600)
    attributes = ResultAttributes(content_type="image/png", metadata={})
    with Stubber(s3) as stubber:
        stubber.add_response("get_object_tagging", {"TagSet": [{"Key": "a", "Value": "1"}]})
        for _ in range(2):
            stubber.add_client_error("put_object", "AccessDenied", http_status_code=403)

        with pytest.raises(ConfigurationError):
            images.write_result(a_source(tag_count=1), "r.png", io.BytesIO(b"cut"), attributes)


@pytest.mark.parametrize(
    ("code", "status", "lost"),
    [
        ("PreconditionFailed", 412, True),
        ("ConditionalRequestConflict", 409, True),
        ("SlowDown", 503, False),
    ],
)
def test_a_refused_write_is_lost_or_an_error(code: str, status: int, *, lost: bool) -> None:
    """Moto knows no 409 of two writers at once, so S3's answers are spelled out here."""
    s3 = s3_client()
    images = S3ImageStore(s3, 600)
    attributes = ResultAttributes(content_type="image/png", metadata={})

    def write() -> str | None:
        return images.write_result(a_source(), "r.png", io.BytesIO(b"cut"), attributes)

    with Stubber(s3) as stubber:
        stubber.add_client_error("put_object", code, http_status_code=status)

        if lost:
            assert write() is None
        else:
            with pytest.raises(StorageError):
                write()


def test_the_clock_tells_utc_milliseconds() -> None:
    """It goes forward, also while sleeping."""
    clock = SystemClock()
    before = clock.now_ms()

    clock.sleep(0.002)

    assert clock.now_ms() - before >= 2
    assert before > 1_700_000_000_000


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create what the functions' environment names."""
    queues = Queues()
    s3 = s3_client()
    bucket = create_bucket(s3)
    client("ssm").put_parameter(Name=KEY, Value="sk-1", Type="SecureString")
    monkeypatch.setenv("CUTOUT_JOBS_TABLE", create_table(client("dynamodb")))
    monkeypatch.setenv("CUTOUT_IMAGES_BUCKET", bucket)
    monkeypatch.setenv("CUTOUT_DISPATCH_QUEUE_URL", queues.dispatch)
    monkeypatch.setenv("CUTOUT_COMPLETIONS_QUEUE_URL", queues.completions)
    monkeypatch.setenv("CUTOUT_WEBHOOK_BASE_URL", "https://api.test/v1")
    s3.put_object(Bucket=bucket, Key="hello.jpg", Body=b"hello")


@pytest.mark.usefixtures("deployed")
def test_submit_is_put_together() -> None:
    """An upload goes through the real adapters to its record and its announcement."""
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord  # noqa: PLC0415

    event = {
        "detail": {
            "bucket": {"name": bootstrap.settings().images_bucket},
            "object": {"key": "hello.jpg"},
        }
    }
    inbox = bootstrap.submit_inbox()

    inbox.handle(SQSRecord({"messageId": "1", "body": json.dumps(event)}))
    inbox.dispatch(60_000)

    (announce,) = Queues().bodies(bootstrap.settings().completions_queue_url)
    found = DynamoTable(client("dynamodb"), "JobsTable").get(f"job#{announce['job_id']}", "job")
    assert found is not None
    assert found["state"] == {"S": "skipped"}


@pytest.mark.usefixtures("deployed")
def test_store_is_put_together() -> None:
    """An announcement goes through the real adapters to the bus."""
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord  # noqa: PLC0415

    url = listen()
    store = DynamoJobStore(DynamoTable(client("dynamodb"), "JobsTable"), 90)
    job = a_submitted_job(state=JobState.FAILED, announced=False)
    store.create(job)
    body = Announce(job_id=job.job_id, run=1).model_dump_json()

    bootstrap.store_completions().handle(SQSRecord({"messageId": "1", "body": body}))

    assert [event["detail-type"] for event in Queues().bodies(url)] == ["Cutout Job Failed"]


@pytest.mark.usefixtures("deployed")
def test_webhook_is_put_together() -> None:
    """It knows its parser, the table and both queues."""
    from cutout.errors import WebhookRejectedError  # noqa: PLC0415

    with pytest.raises(WebhookRejectedError, match="unknown job"):
        bootstrap.webhook_app().receive("eachlabs", "0" * 32, "A" * 43, b'{"exec_id": "1"}')


@pytest.mark.usefixtures("deployed")
def test_poll_is_put_together() -> None:
    """An unknown job's machine stops."""
    request = PollRequest(
        job_id="0" * 32, number=1, provider="eachlabs", prediction_id="1", wait_s=1, until_ms=1
    )

    assert bootstrap.poll_app().ask(request).next == "stop"


def test_a_machine_is_started_with_its_request() -> None:
    """Under the attempt's name, so that a repetition is seen."""
    machines = client("stepfunctions")
    arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:poll"
    request = PollRequest(
        job_id="0" * 32, number=2, provider="eachlabs", prediction_id="1", wait_s=9, until_ms=1
    )
    with Stubber(machines) as stubber:
        expected = {
            "stateMachineArn": arn,
            "name": "0" * 32 + "-2",
            "input": request.model_dump_json(),
        }
        answer = {"executionArn": f"{arn}:1", "startDate": datetime(2026, 1, 15, tzinfo=UTC)}
        stubber.add_response("start_execution", answer, expected)

        StepFunctionsPolls(machines, arn).start(request)

        stubber.assert_no_pending_responses()


@pytest.mark.usefixtures("deployed")
def test_reconcile_is_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    """A round over a stack in which an image waits wakes `submit` and measures."""
    store = DynamoJobStore(DynamoTable(client("dynamodb"), "JobsTable"), 90)
    store.create(a_job())
    app = bootstrap.reconcile_app()

    app.reconciler.run()
    app.gauges.measure()
    app.delivery.look()

    assert Queues().bodies(bootstrap.settings().dispatch_queue_url) == [
        {"type": "wake", "due_ms": 0}
    ]
    assert '"JobsWaiting"' in capsys.readouterr().out
