"""The provider sandbox keeps Eachlabs' contract, limits included, and does what faults order."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from local.sandbox.delivery import Delivery, UndeliverableError
from local.sandbox.predictions import Settings
from local.sandbox.server import Options, Sandbox

pytestmark = pytest.mark.integration

MODEL = "eachlabs-bg-remover-v1"
API = "https://abc123.execute-api.eu-central-1.amazonaws.com"
JPEG = cv2.imencode(".jpg", np.full((40, 60, 3), 200, np.uint8))[1].tobytes()


class FakeAws:
    """A loopback server: serves an image under /image.jpg, records what is posted to it."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.on_post: Callable[[], None] = lambda: None
        aws = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = {"/image.jpg": JPEG, "/text.jpg": b"hello"}.get(self.path.split("?")[0])
                self._answer(200 if body else 404, body or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                aws.on_post()
                aws.posts.append((self.path, json.loads(body)))
                self._answer(200, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Clock:
    """A clock that stands still until it is told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class Client:
    """Speaks to a sandbox as Cutout would, and as a test does."""

    def __init__(self, sandbox: Sandbox, aws: FakeAws, http: httpx.Client) -> None:
        self.http = http
        self.aws = aws
        self.url = sandbox.url

    def body(
        self, path: str = "/image.jpg?X-Amz-Signature=secret", **more: object
    ) -> dict[str, Any]:
        """Return the body of a good create."""
        return {"model": MODEL, "input": {"image_url": self.aws.url + path}, **more}

    def post(self, body: object = None, key: str = "key") -> httpx.Response:
        """Send a create."""
        headers = {"X-API-Key": key}
        return self.http.post("/v1/prediction/", json=body or self.body(), headers=headers)

    def create(self, path: str = "/image.jpg", **more: object) -> str:
        """Create a prediction with a webhook and return its id."""
        body = self.body(path, webhook_url=f"{API}/prod/webhooks/eachlabs/job/token", **more)
        return str(self.post(body).json()["predictionID"])

    def poll(self, prediction_id: str, key: str = "key") -> httpx.Response:
        """Ask for a prediction."""
        return self.http.get(f"/v1/prediction/{prediction_id}", headers={"X-API-Key": key})

    def finished(self, prediction_id: str) -> dict[str, Any]:
        """Poll until a prediction is not processing and return the answer."""
        eventually(lambda: self.poll(prediction_id).json()["status"] != "processing")
        answer: dict[str, Any] = self.poll(prediction_id).json()
        return answer

    def order(self, **fault: object) -> None:
        """Order one fault."""
        self.http.put("/_sandbox/faults", json=[fault]).raise_for_status()

    def set(self, **settings: object) -> None:
        """Change settings."""
        self.http.put("/_sandbox/settings", json=settings).raise_for_status()

    def report(self) -> dict[str, Any]:
        """Return the report."""
        report: dict[str, Any] = self.http.get("/_sandbox/report").json()
        return report


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is true, and fail if that takes a minute: machines may be slow."""
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """A running stand-in for S3 and API Gateway."""
    fake = FakeAws()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock."""
    return Clock()


@pytest.fixture
def client(aws: FakeAws, clock: Clock) -> Iterator[Client]:
    """A client of a running sandbox whose predictions take no time."""
    settings = Settings(seconds=0)
    options = Options(
        aws_endpoint_url=aws.url, cut="flat", api_keys=["key", "other-key"], settings=settings
    )
    with (
        Sandbox(options, clock) as sandbox,
        httpx.Client(base_url=sandbox.url, trust_env=False, timeout=10) as http,
    ):
        yield Client(sandbox, aws, http)


def test_create_answers_with_the_id_of_a_running_prediction(client: Client) -> None:
    """A create is answered at once with an id, and the poll says that it is processing."""
    client.set(seconds=60)

    created = client.post()
    poll = client.poll(created.json()["predictionID"])

    assert (created.status_code, created.json()["status"]) == (200, "success")
    assert poll.status_code == 200
    assert poll.json() == {
        "status": "processing",
        "predictionID": created.json()["predictionID"],
    }


def test_success_is_polled_in_the_words_of_the_output_schema(client: Client) -> None:
    """A finished prediction has the four fields of the seed, and its output is the cut-out."""
    prediction_id = client.create()

    answer = client.finished(prediction_id)
    result = client.http.get(answer["output"])

    assert answer == {
        "status": "success",
        "predictionID": prediction_id,
        "output": answer["output"],
        "metrics": {"predict_time": 0},
    }
    assert result.headers["Content-Type"] == "image/png"
    assert int(result.headers["Content-Length"]) == len(result.content)
    assert decode(result.content).shape == (40, 60, 4)


def test_webhook_has_its_own_words(client: Client) -> None:
    """The webhook says exec_id and succeeded, at the local address of the AWS host."""
    prediction_id = client.create()

    eventually(lambda: len(client.aws.posts) == 1)

    path, payload = client.aws.posts[0]
    assert path == "/_aws/execute-api/abc123/prod/webhooks/eachlabs/job/token"
    assert payload == {
        "exec_id": prediction_id,
        "status": "succeeded",
        "output": client.finished(prediction_id)["output"],
        "error": "",
    }


@pytest.mark.parametrize(
    ("path", "details"),
    [
        ("/text.jpg", "image_url is not an image: 5 bytes that cannot be decoded"),
        ("/missing.jpg", "image_url could not be fetched: HTTP status 404"),
    ],
)
def test_bad_image_ends_as_an_error(client: Client, path: str, details: str) -> None:
    """An image that cannot be fetched or decoded fails the prediction, in both vocabularies."""
    prediction_id = client.create(path)

    answer = client.finished(prediction_id)
    eventually(lambda: len(client.aws.posts) == 1)

    assert (answer["status"], answer["details"]) == ("error", details)
    assert answer["message"]
    assert client.aws.posts[0][1] == {
        "exec_id": prediction_id,
        "status": "failed",
        "output": "",
        "error": details,
    }


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"model": None}, 400),
        ({"model": "eachlabs-bg-remover-v2"}, 404),
        ({"input": {}}, 400),
        ({"input": "image_url"}, 400),
        ({"input": {"image_url": 7}}, 400),
        ({"input": {"image_url": "data:image/png;base64,AAAA"}}, 400),
        ({"input": {"image_url": "http://example.com/image.jpg"}}, 400),
        ({"input": {"image_url": "https://localhost/image.jpg"}}, 400),
        ({"input": {"image_url": "https://[/image.jpg"}}, 400),
        ({"webhook_url": "/path"}, 400),
    ],
)
def test_invalid_create_is_refused(client: Client, changes: dict[str, Any], status: int) -> None:
    """A wrong model or input is refused with the seed's error body and creates nothing."""
    response = client.post(client.body() | changes)

    assert response.status_code == status
    assert set(response.json()) == {"status", "message", "details"}
    assert response.json()["status"] == "error"
    assert client.report()["created"] == 0
    assert client.report()["creates"][0]["status_code"] == status


def test_https_elsewhere_is_accepted_and_never_contacted(client: Client) -> None:
    """A public HTTPS image is within the contract, but the sandbox stays on this machine."""
    body = client.body() | {"input": {"image_url": "https://images.example.com/a.jpg"}}

    answer = client.finished(client.post(body).json()["predictionID"])

    assert answer["details"] == (
        "image_url could not be fetched: images.example.com is not on loopback"
    )


def test_body_that_is_not_json_is_invalid(client: Client) -> None:
    """A body that is not a JSON object is 400, not a crash."""
    headers = {"X-API-Key": "key", "Content-Type": "application/json"}

    answers = [
        client.http.post("/v1/prediction/", content=body, headers=headers).status_code
        for body in (b"{", b"[]", b"")
    ]

    assert answers == [400, 400, 400]


@pytest.mark.parametrize("key", ["", "wrong", "keykey"])
def test_both_calls_want_the_key(client: Client, key: str) -> None:
    """Without a valid X-API-Key neither create nor poll says anything."""
    prediction_id = client.create()

    answers = [client.post(key=key), client.poll(prediction_id, key)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert {answer.json()["status"] for answer in answers} == {"error"}


def test_unknown_prediction_is_404(client: Client) -> None:
    """An id that was never handed out is unknown."""
    response = client.poll("00000000-0000-0000-0000-000000000000")

    assert (response.status_code, response.json()["status"]) == (404, "error")


def test_path_without_its_slash_is_not_redirected(client: Client) -> None:
    """Only the documented path exists; a redirect would lose the body of a POST."""
    response = client.http.post("/v1/prediction", json=client.body(), headers={"X-API-Key": "key"})

    assert response.status_code == 404


def test_eleventh_concurrent_create_is_refused_until_one_ends(client: Client) -> None:
    """Ten unfinished predictions fill a key; another key and a freed slot have room."""
    client.set(seconds=3600)
    statuses = [client.post().status_code for _ in range(11)]

    other = client.post(key="other-key")

    assert statuses == [200] * 10 + [429]
    assert other.status_code == 200
    assert client.report()["max_in_flight"] == 11
    assert client.report()["rejected_429"] == 1


def test_slot_is_free_before_the_webhook_is_posted(client: Client) -> None:
    """Whoever gets the webhook can create at once, even with room for one only."""
    client.set(max_concurrent=1)
    statuses: list[int] = []
    client.aws.on_post = lambda: statuses.append(client.post().status_code)

    client.create()
    eventually(lambda: len(statuses) == 1)

    assert statuses == [200]


def test_rate_window_slides(client: Client, clock: Clock) -> None:
    """No 60 s contain more than a hundred accepted creates, and refused ones do not count."""
    client.set(max_concurrent=1000)
    first = [client.post().status_code for _ in range(50)]
    clock.now += 30
    second = [client.post().status_code for _ in range(51)]
    clock.now += 29.9
    just_before = client.post().status_code
    clock.now += 0.1
    third = [client.post().status_code for _ in range(51)]
    clock.now += 30

    fourth = client.post().status_code

    assert (first, second) == ([200] * 50, [200] * 50 + [429])
    assert just_before == 429
    assert third == [200] * 50 + [429]
    assert fourth == 200


def test_webhook_to_another_host_is_not_delivered(client: Client) -> None:
    """A webhook that would leave this machine is recorded, without its URL."""
    prediction_id = client.post(
        client.body(webhook_url="https://hooks.example.com/secret-token")
    ).json()["predictionID"]

    eventually(lambda: len(client.report()["webhooks"]) == 1)

    assert client.report()["webhooks"] == [
        {
            "prediction_id": prediction_id,
            "status_code": None,
            "at": 0,
            "problem": "hooks.example.com is not on loopback",
        }
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{API}/prod/rest?x=1", "http://127.0.0.1:4566/_aws/execute-api/abc123/prod/rest?x=1"),
        ("http://localhost:8080/hook", "http://localhost:8080/hook"),
        ("http://[::1]:8080/hook", "http://[::1]:8080/hook"),
    ],
)
def test_hosts_are_found_as_by_dns(url: str, expected: str) -> None:
    """API Gateway's hosts are the local AWS, and loopback is itself."""
    delivery = Delivery("http://127.0.0.1:4566/")

    resolved = delivery.resolve(url)
    delivery.close()

    assert resolved == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://abc123.execute-api.eu-central-1.amazonaws.com.example.com/prod/x",
        "http://127.0.0.1.example.com/x",
        "http://10.0.0.1/x",
        "nonsense",
    ],
)
def test_every_other_host_is_undeliverable(url: str) -> None:
    """Hosts that only look like loopback or API Gateway are not contacted."""
    delivery = Delivery("http://127.0.0.1:4566")

    with pytest.raises(UndeliverableError, match="not on loopback"):
        delivery.resolve(url)

    delivery.close()


def test_local_aws_has_to_be_local() -> None:
    """The sandbox does not start with an AWS endpoint elsewhere."""
    with pytest.raises(ValueError, match="loopback"):
        Delivery("https://example.com")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 502, 503, 504])
def test_create_status_creates_nothing(client: Client, status: int) -> None:
    """An ordered status is answered as often as ordered, and costs nothing."""
    client.order(kind="create_status", status=status, times=2)

    statuses = [client.post().status_code for _ in range(3)]

    assert statuses == [status, status, 200]
    assert client.report()["created"] == 1
    assert client.report()["spent_usd"] == 0.017


def test_create_status_can_bring_a_header_and_a_body(client: Client) -> None:
    """Retry-After and an HTML body, as gateways send them, can be ordered."""
    client.order(kind="create_status", status=503, retry_after=7, body="<h1>Unavailable</h1>")

    response = client.post()

    assert response.headers["Retry-After"] == "7"
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text == "<h1>Unavailable</h1>"


def test_create_status_can_hide_a_created_prediction(client: Client) -> None:
    """A 504 may come although the prediction exists: the maybe-created case."""
    client.order(kind="create_status", status=504, created=True)

    status = client.post().status_code

    assert status == 504
    assert client.report()["created"] == 1


def test_dropped_create_is_created_and_calls_back(client: Client) -> None:
    """The connection closes without an answer, yet the webhook arrives."""
    client.order(kind="create_drop", times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        client.create()
    eventually(lambda: len(client.aws.posts) == 1)

    assert client.report()["creates"][0]["status_code"] is None
    assert client.aws.posts[0][1]["exec_id"] == client.report()["creates"][0]["id"]


@pytest.mark.parametrize(
    ("fault", "expectation"),
    [({}, nullcontext()), ({"drop": True}, pytest.raises(httpx.RemoteProtocolError))],
)
def test_hanging_create_ends_late(
    client: Client, fault: dict[str, bool], expectation: AbstractContextManager[object]
) -> None:
    """The webhook is faster than a hanging create's answer or lost connection."""
    client.order(kind="create_hang", seconds=0.3, **fault)
    started = time.monotonic()

    with expectation:
        client.create()

    assert time.monotonic() - started >= 0.3
    assert len(client.aws.posts) == 1


def test_early_webhook_comes_before_the_answer(client: Client) -> None:
    """The webhook is delivered while the create still waits for its answer."""
    client.set(seconds=3600)
    client.order(kind="webhook_early")
    answered = threading.Event()
    seen: list[bool] = []
    client.aws.on_post = lambda: seen.append(answered.is_set())

    client.create()
    answered.set()

    assert seen == [False]


@pytest.mark.parametrize(("kind", "expected"), [("webhook_lost", 0), ("webhook_twice", 2)])
def test_webhooks_are_lost_and_doubled(client: Client, kind: str, expected: int) -> None:
    """A lost webhook never comes, a doubled one comes twice; the poll knows the end anyway."""
    client.order(kind=kind, times=1)
    first = client.create()
    client.finished(first)

    second = client.create()
    eventually(lambda: len(client.aws.posts) == expected + 1)

    got = [payload["exec_id"] for _, payload in client.aws.posts]
    assert sorted(got) == sorted([first] * expected + [second])


def test_late_webhook_comes_after_the_end(client: Client) -> None:
    """The poll says success while the webhook is still on its way."""
    client.order(kind="webhook_late", seconds=0.2)
    prediction_id = client.create()

    answer = client.finished(prediction_id)
    before = len(client.aws.posts)
    eventually(lambda: len(client.aws.posts) == 1)

    assert (answer["status"], before) == ("success", 0)


def test_never_ending_prediction_keeps_its_slot(client: Client) -> None:
    """It stays in processing, and with room for one nothing else can start until a reset."""
    client.set(max_concurrent=1)
    client.order(kind="never_ends", times=1)
    prediction_id = client.create()

    refused = client.post().status_code
    status = client.poll(prediction_id).json()["status"]
    client.http.post("/_sandbox/reset")

    assert (refused, status) == (429, "processing")
    assert client.post().status_code == 200


def test_fail_ends_with_the_ordered_message(client: Client) -> None:
    """A failure of the model has the text that was ordered."""
    client.order(kind="fail", message="no subject")

    answer = client.finished(client.create())

    assert (answer["status"], answer["details"]) == ("error", "no subject")


def result_of(client: Client) -> httpx.Response:
    """Create a prediction, wait for its end and download its result."""
    return client.http.get(client.finished(client.create())["output"])


def decode(data: bytes) -> np.ndarray[Any, Any]:
    """Decode an image with the channels it has."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def test_result_faults_change_the_download(client: Client) -> None:
    """Each result fault spoils what is downloaded in its own way."""
    whole = result_of(client).content

    client.order(kind="result_truncated")
    truncated = result_of(client).content
    client.order(kind="result_opaque")
    opaque = decode(result_of(client).content)
    client.order(kind="result_not_image")
    page = result_of(client)
    client.order(kind="result_404")
    gone = result_of(client)

    assert truncated == whole[: len(whole) // 2]
    assert opaque.shape == (40, 60, 3)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert gone.status_code == 404


def test_truncated_result_can_break_the_connection(client: Client) -> None:
    """With the whole length announced, the client notices that half is missing."""
    client.order(kind="result_truncated", full_length=True)

    with pytest.raises(httpx.RemoteProtocolError):
        result_of(client)


def test_result_goes_missing_after_some_downloads(client: Client) -> None:
    """The result is there once and then gone."""
    client.order(kind="result_missing_after", fetches=1)
    url = client.finished(client.create())["output"]

    statuses = [client.http.get(url).status_code for _ in range(2)]

    assert statuses == [200, 404]


def test_slow_result_takes_its_time(client: Client) -> None:
    """The download starts only after the ordered delay."""
    client.order(kind="result_slow", seconds=0.2)
    url = client.finished(client.create())["output"]
    started = time.monotonic()

    response = client.http.get(url)

    assert response.status_code == 200
    assert time.monotonic() - started >= 0.2


def test_unknown_status_is_in_webhook_and_polls(client: Client) -> None:
    """A word that the seed does not have is said by the webhook and the first polls."""
    client.order(kind="unknown_status", word="queued", polls=2)
    prediction_id = client.create()
    eventually(lambda: len(client.aws.posts) == 1)

    polled = [client.poll(prediction_id).json()["status"] for _ in range(3)]

    assert polled == ["queued", "queued", "success"]
    assert client.aws.posts[0][1]["status"] == "queued"


def test_polls_can_forget_an_id(client: Client) -> None:
    """The prediction ends and calls back, but polls do not know it."""
    client.order(kind="status_404")
    prediction_id = client.create()
    eventually(lambda: len(client.aws.posts) == 1)

    status = client.poll(prediction_id).status_code

    assert status == 404


def test_first_matching_fault_is_taken(client: Client) -> None:
    """Faults are looked at in order, by the image's decoded name and their times left."""
    faults = [
        {"kind": "create_status", "status": 400, "match": "a b"},
        {"kind": "create_status", "status": 500, "times": 1},
        {"kind": "create_status", "status": 503, "times": 1},
    ]
    client.http.put("/_sandbox/faults", json=faults)

    paths = ("/image.jpg", "/a%20b.jpg", "/image.jpg", "/image.jpg")
    statuses = [client.post(client.body(path)).status_code for path in paths]

    assert statuses == [500, 400, 503, 200]


def test_create_refused_by_a_limit_uses_up_no_fault(client: Client) -> None:
    """A fault waits for a create that gets through."""
    client.set(max_concurrent=0)
    client.order(kind="fail", times=1)
    refused = client.post().status_code
    client.set(max_concurrent=1)

    answer = client.finished(client.create())

    assert (refused, answer["status"]) == (429, "error")


def test_faults_can_be_cleared(client: Client) -> None:
    """After a delete nothing goes wrong any more."""
    client.order(kind="create_status", status=500)

    client.http.delete("/_sandbox/faults")

    assert client.post().status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", [{"kind": "earthquake"}]),
        ("faults", [{"kind": "fail", "second": 1}]),
        ("settings", {"second": 1}),
        ("settings", {"provider": "nobody", "seconds": 1}),
    ],
)
def test_misspelt_orders_are_refused(client: Client, path: str, body: object) -> None:
    """A test that orders something unknown is told so instead of passing by mistake."""
    response = client.http.put(f"/_sandbox/{path}", json=body)

    assert response.status_code == 400


def test_report_shows_no_secrets(client: Client) -> None:
    """Neither a presigned URL's query nor a webhook's token is in the report."""
    client.post(client.body(webhook_url=f"{API}/prod/webhooks/eachlabs/job/token"))
    eventually(lambda: len(client.report()["webhooks"]) == 1)

    report = client.report()

    assert "secret" not in json.dumps(report)
    assert "token" not in json.dumps(report)
    assert report["creates"][0] == {
        "id": report["webhooks"][0]["prediction_id"],
        "provider": "eachlabs",
        "at": 0,
        "ended_at": 0,
        "status_code": 200,
        "image_url": f"{client.aws.url}/image.jpg",
        "webhook": True,
        "fault": None,
    }


def test_report_counts(client: Client) -> None:
    """The report adds up, and a reset empties it."""
    client.finished(client.create())
    client.finished(client.create("/missing.jpg"))
    client.post(key="wrong")

    report = client.report()
    client.http.post("/_sandbox/reset")

    counts = ("created", "succeeded", "failed", "in_flight", "rejected_429", "spent_usd")
    assert [report[name] for name in counts] == [2, 1, 1, 0, 0, 0.034]
    assert [create["status_code"] for create in report["creates"]] == [200, 200, 401]
    assert report["polls"] >= 4
    assert (client.report()["created"], client.report()["creates"]) == (0, [])


def test_processing_takes_at_least_the_set_time(aws: FakeAws) -> None:
    """The time of the cut is hidden inside the processing time, by the real clock."""
    options = Options(aws_endpoint_url=aws.url, cut="flat", settings=Settings(seconds=0.3))

    with Sandbox(options) as sandbox, httpx.Client(base_url=sandbox.url, trust_env=False) as http:
        client = Client(sandbox, aws, http)
        body = client.body(webhook_url=f"{aws.url}/hook")
        client.post(body, key="sandbox-key")
        eventually(lambda: client.report()["succeeded"] == 1)
        create = client.report()["creates"][0]

    assert create["ended_at"] - create["at"] >= 0.3


def test_command_line_says_where_it_listens_and_ends_cleanly(tmp_path: Path) -> None:
    """The ready file names the port, and SIGTERM ends the process with status 0."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "local.sandbox", "--ready-file", str(ready), "--cut", "flat"]
    root = Path(__file__).parents[2]

    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        try:
            eventually(ready.exists)
            told = json.loads(ready.read_text(encoding="utf-8"))
            report = httpx.get(f"http://127.0.0.1:{told['port']}/_sandbox/report", trust_env=False)
            os.kill(told["pid"], signal.SIGTERM)
            status = process.wait(30)
        finally:
            process.kill()  # a test that failed half-way must not wait for it for ever

    assert (report.json()["created"], told["pid"], status) == (0, process.pid, 0)
