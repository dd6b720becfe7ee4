"""The Eachlabs adapter sends what the seed says and understands both its vocabularies."""

import json

import httpx
import pytest

from cutout.errors import (
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderMisconfiguredError,
    ProviderRateLimitedError,
    WebhookRejectedError,
)
from cutout.models import Failed, Outcome, Pending, Submission, Succeeded
from cutout.ports import ApiKey
from cutout.providers.eachlabs import EachlabsProvider, parse_webhook
from cutout.providers.http import new_client
from tests.fake_outside import FakeKey

BASE = "https://api.eachlabs.test/v1"
IMAGE = "https://images.test/shoe.jpg?X-Amz-Signature=fake"
HOOK = "https://api.test/v1/webhooks/eachlabs/1/token"
CREATED = {"status": "success", "predictionID": "prediction-1", "output": "https://not.yet"}


class Eachlabs:
    """A provider that answers the same every time, and its adapter."""

    def __init__(self, answer: httpx.Response, key: ApiKey | None = None) -> None:
        self.requests: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answer

        http = new_client(httpx.MockTransport(handle))
        self.adapter = EachlabsProvider(http, BASE, key or FakeKey("key-1"))


def test_create_sends_the_seeds_request() -> None:
    """Slug, image URL, webhook URL and key; there is no option for the format."""
    eachlabs = Eachlabs(httpx.Response(200, json=CREATED))

    submission = eachlabs.adapter.create(IMAGE, HOOK, "webp")

    (request,) = eachlabs.requests
    assert (request.method, str(request.url)) == ("POST", f"{BASE}/prediction/")
    assert request.headers["X-API-Key"] == "key-1"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {
        "model": "eachlabs-bg-remover-v1",
        "input": {"image_url": IMAGE},
        "webhook_url": HOOK,
    }
    assert submission == Submission(prediction_id="prediction-1", outcome=Pending())


def test_create_without_webhook_sends_none() -> None:
    """A polled prediction has no such field."""
    eachlabs = Eachlabs(httpx.Response(200, json=CREATED))

    eachlabs.adapter.create(IMAGE, None, "png")

    assert "webhook_url" not in json.loads(eachlabs.requests[0].content)


def test_a_refused_key_that_was_rotated_is_replaced() -> None:
    """The request is sent again with the new one: a refused request created nothing."""
    used: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        used.append(request.headers["X-API-Key"])
        return httpx.Response(200 if used[-1] == "key-2" else 401, json=CREATED)

    http = new_client(httpx.MockTransport(handle))
    adapter = EachlabsProvider(http, BASE, FakeKey("key-1", "key-2"))

    submissions = [adapter.create(IMAGE, None, "png") for _ in range(2)]

    assert {submission.prediction_id for submission in submissions} == {"prediction-1"}
    assert used == ["key-1", "key-2", "key-2"]


def test_a_refused_key_that_is_the_newest_is_sent_once() -> None:
    """It is wrong."""
    eachlabs = Eachlabs(httpx.Response(401), FakeKey("key-1"))

    with pytest.raises(ProviderMisconfiguredError):
        eachlabs.adapter.create(IMAGE, None, "png")

    assert len(eachlabs.requests) == 1


def test_another_answer_is_no_reason_for_another_key() -> None:
    """The prediction may exist."""
    eachlabs = Eachlabs(httpx.Response(502), FakeKey("key-1", "key-2"))

    with pytest.raises(MaybeCreatedError):
        eachlabs.adapter.create(IMAGE, None, "png")

    assert len(eachlabs.requests) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"predictionID": ""}', b'{"predictionID": 7}', b"[]", b"<html>"]
)
def test_an_answer_without_an_id_is_maybe_created(body: bytes) -> None:
    """It said 200; what exists there can't be asked for."""
    eachlabs = Eachlabs(httpx.Response(200, content=body))

    with pytest.raises(MaybeCreatedError):
        eachlabs.adapter.create(IMAGE, HOOK, "png")


def test_create_tells_a_wrong_model_from_a_wrong_prediction() -> None:
    """404 at create is the set-up, at status the prediction."""
    eachlabs = Eachlabs(httpx.Response(404, json={"message": "not found"}))

    with pytest.raises(ProviderMisconfiguredError):
        eachlabs.adapter.create(IMAGE, HOOK, "png")
    with pytest.raises(PredictionUnknownError):
        eachlabs.adapter.status("prediction-1")


def test_status_passes_a_rate_limit_on() -> None:
    """With what the provider asked for."""
    eachlabs = Eachlabs(httpx.Response(429, headers={"Retry-After": "3"}))

    with pytest.raises(ProviderRateLimitedError) as caught:
        eachlabs.adapter.status("prediction-1")

    assert caught.value.retry_after_s == 3.0


def test_status_quotes_the_id() -> None:
    """An id is one segment of the path, whatever is in it."""
    eachlabs = Eachlabs(httpx.Response(200, json={"status": "processing"}))

    eachlabs.adapter.status("../keys?x=1")

    assert eachlabs.requests[0].url.raw_path == b"/v1/prediction/..%2Fkeys%3Fx%3D1"


@pytest.mark.parametrize("url", [IMAGE, HOOK])
def test_a_failure_is_told_without_the_secrets_it_quotes(url: str) -> None:
    """A provider may name the URLs it was given; its words go into records, events and logs."""
    poll = Eachlabs(httpx.Response(200, json={"status": "error", "message": f"no {url}"}))
    hook = json.dumps({"exec_id": "1", "status": "failed", "error": f"no answer from {url}"})

    outcomes = [poll.adapter.status("prediction-1"), parse_webhook(hook.encode())[1]]

    for outcome in outcomes:
        assert isinstance(outcome, Failed)
        assert "https://" in outcome.message
        assert "fake" not in outcome.message
        assert "token" not in outcome.message


POLLS: list[tuple[dict[str, object], Outcome]] = [
    ({"status": "processing"}, Pending()),
    ({"status": "queued"}, Pending()),
    ({"status": "Success", "output": "https://cdn.test/1.png"}, Pending()),
    ({}, Pending()),
    (
        {"status": "success", "output": "https://cdn.test/1.png"},
        Succeeded(result_url="https://cdn.test/1.png"),
    ),
    (
        {"status": "success", "output": ""},
        Failed(code="provider_failed", message="it ended without an output"),
    ),
    (
        {"status": "success", "output": ["https://cdn.test/1.png"]},
        Succeeded(result_url="https://cdn.test/1.png"),
    ),
    (
        {"status": "success", "output": ["https://cdn.test/1.png", "https://cdn.test/2.png"]},
        Failed(code="provider_failed", message="it ended without an output"),
    ),
    (
        {"status": "error", "message": "Bad\nimage", "details": "too small"},
        Failed(code="provider_failed", message="Bad image too small"),
    ),
    ({"status": "error"}, Failed(code="provider_failed", message="no reason given")),
]


@pytest.mark.parametrize(("body", "outcome"), POLLS)
def test_status_normalises_what_polls_say(body: dict[str, object], outcome: Outcome) -> None:
    """Unknown words are pending, never done."""
    eachlabs = Eachlabs(httpx.Response(200, json=body))

    assert eachlabs.adapter.status("prediction-1") == outcome


WEBHOOKS: list[tuple[dict[str, object], Outcome]] = [
    (
        {"status": "succeeded", "output": "https://cdn.test/1.png", "error": ""},
        Succeeded(result_url="https://cdn.test/1.png"),
    ),
    (
        {"status": "failed", "output": "", "error": "x" * 999},
        Failed(code="provider_failed", message="x" * 300),
    ),
    (
        {"status": "failed", "error": {"code": 7}},
        Failed(code="provider_failed", message="{'code': 7}"),
    ),
    ({"status": "canceled"}, Pending()),
]


@pytest.mark.parametrize(("body", "outcome"), WEBHOOKS)
def test_parse_webhook_normalises_what_webhooks_say(
    body: dict[str, object], outcome: Outcome
) -> None:
    """`exec_id` is the prediction's id."""
    said = json.dumps({"exec_id": "prediction-1"} | body).encode()

    assert parse_webhook(said) == ("prediction-1", outcome)


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_what_a_webhook_says_can_be_sent_on(status: str) -> None:
    """Strange characters in the provider's words do not break our own queue."""
    body = f'{{"exec_id": "1", "status": "{status}", "output": "https://a/ü", "error": "ü"}}'

    _, outcome = parse_webhook(body.encode())

    assert type(outcome).model_validate_json(outcome.model_dump_json()) == outcome


@pytest.mark.parametrize("field", ["output", "error", "exec_id"])
def test_half_a_character_is_rejected(field: str) -> None:
    r"""JSON may hold "\ud800"; it must not crash what comes after the parser."""
    status = "failed" if field == "error" else "succeeded"
    body = {"exec_id": "1", "status": status, "output": "https://a/1", "error": ""}

    with pytest.raises(WebhookRejectedError):
        parse_webhook(json.dumps(body | {field: "\ud800"}).encode())
