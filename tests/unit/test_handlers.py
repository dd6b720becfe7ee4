"""The functions' handlers, fed with what AWS sends them, in front of the application on fakes."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap, staging
from cutout.backfills import Backfill
from cutout.errors import StorageError
from cutout.gate import Gate
from cutout.models import AttemptEnded, Job, JobState, Submission, Succeeded, Wake
from cutout.services.backfilling import Backfilling
from cutout.tokens import token_hash
from tests.fake_backfills import InMemoryBackfills, RecordingRequests
from tests.fakes import NOON_MS
from tests.world import BUCKET, JPEG, World

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
PREDICTION = "5f1c7d0e-6c1b-4b6f-9a57-2d9e8f1b3c40"
RESULT_URL = "https://cdn.example.com/outputs/5f1c7d0e.png"

type Event = dict[str, Any]
type LoadEvent = Callable[[str], Event]


class Context(LambdaContext):
    """What the runtime tells a handler about its invocation."""

    def __init__(self) -> None:
        self._function_name = "cutout"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:eu-central-1:111122223333:function:cutout"
        self._aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return that it has just begun."""
        return 60_000


def invoke(function: str, event: Event) -> Any:
    """Load a function's app.py as Lambda does, and call its handler."""
    path = FUNCTIONS / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lambda_handler(event, Context())


@pytest.fixture(autouse=True)
def on_fakes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the handlers find the application on fakes."""
    monkeypatch.setattr(bootstrap, "submit_inbox", lambda: world.submit_inbox)
    monkeypatch.setattr(bootstrap, "prepare_inbox", lambda: world.prepare_inbox)
    monkeypatch.setattr(bootstrap, "store_completions", lambda: world.store_inbox)
    monkeypatch.setattr(bootstrap, "webhook_app", lambda: world.webhooks)


def the_job(world: World) -> Job:
    """Return the submitted job that the samples speak of."""
    world.provider.script.append(Submission(prediction_id=PREDICTION))
    return world.submitted("photos/shoe.jpg")


def failures(answer: dict[str, Any]) -> list[str]:
    """Return the ids of the messages that come again."""
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


@pytest.mark.parametrize("case", ["object_created", "object_created_unicode_key"])
def test_submit_submits_an_upload(world: World, load_event: LoadEvent, case: str) -> None:
    """Keys of EventBridge events are plain: what was put is what is presigned."""
    event = load_event(f"submit/{case}")
    key = json.loads(event["Records"][0]["body"])["detail"]["object"]["key"]
    world.images.put(BUCKET, key, JPEG)

    answer = invoke("submit", event)

    assert failures(answer) == []
    (job,) = world.jobs.records.values()
    assert (job.key, job.state) == (key, JobState.SUBMITTED)
    assert len(world.provider.creates) == 1


def test_submit_frees_the_slot_of_an_ended_attempt(world: World, load_event: LoadEvent) -> None:
    """The job itself is left to `store`."""
    job = the_job(world)

    answer = invoke("submit", load_event("submit/attempt_ended"))

    assert failures(answer) == []
    assert not world.gate.gate.holds(job.job_id)
    assert world.job(job).state is JobState.SUBMITTED


def test_submit_looks_at_the_line_when_woken(world: World, load_event: LoadEvent) -> None:
    """A wake-up alone starts who waits."""
    world.upload()

    answer = invoke("submit", load_event("submit/wake"))

    assert failures(answer) == []
    assert world.states() == [JobState.SUBMITTED]


def test_submit_sends_back_only_what_failed(world: World, load_event: LoadEvent) -> None:
    """A message nobody understands does not keep the others from being handled."""
    job = the_job(world)
    event = load_event("submit/mixed_batch")

    answer = invoke("submit", event)

    assert failures(answer) == [event["Records"][2]["messageId"]]
    assert world.job(job).failures == 1
    assert not world.gate.gate.holds(job.job_id)


def test_submit_sends_back_every_message_that_failed(world: World, load_event: LoadEvent) -> None:
    """Even when it is all of them, the answer says so message by message."""
    world.images.fail("inspect", StorageError("away"))
    event = load_event("submit/object_created")

    answer = invoke("submit", event)

    assert failures(answer) == [event["Records"][0]["messageId"]]


def test_submit_raises_when_the_gate_is_away(world: World, load_event: LoadEvent) -> None:
    """Then the whole batch comes again, and no release is lost."""
    job = the_job(world)
    world.gate.fail("read", StorageError("away"))
    with pytest.raises(StorageError):
        invoke("submit", load_event("submit/attempt_ended"))

    invoke("submit", load_event("submit/attempt_ended"))

    assert not world.gate.gate.holds(job.job_id)


def test_submit_takes_the_earlier_of_two_wake_ups_for_done(
    world: World, load_event: LoadEvent
) -> None:
    """Both of one batch are done, so that the next one is sent when it is needed."""
    event = load_event("submit/wake")
    (record,) = event["Records"]
    due_ms = world.clock.now_ms() + 500
    world.gate.gate = Gate(wake_ms=due_ms)
    later = Wake(due_ms=due_ms + 400)
    event["Records"] = [
        record | {"body": Wake(due_ms=due_ms).model_dump_json()},
        record | {"messageId": "2", "body": later.model_dump_json()},
    ]

    invoke("submit", event)

    assert world.gate.gate.wake_ms == 0


def test_prepare_puts_an_odd_source_into_the_line(world: World, load_event: LoadEvent) -> None:
    """From the queue's message to the copy."""
    event = load_event("prepare/prepare")
    job = world.upload("photos/shoe.jpg", JPEG)
    stored = world.job(job)
    world.jobs.replace(stored, staging.begin(stored))

    answer = invoke("prepare", event)

    assert failures(answer) == []
    assert world.job(job).state is JobState.QUEUED
    assert list(world.stage.copies) == [f"staged/{job.job_id}.jpeg"]


def test_prepare_sends_back_what_failed(world: World, load_event: LoadEvent) -> None:
    """The message comes again after the queue's visibility timeout."""
    event = load_event("prepare/prepare")
    world.jobs.fail("get", StorageError("away"))

    answer = invoke("prepare", event)

    assert failures(answer) == [event["Records"][0]["messageId"]]


def test_store_brings_a_result_home(world: World, load_event: LoadEvent) -> None:
    """From the queue's message to the object beside its source."""
    job = the_job(world)
    world.results.bodies[RESULT_URL] = b"a cut-out"

    answer = invoke("store", load_event("store/completion"))

    assert failures(answer) == []
    assert world.job(job).state is JobState.SUCCEEDED
    assert world.images.objects[BUCKET, "photos/shoe.cutout.png"].body == b"a cut-out"


@pytest.mark.parametrize(("received", "state"), [(4, JobState.STORING), (5, JobState.FAILED)])
def test_store_gives_up_at_the_queues_last_delivery(
    world: World, load_event: LoadEvent, received: int, state: JobState
) -> None:
    """The fifth receive is the last one before the dead-letter queue."""
    job = the_job(world)
    event = load_event("store/completion")
    (record,) = event["Records"]
    record["attributes"]["ApproximateReceiveCount"] = str(received)

    answer = invoke("store", event)

    assert world.job(job).state is state
    assert failures(answer) == ([record["messageId"]] if state is JobState.STORING else [])


def test_store_announces_an_end(world: World, load_event: LoadEvent) -> None:
    """What `submit` ended is published here."""
    job = world.upload("photos/shoe.jpg", JPEG)
    stored = world.job(job)
    world.jobs.replace(
        stored, stored.model_copy(update={"state": JobState.FAILED, "announced": False})
    )

    answer = invoke("store", load_event("store/announce"))

    assert failures(answer) == []
    assert [kind for kind, _ in world.announcer.events] == ["Cutout Job Failed"]
    assert world.job(job).announced


def test_store_announces_a_pause(world: World, load_event: LoadEvent) -> None:
    """What the gate noticed is published here, too."""
    answer = invoke("store", load_event("store/provider_paused"))

    assert failures(answer) == []
    assert [kind for kind, _ in world.announcer.events] == ["Cutout Provider Paused"]


def waiting_for(world: World, event: Event) -> Job:
    """Return the samples' job, with the token of the event's path."""
    job = the_job(world)
    stored = world.job(job)
    token = event["pathParameters"]["token"]
    attempt = stored.attempts[0].model_copy(update={"token_sha256": token_hash(token)})
    world.jobs.replace(stored, stored.model_copy(update={"attempts": (attempt,)}))
    return job


@pytest.mark.parametrize("case", ["succeeded", "succeeded_base64"])
def test_webhook_answers_200_and_says_it_to_both_queues(
    world: World, load_event: LoadEvent, case: str
) -> None:
    """The body may come encoded."""
    event = load_event(f"webhook/{case}")
    job = waiting_for(world, event)

    answer = invoke("webhook", event)

    ended = AttemptEnded(
        job_id=job.job_id,
        number=1,
        provider="eachlabs",
        prediction_id=PREDICTION,
        outcome=Succeeded(result_url=RESULT_URL),
    )
    assert answer == {"statusCode": 200, "body": ""}
    assert list(world.messages.dispatch) == [ended]
    assert list(world.messages.completions) == [ended]


@pytest.mark.parametrize(("case", "said"), [("failed", 1), ("unknown_status", 0)])
def test_webhook_answers_200_to_other_news(
    world: World, load_event: LoadEvent, case: str, said: int
) -> None:
    """A failure is passed on, a word nobody knows is not."""
    event = load_event(f"webhook/{case}")
    waiting_for(world, event)

    answer = invoke("webhook", event)

    assert answer == {"statusCode": 200, "body": ""}
    assert len(world.messages.dispatch) == said


@pytest.mark.parametrize(
    "changes",
    [
        {},  # the token is right for no job here
        {"pathParameters": None},
        {"pathParameters": {"provider": "eachlabs"}},
        {"body": None},
        {"body": ""},
        {"body": "{"},
        {"body": "e30=", "isBase64Encoded": True},
    ],
)
def test_webhook_answers_every_rejection_alike(
    world: World, load_event: LoadEvent, changes: dict[str, object]
) -> None:
    """404 without a hint, and nothing enqueued."""
    the_job(world)
    event = load_event("webhook/succeeded") | changes

    answer = invoke("webhook", event)

    assert answer == {"statusCode": 404, "body": ""}
    assert list(world.messages.dispatch) == []


def test_webhook_fails_when_a_queue_is_away(world: World, load_event: LoadEvent) -> None:
    """The provider gets a 5xx and may come again."""
    event = load_event("webhook/succeeded")
    waiting_for(world, event)
    world.messages.fail("ended", StorageError("away"))

    with pytest.raises(StorageError):
        invoke("webhook", event)


def test_backfill_looks_and_finishes(
    world: World, load_event: LoadEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's two orders; the answer to the first is its next input."""
    look, finish = load_event("backfill/look"), load_event("backfill/finish")
    backfills = InMemoryBackfills()
    backfills.write(
        Backfill(backfill_id=look["backfill_id"], prefix="", total=0, batches=1, created_ms=NOON_MS)
    )
    service = Backfilling(
        backfills=backfills,
        jobs=world.jobs,
        images=world.images,
        requests=RecordingRequests(),
        announcer=world.announcer,
        settings=world.settings,
        clock=world.clock,
    )
    monkeypatch.setattr(bootstrap, "backfilling", lambda: service)

    assert invoke("backfill", look)["next"] == "done"
    assert invoke("backfill", finish) is None
    assert [kind for kind, _ in world.announcer.events] == ["Cutout Backfill Finished"]
