"""API in One's adapter reads every answer that its two contradicting descriptions allow."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutout.errors import (
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
    StorageError,
)
from cutout.models import Failed, Outcome, Pending, Succeeded
from cutout.providers.apiin import ApiinProvider
from tests.fake_outside import FakeKey

INPUT = "https://images.s3.eu-central-1.amazonaws.com/a%20b.jpg?X-Amz-Security-Token=t&X-Amz-Signature=s"
URL = "https://cdn.apiin.one/out/1.png?sig=abc"
OTHER = "https://cdn.apiin.one/out/2.png"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
WEBP = b"RIFF\x28\x00\x00\x00WEBPVP8L" + bytes(40)
PNG64 = base64.b64encode(PNG).decode()
WEBP64 = base64.b64encode(WEBP).decode()
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
JPEG64 = base64.b64encode(JPEG).decode()
JSON = "application/json"
DONE = Succeeded(result_url=URL)

type Handler = Callable[[httpx.Request], httpx.Response]


class Kept:
    """A store of bytes that remembers what it was given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.images: list[tuple[bytes, str]] = []
        self.error = error

    def put(self, data: bytes, content_type: str) -> str:
        """Keep the bytes, or fail as told."""
        if self.error:
            raise self.error
        self.images.append((data, content_type))
        return f"s3://staging/results/{len(self.images)}"


def adapter(
    handler: Handler, kept: Kept | None = None, *, max_bytes: int = 10_000
) -> ApiinProvider:
    """Return the adapter in front of a handler."""
    http = httpx.Client(transport=httpx.MockTransport(handler))
    return ApiinProvider(http, "https://apiin.one", FakeKey(), kept or Kept(), max_bytes)


def answering(body: object, content_type: str = JSON, kept: Kept | None = None) -> ApiinProvider:
    """Return the adapter in front of a provider that always says the same with 200."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": content_type}
    return adapter(lambda _: httpx.Response(200, headers=headers, content=content), kept)


def failing(status: int, **more: object) -> ApiinProvider:
    """Return the adapter in front of a provider that answers with an HTTP error."""
    return adapter(lambda _: httpx.Response(status, **more))  # type: ignore[arg-type]


def create(provider: ApiinProvider) -> tuple[str, Outcome]:
    """Create a prediction and return its id and outcome."""
    submission = provider.create(INPUT, None, "png")
    return submission.prediction_id, submission.outcome


def test_create_sends_the_seeds_request() -> None:
    """The request has the seed's path, header and fields, and no webhook."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"task_id": "t"})

    adapter(handler).create(INPUT, "https://hooks.example.com/secret", "webp")

    assert (seen[0].method, str(seen[0].url)) == (
        "POST",
        "https://apiin.one/api/v1/images/tools/remove-bg",
    )
    assert seen[0].headers["Authorization"] == "Bearer key"
    assert json.loads(seen[0].content) == {
        "model": "bg-remover",
        "image": INPUT,
        "output_format": "webp",
    }


def test_status_asks_for_the_task() -> None:
    """The id stays one segment of the path, whatever is in it."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "pending"})

    adapter(handler).status("a/b?c")

    assert (seen[0].method, seen[0].url.raw_path) == ("GET", b"/api/v1/tasks/a%2Fb%3Fc")
    assert seen[0].headers["Authorization"] == "Bearer key"


@pytest.mark.parametrize(
    "refusal", [httpx.Response(401), httpx.Response(200, json={"success": False, "code": 401})]
)
def test_a_refused_key_that_was_rotated_is_replaced(refusal: httpx.Response) -> None:
    """Whether the refusal is the status or stands in a 2xx answer."""
    used: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        used.append(request.headers["Authorization"])
        return httpx.Response(200, json={"task_id": "t"}) if "new" in used[-1] else refusal

    http = httpx.Client(transport=httpx.MockTransport(handler))
    provider = ApiinProvider(http, "https://apiin.one", FakeKey("old", "new"), Kept())

    assert create(provider) == ("t", Pending())
    assert used == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    "body",
    [
        {"task_id": "t1"},
        {"taskId": "t1", "status": "queued"},
        {"id": "t1", "status": "starting", "error": None, "output": None},
        {"id": "request", "data": {"task_id": "t1"}},
        {"id": "request", "data": {"id": "t1", "status": "pending"}},
        {"id": "request", "data": {"task": {"id": "t1"}}},
        {"task": {"id": "t1", "state": "PENDING"}},
        {"result": {"task_id": "t1"}},
        {"output": {"job_id": "t1"}},
        {"prediction_id": "t1", "id": "request"},
        {"code": 0, "message": "ok", "data": {"taskId": "t1"}},
        {"code": 200, "data": [{"task_id": "t1"}]},
        {"success": True, "error": "", "data": {"task_id": "t1", "status": "submitted"}},
        {"status": "success", "task_id": "t1"},
        {"status": "succeeded", "data": {"task_id": "t1", "status": "processing"}},
        {"status": 202, "task_id": "t1"},
        {"task_id": "t1", "image": INPUT},
        {"task_id": "t1", "data": {"image_url": INPUT, "url": INPUT.partition("?")[0]}},
        {"task_id": "t1", "url": "https://images.s3.eu-central-1.amazonaws.com/a b.jpg"},
        {"task_id": "t1", "url": "https://apiin.one/api/v1/tasks/t1"},
        {"task_id": "t1", "input": {"url": OTHER}},
        {"task_id": "t1", "status": "finalizing", "result": URL},
        {"task_id": "t1", "status": "processing", "result_url": URL},
        {"task_id": "t1", "results": [{"state": "running", "url": URL}]},
        {"task_id": "t1", "code": 1001},
    ],
    ids=str,
)
def test_create_finds_the_task(body: object) -> None:
    """A task is found where such APIs put it, and nothing beside it is taken for the result."""
    assert create(answering(body)) == ("t1", Pending())


def test_numeric_id_becomes_text() -> None:
    """An id that is a number is as good as any."""
    assert create(answering({"task_id": 17}))[0] == "17"


@pytest.mark.parametrize(
    "body",
    [
        URL,
        [URL],
        {"url": URL},
        {"image": URL},
        {"image_url": URL},
        {"imageUrl": f" {URL} "},
        {"result": URL},
        {"result": "success", "output": URL},
        {"result": {"url": URL}},
        {"output": [URL, OTHER]},
        {"output": [{"url": URL}]},
        {"output": {"images": [{"url": URL}]}},
        {"result_url": URL, "url": OTHER},
        {"output_url": URL, "image": INPUT},
        {"image": INPUT, "result": {"image": URL}},
        {"image": INPUT, "data": {"image": {"url": URL}}},
        {"images": [INPUT, URL]},
        {"code": 200, "message": "success", "data": {"url": URL}},
        {"code": "200", "data": URL},
        {"data": {"result": {"output_url": URL}}},
        {"data": [{"url": URL}]},
        {"status": "success", "result": URL},
        {"status": "ok", "url": URL},
        {"status": True, "output": URL},
        {"success": True, "data": {"status": "Completed", "image": URL}},
        {"status": None, "url": URL},
        {"status": "", "url": URL},
        {"code": 1001, "url": URL},
        {"data": {"image": OTHER}, "task": {"result_url": URL}},
        *(
            {name: URL}
            for name in (
                *("result_url", "result_urls", "output_url", "output_urls", "results"),
                *("outputs", "download_url", "result_image", "output_image", "processed_image"),
                *("processedImageUrl", "file", "fileUrl", "link"),
            )
        ),
        {"file": {"url": URL}},
        {"response": {"url": URL}},
        URL.encode(),
        f" {URL}\n".encode(),
    ],
    ids=str,
)
def test_create_finds_the_direct_result(body: object) -> None:
    """A URL is found where such APIs put it; the echoed input is not it."""
    prediction_id, outcome = create(answering(body))

    assert outcome == DONE
    assert prediction_id.startswith("direct-")


def test_create_knows_the_input_when_it_sees_it() -> None:
    """A result that is presigned as our inputs are is taken, since it is not the input."""
    url = "https://other.s3.amazonaws.com/1.png?X-Amz-Security-Token=z"

    assert create(answering({"image": url}))[1] == Succeeded(result_url=url)


def test_direct_result_keeps_the_id_it_came_with() -> None:
    """A task that is done at once keeps its id."""
    assert create(answering({"task_id": "t1", "status": "done", "url": URL})) == ("t1", DONE)


def test_direct_ids_are_unique() -> None:
    """No two direct results share an id."""
    provider = answering({"url": URL})

    ids = {create(provider)[0] for _ in range(20)}

    assert len(ids) == 20


@pytest.mark.parametrize(
    ("body", "content_type", "image", "kept_type"),
    [
        (PNG, "image/png", PNG, "image/png"),
        (WEBP, "image/webp", WEBP, "image/webp"),
        (PNG, "application/octet-stream", PNG, "image/png"),
        (WEBP, "", WEBP, "image/webp"),
        (WEBP, "image/png", WEBP, "image/webp"),
        (b"cut short", "image/png; q=1", b"cut short", "image/png"),
        ({"image": f"data:image/png;base64,{PNG64}"}, JSON, PNG, "image/png"),
        ({"data": f"DATA:image/webp;BASE64,{WEBP64}"}, JSON, WEBP, "image/webp"),
        ({"data": {"result": [f"data:image/png;base64,{PNG64}"]}}, JSON, PNG, "image/png"),
        ({"output": f"data:image/png;name=a.png;base64,{PNG64}"}, JSON, PNG, "image/png"),
        ({"data": [{"b64_json": PNG64}]}, JSON, PNG, "image/png"),
        ({"image_base64": WEBP64}, JSON, WEBP, "image/webp"),
        ({"imageBase64": f"{PNG64[:20]}\n{PNG64[20:]}"}, JSON, PNG, "image/png"),
        ({"image_base64": f"data:image/png;base64,{PNG64}"}, JSON, PNG, "image/png"),
        ({"image": {"base64": PNG64}}, JSON, PNG, "image/png"),
        ({"image": PNG64}, JSON, PNG, "image/png"),
        ({"b64_json": JPEG64}, JSON, JPEG, "image/jpeg"),
        ({"image": "data:image/avif;base64,aGVsbG8="}, JSON, b"hello", "image/avif"),
        ({"image": INPUT, "result": WEBP64, "status": "success"}, JSON, WEBP, "image/webp"),
        (f"data:image/png;base64,{PNG64}".encode(), "text/plain", PNG, "image/png"),
        (PNG64.encode(), "text/plain", PNG, "image/png"),
    ],
)
def test_bytes_are_kept(body: object, content_type: str, image: bytes, kept_type: str) -> None:
    """An image in the answer goes to the store, with the type that its bytes have."""
    kept = Kept()

    _, outcome = create(answering(body, content_type, kept))

    assert outcome == Succeeded(result_url="s3://staging/results/1")
    assert kept.images == [(image, kept_type)]


def test_task_may_end_with_bytes() -> None:
    """A status answer may hold the image, too, as JSON or as its body."""
    kept = Kept()
    body = {"task_id": "t1", "image": f"data:image/png;base64,{PNG64}"}

    outcomes = [
        answering(body, kept=kept).status("t1"),
        answering(WEBP, "image/webp", kept).status("t1"),
    ]

    assert outcomes == [Succeeded(result_url=f"s3://staging/results/{n}") for n in (1, 2)]
    assert kept.images == [(PNG, "image/png"), (WEBP, "image/webp")]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({}, JSON),
        ([], JSON),
        ("hello", JSON),
        (7, JSON),
        (b"", JSON),
        (b"", "image/png"),
        (b"<html>", "text/html"),
        (b"[" * 100_00, JSON),
        (b"\xff\xfe{", JSON),
        ({"status": "success"}, JSON),
        ({"code": 200, "message": "ok", "data": None}, JSON),
        ({"status": "processing", "url": URL}, JSON),
        ({"image": INPUT}, JSON),
        ({"output": "s3://staging/results/1"}, JSON),
        ({"output": "/files/1.png"}, JSON),
        ({"output": "https://[bad"}, JSON),
        ({"output": "https:///1.png"}, JSON),
        ({"output": "https://cdn.apiin.one/a\nb.png"}, JSON),
        (json.loads('{"data":' * 20 + f'"{URL}"' + "}" * 20), JSON),
        ({"result": "data:image/png;base64,"}, JSON),
        ({"result": "data:image/png;base64,???"}, JSON),
        ({"result": "data:text/html;base64,PGh0bWw+"}, JSON),
        ({"image_base64": "aGVsbG8="}, JSON),
        ({"task_id": ""}, JSON),
        ({"task_id": True}, JSON),
        ({"task_id": "x" * 201}, JSON),
        ({"task_id": "a\nb"}, JSON),
        ({"code": 1, "message": "queued"}, JSON),
    ],
    ids=lambda value: str(value)[:40],
)
def test_answer_without_task_or_result_may_have_created(body: object, content_type: str) -> None:
    """A 2xx that names neither a task nor a result may have cost something."""
    with pytest.raises(MaybeCreatedError):
        create(answering(body, content_type))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"success": False, "message": "no face"}, ProviderRejectedError),
        ({"ok": False, "url": URL}, ProviderRejectedError),
        ({"status": False, "msg": "no"}, ProviderRejectedError),
        ({"error": "no image there"}, ProviderRejectedError),
        ({"error": {"message": "bad format"}}, ProviderRejectedError),
        ({"data": {"error": "bad format"}}, ProviderRejectedError),
        ({"errors": ["bad format"]}, ProviderRejectedError),
        ({"status": "error", "message": "bad format"}, ProviderRejectedError),
        ({"status": "failed", "url": URL}, ProviderRejectedError),
        ({"code": 400, "message": "bad image"}, ProviderRejectedError),
        ({"code": 1001, "message": "bad image"}, ProviderRejectedError),
        ({"code": 300, "message": "bad image"}, ProviderRejectedError),
        ({"code": 401, "message": "no key"}, ProviderMisconfiguredError),
        ({"code": "403", "message": "no key"}, ProviderMisconfiguredError),
        ({"code": 404, "message": "no such model"}, ProviderMisconfiguredError),
        ({"status": 401, "error": "Unauthorized"}, ProviderMisconfiguredError),
        ({"statusCode": 401, "message": "no key"}, ProviderMisconfiguredError),
        ({"error_code": 401, "message": "no key"}, ProviderMisconfiguredError),
        ({"code": 402, "message": "no credits"}, ProviderOutOfCreditError),
        ({"code": 40201, "message": "no credits"}, ProviderOutOfCreditError),
        ({"success": False, "error": {"code": 402}}, ProviderOutOfCreditError),
        ({"status": "error", "error": {"code": 402}}, ProviderOutOfCreditError),
        ({"error": {"status": 429, "message": "slow down"}}, ProviderRateLimitedError),
        ({"code": 429, "task_id": "t1"}, ProviderRateLimitedError),
        ({"code": 500, "message": "oops"}, ProviderUnavailableError),
        ({"code": 504, "message": "upstream"}, MaybeCreatedError),
    ],
    ids=str,
)
def test_refusal_inside_a_2xx_answer(body: object, expected: type[ProviderError]) -> None:
    """An envelope that says no is believed before the HTTP status; its code says what it means."""
    with pytest.raises(ProviderError) as caught:
        create(answering(body))

    assert type(caught.value) is expected


def test_refusal_without_words() -> None:
    """A refusal that gives no reason says so."""
    with pytest.raises(ProviderRejectedError, match="its answer says no: no reason given"):
        create(answering({"success": False}))


def test_retry_after_of_an_envelope_is_kept() -> None:
    """A rate limit inside a 200 still has its header."""
    headers = {"Retry-After": "7"}
    provider = adapter(lambda _: httpx.Response(200, json={"code": 429}, headers=headers))

    with pytest.raises(ProviderRateLimitedError) as caught:
        create(provider)

    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (307, ProviderMisconfiguredError),
        (400, ProviderRejectedError),
        (401, ProviderMisconfiguredError),
        (402, ProviderOutOfCreditError),
        (403, ProviderMisconfiguredError),
        (404, ProviderMisconfiguredError),
        (408, MaybeCreatedError),
        (422, ProviderRejectedError),
        (429, ProviderRateLimitedError),
        (500, ProviderUnavailableError),
        (502, MaybeCreatedError),
        (503, ProviderUnavailableError),
        (504, MaybeCreatedError),
    ],
)
def test_http_errors_mean_what_the_table_says(status: int, expected: type[ProviderError]) -> None:
    """The HTTP status decides, even with something like a result beside it."""
    with pytest.raises(ProviderError) as caught:
        create(failing(status, json={"task_id": "t1", "url": URL}))

    assert type(caught.value) is expected


def test_retry_after_of_a_429_is_kept() -> None:
    """The provider's wish to wait survives the capped reading."""
    with pytest.raises(ProviderRateLimitedError) as caught:
        create(failing(429, headers={"Retry-After": "11"}, json={"message": "slow down"}))

    assert (caught.value.retry_after_s, str(caught.value)) == (11, "HTTP 429: slow down")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("refused"), ProviderUnavailableError),
        (httpx.ConnectTimeout("slow"), ProviderUnavailableError),
        (httpx.ReadTimeout("slow"), MaybeCreatedError),
        (httpx.RemoteProtocolError("closed"), MaybeCreatedError),
    ],
)
def test_missing_answer(error: Exception, expected: type[ProviderError]) -> None:
    """Without a connection nothing was created; after the request something may have been."""

    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(expected):
        create(adapter(handler))


def test_answer_that_breaks_off_may_have_created() -> None:
    """A connection lost in the middle of an image is not the whole image."""

    def body() -> Iterator[bytes]:
        yield PNG
        raise httpx.ReadError("reset")

    with pytest.raises(MaybeCreatedError):
        create(adapter(lambda _: httpx.Response(200, content=body())))


FAILED = Failed(code="provider_failed", message="no subject")
NO_RESULT = Failed(code="provider_failed", message="it ended without a result")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        *(
            ({"task_id": "t1", "status": word, "result": URL}, Pending())
            for word in ("pending", "queued", "PROCESSING", "running", "in_progress", "in-progress")
        ),
        *(
            ({"task_id": "t1", "status": word, "result": URL}, DONE)
            for word in (
                *("succeeded", "SUCCESS", "successful", "completed", "complete", "done"),
                *("finished", " Done "),
            )
        ),
        *(
            ({"task_id": "t1", "status": word, "error": "no subject", "result": URL}, FAILED)
            for word in (
                *("failed", "failure", "Error", "cancelled", "canceled", "expired"),
                *("timeout", "timed_out"),
            )
        ),
        *(
            ({name: "failed", "error": "no subject"}, FAILED)
            for name in ("status", "state", "task_status", "taskState")
        ),
        *(
            ({"status": "failed", name: "no subject"}, FAILED)
            for name in (
                *("error", "error_message", "reason", "failure_reason", "details", "detail"),
                *("message", "msg"),
            )
        ),
        ({"status": "rejected", "error": "no subject"}, FAILED),
        ({"status": "failed", "error": " ", "message": "no subject"}, FAILED),
        ({"status": "succeeded"}, NO_RESULT),
        ({"status": "succeeded", "result": None, "url": "/1.png"}, NO_RESULT),
        ({"status": "succeeded", "image": INPUT}, NO_RESULT),
        ({"status": "succeeded", "image": OTHER, "output": {"image": URL}}, DONE),
        ({"status": "succeeded", "image": URL}, DONE),
        ({"status": "succeeded", "input": {"image": OTHER}, "data": {"url": URL}}, DONE),
        ({"code": 200, "data": {"state": "completed", "output": [URL]}}, DONE),
        ({"data": {"task": {"status": "done", "result": {"images": [{"url": URL}]}}}}, DONE),
        ({"status": "success", "data": {"status": "running"}, "url": URL}, Pending()),
        ({"status": "success", "data": {"status": "failed", "reason": "no subject"}}, FAILED),
        ({"status": "failed", "message": "no subject"}, FAILED),
        ({"status": "failed", "error": {"code": 500, "message": "no subject"}}, FAILED),
        ({"code": 500, "data": {"id": "t1", "status": "failed", "error": "no subject"}}, FAILED),
        ({"success": False, "task_id": "t1", "status": "failed", "msg": "no subject"}, FAILED),
        ({"message": "failed", "data": {"state": "failed", "error": "no subject"}}, FAILED),
        ({"status": "failed"}, Failed(code="provider_failed", message="no reason given")),
        ({"status": "finalizing", "result": URL}, Pending()),
        ({"status": 1, "result": URL}, Pending()),
        ({"status": "processing", "error": "retrying"}, Pending()),
        ({"task_id": "t1", "result": {"url": URL}}, DONE),
        ({"status": 200, "output": URL}, DONE),
        ({"task_id": "t1", "image": OTHER}, Pending()),
        ({"task_id": "t1", "image": {"url": OTHER}}, Pending()),
        ({"task_id": "t1", "url": URL}, DONE),
        ({"task_id": "t1", "output": {"image": URL}}, DONE),
        ({"task_id": "t1", "result": {"data": {"image": URL}}}, DONE),
        ({"code": 1001, "status": "processing"}, Pending()),
        ({"task_id": "t1", "url": "https://apiin.one/api/v1/tasks/t1/"}, Pending()),
        ({"task_id": "t1"}, Pending()),
        ({"code": 0, "data": {"progress": 40}}, Pending()),
        ({}, Pending()),
    ],
    ids=str,
)
def test_status_is_normalised(body: object, expected: Outcome) -> None:
    """Words of progress, success and failure are told apart; what nobody knows is pending."""
    assert answering(body).status("t1") == expected


def test_failed_task_in_the_answer_to_create_is_an_outcome() -> None:
    """A task that failed at once is an attempt that failed, not a refused image."""
    body = {"task_id": "t1", "status": "failed", "error": "no subject"}

    assert create(answering(body)) == ("t1", FAILED)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(404), PredictionUnknownError),
        (httpx.Response(200, json={"code": 404, "message": "no task"}), PredictionUnknownError),
        (httpx.Response(200, json={"code": 401, "status": "error"}), ProviderMisconfiguredError),
        (httpx.Response(200, json={"error": {"code": 503}}), ProviderUnavailableError),
        (httpx.Response(200, json={"success": False}), ProviderRejectedError),
        (httpx.Response(503), ProviderUnavailableError),
    ],
)
def test_status_refusals(answer: httpx.Response, expected: type[ProviderError]) -> None:
    """An unknown task is told from a wrong key, by HTTP status and by envelope."""
    with pytest.raises(ProviderError) as caught:
        adapter(lambda _: answer).status("t1")

    assert type(caught.value) is expected


def test_direct_result_is_never_polled() -> None:
    """There is no task behind an id of ours, so the provider is not asked."""
    asked: list[httpx.Request] = []
    direct_id, _ = create(answering({"url": URL}))

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"status": "pending"})

    with pytest.raises(PredictionUnknownError):
        adapter(handler).status(direct_id)

    assert asked == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1000, Succeeded(result_url="s3://staging/results/1")),
        (1001, Failed(code="result_too_large", message="The result is over 1000 bytes.")),
        (2**21, Failed(code="result_too_large", message="The result is over 1000 bytes.")),
    ],
)
def test_size_of_an_image_is_capped(size: int, expected: Outcome) -> None:
    """An image just inside the limit is kept; a larger one was charged and brought nothing."""
    image = PNG.ljust(size, b"\0")
    answer = httpx.Response(200, content=image, headers={"Content-Type": "image/png"})

    _, outcome = create(adapter(lambda _: answer, max_bytes=1000))

    assert outcome == expected


def test_data_uri_may_be_larger_than_a_plain_answer() -> None:
    """The cap on JSON leaves room for an image of the largest size."""
    image = PNG.ljust(3_000_000, b"\0")
    uri = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    kept = Kept()

    create(adapter(lambda _: httpx.Response(200, json={"image": uri}), kept, max_bytes=len(image)))

    assert kept.images == [(image, "image/png")]


def test_endless_answer_is_not_read_to_its_end() -> None:
    """Reading stops at the cap."""
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(10_000):
            sent.append(number)
            yield bytes(2**16)

    _, outcome = create(adapter(lambda _: httpx.Response(200, content=endless()), max_bytes=1000))

    assert isinstance(outcome, Failed)
    assert len(sent) < 40


def test_result_that_cannot_be_kept_may_have_been_charged() -> None:
    """When our store fails after the provider's success, the attempt is maybe created."""
    kept = Kept(StorageError("S3 is away"))

    with pytest.raises(MaybeCreatedError):
        create(answering(PNG, "image/png", kept))


def test_polled_result_that_cannot_be_kept_is_asked_for_again() -> None:
    """A task's bytes can be had once more, so the passing fault stays one."""
    kept = Kept(StorageError("S3 is away"))

    with pytest.raises(StorageError):
        answering(PNG, "image/png", kept).status("t1")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"error": f"cannot fetch '{INPUT}' now"}),
        httpx.Response(400, json={"message": f"cannot fetch '{INPUT}' now"}),
    ],
)
def test_quoted_input_loses_its_signature(answer: httpx.Response) -> None:
    """A sentence that quotes the presigned URL is passed on without its query."""
    with pytest.raises(ProviderRejectedError) as caught:
        create(adapter(lambda _: answer))

    assert "X-Amz" not in str(caught.value)
    assert str(caught.value).endswith(
        "cannot fetch 'https://images.s3.eu-central-1.amazonaws.com/a%20b.jpg' now"
    )


def test_long_words_are_shortened() -> None:
    """A provider's essay becomes one line of 300 characters."""
    outcome = answering({"status": "failed", "error": "no\n subject " * 100}).status("t1")

    assert isinstance(outcome, Failed)
    assert outcome.message == ("no subject " * 100)[:300]


def test_half_characters_cannot_be_passed_on() -> None:
    """A lone surrogate, which JSON can hold and UTF-8 cannot, is replaced or makes no result."""
    failed = answering(b'{"status": "failed", "error": "no \\ud800 subject"}').status("t1")
    done = answering(b'{"status": "done", "url": "https://cdn.apiin.one/\\ud800.png"}').status("t1")

    assert failed == Failed(code="provider_failed", message="no ? subject")
    assert done == NO_RESULT


NAMES = st.sampled_from(
    [
        *("task_id", "id", "status", "state", "code", "error", "errors", "success", "message"),
        *("data", "task", "result", "output", "url", "image", "images", "image_url", "b64_json"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([URL, INPUT, PNG64, f"data:image/png;base64,{PNG64}", "success", "failed"]),
)
ANSWERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


@given(ANSWERS)
def test_any_answer_to_create_has_a_meaning(body: object) -> None:
    """No JSON raises anything but our errors, and the input is never the result."""
    with suppress(ProviderError):
        _, outcome = create(answering(body))

        assert outcome.status in ("pending", "succeeded", "failed")
        assert not isinstance(outcome, Succeeded) or outcome.result_url != INPUT


@given(ANSWERS)
def test_any_answer_to_a_poll_has_a_meaning(body: object) -> None:
    """No JSON raises anything but our errors, and nothing but an image or a URL is a result."""
    with suppress(ProviderError):
        outcome = answering(body).status("t1")

        assert not isinstance(outcome, Succeeded) or "://" in outcome.result_url


def test_import_loads_no_http_client() -> None:
    """The module costs a function that does not call the provider no import of httpx."""
    code = "import sys, cutout.providers.apiin; sys.exit('httpx' in sys.modules)"
    layer = Path(__file__).parents[2] / "layers/core"

    done = subprocess.run([sys.executable, "-c", code], cwd=layer, check=False)  # noqa: S603 - ours

    assert done.returncode == 0
