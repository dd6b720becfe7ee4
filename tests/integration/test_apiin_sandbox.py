"""API in One's adapter and its sandbox understand each other in every form of answer."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import cv2
import httpx
import numpy as np
import pytest

from cutout.errors import (
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from cutout.models import Failed, Outcome, Pending, Submission, Succeeded
from cutout.providers.apiin import ApiinProvider
from cutout.providers.http import new_client
from local.sandbox.apiin import DEFAULTS
from local.sandbox.predictions import Form
from local.sandbox.server import Options, Sandbox
from tests.fake_outside import FakeKey

pytestmark = pytest.mark.integration

FORMS = get_args(Form.__value__)
TASKS = [form for form in FORMS if "task" in form]
DIRECT = [form for form in FORMS if "direct" in form]
BYTES = ["task_data_uri", "direct_data_uri", "direct_base64", "direct_bytes"]
JPEG = cv2.imencode(".jpg", np.full((40, 60, 3), 200, np.uint8))[1].tobytes()
MAGIC = {"png": b"\x89PNG", "webp": b"RIFF"}


class Images(BaseHTTPRequestHandler):
    """Serves an image under /image.jpg and something else under /text.jpg."""

    def do_GET(self) -> None:
        """Answer with the file, or 404."""
        body = {"/image.jpg": JPEG, "/text.jpg": b"hello"}.get(self.path.split("?")[0])
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class World:
    """The adapter, the sandbox it talks to, and the store of bytes between them."""

    def __init__(
        self, sandbox: Sandbox, images: str, control: httpx.Client, http: httpx.Client
    ) -> None:
        self.sandbox = sandbox
        self.images = images
        self.control = control
        self.kept: list[bytes] = []
        self.http = http

    def put(self, data: bytes, content_type: str) -> str:
        """Keep the bytes, as the adapter's store."""
        self.kept.append(data)
        return f"s3://staging/{len(self.kept) - 1}"

    def adapter(self, key: str = "key", http: httpx.Client | None = None) -> ApiinProvider:
        """Return the adapter with this key."""
        return ApiinProvider(http or self.http, self.sandbox.url, FakeKey(key), self)

    def create(self, path: str = "/image.jpg", output_format: str = "png") -> Submission:
        """Create a prediction for an image of ours, presigned as a function presigns."""
        url = f"{self.images}{path}?X-Amz-Security-Token=t&X-Amz-Signature=s"
        return self.adapter().create(url, None, output_format)

    def outcome(self, submission: Submission) -> Outcome:
        """Return a prediction's end, polled for if the answer to create was none."""
        give_up = time.monotonic() + 5
        outcome = submission.outcome
        while isinstance(outcome, Pending):
            assert time.monotonic() < give_up, "it never ended"
            outcome = self.adapter().status(submission.prediction_id)
        return outcome

    def result(self, outcome: Outcome) -> bytes:
        """Return the bytes of a result, wherever they are."""
        assert isinstance(outcome, Succeeded)
        if outcome.result_url.startswith("s3://staging/"):
            return self.kept[int(outcome.result_url.removeprefix("s3://staging/"))]
        return self.control.get(outcome.result_url).content

    def order(self, **fault: object) -> None:
        """Order one fault."""
        self.control.put("/_sandbox/faults", json=[fault]).raise_for_status()

    def set(self, **settings: object) -> None:
        """Change settings of API in One."""
        body = {"provider": "apiin", **settings}
        self.control.put("/_sandbox/settings", json=body).raise_for_status()

    def report(self) -> dict[str, Any]:
        """Return the sandbox's report."""
        report: dict[str, Any] = self.control.get("/_sandbox/report").json()
        return report


@pytest.fixture(scope="module")
def images() -> Iterator[str]:
    """The URL of a server of images."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Images)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def running(images: str) -> Iterator[World]:
    """A sandbox and an adapter for it; starting them takes longer than most tests."""
    options = Options(cut="flat", api_keys=["key"])
    with (
        Sandbox(options) as sandbox,
        httpx.Client(base_url=sandbox.url, trust_env=False) as control,
        new_client() as http,
    ):
        yield World(sandbox, images, control, http)


@pytest.fixture
def world(running: World) -> World:
    """That sandbox as new, with predictions that take no time."""
    running.kept.clear()
    running.control.post("/_sandbox/reset").raise_for_status()
    running.control.delete("/_sandbox/faults").raise_for_status()
    running.set(**asdict(replace(DEFAULTS, seconds=0)))
    return running


def decode(data: bytes) -> np.ndarray[Any, Any]:
    """Decode an image with the channels it has."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is true, and fail if that takes a minute: machines may be slow."""
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


@pytest.mark.parametrize("output_format", ["png", "webp"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_ends_with_the_cut_out(world: World, form: str, output_format: str) -> None:
    """Whatever the answers look like, the result is a cut-out in the format asked for."""
    world.set(form=form)

    submission = world.create(output_format=output_format)
    data = world.result(world.outcome(submission))

    assert isinstance(submission.outcome, Pending) == (form in TASKS)
    assert submission.prediction_id.startswith("direct-") == (form in DIRECT)
    assert len(world.kept) == (form in BYTES)
    assert data.startswith(MAGIC[output_format])
    assert decode(data).shape == (40, 60, 4)


@pytest.mark.parametrize("form", TASKS)
def test_running_task_is_pending(world: World, form: str) -> None:
    """A task that runs has no result yet, even where its answer echoes the input."""
    world.set(form=form, seconds=60)
    submission = world.create()

    outcome = world.adapter().status(submission.prediction_id)

    assert outcome == Pending()


@pytest.mark.parametrize("form", TASKS)
def test_bad_image_fails_the_task(world: World, form: str) -> None:
    """The provider's words reach the outcome."""
    world.set(form=form)

    outcome = world.outcome(world.create("/text.jpg"))

    message = "image_url is not an image: 5 bytes that cannot be decoded"
    assert outcome == Failed(code="provider_failed", message=message)


@pytest.mark.parametrize("form", DIRECT)
def test_bad_image_is_refused_directly(world: World, form: str) -> None:
    """Without a task, a failure is a refusal of the image."""
    world.set(form=form)

    with pytest.raises(ProviderRejectedError, match="cannot be decoded"):
        world.create("/text.jpg")


@pytest.mark.parametrize("form", ["task", "direct_bytes"])
def test_only_success_is_charged(world: World, form: str) -> None:
    """Two good images and one that fails cost two credits, and nothing before they end."""
    world.set(form=form)
    world.order(kind="fail", times=1)
    with suppress(ProviderRejectedError):
        world.outcome(world.create())

    after_failure = world.report()["spent_usd"]
    for _ in range(2):
        world.outcome(world.create())

    assert after_failure == 0
    assert world.report()["spent_usd"] == 0.02


def test_running_task_is_not_charged_yet(world: World) -> None:
    """The credit is taken at the end, not at the create."""
    world.set(seconds=60)

    world.create()

    assert (world.report()["created"], world.report()["spent_usd"]) == (1, 0)


@pytest.mark.parametrize("form", DIRECT)
def test_direct_answer_waits_for_the_cut(world: World, form: str) -> None:
    """A direct form holds its answer as long as a prediction takes."""
    world.set(form=form, seconds=0.2)
    started = time.monotonic()

    world.create()

    assert time.monotonic() - started >= 0.2


def test_sixth_concurrent_create_is_refused(world: World) -> None:
    """By default five tasks fill a key."""
    world.set(seconds=60)
    ids = {world.create().prediction_id for _ in range(5)}

    with pytest.raises(ProviderRateLimitedError, match="5 concurrent"):
        world.create()

    assert len(ids) == 5


def test_creates_per_minute_are_limited(world: World) -> None:
    """The rate window of API in One can be set, and refuses the create after it."""
    world.set(max_per_minute=2)
    for _ in range(2):
        world.outcome(world.create())

    with pytest.raises(ProviderRateLimitedError, match="2 creates / min"):
        world.create()


def test_settings_of_one_provider_leave_the_other(world: World) -> None:
    """A limit set for API in One does not bind Eachlabs."""
    world.set(max_concurrent=0)
    body = {"model": "eachlabs-bg-remover-v1", "input": {"image_url": f"{world.images}/image.jpg"}}

    answer = world.control.post("/v1/prediction/", json=body, headers={"X-API-Key": "key"})

    assert answer.status_code == 200


def test_wrong_key_is_a_setup_error(world: World) -> None:
    """Neither create nor status works without the key."""
    adapter = world.adapter("other")

    for ask in (lambda: adapter.create(world.images, None, "png"), lambda: adapter.status("t")):
        with pytest.raises(ProviderMisconfiguredError, match="HTTP 401"):
            ask()


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "bg-remover-2"},
        {"model": None},
        {"image": None},
        {"image": 7},
        {"image": "photo.jpg"},
        {"image": "https://[/photo.jpg"},
        {"output_format": "jpg"},
        {"output_format": None},
    ],
)
def test_bad_body_is_refused(world: World, changes: dict[str, object]) -> None:
    """A wrong model, image or format is 400 and creates nothing."""
    body = {"model": "bg-remover", "image": f"{world.images}/image.jpg", "output_format": "png"}

    answer = world.control.post(
        "/api/v1/images/tools/remove-bg",
        json=body | changes,
        headers={"Authorization": "Bearer key"},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert world.report()["created"] == 0


def test_png_is_the_default(world: World) -> None:
    """A create with the two fields of the seed's example is answered with a PNG."""
    world.set(form="direct_bytes")

    answer = world.control.post(
        "/api/v1/images/tools/remove-bg",
        json={"model": "bg-remover", "image": f"{world.images}/image.jpg"},
        headers={"Authorization": "Bearer key"},
    )

    assert answer.headers["Content-Type"] == "image/png"
    assert decode(answer.content).shape == (40, 60, 4)


def test_unknown_task(world: World) -> None:
    """An id that was never handed out is unknown, and so is that of a direct answer."""
    world.set(form="direct_url")
    world.create()
    hidden_id = world.report()["creates"][0]["id"]

    for task_id in ("00000000-0000-0000-0000-000000000000", hidden_id):
        with pytest.raises(PredictionUnknownError):
            world.adapter().status(task_id)


@pytest.mark.parametrize("form", ["task", "direct_url"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ProviderRejectedError),
        (402, ProviderOutOfCreditError),
        (429, ProviderRateLimitedError),
        (503, ProviderUnavailableError),
        (504, MaybeCreatedError),
    ],
)
def test_ordered_statuses(
    world: World, form: str, status: int, expected: type[ProviderError]
) -> None:
    """Ordered statuses are answered in task and direct forms, and cost nothing."""
    world.set(form=form)
    world.order(kind="create_status", status=status, provider="apiin")

    with pytest.raises(expected):
        world.create()

    assert (world.report()["created"], world.report()["spent_usd"]) == (0, 0)


@pytest.mark.parametrize("form", ["task", "direct_bytes"])
@pytest.mark.parametrize(
    "fault", [{"kind": "create_drop"}, {"kind": "create_status", "status": 502, "created": True}]
)
def test_lost_answer_may_have_created(world: World, form: str, fault: dict[str, object]) -> None:
    """The answer is lost, the prediction is not, and it is charged."""
    world.set(form=form)
    world.order(**fault)

    with pytest.raises(MaybeCreatedError):
        world.create()

    eventually(lambda: world.report()["spent_usd"] == 0.01)


@pytest.mark.parametrize(
    ("form", "fault"),
    [("task", {"kind": "create_hang", "seconds": 5}), ("direct_bytes", {"kind": "never_ends"})],
)
def test_answer_that_never_comes(world: World, form: str, fault: dict[str, object]) -> None:
    """The adapter gives up after its read timeout, whatever the answer waits for."""
    world.set(form=form)
    world.order(**fault)

    with new_client(timeout=httpx.Timeout(1, read=0.2)) as http, pytest.raises(MaybeCreatedError):
        world.adapter(http=http).create(f"{world.images}/image.jpg", None, "png")


@pytest.mark.parametrize("form", TASKS)
def test_unknown_status_is_pending(world: World, form: str) -> None:
    """A word that nobody knows, said by the first polls, does not end a task."""
    world.set(form=form)
    world.order(kind="unknown_status", word="finalizing", polls=2)
    submission = world.create()
    eventually(lambda: world.report()["succeeded"] == 1)

    outcomes = [world.adapter().status(submission.prediction_id) for _ in range(3)]

    assert outcomes[:2] == [Pending(), Pending()]
    assert isinstance(outcomes[2], Succeeded)


def test_forgotten_task(world: World) -> None:
    """Polls can forget an id here, too."""
    world.order(kind="status_404")
    submission = world.create()

    with pytest.raises(PredictionUnknownError):
        world.adapter().status(submission.prediction_id)


@pytest.mark.parametrize("output_format", ["png", "webp"])
@pytest.mark.parametrize("form", ["task", *BYTES])
def test_spoilt_results(world: World, form: str, output_format: str) -> None:
    """A result can be cut short or opaque in every form that brings it."""
    world.set(form=form)
    whole = world.result(world.outcome(world.create(output_format=output_format)))
    world.order(kind="result_truncated")
    half = world.result(world.outcome(world.create(output_format=output_format)))
    world.order(kind="result_opaque")
    opaque = world.result(world.outcome(world.create(output_format=output_format)))

    assert half == whole[: len(whole) // 2]
    assert opaque.startswith(MAGIC[output_format])
    assert decode(opaque).shape == (40, 60, 3)


@pytest.mark.parametrize("form", ["direct_bytes", "direct_data_uri", "direct_base64"])
def test_page_instead_of_an_image(world: World, form: str) -> None:
    """HTML where the image should be is no result, and it was charged."""
    world.set(form=form)
    world.order(kind="result_not_image")

    with pytest.raises(MaybeCreatedError):
        world.create()

    assert world.report()["spent_usd"] == 0.01


def test_form_is_fixed_by_the_create(world: World) -> None:
    """A task goes on in the form it began with when the setting changes."""
    submission = world.create()
    world.set(form="direct_bytes")

    outcome = world.outcome(submission)

    assert isinstance(outcome, Succeeded)


def test_unknown_form_is_refused(world: World) -> None:
    """A misspelt form is told so."""
    answer = world.control.put("/_sandbox/settings", json={"form": "tasks"})

    assert answer.status_code == 400


def test_report_names_the_provider_and_no_signature(world: World) -> None:
    """Creates are told apart by provider, without the presigned query."""
    world.create()

    create = world.report()["creates"][0]

    assert (create["provider"], create["webhook"]) == ("apiin", False)
    assert create["image_url"] == f"{world.images}/image.jpg"


def test_command_line_chooses_the_form(images: str, tmp_path: Path) -> None:
    """The form and the limits of API in One are options."""
    ready = tmp_path / "ready.json"
    options = ["--apiin-form", "direct_url", "--apiin-max-concurrent", "1", "--seconds", "0"]
    command = [sys.executable, "-m", "local.sandbox", "--cut", "flat", *options]
    body = {"model": "bg-remover", "image": f"{images}/image.jpg"}

    with subprocess.Popen(  # noqa: S603 - ours
        [*command, "--ready-file", str(ready)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            eventually(ready.exists)
            told = json.loads(ready.read_text(encoding="utf-8"))
            answer = httpx.post(
                f"http://127.0.0.1:{told['port']}/api/v1/images/tools/remove-bg",
                json=body,
                headers={"Authorization": "Bearer sandbox-key"},
                trust_env=False,
                timeout=60,
            )
            os.kill(told["pid"], signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()  # a test that failed half-way must not wait for it for ever

    assert set(answer.json()) == {"success", "image", "result_url"}
