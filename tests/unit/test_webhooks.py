"""Only the attempt's own provider can make a webhook count; everything else is the same 404."""

import gzip
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutout.errors import ProviderRateLimitedError, StorageError, WebhookRejectedError
from cutout.models import AttemptEnded, Failed, Job, JobState, Succeeded
from cutout.providers.eachlabs import parse_webhook
from cutout.services.webhooks import MAX_BODY_BYTES, Webhooks
from tests.world import World

type Path = tuple[str, str, str]


def payload(**changes: object) -> bytes:
    """Return the seed's webhook body."""
    body = {
        "exec_id": "prediction-1",
        "status": "succeeded",
        "output": "https://cdn.test/1.png",
        "error": "",
    }
    return json.dumps(body | changes).encode()


class Called:
    """A submitted job, and the webhook calls about it."""

    def __init__(self, world: World, job: Job) -> None:
        self.world = world
        self.job = job
        self.token = world.provider.creates[-1].token

    @property
    def path(self) -> Path:
        """Return the good path."""
        return "eachlabs", self.job.job_id, self.token

    def call(self, body: bytes = b"", path: Path | None = None) -> None:
        """Call the webhook."""
        self.world.webhooks.receive(*(path or self.path), body or payload())

    def heard(self) -> list[AttemptEnded]:
        """Return what both queues were told."""
        world = self.world
        assert list(world.messages.dispatch) == list(world.messages.completions)
        return [m for m in world.messages.dispatch if isinstance(m, AttemptEnded)]


@pytest.fixture
def called(world: World) -> Called:
    """Return a submitted job's webhook."""
    return Called(world, world.submitted())


FORGED_PATHS: dict[str, Callable[[Path], Path]] = {
    "no provider": lambda p: ("", p[1], p[2]),
    "other provider": lambda p: ("apiin", p[1], p[2]),
    "provider in capitals": lambda p: ("EACHLABS", p[1], p[2]),
    "no job": lambda p: (p[0], "", p[2]),
    "short job": lambda p: (p[0], p[1][:-1], p[2]),
    "job in capitals": lambda p: (p[0], "A" * 32, p[2]),
    "job with a line end": lambda p: (p[0], p[1] + "\n", p[2]),
    "job with other digits": lambda p: (p[0], "\u0661" * 32, p[2]),
    "unknown job": lambda p: (p[0], "0" * 32, p[2]),
    "no token": lambda p: (p[0], p[1], ""),
    "short token": lambda p: (p[0], p[1], p[2][:-1]),
    "long token": lambda p: (p[0], p[1], p[2] + "A"),
    "padded token": lambda p: (p[0], p[1], p[2][:-1] + "="),
    "wrong token": lambda p: (p[0], p[1], p[2][:-1] + ("A" if p[2][-1] != "A" else "E")),
}


@pytest.mark.parametrize("forge", FORGED_PATHS.values(), ids=FORGED_PATHS.keys())
def test_rejects_a_forged_path(called: Called, forge: Callable[[Path], Path]) -> None:
    """Nothing is enqueued, and the rejection is counted."""
    with pytest.raises(WebhookRejectedError):
        called.call(path=forge(called.path))

    assert called.heard() == []
    assert called.world.metrics.sums["WebhookRejected"] == 1


def test_rejects_a_right_token_at_another_providers_path(called: Called) -> None:
    """With several providers, a token opens the route of its own attempt's provider only."""
    world = called.world
    webhooks = Webhooks(
        store=world.jobs,
        messages=world.messages,
        parsers={"eachlabs": parse_webhook, "other": parse_webhook},
        metrics=world.metrics,
    )

    with pytest.raises(WebhookRejectedError):
        webhooks.receive("other", called.job.job_id, called.token, payload())

    assert called.heard() == []


def test_does_not_read_the_table_for_a_malformed_path(called: Called) -> None:
    """Guessing costs us no database read."""
    called.world.jobs.fail("get", StorageError("was read"))

    with pytest.raises(WebhookRejectedError):
        called.call(path=("eachlabs", called.job.job_id, "guess"))


REJECTED_BODIES = {
    "empty": b" ",
    "not JSON": b"exec_id=prediction-1",
    "not UTF-8": b'{"exec_id": "\xff\xfe"}',
    "a list": b'["prediction-1"]',
    "null": b"null",
    "no id": payload(exec_id=None),
    "empty id": payload(exec_id=""),
    "id is a number": payload(exec_id=1),
    "compressed": gzip.compress(payload()),
    "a form": b"payload=" + payload(),
    "two objects": payload() * 2,
    "id of the job": payload(exec_id={"id": "prediction-1"}),
    "the id twice, the last another's": payload()[:-1] + b', "exec_id": "prediction-2"}',
    "half a character": b'{"exec_id": "prediction-1", "error": "\\ud800"}',
    "another prediction": payload(exec_id="prediction-2"),
    "another spelling": payload(exec_id="Prediction-1"),
    "deep": b'{"exec_id":' + b"[" * 60_000,
    "deep object": b'{"a":' * 10_000,
    "long number": b'{"exec_id": ' + b"9" * 5_000 + b"}",
    "a byte too long": payload().ljust(MAX_BODY_BYTES + 1),
}


@pytest.mark.parametrize("body", REJECTED_BODIES.values(), ids=REJECTED_BODIES.keys())
def test_rejects_a_body_that_is_not_the_providers(called: Called, body: bytes) -> None:
    """With the right path, too."""
    with pytest.raises(WebhookRejectedError):
        called.call(body)

    assert called.heard() == []


def test_accepts_the_longest_body(called: Called) -> None:
    """The limit is inclusive."""
    called.call(payload().ljust(MAX_BODY_BYTES))

    assert len(called.heard()) == 1


def test_rejects_another_jobs_token(called: Called) -> None:
    """A right token opens its own job's path only."""
    other = Called(called.world, called.world.submitted("other.jpg"))

    with pytest.raises(WebhookRejectedError):
        called.call(path=("eachlabs", called.job.job_id, other.token))

    assert called.heard() == []


def test_a_token_speaks_for_its_own_attempt(called: Called) -> None:
    """Attempt 1's token can't end attempt 2."""
    world = called.world
    release = world.endings.settle(world.ended(called.job, failed="no subject"))
    world.clock.advance(2_000)
    world.dispatcher.dispatch([release])
    second = Called(world, world.job(called.job))

    called.call(payload(exec_id="prediction-1"))
    second.call(payload(exec_id="prediction-2"))
    with pytest.raises(WebhookRejectedError):
        called.call(payload(exec_id="prediction-2"))

    assert [ended.number for ended in called.heard()] == [1, 2]


def test_a_withdrawn_attempts_token_is_worth_nothing(world: World) -> None:
    """What was not created can't end."""
    world.provider.script.append(ProviderRateLimitedError("HTTP 429", 5.0))
    withdrawn = Called(world, world.submitted())

    with pytest.raises(WebhookRejectedError):
        withdrawn.call()

    assert withdrawn.heard() == []


def test_says_a_success_to_both_queues(called: Called) -> None:
    """Attempt, prediction and result URL."""
    called.call()

    assert called.heard() == [
        AttemptEnded(
            job_id=called.job.job_id,
            number=1,
            provider="eachlabs",
            prediction_id="prediction-1",
            outcome=Succeeded(result_url="https://cdn.test/1.png"),
        )
    ]


def test_says_a_failure_to_both_queues(called: Called) -> None:
    """With the provider's own sentence."""
    called.call(payload(status="failed", output="", error="no subject"))

    (ended,) = called.heard()
    assert ended.outcome == Failed(code="provider_failed", message="no subject")


def test_accepts_a_call_before_create_was_recorded(world: World) -> None:
    """The provider may be faster than our own write."""
    job = world.upload()
    world.provider.on_create = lambda create: world.webhooks.receive(
        "eachlabs", job.job_id, create.token, payload()
    )

    world.dispatcher.dispatch()

    assert world.job(job).state is JobState.SUBMITTED
    assert [m.number for m in world.messages.dispatch if isinstance(m, AttemptEnded)] == [1]


def test_a_second_call_says_the_same(called: Called) -> None:
    """Duplicates are accepted; what is behind the queues ignores them."""
    called.call()
    called.call()

    first, second = called.heard()
    assert first == second


@pytest.mark.parametrize(
    "status", ["processing", "queued", "SUCCEEDED", "", None, 1, ["succeeded"]]
)
def test_an_unknown_status_is_pending(called: Called, status: object) -> None:
    """It is accepted, and nothing is said."""
    called.call(payload(status=status))

    assert called.heard() == []
    assert called.world.metrics.sums["WebhookRejected"] == 0


def test_a_queue_that_is_away_is_not_a_rejection(called: Called) -> None:
    """The provider is told that it failed, so it may come again."""
    called.world.messages.fail("ended", StorageError("away"))

    with pytest.raises(StorageError):
        called.call()


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_rejected(body: bytes) -> None:
    """There is no third way out of the parser."""
    try:
        prediction_id, _ = parse_webhook(body)
    except WebhookRejectedError:
        return

    assert prediction_id
